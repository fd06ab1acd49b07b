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

"""Joints and shape -> rotations, in closed form.

The palm's rotation is the least-squares fit of the wrist and the five finger bases (Kabsch 1976). Along each finger
every joint then takes the shortest rotation that turns its bone towards the target of the bone's end, starting from
where the joint itself came to lie, so that bones of another length don't add up errors. There is no twist: 21 points
can't tell it.
"""

from __future__ import annotations

import torch

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand.joints import FINGERS, MANO_FINGER_BASE, NUM_JOINTS, NUM_ROTATIONS
from hoisdf_model.hand.layer import HandLayer

# joints 1..20 are five fingers of four, base to tip
_BASES = [1 + 4 * i for i in range(len(FINGERS))]
_ROTATION_INDEX = [MANO_FINGER_BASE[finger] + k for finger in FINGERS for k in range(3)]
# ratio of the second to the first singular value below which the palm is a line and its rotation unknown
_FLATNESS = 1e-3


def inverse_kinematics(
    layer: HandLayer, joints: torch.Tensor, shape: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inverse kinematics of the hand, bone by bone.

    Args:
        layer: the hand.
        joints: (B, 21, 3) metres, our order, anywhere in space.
        shape: (B, 10) betas.

    Returns:
        rotations: (B, 16, 3, 3), MANO's order, for ``layer``; identity where not valid.
        valid: (B,) bool, False where a number isn't finite or the palm's joints lie on one line.
    """
    if joints.shape[1:] != (NUM_JOINTS, 3) or shape.shape[0] != joints.shape[0]:
        raise InvalidInputError(
            f"inverse kinematics takes joints (B, {NUM_JOINTS}, 3) and as many shapes, "
            f"got {tuple(joints.shape)} and {tuple(shape.shape)}"
        )
    with torch.autocast(joints.device.type, enabled=False):
        target, shape = joints.to(layer.v_template.dtype), shape.to(layer.v_template.dtype)
        finite = target.isfinite().flatten(1).all(1) & shape.isfinite().all(1)
        target = torch.where(finite[:, None, None], target - target[:, :1], 0)
        rest = layer.rest_joints(torch.where(finite[:, None], shape, 0))

        palm, flat = _fit_rotation(rest[:, _BASES], target[:, _BASES])
        local, parent = [], palm[:, None].expand(-1, len(FINGERS), -1, -1)
        rest_fingers, target_fingers = (x[:, 1:].unflatten(1, (len(FINGERS), 4)) for x in (rest, target))
        start = _turn(parent, rest_fingers[:, :, 0])
        for k in range(3):
            bone = rest_fingers[:, :, k + 1] - rest_fingers[:, :, k]
            local.append(shortest_rotation(bone, _turn(parent.mT, target_fingers[:, :, k + 1] - start)))
            parent = parent @ local[-1]
            start = start + _turn(parent, bone)

        fingers = torch.stack(local, 2).flatten(1, 2)  # (B, 15, 3, 3), our finger order
        identity = torch.eye(3, dtype=target.dtype, device=target.device)
        rotations = identity.repeat(target.shape[0], NUM_ROTATIONS, 1, 1)
        rotations[:, 0] = palm
        rotations[:, _ROTATION_INDEX] = fingers
        valid = finite & ~flat
        return torch.where(valid[:, None, None, None], rotations, identity), valid


def _turn(rotation: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    return (rotation @ vector[..., None])[..., 0]


def _fit_rotation(source: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, N, 3) each, about the origin -> the rotation with the least squared error (B, 3, 3), and where it is unknown.

    The direction of least variance gets the sign that makes a rotation of it: five finger bases lie almost in a
    plane, so noise alone can ask for a reflection.
    """
    u, scale, vh = torch.linalg.svd(target.mT @ source)
    sign = torch.det(u) * torch.det(vh)
    u = torch.cat([u[..., :2], u[..., 2:] * sign[:, None, None]], -1)
    return u @ vh, scale[:, 1] <= _FLATNESS * scale[:, 0].clamp_min(1e-12)


def shortest_rotation(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Shortest rotation from one direction to another.

    (..., 3), (..., 3) of any length -> (..., 3, 3).

    Rodrigues' formula with ``K = [a x b]``: ``I + K + K K / (1 + a.b)``. Identity for vectors without a direction; for
    opposite ones half a turn about any perpendicular axis.
    """
    a = torch.nn.functional.normalize(source, dim=-1, eps=1e-9)
    b = torch.nn.functional.normalize(target, dim=-1, eps=1e-9)
    x, y, z = torch.linalg.cross(a, b, dim=-1).unbind(-1)
    zero = torch.zeros_like(x)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    cosine = (a * b).sum(-1)[..., None, None]
    identity = torch.eye(3, dtype=a.dtype, device=a.device)
    rotation = identity + k + k @ k / (1 + cosine).clamp_min(1e-6)

    # half a turn about the axis perpendicular to a and to the coordinate axis it leans on least
    least = torch.nn.functional.one_hot(a.abs().argmin(-1), 3).to(a)
    axis = torch.nn.functional.normalize(torch.linalg.cross(a, least, dim=-1), dim=-1, eps=1e-9)
    half_turn = 2 * axis[..., :, None] * axis[..., None, :] - identity
    rotation = torch.where(cosine < -1 + 1e-5, half_turn, rotation)
    known = (source.norm(dim=-1) > 1e-9) & (target.norm(dim=-1) > 1e-9)
    return torch.where(known[..., None, None], rotation, identity)
