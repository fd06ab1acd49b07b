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

"""Catalogue of named objects.

Look-alikes of the YCB objects, and what the user's folder adds or replaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from hoisdf_model.errors import MeshError
from hoisdf_model.objects import mesh_files, symmetry
from hoisdf_model.objects.object_records import MESH, RECORD, checksum
from hoisdf_model.objects.procedural import BY_NAME, Built, build
from hoisdf_model.objects.reflection import mirror_plane
from hoisdf_model.objects.symmetry import Symmetry
from hoisdf_model.objects.unwrapping import TexturedSurface

CORNERS, DIRECTIONS = 3000, 1000  # of a convex hull whose pairs are all compared; of a hemisphere


@dataclass(frozen=True)
class CatalogueObject:
    """One object, in its model frame, metres.

    Attributes:
        name: the name that messages carry.
        id: DexYCB's id, 0 for an object of the user's own.
        mesh: closed geometry where the source is closed.
        surface: what a renderer draws.
        symmetry: the turns under which the shape stays the same.
        diameter: largest distance between two surface points; of meshes with thousands of corners to 0.2 %.
        source: the mesh file, or None for a procedural look-alike.
    """

    name: str
    id: int
    mesh: trimesh.Trimesh
    surface: TexturedSurface
    symmetry: Symmetry
    diameter: float
    source: Path | None = None

    @property
    def center(self) -> NDArray[np.float64]:
        """Centre (3,) of the bounding box."""
        return np.asarray(self.mesh.bounds.mean(0), np.float64)


class Catalogue:
    """Objects by name, built or read when first asked for."""

    def __init__(self, files: dict[str, Path] | None = None) -> None:
        self._files = dict(files or {})
        self._known: dict[str, CatalogueObject] = {}
        self._planes: dict[str, NDArray[np.float64] | None] = {}
        self._order = [*BY_NAME, *(name for name in self._files if name not in BY_NAME)]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the YCB ones in the order of their ids."""
        return tuple(self._order)

    def __contains__(self, name: str) -> bool:
        return name in self._order

    def get(self, name: str) -> CatalogueObject:
        """The object of that name.

        Raises:
            MeshError: there is no such object, or its file can't be used.
        """
        if name not in self:
            raise MeshError(f"unknown object {name!r}; the catalogue has: {', '.join(self.names)}")
        if name not in self._known:
            self._known[name] = self._from_file(name) if name in self._files else _look_alike(name)
        return self._known[name]

    def mesh(self, name: str) -> trimesh.Trimesh:
        """The object's geometry, model frame, metres.

        Raises:
            MeshError: there is no such object, or its file can't be used.
        """
        return self.get(name).mesh

    def mirror_plane(self, name: str) -> NDArray[np.float64] | None:
        """The reflection under which the object's shape doesn't change (``objects.mirror_plane``), found once.

        A YCB object's mesh that has none has its look-alike's: a scan is hardly its own mirror image to half a
        millimetre.

        Returns:
            (4, 4) object frame -> object frame; None where there is none.

        Raises:
            MeshError: there is no such object, or its file can't be used.
        """
        if name not in self._planes:
            plane = mirror_plane(self.mesh(name))
            if plane is None and name in self._files and name in BY_NAME:
                plane = mirror_plane(_look_alike(name).mesh)
            self._planes[name] = plane
        return self._planes[name]

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        """Checksums of the objects' mesh files.

        Of those of the names that have one; data made from a mesh is matched to it by them.

        Raises:
            MeshError: a file can't be read.
        """
        paths = {name: self._files[name] for name in names if name in self._files}
        try:
            return {
                name: checksum((path.with_name(MESH) if path.name == RECORD else path).read_bytes())
                for name, path in paths.items()
            }
        except OSError as error:
            raise MeshError(f"can't read a mesh: {error}") from error

    def _from_file(self, name: str) -> CatalogueObject:
        path = self._files[name]
        if not path.exists():
            raise MeshError(f"the mesh of {name!r} is gone: {path}; files there were: {', '.join(self._files)}")
        if path.name == RECORD:
            mesh, surface, record = mesh_files.load_added(path)
            same = record.symmetry.symmetry(record.texture_too)
            return CatalogueObject(name, 0, mesh, surface, same, _diameter(mesh), path.with_name(MESH))
        mesh, surface = mesh_files.load_mesh(path)
        row = BY_NAME.get(name)
        # a YCB mesh shares its look-alike's frame, and so its symmetry
        same = _look_alike(name).symmetry if row else symmetry.none(mesh.bounds.mean(0))
        return CatalogueObject(name, row.id if row else 0, mesh, surface, same, _diameter(mesh), path)


def load_catalogue(folder: str | Path | None = None) -> Catalogue:
    """Object catalogue: the look-alikes and the meshes of ``folder``.

    Its meshes replace look-alikes of the same name.

    Raises:
        MeshError: the folder doesn't exist or holds no mesh.
    """
    return Catalogue(mesh_files.find_meshes(Path(folder)) if folder is not None else None)


def _look_alike(name: str) -> CatalogueObject:
    built: Built = build(BY_NAME[name])
    mesh = trimesh.Trimesh(built.vertices, built.faces, process=False)
    return CatalogueObject(name, BY_NAME[name].id, mesh, built.surface, built.symmetry, _diameter(mesh))


def _diameter(mesh: trimesh.Trimesh) -> float:
    try:
        points = np.asarray(mesh.convex_hull.vertices, np.float64)
    except Exception:  # a flat mesh has no hull
        points = np.asarray(mesh.vertices, np.float64)
    if len(points) > CORNERS:  # pairs of all would take minutes and gigabytes
        points = _outermost(points)
    return float(pdist(points).max())


def _outermost(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points that lie outermost along one of ``DIRECTIONS``, spiralling over a hemisphere 4 degrees from each other."""
    height = np.linspace(1, 0, DIRECTIONS, endpoint=False)
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(DIRECTIONS)
    across = np.sqrt(1 - height**2)
    directions = np.stack([across * np.cos(turn), across * np.sin(turn), height], 1)
    along = (points @ direction for direction in directions)
    outermost: NDArray[np.float64] = points[np.unique([(part.argmin(), part.argmax()) for part in along])]
    return outermost
