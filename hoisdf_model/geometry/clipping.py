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

"""Triangles clipped by axis-aligned planes, in batches.

Many sets at once (Sutherland and Hodgman 1974).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ON_PLANE = 1e-8  # metres: corners so near to a plane lie on it


def clipped(
    triangles: NDArray[np.float64], axis: int, side: int, limit: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Part of the triangles on one side of a plane.

    Args:
        triangles: (3, 3, T) coordinates, corners, triangles: so that arithmetic runs along memory.
        axis: 0, 1, 2 for x, y, z.
        side: 1 keeps what is at most ``limit`` along the axis, -1 what is at least ``limit``.
        limit: where the plane is.

    Returns:
        (3, 3, S) triangles of the same orientation, and for each (S,) which one it is a part of. A triangle in the
        plane is kept where its normal points away from what is kept: it belongs to the solid's surface there.
    """
    beyond = side * (triangles[axis] - limit)
    outside, inside = beyond > ON_PLANE, beyond < -ON_PLANE
    out_count, in_count = (np.add.reduce(corners, 0, dtype=np.int8) for corners in (outside, inside))
    whole = (out_count == 0) & (in_count > 0)
    flat = np.flatnonzero((out_count == 0) & (in_count == 0))
    if len(flat):
        whole[flat] = side * area_vectors(triangles[:, :, flat])[axis] > 0
    kept, crossed = np.flatnonzero(whole), np.flatnonzero((out_count > 0) & (in_count > 0))
    if not len(crossed):
        return triangles.take(kept, 2), kept
    # the odd corner first: of a quad the one that goes, of a tip the one that stays
    quad, tip = in_count[crossed] == 2, in_count[crossed] == 1
    start = np.where(quad, outside[:, crossed].argmax(0), inside[:, crossed].argmax(0))
    odd, following, before = (triangles[:, (start + k) % 3, crossed] for k in range(3))
    leave, enter = _crossing(odd, following, axis, limit), _crossing(before, odd, axis, limit)
    quad, tip = np.flatnonzero(quad), np.flatnonzero(tip)
    parts = [
        triangles.take(kept, 2),
        np.stack([following, before, enter], 1).take(quad, 2),
        np.stack([enter, leave, following], 1).take(quad, 2),
        np.stack([odd, leave, enter], 1).take(tip, 2),
    ]
    return np.concatenate(parts, 2), np.concatenate([kept, crossed[quad], crossed[quad], crossed[tip]])


def area_vectors(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normals of triangles, twice as long as their area.

    (3, T) of triangles (3, 3, T), see :func:`clipped`.
    """
    (ax, ay, az), (bx, by, bz) = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _crossing(a: NDArray[np.float64], b: NDArray[np.float64], axis: int, limit: float) -> NDArray[np.float64]:
    """(3, T) where the edges from ``a`` (3, T) to ``b`` (3, T) go through the plane."""
    along = b - a
    rise = along[axis]
    return a + (limit - a[axis]) / np.where(rise == 0, 1e-12, rise) * along
