"""Objects from the user's own mesh files.

Two layouts: ``<folder>/<name>/textured_simple.obj``, as in the YCB-Video models that DexYCB and HO-3D refer to, and
``<folder>/<name>.obj`` (or ply, stl, glb). Metres; the file's own origin and axes are the object frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.errors import MeshError
from hoisdf_model.objects.unwrapping import TexturedSurface, textured

SUFFIXES = (".obj", ".ply", ".stl", ".glb")
TEXTURED_NAME = "textured_simple.obj"
SMALLEST, LARGEST = 0.005, 2.0  # metres: outside of this a hand doesn't hold it, and the unit is likely wrong
GREY = (160, 160, 165)


def find_meshes(folder: Path) -> dict[str, Path]:
    """Object name -> mesh file, for every object in the folder.

    Raises:
        MeshError: the folder doesn't exist or holds no mesh.
    """
    if not folder.is_dir():
        raise MeshError(
            f"the object folder {folder} doesn't exist; it should hold <name>/{TEXTURED_NAME} or <name>.obj"
        )
    found = {path.parent.name: path for path in sorted(folder.glob(f"*/{TEXTURED_NAME}"))}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            found.setdefault(path.stem, path)
    if not found:
        raise MeshError(
            f"no mesh in {folder}: expected <name>/{TEXTURED_NAME} or <name> with one of {', '.join(SUFFIXES)}"
        )
    return found


def load_mesh(path: Path) -> tuple[trimesh.Trimesh, TexturedSurface]:
    """Geometry with shared vertices, and the surface to draw.

    Raises:
        MeshError: the file can't be read, holds no triangles, or its size suggests another unit than metres.
    """
    try:
        loaded: Any = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # trimesh raises whatever the parser of the format raises
        raise MeshError(f"can't read the mesh {path}: {error}") from error
    faces = np.asarray(getattr(loaded, "faces", ()))
    if faces.size == 0:
        raise MeshError(f"the mesh {path} has no triangles")
    vertices = np.asarray(loaded.vertices, np.float64)
    if not np.isfinite(vertices).all():
        raise MeshError(f"the mesh {path} has vertices that aren't finite numbers")
    size = float(np.ptp(vertices, axis=0).max())
    if not SMALLEST <= size <= LARGEST:
        raise MeshError(
            f"the mesh {path} is {size:g} m large; objects are {SMALLEST} to {LARGEST} m, coordinates in metres "
            f"(if the file is in millimetres, scale it by 0.001)"
        )
    surface = _surface(loaded, vertices, faces.astype(np.int64))
    geometry = trimesh.Trimesh(vertices, faces, process=False)
    geometry.merge_vertices(merge_tex=True, merge_norm=True)
    return geometry, surface


def _surface(loaded: Any, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> TexturedSurface:
    image = _texture_image(loaded)
    uv = getattr(loaded.visual, "uv", None)
    if image is not None and uv is not None and len(uv) == len(vertices):
        corners = np.asarray(uv, np.float64)[faces]
        corners[..., 1] = 1 - corners[..., 1]  # files count v from the bottom
        return textured(vertices, faces, corners, image)
    colour = np.asarray(getattr(loaded.visual, "main_color", GREY), np.uint8)[:3]
    return textured(vertices, faces, np.full((*faces.shape, 2), 0.5), np.tile(colour, (4, 4, 1)))


def _texture_image(loaded: Any) -> NDArray[np.uint8] | None:
    material = getattr(loaded.visual, "material", None)
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    return None if image is None else np.asarray(image.convert("RGB"), np.uint8)
