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

"""Validation errors for monitoring, not the paper's protocols.

Those are the evaluation's.
"""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from hoisdf_model.geometry import rotations
from hoisdf_model.network import NetworkOutput, RootPrediction
from hoisdf_model.training.root_losses import root_error
from hoisdf_model.training.targets import Target

MILLIMETRES = 1000.0
SCORES = (
    "joints_mm",
    "joints_aligned_mm",
    "mano_joints_mm",
    "hand_surface_mm",
    "object_surface_mm",
    "object_position_mm",
    "object_rotation_deg",
    "wrist_sideways_mm",
    "wrist_depth_percent",
)


def scores(output: NetworkOutput, target: Target, scale: float) -> dict[str, Tensor]:
    """Errors of each sample with known truth.

    What a network variant doesn't predict is left out.

    ``joints_mm``: mean distance of the 21 voted joints relative to the wrist (which counts, as in the paper's MJE);
    ``joints_aligned_mm``: after the best similarity transform; ``mano_joints_mm``: of the hand model's joints;
    ``hand_surface_mm`` and ``object_surface_mm``: mean absolute distance that the fields claim for the points chosen by
    them; ``object_position_mm`` and ``object_rotation_deg``: to the nearest pose that looks the same.

    Args:
        output: of the network.
        target: what is right.
        scale: the fields' units per metre.
    """
    hand, pose, thing = target.hand_known, target.pose_known, target.object_known
    true = target.joints[hand]
    turned = rotations.axis_angle_to_matrix(output.object_rotation[thing].float())
    alike = target.object_rotations[thing]
    angle = roma.rotmat_geodesic_distance(turned[:, None].expand_as(alike), alike)
    nearest = angle.argmin(1)
    rows = torch.arange(len(nearest), device=nearest.device)
    place = target.object_translations[thing][rows, nearest]
    found = {}
    if output.voted_joints is not None:
        voted = output.voted_joints[hand].float()
        found["joints_mm"] = _mean_distance(voted, true)
        found["joints_aligned_mm"] = _mean_distance(_aligned(voted, true), true)
    if output.vertices is not None:
        found["mano_joints_mm"] = _mean_distance(output.joints[pose].float(), target.mano_joints[pose])
    if output.hand_sdf is not None and output.object_sdf is not None:
        found["hand_surface_mm"] = output.hand_sdf[hand].abs().mean(1) / scale * MILLIMETRES
        found["object_surface_mm"] = output.object_sdf[thing].abs().mean(1) / scale * MILLIMETRES
    return found | {
        "object_position_mm": (output.object_translation[thing].float() - place).norm(dim=-1) * MILLIMETRES,
        "object_rotation_deg": angle[rows, nearest].rad2deg(),
    }


def wrist_scores(root: RootPrediction, target: Target) -> dict[str, Tensor]:
    """Errors (N,) of the hand-root head.

    One for each of the N samples whose hand is known.

    ``wrist_sideways_mm``: across the line of sight, at the true depth; ``wrist_depth_percent``: along it, of the depth.
    """
    error, _ = root_error(root, target)
    across = error[:, :2].norm(dim=1) * target.wrist_log_extent.exp()
    return {
        "wrist_sideways_mm": across[target.hand_known] * MILLIMETRES,
        "wrist_depth_percent": error[target.hand_known, 2].expm1().abs() * 100,
    }


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).norm(dim=-1).mean(1) * MILLIMETRES


def _aligned(points: Tensor, goal: Tensor) -> Tensor:
    """(B, N, 3) moved by the rotation, scale and shift that bring them nearest to the goal (Umeyama 1991)."""
    if not len(points):
        return points
    turn, shift, scale = roma.rigid_points_registration(points, goal, compute_scaling=True)
    return scale[:, None, None] * points @ turn.mT + shift[:, None]
