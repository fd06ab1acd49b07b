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

"""Triangle meshes as arrays: normals, open boundaries, caps, samples.

``vertices`` is (N, 3) float in metres, ``faces`` (M, 3) integer, counter-clockwise seen from outside.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def face_normals(vertices: Floats, faces: Integers) -> NDArray[np.float64]:
    """Face normals (M, 3), with the length of twice the area."""
    v = np.asarray(vertices, np.float64)
    a, b, c = v[faces[:, 0]], v[faces[:, 1]], v[faces[:, 2]]
    return np.cross(b - a, c - a)


def vertex_normals(vertices: Floats, faces: Integers) -> NDArray[np.float64]:
    """Unit vertex normals, weighted by face area.

    (N, 3); zero for a vertex without faces.
    """
    normals, weighted = np.zeros((len(vertices), 3)), face_normals(vertices, faces)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], weighted)
    return _unit(normals)


def corner_normals(vertices: Floats, faces: Integers, crease: float = 0.6) -> NDArray[np.float64]:
    """Unit normals of face corners, smooth below a crease angle.

    Smooth across edges flatter than ``crease`` radians and sharp elsewhere.

    Returns:
        (M, 3, 3): face, corner, xyz.
    """
    weighted = face_normals(vertices, faces)
    unit = _unit(weighted)
    owners = np.asarray(faces).reshape(-1)
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(len(vertices) + 1))
    result = np.empty((len(owners), 3))
    for begin, end in itertools.pairwise(starts):
        corners = order[begin:end]
        around = corners // 3
        alike = unit[around] @ unit[around].T > np.cos(crease)
        result[corners] = alike @ weighted[around]
    return _unit(result).reshape(-1, 3, 3)


def boundary_loops(faces: Integers) -> list[NDArray[np.int64]]:
    """Open boundary loops of a mesh.

    Each is a loop of vertex indices in the direction of the faces' own edges.

    Raises:
        InvalidInputError: a boundary vertex has more than one outgoing boundary edge.
    """
    f = np.asarray(faces, np.int64)
    edges = np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
    existing = {(int(a), int(b)) for a, b in edges}
    following: dict[int, int] = {}
    for a, b in sorted(existing):
        if (b, a) not in existing:
            if a in following:
                raise InvalidInputError(f"vertex {a} lies on two open boundaries, the mesh is not a manifold there")
            following[a] = b
    loops = []
    while following:
        first = min(following)
        loop, vertex = [first], following.pop(first)
        while vertex != first:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop, np.int64))
    return loops


def capped(vertices: Floats, faces: Integers) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mesh closed by a fan at each open boundary.

    The fans' centres are appended to the vertices.
    """
    v, f = np.asarray(vertices, np.float64), np.ascontiguousarray(faces, np.int64)
    loops = _loops_of(f.tobytes())
    fans = [np.stack([np.roll(loop, -1), loop, np.full(len(loop), len(v) + k)], 1) for k, loop in enumerate(loops)]
    middles = [v[loop].mean(0, keepdims=True) for loop in loops]
    return np.concatenate([v, *middles]), np.concatenate([f, *fans])


@lru_cache(maxsize=8)
def _loops_of(faces: bytes) -> list[NDArray[np.int64]]:
    """Loops of the same few hands, which are asked for with every frame."""
    return boundary_loops(np.frombuffer(faces, np.int64).reshape(-1, 3))


def sample_surface(vertices: Floats, faces: Integers, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Surface points (count, 3), evenly distributed."""
    area = np.linalg.norm(face_normals(vertices, faces), axis=1)
    chosen = rng.choice(len(faces), count, p=area / area.sum())
    a, b = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - a, a * (1 - b), a * b], 1)
    return np.einsum("nk,nkc->nc", weights, np.asarray(vertices, np.float64)[np.asarray(faces)[chosen]])


def box_corners(points: Floats) -> NDArray[np.float64]:
    """Corners (8, 3) of the axis-aligned box around points.

    (N, 3) points; z changes first, then y, then x.
    """
    low, high = np.asarray(points, np.float64).min(0), np.asarray(points, np.float64).max(0)
    return np.stack(np.meshgrid(*np.stack([low, high], 1), indexing="ij"), -1).reshape(-1, 3)


def simplified(vertices: Floats, faces: Integers, limit: int = 2000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Simplified mesh of about ``limit`` faces, for drawing.

    Vertices in the same cell of a grid are joined.

    Meshes that are small enough are returned as they are.
    """
    v, f = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    cells = 48
    while len(f) > limit and cells > 4:
        size = float(np.ptp(v, axis=0).max()) / cells
        _, cell = np.unique(np.floor((v - v.min(0)) / size).astype(np.int64), axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        count = np.bincount(cell)
        v = np.stack([np.bincount(cell, v[:, axis]) / count for axis in range(3)], -1)
        f = cell[f]
        f = f[(f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])]
        f = np.unique(f, axis=0)
        cells = cells * 3 // 4
    return v, f


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
