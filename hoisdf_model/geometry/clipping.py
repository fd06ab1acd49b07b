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
        triangles: (T, 3, 3) corners.
        axis: 0, 1, 2 for x, y, z.
        side: 1 keeps what is at most ``limit`` along the axis, -1 what is at least ``limit``.
        limit: where the plane is.

    Returns:
        (S, 3, 3) triangles of the same orientation, and for each (S,) which one it is a part of. A triangle in the
        plane is kept where its normal points away from what is kept: it belongs to the solid's surface there.
    """
    beyond = side * (triangles[:, :, axis] - limit)
    outside, inside = beyond > ON_PLANE, beyond < -ON_PLANE
    out_count, in_count = outside.sum(1), inside.sum(1)
    whole = (out_count == 0) & (in_count > 0)
    flat = np.flatnonzero((out_count == 0) & (in_count == 0))
    if len(flat):
        corners = triangles[flat]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        whole[flat] = side * normals[:, axis] > 0
    crossed = (out_count > 0) & (in_count > 0)
    quads, tips = np.flatnonzero(crossed & (in_count == 2)), np.flatnonzero(crossed & (in_count == 1))
    kept = np.flatnonzero(whole)
    if not len(quads) and not len(tips):
        return triangles[kept], kept
    # the odd corner first: of a quad the one that goes, of a tip the one that stays
    gone, first, second = _turned(triangles[quads], outside[quads].argmax(1))
    enter, leave = _crossing(second, gone, axis, limit), _crossing(gone, first, axis, limit)
    stays, following, before = _turned(triangles[tips], inside[tips].argmax(1))
    ends = _crossing(stays, following, axis, limit), _crossing(before, stays, axis, limit)
    parts = [
        triangles[kept],
        np.stack([first, second, enter], 1),
        np.stack([enter, leave, first], 1),
        np.stack([stays, *ends], 1),
    ]
    return np.concatenate(parts), np.concatenate([kept, quads, quads, tips])


def _turned(triangles: NDArray[np.float64], start: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """The three corners (T, 3), each triangle's from its corner number ``start`` (T,) on."""
    rows = np.arange(len(triangles))
    return [triangles[rows, (start + k) % 3] for k in range(3)]


def _crossing(a: NDArray[np.float64], b: NDArray[np.float64], axis: int, limit: float) -> NDArray[np.float64]:
    """(T, 3) where the edges from ``a`` (T, 3) to ``b`` (T, 3) go through the plane."""
    along = b - a
    rise = along[:, axis]
    share = (limit - a[:, axis]) / np.where(rise == 0, 1e-12, rise)
    return a + share[:, None] * along
