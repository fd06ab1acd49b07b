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

"""Safe reading of untrusted mesh files.

Nothing is executed, no other folder is read, memory stays bounded.

trimesh parses; what it is given has been looked at before, and it finds other files only through ``OwnFolder``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from hoisdf_model.errors import MeshError
from hoisdf_model.objects.glb_checks import MAGIC, check_glb, check_image
from hoisdf_model.paths import stand_in

SUFFIXES = (".obj", ".ply", ".stl", ".glb")
LARGEST_FILE = 64_000_000  # bytes: a binary STL of 1.3 million triangles
LARGEST_MATERIALS = 1_000_000
MOST_FACES = 1_000_000
PLY_ELEMENT = re.compile(rb"^element\s+\S+\s+(\d+)\s*$", re.MULTILINE)


class OwnFolder(trimesh.resolvers.Resolver):  # type: ignore[misc]
    """Resolver of materials and textures within the mesh's folder.

    And those below it; nothing else is read.

    Args:
        mesh: the mesh file.
    """

    def __init__(self, mesh: Path) -> None:
        self.root = mesh.parent.resolve()
        self.file_name = mesh.name
        self.refused: list[MeshError] = []  # trimesh swallows what is raised, and goes on without
        self.missing: list[str] = []

    def get(self, key: str) -> bytes:
        """The content of a material file or a texture.

        Raises:
            MeshError: it lies elsewhere, or isn't a material file or a picture of sensible size.
            FileNotFoundError: it isn't there; trimesh goes on without.
        """
        try:
            return self._read((self.root / key.strip().replace("\\", "/")).resolve(), key.strip())
        except MeshError as error:
            self.refused.append(error)
            raise

    def _read(self, path: Path, key: str) -> bytes:
        if not path.is_relative_to(self.root):
            raise MeshError(f"{self.file_name} refers to {key!r}, which doesn't lie in its folder: put it there")
        if not path.is_file():
            self.missing.append(key)
            raise FileNotFoundError(key)
        materials = path.suffix.lower() == ".mtl"
        if path.stat().st_size > (LARGEST_MATERIALS if materials else LARGEST_FILE):
            raise MeshError(f"{path.name}, which {self.file_name} refers to, is too large")
        data = path.read_bytes()
        if not materials:
            check_image(data, self.file_name)
        return data

    def keys(self) -> Iterable[str]:
        """Empty listing."""
        return ()

    def namespaced(self, namespace: str) -> OwnFolder:
        """The same folder."""
        return self

    def write(self, name: str, data: str | bytes) -> None:
        """Ignored write."""
        raise MeshError(f"{name} isn't written")


def read_mesh(path: Path) -> Any:
    """Mesh file as one ``trimesh.Trimesh``.

    Everything in it is joined; units, origin and axes are the file's.

    Material files and textures that aren't there are named in ``metadata["missing"]``.

    Raises:
        MeshError: the file is missing, empty, cut off, of another kind than its name says, too large, refers to other
            folders, or holds no triangles.
    """
    data = _content(path)
    kind = path.suffix.lower()[1:]
    _is_of_its_kind(data, path)
    if kind == "glb":
        check_glb(data, path.name, MOST_FACES)
    if kind == "ply":
        _check_ply(data, path)
    mesh = _parsed(data, kind, path)
    faces, vertices = np.asarray(getattr(mesh, "faces", ())), np.asarray(getattr(mesh, "vertices", ()))
    if faces.size == 0:
        raise MeshError(f"the mesh {path} has no triangles")
    if len(faces) > MOST_FACES:
        raise MeshError(f"the mesh {path} has {len(faces)} triangles; at most {MOST_FACES}: simplify it first")
    if not np.isfinite(vertices).all():
        raise MeshError(f"the mesh {path} has vertices that aren't finite numbers")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise MeshError(f"the mesh {path} is damaged: triangles refer to vertices that it hasn't")
    return mesh


def _parsed(data: bytes, kind: str, path: Path) -> Any:
    folder, log = OwnFolder(path), trimesh.util.log
    log.disabled, before = True, log.disabled  # it prints tracebacks of what it survives
    try:
        mesh: Any = trimesh.load(io.BytesIO(data), file_type=kind, resolver=folder, force="mesh", process=False)
    except Exception as error:  # trimesh raises whatever the parser of the format raises
        raise MeshError(f"can't read the mesh {path}: it is cut off or damaged ({error})") from error
    finally:
        log.disabled = before
    if folder.refused:
        raise folder.refused[0]
    mesh.metadata["missing"] = folder.missing
    return mesh


def _content(path: Path) -> bytes:
    if path.suffix.lower() not in SUFFIXES:
        raise MeshError(f"{path} isn't called like a mesh: its name must end in {', '.join(SUFFIXES)}")
    if not path.exists():
        raise MeshError(f"there is no mesh {path}")
    if not path.is_file():
        raise MeshError(f"{path} is no file")
    size = path.stat().st_size
    if size == 0:
        raise MeshError(f"the mesh {path} is empty: 0 bytes")
    if size > LARGEST_FILE:
        raise MeshError(f"the mesh {path} has {size / 1e6:.0f} MB; at most {LARGEST_FILE / 1e6:.0f}: simplify it first")
    try:
        return path.read_bytes()
    except OSError as error:
        raise MeshError(f"can't read the mesh {path}: {error.strerror or error}") from error


def _is_of_its_kind(data: bytes, path: Path) -> None:
    """The content says what it is, more reliably than the name."""
    kind, start = path.suffix.lower(), data[:512].lstrip()
    if why := stand_in(path):
        raise MeshError(f"can't read the mesh {path}: {why}")
    sound = ".glb" if start.startswith(MAGIC) else ".ply" if start.startswith(b"ply") else _stl_or_obj(data, start)
    if sound == kind:
        return
    if sound is not None:
        raise MeshError(f"{path} is called {kind}, but its content is {sound[1:].upper()}: rename it to *{sound}")
    if kind == ".stl" and len(data) > 84:
        faces = int.from_bytes(data[80:84], "little")
        raise MeshError(
            f"can't read the mesh {path}: it is cut off or no STL file (as binary STL its header says {faces} "
            f"triangles, which take {84 + 50 * faces} bytes; it has {len(data)})"
        )
    raise MeshError(f"can't read the mesh {path}: its content isn't {kind[1:].upper()}")


def _stl_or_obj(data: bytes, start: bytes) -> str | None:
    if len(data) >= 84 and len(data) == 84 + 50 * int.from_bytes(data[80:84], "little"):
        return ".stl"
    if start.lower().startswith(b"solid") and b"facet" in data[:4096].lower() and b"endsolid" in data[-4096:].lower():
        return ".stl"
    text = b"\x00" not in data[:65536]
    return ".obj" if text and re.search(rb"^\s*(v|f|o|g|mtllib|usemtl|#)(\s|$)", data[:65536], re.MULTILINE) else None


def _check_ply(data: bytes, path: Path) -> None:
    """A header may promise more than there is: every element takes a byte at least."""
    end = data.find(b"end_header", 0, 65536)
    if end < 0:
        raise MeshError(f"can't read the mesh {path}: it is cut off in its header")
    promised = sum(int(count) for count in PLY_ELEMENT.findall(data[:end].replace(b"\r", b"")))
    if promised > len(data) - end:
        raise MeshError(f"the mesh {path} is cut off: it announces {promised} elements in {len(data) - end} bytes")
