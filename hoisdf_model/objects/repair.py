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

"""Repair of meshes into closed solids, or descriptions of their defects.

A closed solid: every edge belongs to two triangles that agree about what is outside, and the volume is positive.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from manifold3d import Manifold, Mesh64, OpType, triangulate
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError, MeshError
from hoisdf_model.geometry import distances, meshes

MOST_FACES = 20_000  # a table of distances takes 4 s with this number
MOST_PIECES = 2_000
CRUMB = 0.02  # of the diameter: smaller pieces are left away where they aren't closed
SEAM = 1e-5  # of the diameter: vertices nearer to each other are one, where edges are open
HOLE = 0.2  # of the diameter: larger holes may be meant
THINNEST = 1e-6  # of the diameter's cube: a solid with less volume is a sheet

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True)
class Repaired:
    """Closed mesh with descriptions of the changes."""

    mesh: trimesh.Trimesh
    changes: tuple[str, ...]


def closed_solid(vertices: Floats, faces: Faces, fill_holes: bool = False) -> Repaired:
    """Close and clean a mesh.

    Joins vertices that lie on one spot, turns faces the same way round, closes holes up to a fifth of the diameter,
    joins pieces that overlap, and takes faces away where there are more than ``MOST_FACES``.

    Args:
        vertices: (N, 3) metres.
        faces: (M, 3).
        fill_holes: also close large holes, with flat lids.

    Raises:
        MeshError: it can't be closed; says what is wrong and what would mend it.
    """
    changes: list[str] = []
    size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    mesh = _joined(vertices, faces, size, changes)
    pieces = _pieces(mesh)
    if len(pieces) > MOST_PIECES:
        raise MeshError(
            f"the mesh has {len(pieces)} pieces that aren't connected: they are loose triangles, no solid. Export it "
            "as a solid body (CAD: union of all bodies; scans: a meshing that gives a closed surface)"
        )
    solids, faults = [], []
    for piece in pieces:
        extent = float(np.linalg.norm(piece.extents)) if len(piece.faces) else 0.0
        fault = _closed(piece, size, fill_holes, changes)
        if not fault:
            solids.append(piece)
        elif extent < CRUMB * size and len(pieces) > 1:
            changes.append(f"left away an open crumb of {len(piece.faces)} faces, {extent * 1000:.2g} mm")
        else:
            faults.append(fault)
    if faults:
        raise MeshError("; ".join(faults[:4]) + (f"; and {len(faults) - 4} pieces more" if len(faults) > 4 else ""))
    result = _simplified(_united(solids, changes), changes)
    if not (result.is_watertight and result.is_winding_consistent):
        raise MeshError(f"joining the mesh's {len(solids)} bodies left {describe(result)}; export it as one solid body")
    if not _volume(result) > THINNEST * size**3:
        raise MeshError("the mesh is a flat sheet without volume; give it the thickness that it has")
    return Repaired(result, tuple(f"{what} ({n} times)" if n > 1 else what for what, n in Counter(changes).items()))


def _volume(mesh: trimesh.Trimesh) -> float:
    """Cubic metres, negative inside out; trimesh's also divides by it, and complains of sheets."""
    corners = np.asarray(mesh.triangles, np.float64)
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


def describe(mesh: trimesh.Trimesh) -> str:
    """Description of the defects that leave a mesh open, else empty."""
    counts = np.unique(mesh.edges_sorted, axis=0, return_counts=True)[1]
    words = []
    if (counts == 1).any():
        words.append(_counted(int((counts == 1).sum()), "open edge"))
    if (counts > 2).any():
        words.append(_counted(int((counts > 2).sum()), "edge") + " with more than two faces")
    if not words and not mesh.is_winding_consistent:
        words.append("faces that disagree about what is outside")
    return " and ".join(words)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _joined(vertices: Floats, faces: Faces, size: float, changes: list[str]) -> trimesh.Trimesh:
    mesh = _cleaned(vertices, faces, 1e-9 * size)
    if describe(mesh):
        wider = _cleaned(vertices, faces, SEAM * size)
        if len(wider.faces) and _open(wider) < _open(mesh):
            changes.append(f"closed {_open(mesh) - _open(wider)} open edges along seams")
            mesh = wider
    if not len(mesh.faces):
        raise MeshError("all triangles of the mesh have no area")
    return mesh


def _open(mesh: trimesh.Trimesh) -> int:
    return int((np.unique(mesh.edges_sorted, axis=0, return_counts=True)[1] != 2).sum())


def _cleaned(vertices: Floats, faces: Faces, tolerance: float) -> trimesh.Trimesh:
    """Vertices nearer than the tolerance are one; faces that fall together or occur twice are gone."""
    cell = np.floor((vertices - vertices.min(0)) / tolerance + 0.5).astype(np.int64)
    _, first, which = np.unique(cell, axis=0, return_index=True, return_inverse=True)
    f = which.reshape(-1)[faces]
    f = f[(f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])]
    f = f[np.unique(np.sort(f, axis=1), axis=0, return_index=True)[1]] if len(f) else f
    mesh = trimesh.Trimesh(vertices[first], f, process=False)
    mesh.remove_unreferenced_vertices()
    return mesh


def _pieces(mesh: trimesh.Trimesh) -> list[trimesh.Trimesh]:
    """Faces that hang together over edges which two faces share; each piece has vertices of its own."""
    labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    order = np.argsort(labels, kind="stable")
    pieces = []
    for chosen in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        piece = trimesh.Trimesh(mesh.vertices, mesh.faces[chosen], process=False)
        piece.remove_unreferenced_vertices()
        pieces.append(piece)
    return pieces


def _closed(piece: trimesh.Trimesh, size: float, fill_holes: bool, changes: list[str]) -> str:
    """Close one piece in place; what stands in the way, or nothing."""
    if not piece.is_winding_consistent:
        trimesh.repair.fix_winding(piece)
        if not piece.is_winding_consistent:
            return "no side of the surface is the outside (it is twisted like a Möbius strip): rebuild it as a solid"
        changes.append("turned faces the same way round")
    if not piece.is_watertight:
        fault = _without_holes(piece, size, fill_holes, changes)
        if fault:
            return fault
    return "" if piece.is_watertight else f"the mesh has {describe(piece)}; run a repair (Blender: 3D-Print Toolbox)"


def _without_holes(piece: trimesh.Trimesh, size: float, fill_holes: bool, changes: list[str]) -> str:
    words = describe(piece)
    try:
        loops = meshes.boundary_loops(np.asarray(piece.faces))
    except (InvalidInputError, KeyError):
        return f"the mesh has {words}, and its holes touch each other; run a repair (Blender: 3D-Print Toolbox)"
    vertices, faces = np.asarray(piece.vertices, np.float64), np.asarray(piece.faces, np.int64)
    widths = [2 * float(np.linalg.norm(vertices[loop] - vertices[loop].mean(0), axis=1).max()) for loop in loops]
    if not fill_holes and max(widths, default=0.0) > HOLE * size:
        return (
            f"the mesh isn't closed: {words} around {_counted(len(loops), 'hole')}, the largest "
            f"{max(widths) * 1000:.3g} mm wide. If it is a shell, give it thickness (Blender: Solidify); if a part is "
            "missing, close it, or let --fill-holes put flat lids on"
        )
    lids = [faces]
    for loop in loops:
        lid = _lid(vertices[loop])
        lids.append(loop[lid] if lid is not None else np.empty((0, 3), np.int64))
    piece.faces = np.concatenate(lids)
    if not piece.is_watertight or not piece.is_winding_consistent:  # a lid failed: a fan does always
        piece.vertices, piece.faces = meshes.capped(vertices, faces)
    changes.append(f"closed {_counted(len(loops), 'hole')}, the largest {max(widths) * 1000:.2g} mm wide")
    return ""


def _lid(loop: Floats) -> Faces | None:
    """(N - 2, 3) triangles into the loop that close it, or None where it can't be laid out flat."""
    middle = loop - loop.mean(0)
    plane = np.linalg.svd(middle, full_matrices=False)[2]
    flat = np.asarray(middle @ plane[:2].T, np.float64)
    area = float(np.sum(flat[:, 0] * np.roll(flat[:, 1], -1) - np.roll(flat[:, 0], -1) * flat[:, 1]))
    order = np.arange(len(loop)) if area > 0 else np.arange(len(loop))[::-1]
    try:
        triangles = order[np.asarray(triangulate([flat[order]]), np.int64)]
    except Exception:  # a loop that crosses itself when laid flat
        return None
    # the lid's edges run against the boundary's
    return triangles[:, ::-1] if area > 0 else triangles


def _united(solids: list[trimesh.Trimesh], changes: list[str]) -> trimesh.Trimesh:
    """One mesh, faces outwards: what overlaps is joined, closed cavities are filled."""
    if not solids:
        raise MeshError("the mesh has no closed piece of any size")
    for number, piece in enumerate(solids):
        if _volume(piece) < 0:
            others = [solid for other, solid in enumerate(solids) if other != number]
            if not any(_inside(piece, other) for other in others):
                changes.append("turned a body inside out, whose faces looked inwards")
            piece.invert()
    if len(solids) == 1:
        return solids[0]
    bodies = [Manifold(Mesh64(np.asarray(s.vertices, np.float64), np.asarray(s.faces, np.uint64))) for s in solids]
    if any(body.is_empty() for body in bodies):
        whole: Any = trimesh.util.concatenate(solids)
        return trimesh.Trimesh(whole.vertices, whole.faces, process=False)
    joined = Manifold.batch_boolean(bodies, OpType.Add)
    parts = joined.to_mesh64()
    mesh = trimesh.Trimesh(
        np.asarray(parts.vert_properties, np.float64)[:, :3], np.asarray(parts.tri_verts, np.int64), process=False
    )
    left = len(joined.decompose())
    changes.append(
        f"joined {len(solids)} bodies into {left}" + ("" if left == 1 else ", which don't touch but move as one")
        if left < len(solids)
        else f"the object consists of {len(solids)} bodies that don't touch; they move as one"
    )
    return mesh


def _inside(piece: trimesh.Trimesh, other: trimesh.Trimesh) -> bool:
    point = np.asarray(piece.vertices[:1], np.float64)
    low, high = other.bounds
    if (point < low).any() or (point > high).any():
        return False
    faces = np.asarray(other.faces) if _volume(other) > 0 else np.asarray(other.faces)[:, ::-1]
    return bool(distances.signed_distance(point, np.asarray(other.vertices), faces)[0] < 0)


def _simplified(mesh: trimesh.Trimesh, changes: list[str]) -> trimesh.Trimesh:
    import igl

    before = len(mesh.faces)
    if before <= MOST_FACES:
        return mesh
    vertices = np.asfortranarray(mesh.vertices, np.float64)
    fewer: Any = igl.qslim(vertices, np.asfortranarray(mesh.faces, np.int32), MOST_FACES)
    result = trimesh.Trimesh(np.ascontiguousarray(fewer[0]), np.ascontiguousarray(fewer[1]), process=False)
    if not result.is_watertight or not _volume(result) > 0:
        return mesh
    chosen = np.random.default_rng(0).permutation(len(vertices))[:5000]
    moved = distances.closest_points(vertices[chosen], np.asarray(result.vertices), np.asarray(result.faces))[0].max()
    changes.append(
        f"simplified from {before} to {len(result.faces)} faces; the surface moved by at most {moved * 1000:.2g} mm"
    )
    return result
