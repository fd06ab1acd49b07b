# Copyright 2026 hoisdf contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Checks of a GLB file's header before it is decoded.

A few bytes of JSON can ask for gigabytes (buffers of zeros, a mesh shown a million times, a picture of a terapixel) or
for other files. Numbers and sections: glTF 2.0 specification, chapters 3 (JSON) and 4 (GLB).
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any

from PIL import Image

from hoisdf_model.errors import NO_NUMBER, MeshError

MAGIC = b"glTF"
MOST_ELEMENTS = 12_000_000  # vertices, normals, indices ... of all accessors together
MOST_NODES = 20_000
MOST_PIXELS = 64_000_000
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP")  # Pillow knows some that start other programs
COMPRESSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "MESHOPT_compression")
TRIANGLES, STRIP, FAN = 4, 5, 6


def check_glb(data: bytes, name: str, most_faces: int) -> None:
    """Check that a GLB file is complete, self-contained and of sensible size.

    Args:
        data: the file.
        name: for messages.
        most_faces: triangles allowed in all, every mesh as often as it is shown.

    Raises:
        MeshError: it isn't; says why.
    """
    try:
        header, binary = _chunks(data, name)
        _stands_alone(header, name)
        _elements(header, name)
        _faces(header, name, most_faces)
        _images(header, binary, name)
    except (*NO_NUMBER, KeyError, IndexError, AttributeError, RecursionError) as error:
        if isinstance(error, MeshError):
            raise
        raise MeshError(f"{name} isn't a proper GLB file: {type(error).__name__}: {error}") from error


def check_image(data: bytes, name: str) -> None:
    """Check an image's format and size without decoding it.

    Raises:
        MeshError: it isn't.
    """
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            width, height = image.size
    except Exception as error:  # Pillow raises what its parsers raise, and a DecompressionBombError
        raise MeshError(f"a texture of {name} can't be used, it must be PNG, JPEG or WebP: {error}") from error
    if width * height > MOST_PIXELS:
        raise MeshError(f"a texture of {name} has {width}x{height} pixels; at most {MOST_PIXELS / 1e6:.0f} million")


def _chunks(data: bytes, name: str) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20:
        raise MeshError(f"{name} is cut off: {len(data)} bytes, a GLB file has more")
    magic, version, length, json_length, json_kind = struct.unpack_from("<4sIIII", data)
    if magic != MAGIC or version != 2 or json_kind != 0x4E4F534A:
        raise MeshError(f"{name} isn't a GLB file of version 2")
    if length != len(data) or 20 + json_length > length:
        raise MeshError(f"{name} is cut off or damaged: it says that it has {length} bytes, and has {len(data)}")
    header = json.loads(data[20 : 20 + json_length])
    if not isinstance(header, dict):
        raise MeshError(f"{name} isn't a proper GLB file: no JSON object at its start")
    rest = data[20 + json_length :]
    return header, rest[8 : 8 + struct.unpack_from("<I", rest)[0]] if len(rest) >= 8 else b""


def _stands_alone(header: dict[str, Any], name: str) -> None:
    for part in ("buffers", "images"):
        if any("uri" in item for item in header.get(part, [])):
            raise MeshError(f"{name} refers to {part} outside of itself; export it as one GLB with everything inside")
    packed = [item for item in header.get("extensionsRequired", []) if item in COMPRESSIONS]
    if packed:
        raise MeshError(f"the geometry of {name} is compressed ({', '.join(packed)}); export it without compression")


def _elements(header: dict[str, Any], name: str) -> None:
    counts = [int(item["count"]) for item in header.get("accessors", [])]
    if min(counts, default=0) < 0 or sum(counts) > MOST_ELEMENTS:
        raise MeshError(f"{name} asks for {sum(counts)} numbers and vectors; at most {MOST_ELEMENTS}")


def _faces(header: dict[str, Any], name: str, most: int) -> None:
    nodes, accessors = header.get("nodes", []), header.get("accessors", [])
    children = [child for node in nodes for child in node.get("children", [])]
    if len(nodes) > MOST_NODES or len(set(children)) < len(children):
        raise MeshError(f"{name}: {len(nodes)} nodes, of which some hang on several others, or too many")
    faces = []
    for mesh in header.get("meshes", []):
        count = 0
        for part in mesh["primitives"]:
            corners = accessors[part["indices"] if "indices" in part else part["attributes"]["POSITION"]]["count"]
            mode = part.get("mode", TRIANGLES)
            count += corners // 3 if mode == TRIANGLES else corners if mode in (STRIP, FAN) else 0
        faces.append(count)
    shown = sum(faces[node["mesh"]] for node in nodes if "mesh" in node)
    if max(shown, sum(faces)) > most:
        raise MeshError(f"{name} has {max(shown, sum(faces))} triangles; at most {most}: simplify it first")


def _images(header: dict[str, Any], binary: bytes, name: str) -> None:
    views = header.get("bufferViews", [])
    for image in header.get("images", []):
        view = views[image["bufferView"]]
        start = int(view.get("byteOffset", 0))
        check_image(binary[start : start + int(view["byteLength"])], name)
