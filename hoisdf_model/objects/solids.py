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

"""Closed solids on manifold3d.

Lofts, rounded boxes, extrusions, unions and differences.

Metres. Every function returns a ``manifold3d.Manifold``, which is closed and oriented by construction.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from manifold3d import CrossSection, FillRule, JoinType, Manifold, Mesh64
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import MeshError

Solid: TypeAlias = Any  # manifold3d.Manifold, whose wheel carries no types
SEGMENTS = 48


def loft(loops: ArrayLike) -> Solid:
    """Loft over loops of points, closed by a fan at both ends.

    Args:
        loops: (K, N, 3); point i of each loop is joined to point i of the next, and loops run counter-clockwise seen
            from the side to which the loops advance.

    Raises:
        MeshError: the loops don't make a closed solid.
    """
    rings = np.asarray(loops, np.float64)
    count, size, _ = rings.shape
    index = np.arange(count * size).reshape(count, size)
    a, b = index[:-1], np.roll(index[:-1], -1, 1)
    c, d = index[1:], np.roll(index[1:], -1, 1)
    sides = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    first, last = count * size, count * size + 1
    bottom = np.stack([np.roll(index[0], -1), index[0], np.full(size, first)], 1)
    top = np.stack([index[-1], np.roll(index[-1], -1), np.full(size, last)], 1)
    vertices = np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(1)])
    solid = Manifold(Mesh64(vertices, np.concatenate([sides, bottom, top]).astype(np.uint64)))
    if solid.is_empty():
        raise MeshError(f"{count} loops of {size} points don't make a closed solid: {solid.status()}")
    return solid


def superellipse(half_x: float, half_y: float, exponent: float = 2.0, segments: int = SEGMENTS) -> NDArray[np.float64]:
    """Points (segments, 2) of a superellipse, counter-clockwise.

    ``|x/a|^n + |y/b|^n = 1``; n = 2 is the ellipse, large n a box.
    """
    angle = np.arange(segments) * 2 * np.pi / segments
    cosine, sine = np.cos(angle), np.sin(angle)
    radius = (np.abs(cosine) ** exponent + np.abs(sine) ** exponent) ** (-1 / exponent)
    return np.stack([half_x * radius * cosine, half_y * radius * sine], 1)


def turned(profile: ArrayLike, depth: float = 1.0, exponent: float = 2.0, segments: int = SEGMENTS) -> Solid:
    """A vessel: the profile [(half width, height), ...] swept around z.

    Args:
        profile: (K, 2) from the outer bottom up; for an open vessel it comes down again inside.
        depth: y size over x size.
        exponent: of the superellipse that each level is.
    """
    loops = []
    for half, height in np.asarray(profile, np.float64):
        ring = superellipse(half, half * depth, exponent, segments)
        loops.append(np.column_stack([ring, np.full(segments, height)]))
    return loft(loops)


def tube(path: ArrayLike, radii: ArrayLike, segments: int = 16) -> Solid:
    """Round tube along a path.

    ``path`` (K, 3) with ``radii`` (K,) or one radius, its frame carried without twist.
    """
    points = np.asarray(path, np.float64)
    radius = np.broadcast_to(np.asarray(radii, np.float64), len(points))
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    side = np.cross(tangents[0], np.eye(3)[np.abs(tangents[0]).argmin()])
    angle = np.arange(segments) * 2 * np.pi / segments
    loops = []
    for point, tangent, r in zip(points, tangents, radius, strict=True):
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        other = np.cross(tangent, side)
        loops.append(point + r * (np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other))
    return loft(loops)


def rounded_box(size: ArrayLike, radius: float, segments: int = 12) -> Solid:
    """Box with rounded edges around the origin; outer ``size`` (3,)."""
    corner = Manifold.sphere(radius, segments)
    half = np.asarray(size, np.float64) / 2 - radius
    signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
    return Manifold.batch_hull([corner.translate(half * s) for s in signs])


def extruded(outline: Any, height: float, middle: float = 0.0) -> Solid:
    """Extrusion of a plane outline along z.

    A ``CrossSection`` or (N, 2) points of that thickness, centred at z = ``middle``.
    """
    section = outline if isinstance(outline, CrossSection) else CrossSection([np.asarray(outline, np.float64)])
    return section.extrude(height).translate((0, 0, middle - height / 2))


def rounded_outline(points: ArrayLike, radius: float) -> Any:
    """The polygon (N, 2) grown by ``radius`` with round corners, a ``CrossSection``."""
    return CrossSection([np.asarray(points, np.float64)], FillRule.NonZero).offset(
        radius, JoinType.Round, circular_segments=24
    )


def cylinder(radius: float, height: float, axis: int = 2, segments: int = SEGMENTS) -> Solid:
    """A cylinder around the origin along the axis 0, 1 or 2."""
    solid = Manifold.cylinder(height, radius, radius, segments, True)
    return solid.rotate({0: (0, 90, 0), 1: (90, 0, 0), 2: (0, 0, 0)}[axis])


def union(*parts: Solid) -> Solid:
    """All parts as one solid."""
    return reduce(lambda a, b: a + b, parts)


def arrays(solid: Solid) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (N, 3) and faces (M, 3) of a solid."""
    mesh = solid.to_mesh64()
    return np.asarray(mesh.vert_properties, np.float64)[:, :3], np.asarray(mesh.tri_verts, np.int64)
