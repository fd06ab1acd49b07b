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

"""Alignment of point sets before they are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import roma
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError

Floats = NDArray[np.float64]
WRIST, MIDDLE_MCP = 0, 9  # in our joint order


def similarity_aligned(points: NDArray[Any], goal: NDArray[Any]) -> Floats:
    """Points after the best similarity transform to the goal (Umeyama 1991).

    The alignment of the "PA" metrics.

    A reflection isn't allowed. Points that all coincide are moved to the goal's middle.

    Args:
        points, goal: (..., N, 3), corresponding.

    Returns:
        (..., N, 3) float64.

    Raises:
        InvalidInputError: the shapes differ.
    """
    moved, wanted = checked_pair(points, goal)
    middle = wanted.mean(-2, keepdims=True)
    p, g = torch.from_numpy(moved - moved.mean(-2, keepdims=True)), torch.from_numpy(wanted - middle)
    turn, _, scale = roma.rigid_points_registration(p, g, compute_scaling=True)
    return np.asarray((scale.nan_to_num()[..., None, None] * p @ turn.mT).numpy() + middle, np.float64)


def scale_translation_aligned(joints: NDArray[Any], goal: NDArray[Any]) -> Floats:
    """Joints aligned by wrist position and scale.

    The wrist is moved onto the goal's, and the bone from wrist to middle MCP made as long as the goal's.

    HO-3D's second alignment ("ST-MJE").

    Args:
        joints, goal: (..., 21, 3), our order.

    Returns:
        (..., 21, 3) float64; unscaled where the estimated bone has no length.
    """
    p, g = checked_pair(joints, goal)
    p = p - p[..., WRIST : WRIST + 1, :]
    own = np.linalg.norm(p[..., MIDDLE_MCP, :], axis=-1)
    wanted = np.linalg.norm(g[..., MIDDLE_MCP, :] - g[..., WRIST, :], axis=-1)
    scale = np.where(own > 0, wanted / np.where(own > 0, own, 1), 1.0)
    return np.asarray(scale[..., None, None] * p + g[..., WRIST : WRIST + 1, :], np.float64)


def checked_pair(a: NDArray[Any], b: NDArray[Any]) -> tuple[Floats, Floats]:
    """Corresponding points as float64.

    Raises:
        InvalidInputError: the shapes differ, or aren't (..., N, 3) with at least one point.
    """
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if p.shape != q.shape or p.ndim < 2 or p.shape[-1] != 3 or not p.shape[-2]:
        raise InvalidInputError(f"corresponding points must both be (..., N, 3), got {p.shape} and {q.shape}")
    return p, q
