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

"""Network inputs and loss targets of a batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.evaluation.runs.methods import given
from hoisdf_model.hand import HandLayer
from hoisdf_model.network import NetworkInput, log_extent


@dataclass(frozen=True)
class Target:
    """Target values of the losses.

    Attributes:
        hand_known, pose_known, object_known, turn_known, masks_known: (B,) bool; what isn't known costs nothing.
        heatmap_joints: (B, 21, 2) pixels of the image maps.
        hand_mask, object_mask: (B, H, W) in {0, 1}.
        hand_sdf: (B, N) and object_sdf: (B, M) distances at the field points, normalised units, not clamped.
        joints: (B, 21, 3) metres, relative to the wrist.
        mano_joints: (B, 21, 3) and vertices: (B, 778, 3) of the hand model with the true pose and shape, metres,
            relative to the wrist.
        mano_rotations: (B, 16, 3, 3). mano_shape: (B, 10).
        object_rotations: (B, K, 3, 3) all rotations that look the same, the annotated one first, and
            object_translations: (B, K, 3) those that go with them, metres, relative to the object's centre.
        wrist_pixel: (B, 2) true wrist, pixels of the crop.
        wrist_log_extent: (B,) logarithm of the metres that the crop's edge spans at the true wrist's depth.
    """

    hand_known: Tensor
    pose_known: Tensor
    object_known: Tensor
    turn_known: Tensor
    masks_known: Tensor
    heatmap_joints: Tensor
    hand_mask: Tensor
    object_mask: Tensor
    hand_sdf: Tensor
    object_sdf: Tensor
    joints: Tensor
    mano_joints: Tensor
    vertices: Tensor
    mano_rotations: Tensor
    mano_shape: Tensor
    object_rotations: Tensor
    object_translations: Tensor
    wrist_pixel: Tensor
    wrist_log_extent: Tensor


def target_of(batch: Sample, hand_layer: HandLayer, scale: float) -> Target:
    """Target values of a batch.

    Args:
        batch: samples.
        hand_layer: the hand that poses and shapes are of.
        scale: the fields' units per metre.
    """
    with torch.no_grad():
        mesh = hand_layer(batch.mano_rotations, batch.mano_shape)
        turned = batch.object_rotation[:, None] @ batch.object_symmetries[..., :3, :3]
        projected = (batch.intrinsics @ batch.wrist[..., None])[..., 0]
        moved = (batch.object_rotation[:, None] @ batch.object_symmetries[..., :3, 3:]).squeeze(-1)
    return Target(
        hand_known=batch.hand_known,
        pose_known=batch.pose_known,
        object_known=batch.object_known,
        turn_known=batch.turn_known,
        masks_known=batch.masks_known,
        heatmap_joints=batch.joint_pixels / 2,
        hand_mask=batch.hand_mask,
        object_mask=batch.object_mask,
        hand_sdf=batch.hand_field_distances * scale,
        object_sdf=batch.object_field_distances * scale,
        joints=batch.joints,
        mano_joints=mesh.joints,
        vertices=mesh.vertices,
        mano_rotations=batch.mano_rotations,
        mano_shape=batch.mano_shape,
        object_rotations=turned,
        object_translations=batch.object_translation[:, None] + moved,
        wrist_pixel=projected[:, :2] / projected[:, 2:],
        wrist_log_extent=log_extent(batch.wrist[:, 2], batch.intrinsics, batch.image.shape[-1]),
    )


def input_of(batch: Sample, queries: tuple[Tensor, Tensor] | None = None) -> NetworkInput:
    """Network input of a batch.

    ``queries`` are normalised points to use in place of those that it would find.
    """
    hand, object_ = queries or (None, None)
    return replace(given(batch), hand_queries=hand, object_queries=object_)
