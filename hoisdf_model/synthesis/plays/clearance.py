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

"""Collision check of hand, forearm, objects and table over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.synthesis.grasps.table_grasps import GraspSampler
from hoisdf_model.synthesis.render.forearm import LENGTH as FOREARM_LENGTH

ARM_RADIUS = 0.045  # metres
GRAZE = 1e-6  # metres: an object that stands on the table touches it to within rounding


def deepest_overlap(
    joints: NDArray[np.float64],
    vertices: NDArray[np.float64],
    rotation: NDArray[np.float64],
    object_poses: NDArray[np.float64],
    samplers: Sequence[GraspSampler],
) -> float:
    """Deepest penetration of hand, forearm, objects and table, metres.

    At any time; negative: the smallest gap.

    Objects stand on the table: that contact counts as no gap and no overlap.

    Args:
        joints: (T, 21, 3) world, metres.
        vertices: (T, 778, 3) of the hand.
        rotation: (T, 3, 3) of the hand.
        object_poses: (T, K, 4, 4) object -> world.
        samplers: K, of the objects.
    """
    along = np.linspace(0.03, FOREARM_LENGTH * 0.6, 10)
    arm = joints[:, :1] + along[:, None] * rotation[:, None, :, 0]
    solids = [_in_world(sampler.surface, object_poses[:, k]) for k, sampler in enumerate(samplers)]
    worst = float(-vertices[..., 2].min())
    for k, sampler in enumerate(samplers):
        below = -float(solids[k][..., 2].min())
        worst = max(worst, below if below > GRAZE else -np.inf)
        turn, shift = object_poses[:, k, :3, :3], object_poses[:, k, :3, 3]
        others = [(points, 0.0) for j, points in enumerate(solids) if j != k]
        for points, radius in ((vertices, 0.0), (arm, ARM_RADIUS), *others):
            local = np.einsum("tji,tnj->tni", turn, points - shift[:, None])
            worst = max(worst, radius - float(sampler.grid(local).min()))
    return worst


def _in_world(points: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) in T poses (T, 4, 4) -> (T, N, 3)."""
    return np.einsum("tij,nj->tni", poses[:, :3, :3], points) + poses[:, None, :3, 3]
