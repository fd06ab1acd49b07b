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

"""Objects from the user's own mesh files.

Three layouts: ``<folder>/<name>/object.yaml`` with its mesh, which ``hoisdf objects add`` writes;
``<folder>/<name>/textured_simple.obj``, as in the YCB-Video models that DexYCB and HO-3D refer to; and
``<folder>/<name>.obj`` (or ply, stl, glb). Metres; the file's own origin and axes are the object frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.errors import MeshError
from hoisdf_model.objects.mesh_reading import SUFFIXES, read_mesh
from hoisdf_model.objects.object_records import MESH, RECORD, SURFACE, Record, checksum, read_record
from hoisdf_model.objects.unwrapping import TexturedSurface, textured
from hoisdf_model.paths import is_litter

TEXTURED_NAME = "textured_simple.obj"
SMALLEST, LARGEST = 0.005, 2.0  # metres: outside of this a hand doesn't hold it, and the unit is likely wrong
GREY = (160, 160, 165)
BLOCK = 8  # pixels of one colour in a palette, so that filters don't mix neighbours
MOST_COLOURS = 4096


def find_meshes(folder: Path) -> dict[str, Path]:
    """Mesh files of a folder, by object name.

    A mesh file or ``object.yaml`` for every object.

    Raises:
        MeshError: the folder doesn't exist or holds no mesh.
    """
    if not folder.is_dir():
        raise MeshError(
            f"the object folder {folder} doesn't exist; it should hold <name>/{TEXTURED_NAME}, <name>.obj, or what "
            "hoisdf objects add writes"
        )
    there = [path for path in sorted(folder.iterdir()) if not is_litter(Path(path.name))]
    found = {path.name: path / RECORD for path in there if (path / RECORD).is_file()}
    for path in there:
        if (path / TEXTURED_NAME).is_file():
            found.setdefault(path.name, path / TEXTURED_NAME)
    for path in there:
        if path.suffix.lower() in SUFFIXES and path.is_file():
            found.setdefault(path.stem, path)
    if not found:
        raise MeshError(
            f"no mesh in {folder}: expected <name>/{TEXTURED_NAME} or <name> with one of {', '.join(SUFFIXES)}; hoisdf "
            "objects add puts one there"
        )
    return found


def load_mesh(path: Path) -> tuple[trimesh.Trimesh, TexturedSurface]:
    """Geometry with shared vertices, and the surface to draw.

    Raises:
        MeshError: the file can't be read, holds no triangles, or its size suggests another unit than metres.
    """
    loaded = read_mesh(path)
    vertices, faces = np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces)
    size = float(np.ptp(vertices, axis=0).max())
    if not SMALLEST <= size <= LARGEST:
        raise MeshError(
            f"the mesh {path} is {size:g} m large; objects are {SMALLEST} to {LARGEST} m, coordinates in metres "
            f"(if the file is in millimetres, let hoisdf objects add {path} --unit mm take it in)"
        )
    surface = surface_of(loaded)
    geometry = trimesh.Trimesh(vertices, faces, process=False)
    geometry.merge_vertices(merge_tex=True, merge_norm=True)
    return geometry, surface


def load_added(path: Path) -> tuple[trimesh.Trimesh, TexturedSurface, Record]:
    """Geometry, surface and record of what ``hoisdf objects add`` has written.

    Args:
        path: its ``object.yaml``.

    Raises:
        MeshError: a file is missing, damaged, or not the one that was written.
    """
    record = read_record(path)
    loaded = _unchanged(path.with_name(MESH), record.mesh_sha256)
    vertices, faces = np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces, np.int64)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    if record.surface_sha256:
        return mesh, surface_of(_unchanged(path.with_name(SURFACE), record.surface_sha256)), record
    return mesh, _in_one_colour(vertices, faces, record.colour), record


def surface_of(loaded: Any) -> TexturedSurface:
    """Drawable surface of a trimesh mesh: texture, colours, or one colour."""
    vertices, faces = np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces, np.int64)
    image = _texture_image(loaded)
    uv = getattr(loaded.visual, "uv", None)
    if image is not None and uv is not None and len(uv) == len(vertices):
        corners = np.asarray(uv, np.float64)[faces]
        corners[..., 1] = 1 - corners[..., 1]  # files count v from the bottom
        return textured(vertices, faces, corners, image)
    colours = _face_colours(loaded)
    if colours is None:
        return _in_one_colour(vertices, faces, main_colour(loaded))
    palette, corners = _palette(colours)
    return textured(vertices, faces, corners, palette)


def main_colour(loaded: Any) -> tuple[int, int, int]:
    """Single colour (sRGB) of a mesh, else grey."""
    material = getattr(loaded.visual, "material", None)
    if material is None and not loaded.visual.defined:
        return GREY
    red, green, blue = (int(value) for value in np.asarray((material or loaded.visual).main_color)[:3])
    return red, green, blue


def _unchanged(path: Path, expected: str) -> Any:
    if not path.is_file():
        raise MeshError(f"{path} is gone, which hoisdf objects add had written: add the object again")
    if checksum(path.read_bytes()) != expected:
        raise MeshError(f"{path} isn't what hoisdf objects add had written (another checksum): add the object again")
    return read_mesh(path)


def _in_one_colour(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], colour: tuple[int, int, int]
) -> TexturedSurface:
    return textured(vertices, faces, np.full((*faces.shape, 2), 0.5), np.tile(np.array(colour, np.uint8), (4, 4, 1)))


def _texture_image(loaded: Any) -> NDArray[np.uint8] | None:
    material = getattr(loaded.visual, "material", None)
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    return None if image is None else np.asarray(image.convert("RGB"), np.uint8)


def _face_colours(loaded: Any) -> NDArray[np.uint8] | None:
    """(M, 3) where vertices or faces differ in colour."""
    if getattr(loaded.visual, "kind", None) not in ("vertex", "face"):
        return None
    colours = np.asarray(loaded.visual.face_colors, np.uint8)[:, :3]
    return colours if len(colours) == len(loaded.faces) and np.ptp(colours, axis=0).max() > 0 else None


def _palette(colours: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A texture with a block of each colour, and (M, 3, 2) where in it each face's corners lie."""
    for bits in range(8):
        known, which = np.unique(colours >> bits << bits, axis=0, return_inverse=True)
        if len(known) <= MOST_COLOURS:
            break
    edge = int(np.ceil(np.sqrt(len(known))))
    squares = np.zeros((edge * edge, 3), np.uint8)
    squares[: len(known)] = known
    texture = squares.reshape(edge, edge, 3).repeat(BLOCK, 0).repeat(BLOCK, 1)
    row, column = np.divmod(which.reshape(-1), edge)
    middle = np.stack([column + 0.5, row + 0.5], -1) / edge
    return texture, np.repeat(middle[:, None], 3, 1)
