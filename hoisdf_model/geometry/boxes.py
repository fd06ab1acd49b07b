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

"""Axis-aligned boxes ``x0, y0, x1, y1`` in pixels.

float64 numpy arrays of any batch shape (..., 4).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import InvalidInputError


def validated(box: ArrayLike, what: str = "box") -> NDArray[np.float64]:
    """The box as float64 (4,).

    Raises:
        InvalidInputError: not four finite numbers with x0 < x1 and y0 < y1.
    """
    b = np.asarray(box, np.float64)
    if b.shape != (4,) or not np.isfinite(b).all():
        raise InvalidInputError(f"{what} must be four finite pixel numbers x0 y0 x1 y1, got {np.asarray(box).tolist()}")
    if b[0] >= b[2] or b[1] >= b[3]:
        raise InvalidInputError(f"{what} must have x0 < x1 and y0 < y1, got {b.tolist()}")
    return b


def around(points: ArrayLike, factor: float = 1.0) -> NDArray[np.float64]:
    """Smallest box around pixels (..., N, 2), enlarged about its centre.

    ``factor``: the enlargement.
    """
    p = np.asarray(points, np.float64)
    return scaled(np.concatenate([p.min(-2), p.max(-2)], -1), factor)


def scaled(box: ArrayLike, factor: float) -> NDArray[np.float64]:
    """Boxes (..., 4) enlarged about their centres."""
    b = np.asarray(box, np.float64)
    middle, half = (b[..., :2] + b[..., 2:]) / 2, (b[..., 2:] - b[..., :2]) / 2 * factor
    return np.concatenate([middle - half, middle + half], -1)


def center(box: ArrayLike) -> NDArray[np.float64]:
    """Centres (..., 2) of boxes (..., 4), pixels."""
    b = np.asarray(box, np.float64)
    return (b[..., :2] + b[..., 2:]) / 2


def union(*boxes: ArrayLike) -> NDArray[np.float64]:
    """Smallest box around all given boxes, (4,)."""
    b = np.asarray(boxes, np.float64)
    return np.concatenate([b[:, :2].min(0), b[:, 2:].max(0)])


def clipped(box: ArrayLike, width: int, height: int) -> NDArray[np.float64]:
    """Boxes (..., 4) clipped to the image.

    They may become empty (x0 >= x1).
    """
    return np.clip(np.asarray(box, np.float64), 0, np.array([width, height, width, height], np.float64))


def mapped(box: ArrayLike, mapping: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Box (4,) in another image, from the mapped centres of its edges.

    For mappings that bend straight lines a little, such as distortion: there and back again gives the same box, which
    a box around the bent outline wouldn't.

    Args:
        mapping: pixels (4, 2) -> pixels (4, 2).
    """
    b = validated(box)
    x, y = center(b)
    left, top, right, bottom = mapping(np.array([[b[0], y], [x, b[1]], [b[2], y], [x, b[3]]]))
    return np.array([left[0], top[1], right[0], bottom[1]])


def mirrored(box: ArrayLike, width: int) -> NDArray[np.float64]:
    """Boxes (..., 4) in the horizontally mirrored image of that width."""
    b = np.asarray(box, np.float64)
    return np.stack([width - 1 - b[..., 2], b[..., 1], width - 1 - b[..., 0], b[..., 3]], -1)


def overlap(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of (..., 4) and (..., 4) -> (...)."""
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    size = np.clip(np.minimum(p[..., 2:], q[..., 2:]) - np.maximum(p[..., :2], q[..., :2]), 0, None)
    common = size.prod(-1)
    area = (p[..., 2:] - p[..., :2]).prod(-1) + (q[..., 2:] - q[..., :2]).prod(-1) - common
    return np.where(area > 0, common / np.where(area > 0, area, 1), 0.0)
