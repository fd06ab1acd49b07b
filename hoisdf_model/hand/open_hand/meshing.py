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

"""Mesh of the open hand from its signed distance function.

Exactly 778 vertices, 1538 faces and a wrist loop of 16 edges.

A fine mesh (marching cubes) is divided into 778 clusters, which become the vertices: k-means in position and normal, so
that more vertices go where the skin curves, and the two sides of neighbouring fingers stay separate (Valette and
Chassery 2004, "Approximated centroidal Voronoi diagrams"; Levy and Bonneel 2012 for the normals). A surface with one
hole, V vertices and b boundary edges has ``2 V - 2 - b`` faces, which gives MANO's 1538.
"""

from __future__ import annotations

from dataclasses import dataclass

import igl
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hoisdf_model.errors import HandModelError
from hoisdf_model.hand.joints import NUM_FACES, NUM_VERTICES
from hoisdf_model.hand.open_hand.anatomy import FOUR_FINGERS, Array, Skeleton
from hoisdf_model.hand.open_hand.surface import WRIST_CUT, finger_webs, hand_distance, hand_gradient, project

WRIST_EDGES = 16
_CELL = 0.0015
_BOUNDS = ((-0.205, 0.030), (-0.055, 0.032), (-0.070, 0.090))
# the distance is first taken at every fourth grid point, and at the others only where that is within 15 mm
_BLOCK, _NEAR = 4, 0.015
# metres that a change of the unit normal by 1 counts for
_NORMAL_WEIGHT = 0.011
Faces = NDArray[np.int64]


@dataclass(frozen=True)
class Surface:
    """``vertices`` (N, 3) and ``faces`` (M, 3), counter-clockwise from outside."""

    vertices: Array
    faces: Faces


def fine_surface(hand: Skeleton) -> Surface:
    """Marching-cubes mesh of the hand, open at the wrist.

    About 25,000 vertices.
    """
    counts = [_BLOCK * round((high - low) / _CELL / _BLOCK) for low, high in _BOUNDS]
    axes = [np.linspace(low, low + _CELL * (n - 1), n) for (low, _), n in zip(_BOUNDS, counts, strict=True)]
    grid = _lattice(axes)
    values = _near_distance(axes, grid, hand)
    vertices, faces, _ = igl.marching_cubes(values, grid, *counts, 0.0)
    mesh = trimesh.Trimesh(project(vertices, hand), faces)
    if mesh.volume < 0:
        mesh.invert()
    mesh = trimesh.intersections.slice_mesh_plane(mesh, [-1.0, 0.0, 0.0], [WRIST_CUT * hand.size, 0.0, 0.0])
    mesh.merge_vertices(digits_vertex=6)
    mesh.update_faces(mesh.nondegenerate_faces(height=1e-7))
    mesh.remove_unreferenced_vertices()
    mesh = max(mesh.split(only_watertight=False), key=lambda part: len(part.faces))
    return Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int64))


def _lattice(axes: list[Array]) -> Array:
    """(X * Y * Z, 3) grid points, x fastest."""
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x, y, z], -1).reshape(-1, 3)


def _near_distance(axes: list[Array], grid: Array, hand: Skeleton) -> Array:
    """Distance at the grid points; far from the skin that of the nearby coarse point, which has the right sign."""
    middles = [a[_BLOCK // 2 :: _BLOCK] for a in axes]
    coarse = hand_distance(_lattice(middles), hand).reshape([len(m) for m in reversed(middles)])
    for axis in range(3):
        coarse = coarse.repeat(_BLOCK, axis)
    values = coarse.ravel()
    near = np.abs(values) < _NEAR
    values[near] = hand_distance(grid[near], hand)
    return values


def boundary_loop(faces: Faces) -> NDArray[np.int64]:
    """Vertices of the open boundary loop, in order.

    Raises:
        HandModelError: there isn't exactly one loop.
    """
    loops = igl.boundary_loop_all(faces)
    if len(loops) != 1:
        raise HandModelError(f"the mesh has {len(loops)} open edges, expected one, at the wrist")
    return np.asarray(loops[0], np.int64)


def _density(points: Array, hand: Skeleton) -> Array:
    """(N, 3) -> (N,): vertices per metre against the palm's: more on fingers, most at tips and in the webs."""
    bends = np.ones(len(points))
    for digit in hand.digits.values():
        along = np.clip((points - digit.joints[1]) @ digit.direction, 0, None)
        aside = np.linalg.norm(points - digit.joints[1] - along[:, None] * digit.direction, axis=1)
        bends = np.maximum(bends, 1 + 0.9 * np.clip(1.7 - aside / (0.010 * hand.size), 0, 1))
    spots = [(digit.joints[3], 0.010, 1.6) for digit in hand.digits.values()]
    for name in FOUR_FINGERS:
        spots.append((hand.digits[name].joints[0] + 0.008 * hand.size * hand.digits[name].dorsal, 0.013, 1.0))
    spots += [(0.5 * sum(ends), 0.009, 1.5) for ends in finger_webs(hand)]
    return bends + sum(
        more * np.exp(-(((points - place) / (reach * hand.size)) ** 2).sum(1)) for place, reach, more in spots
    )


def coarse_mesh(fine: Surface, hand: Skeleton, iterations: int = 60, seed: int = 0) -> Surface:
    """778 vertices and 1538 faces on the hand's skin.

    Raises:
        HandModelError: no seed near ``seed`` gives a manifold; the surface has a thin or torn place.
    """
    problem = ""
    for attempt in range(seed, seed + 8):
        try:
            return _relaxed(_dual(fine, _clusters(fine, hand, iterations, attempt)), hand)
        except HandModelError as error:
            problem = str(error)
    raise HandModelError(f"the hand's surface can't be meshed: {problem}")


def _clusters(fine: Surface, hand: Skeleton, iterations: int, seed: int) -> NDArray[np.int64]:
    """(N,) cluster of each fine vertex; clusters 0 to 15 divide the wrist's rim evenly."""
    mesh = trimesh.Trimesh(fine.vertices, fine.faces, process=False)
    normals = hand_gradient(fine.vertices, hand)[1]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    place = np.concatenate([fine.vertices, _NORMAL_WEIGHT * normals], 1)
    area = np.bincount(fine.faces.ravel(), np.repeat(mesh.area_faces / 3, 3), len(place))
    mass = area * _density(fine.vertices, hand) ** 2

    rim = boundary_loop(fine.faces)
    steps = np.linalg.norm(np.diff(fine.vertices[np.append(rim, rim[0])], axis=0), axis=1)
    arc = np.floor(np.cumsum(steps) / steps.sum() * WRIST_EDGES * (1 - 1e-9)).astype(np.int64)
    rim_centers = np.stack([place[rim[arc == k]].mean(0) for k in range(WRIST_EDGES)])
    inner = np.setdiff1d(np.arange(len(place)), rim)

    random = np.random.default_rng(seed)
    first = random.choice(inner, NUM_VERTICES - WRIST_EDGES, replace=False, p=mass[inner] / mass[inner].sum())
    centers = np.concatenate([rim_centers, place[first]])
    labels = np.zeros(len(place), np.int64)
    for _ in range(iterations):
        labels[inner] = cKDTree(centers).query(place[inner])[1]
        labels[rim] = arc
        weight = np.bincount(labels, mass, NUM_VERTICES)
        if (weight == 0).any():
            raise HandModelError("a cluster lost all its points")
        sums = np.stack([np.bincount(labels, mass * column, NUM_VERTICES) for column in place.T], 1)
        centers = sums / weight[:, None]
        centers[:WRIST_EDGES] = rim_centers
    return labels


def _dual(fine: Surface, labels: NDArray[np.int64]) -> Surface:
    """One vertex for each cluster, one face wherever three clusters meet."""
    corners = labels[fine.faces]
    meeting = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    faces = corners[meeting]
    first = faces.argmin(1)
    faces = np.unique(np.take_along_axis(faces, (first[:, None] + np.arange(3)) % 3, 1), axis=0)
    count = np.bincount(labels, minlength=NUM_VERTICES)
    vertices = np.stack([np.bincount(labels, x, NUM_VERTICES) for x in fine.vertices.T], 1) / count[:, None]
    rim = boundary_loop(fine.faces)
    for k in range(WRIST_EDGES):
        vertices[k] = fine.vertices[rim[labels[rim] == k]].mean(0)
    return _checked(Surface(vertices, faces))


def _checked(mesh: Surface) -> Surface:
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if mesh.faces.shape != (NUM_FACES, 3) or not igl.is_edge_manifold(mesh.faces) or not solid.is_winding_consistent:
        raise HandModelError(f"{len(mesh.faces)} faces, not a manifold of {NUM_FACES}")
    if len(np.unique(mesh.faces)) != NUM_VERTICES or len(boundary_loop(mesh.faces)) != WRIST_EDGES:
        raise HandModelError("a vertex is unused or the wrist's rim is broken")
    return mesh


def _relaxed(mesh: Surface, hand: Skeleton, rounds: int = 6) -> Surface:
    """Even out the triangles, keep the vertices on the skin, and make up for the flesh that flat faces cut off."""
    vertices, faces = mesh.vertices.copy(), mesh.faces
    rim = boundary_loop(faces)
    inner = np.setdiff1d(np.arange(len(vertices)), rim)
    corner = faces.ravel()
    outside = np.zeros(len(vertices))
    for _ in range(rounds):
        faces = _flipped(vertices, faces)
        corner = faces.ravel()
        triangles = vertices[faces]
        area = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
        weight = area * _density(triangles.mean(1), hand) ** 2
        share = np.bincount(corner, np.repeat(weight, 3), len(vertices))
        middle = np.stack(
            [np.bincount(corner, np.repeat(weight * x, 3), len(vertices)) for x in triangles.mean(1).T], 1
        )
        vertices[inner] += 0.35 * (middle / share[:, None] - vertices)[inner]
        vertices[inner] = project(vertices[inner], hand, outside[inner])
        # faces of a convex body lie inside it: lift the vertices until the faces' middles are on the skin on average
        sunk = -hand_distance(vertices[faces].mean(1), hand)
        lift = np.bincount(corner, np.repeat(sunk * area, 3), len(vertices))
        outside = np.clip(outside + 0.4 * lift / np.bincount(corner, np.repeat(area, 3), len(vertices)), -4e-4, 6e-4)
    vertices[inner] = project(vertices[inner], hand, outside[inner])
    return _checked(Surface(vertices, faces))


def _flipped(vertices: Array, faces: Faces) -> Faces:
    """Flip edges where that brings the numbers of neighbours to six (four at the rim), or shortens them much."""
    faces = faces.copy()
    neighbours = [set(n) for n in igl.adjacency_list(faces)]
    ideal = np.full(len(vertices), 6)
    ideal[boundary_loop(faces)] = 4
    owner: dict[tuple[int, int], int] = {}
    for i, face in enumerate(faces.tolist()):
        for k in range(3):
            owner[face[k], face[(k + 1) % 3]] = i
    for a, b in sorted(edge for edge in owner if edge[0] < edge[1]):
        if (a, b) not in owner or (b, a) not in owner:
            continue
        one, two = owner[a, b], owner[b, a]
        c = next(v for v in faces[one].tolist() if v not in (a, b))
        d = next(v for v in faces[two].tolist() if v not in (a, b))
        if d in neighbours[c]:
            continue
        degree = {v: len(neighbours[v]) - ideal[v] for v in (a, b, c, d)}
        gain = sum(x * x for x in degree.values()) - (
            (degree[a] - 1) ** 2 + (degree[b] - 1) ** 2 + (degree[c] + 1) ** 2 + (degree[d] + 1) ** 2
        )
        now, then = np.linalg.norm(vertices[a] - vertices[b]), np.linalg.norm(vertices[c] - vertices[d])
        if (gain <= 0 and then > 0.7 * now) or then > 1.25 * now or not _keeps_shape(vertices, a, b, c, d):
            continue
        faces[one], faces[two] = (c, a, d), (d, b, c)
        for edge in ((a, b), (b, a)):
            del owner[edge]
        owner.update({(c, a): one, (a, d): one, (d, c): one, (d, b): two, (b, c): two, (c, d): two})
        neighbours[a].discard(b)
        neighbours[b].discard(a)
        neighbours[c].add(d)
        neighbours[d].add(c)
    return faces


def _keeps_shape(vertices: Array, a: int, b: int, c: int, d: int) -> bool:
    """Whether the two faces after the flip look the same way as those before."""

    def normal(*corners: int) -> Array:
        p, q, r = vertices[list(corners)]
        return np.cross(q - p, r - p)

    before = normal(a, b, c) + normal(b, a, d)
    return all(
        n @ before > 0.6 * np.linalg.norm(n) * np.linalg.norm(before) for n in (normal(c, a, d), normal(d, b, c))
    )
