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

"""Object geometry for grasping: solid, surface points, centre of mass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import meshes
from hoisdf_model.grasping.box_solids import Solid
from hoisdf_model.objects import CatalogueObject, Symmetry

SAMPLES = 600  # points among which antipodal pairs are looked for: 180,000 pairs
FACING = 0.95  # cosine between a surface normal and the line between two pads, of sampled points
THINNEST = 0.002  # metres: less between two points is one edge seen twice
MAP_SAMPLES = 2000  # points of a contact map

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ObjectShape:
    """Object geometry in its model frame, metres.

    Keep it: making one is expensive.

    Attributes:
        name: as in the catalogue.
        vertices: (N, 3); ``faces`` (M, 3), closed.
        symmetry: turns that don't change the shape.
        center_of_mass: (3,) of a solid of even density; of an open mesh, the middle of its surface.
        diameter: largest distance between two points.
    """

    name: str
    vertices: Floats
    faces: NDArray[np.int64]
    symmetry: Symmetry
    center_of_mass: Floats
    diameter: float

    @cached_property
    def solid(self) -> Solid:
        """Solid for collision checks."""
        return Solid(self.vertices, self.faces)

    @cached_property
    def face_balls(self) -> tuple[Floats, Floats]:
        """A ball around each face: middles (M, 3), radii (M,)."""
        corners = self.vertices[self.faces]
        middle = corners.mean(1)
        return middle, np.linalg.norm(corners - middle[:, None], axis=2).max(1) + 1e-9

    @cached_property
    def samples(self) -> tuple[Floats, Floats]:
        """Points (``SAMPLES``, 3) spread over the surface and their unit normals."""
        return surface_points(self.vertices, self.faces, SAMPLES, seed=0)

    @cached_property
    def antipodal_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Antipodal pairs of surface samples.

        (P,), (P,) that face away from each other along the line between them, and the worse cosine (P,).
        """
        points, normals = self.samples
        between = points[None] - points[:, None]
        length = np.maximum(np.linalg.norm(between, axis=-1), 1e-9)
        leaving = -np.einsum("ijk,ik->ij", between, normals) / length
        worse = np.minimum(leaving, leaving.T)
        first, second = np.nonzero(np.triu((worse > FACING) & (length > THINNEST), 1))
        return first, second, worse[first, second]

    @cached_property
    def map_samples(self) -> tuple[Floats, Floats]:
        """Surface samples of contact maps.

        Points (``MAP_SAMPLES``, 3) and normals: the same in every process, so that maps add up.
        """
        return surface_points(self.vertices, self.faces, MAP_SAMPLES, seed=1)

    def prepare(self) -> None:
        """Compute now what is otherwise computed when first asked for."""
        far_away = np.array([[[9.0, 9.0, 9.0], [10.0, 10.0, 10.0]]])
        self.solid.meets(far_away[None], np.eye(4)[None])
        self.solid.surface.inside(self.solid.surface.closest_points(self.samples[0])[2])
        _ = self.antipodal_pairs, self.face_balls


def object_shape(thing: CatalogueObject) -> ObjectShape:
    """The shape of a catalogue's object."""
    mesh = thing.mesh
    center = mesh.center_mass if mesh.is_watertight else mesh.centroid
    return ObjectShape(
        thing.name,
        np.asarray(mesh.vertices, np.float64),
        np.asarray(mesh.faces, np.int64),
        thing.symmetry,
        np.asarray(center, np.float64),
        thing.diameter,
    )


def surface_points(vertices: Floats, faces: NDArray[np.int64], count: int, seed: int) -> tuple[Floats, Floats]:
    """Evenly distributed surface points with face normals.

    (count, 3) points and (count, 3) unit normals.
    """
    rng = np.random.default_rng(seed)
    normals = meshes.face_normals(vertices, faces)
    area = np.linalg.norm(normals, axis=1)
    # one random point in each of equal shares of the area, so that no part is missed
    marks = (np.arange(count) + rng.random(count)) / count
    chosen = np.minimum(np.searchsorted(np.cumsum(area) / area.sum(), marks), len(faces) - 1)
    a, b = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - a, a * (1 - b), a * b], 1)
    points = np.einsum("nk,nkc->nc", weights, vertices[faces[chosen]])
    return points, normals[chosen] / np.maximum(area[chosen, None], 1e-18)
