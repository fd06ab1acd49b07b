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

"""Hand layer: joints and mesh from joint rotations and shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from smplx.lbs import lbs
from torch import nn

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand.joints import (
    FROM_MANO,
    MANO_PARENTS,
    NUM_JOINTS,
    NUM_ROTATIONS,
    NUM_SHAPES,
    NUM_VERTICES,
    TIP_VERTICES,
)
from hoisdf_model.hand.model_file import HandModelLike, as_hand_model


class HandMesh(NamedTuple):
    """Joints and vertices of posed hands.

    ``joints`` (B, 21, 3) in our order and ``vertices`` (B, 778, 3); metres, the wrist joint at the origin.
    """

    joints: torch.Tensor
    vertices: torch.Tensor


class HandLayer(nn.Module):
    """Linear blend skinning of a hand model.

    Romero et al. 2017, eq. 1-4, by smplx's function.

    The model's arrays are buffers that follow ``.to(device)`` and stay out of the state dict: a checkpoint must not
    carry a licensed hand model. smplx's own MANO class isn't used since it reads pickles, prints on loading, and
    takes other fingertip vertices than the official HOISDF weights were trained with.
    """

    v_template: torch.Tensor
    shapedirs: torch.Tensor
    posedirs: torch.Tensor
    joint_regressor: torch.Tensor
    weights: torch.Tensor
    faces: torch.Tensor
    tips: torch.Tensor
    order: torch.Tensor
    rest: torch.Tensor  # (21, 3, 11) metres: the mean hand and its changes by shape, wrist at the origin

    def __init__(self, model: HandModelLike) -> None:
        super().__init__()
        model = as_hand_model(model)
        self.model = model
        arrays = {
            "v_template": model.v_template,
            "shapedirs": model.shapedirs,
            "posedirs": model.posedirs.reshape(-1, model.posedirs.shape[-1]).T.copy(),
            "joint_regressor": model.joint_regressor,
            "weights": model.weights,
            "faces": model.faces,
            # as tensors on the layer's device: indexing by a list would copy it there at every call
            "tips": np.array(list(TIP_VERTICES.values())),
            "order": np.array(FROM_MANO),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.tensor(array), persistent=False)
        # at rest nothing is posed: joints are linear in the shape
        shapes = torch.cat([self.v_template[..., None], self.shapedirs], 2)
        joints = torch.einsum("jv,vck->jck", self.joint_regressor, shapes)
        joints = torch.cat([joints, shapes[self.tips]])[self.order]
        self.register_buffer("rest", joints - joints[:1], persistent=False)
        self._parents = np.array(MANO_PARENTS)  # numpy: reading a tensor element by element would stall a GPU

    def forward(self, rotations: torch.Tensor, shape: torch.Tensor) -> HandMesh:
        """Pose the hand.

        Args:
            rotations: (B, 16, 3, 3) in MANO's order, global rotation first, the mean pose included.
            shape: (B, 10) betas.

        Returns:
            joints and vertices, metres, wrist at the origin; in the layer's precision whatever autocast says.
        """
        if rotations.shape[1:] != (NUM_ROTATIONS, 3, 3) or shape.shape != (rotations.shape[0], NUM_SHAPES):
            raise InvalidInputError(
                f"the hand layer takes rotations (B, {NUM_ROTATIONS}, 3, 3) and shape (B, {NUM_SHAPES}), "
                f"got {tuple(rotations.shape)} and {tuple(shape.shape)}"
            )
        if not len(rotations):  # smplx can't reshape an empty batch
            empty = self.v_template.new_zeros
            return HandMesh(empty(0, NUM_JOINTS, 3), empty(0, NUM_VERTICES, 3))
        with torch.autocast(rotations.device.type, enabled=False):
            vertices, joints = lbs(
                shape.to(self.v_template.dtype),
                rotations.to(self.v_template.dtype),
                self.v_template,
                self.shapedirs,
                self.posedirs,
                self.joint_regressor,
                self._parents,
                self.weights,
                pose2rot=False,
            )
        joints = torch.cat([joints, vertices[:, self.tips]], 1)[:, self.order]
        wrist = joints[:, :1]
        return HandMesh(joints - wrist, vertices - wrist)

    def rest_joints(self, shape: torch.Tensor) -> torch.Tensor:
        """Joints of the flat hand of a given shape.

        (B, 10) -> (B, 21, 3), wrist at the origin, metres.
        """
        with torch.autocast(shape.device.type, enabled=False):
            return self.rest[..., 0] + (self.rest[..., 1:] @ shape.to(self.rest.dtype).T).permute(2, 0, 1)
