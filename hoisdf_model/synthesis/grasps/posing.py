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

"""A hand model posed in batches with numpy in and out."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import meshes
from hoisdf_model.hand import HandLayer, HandModelLike, as_hand_model, joint_limits
from hoisdf_model.synthesis.grasps.articulation import Postures, finger_rotations


class PosedHands(NamedTuple):
    """Posed hands.

    ``joints`` (B, 21, 3) and ``vertices`` (B, 778, 3), metres; ``rotations`` (B, 16, 3, 3) that led to them.
    """

    joints: NDArray[np.float64]
    vertices: NDArray[np.float64]
    rotations: NDArray[np.float64]


class PosableHand:
    """A right hand model with its joint limits, of one shape.

    Args:
        model: the hand model.
        shape: (10,) betas.

    Raises:
        InvalidInputError: a left hand; mirror it, and the pictures.
    """

    def __init__(self, model: HandModelLike, shape: NDArray[np.float64]) -> None:
        model = as_hand_model(model)
        if model.side != "right":
            raise InvalidInputError("synthesis plays right hands: use model.mirrored(), and mirror the pictures")
        self.model = model
        self.limits = joint_limits(model)
        self.link = model.weights.argmax(1)  # (778,) the joint that moves each vertex most
        self.faces, self._layer = model.faces, HandLayer(model)
        self._take(shape)
        _, self.closed_faces = meshes.capped(self.rest_vertices, self.faces)
        self.wrist_loop = meshes.boundary_loops(self.faces)[0]

    def reshaped(self, shape: NDArray[np.float64]) -> PosableHand:
        """Same hand model with another shape (10,).

        Ten times as quick as a new one.
        """
        other = copy.copy(self)
        other._take(shape)
        return other

    def _take(self, shape: NDArray[np.float64]) -> None:
        self.shape = np.asarray(shape, np.float64)
        rest = self.pose(Postures(np.zeros((1, 5, 3)), np.zeros(1), np.zeros(1)), np.eye(3)[None], np.zeros((1, 3)))
        self.rest_vertices, self.rest_joints = rest.vertices[0], rest.joints[0]

    def pose(self, postures: Postures, rotation: NDArray[np.float64], wrist: NDArray[np.float64]) -> PosedHands:
        """Pose and place.

        Args:
            postures: B of them.
            rotation: (B, 3, 3) MANO's rest frame -> the target frame.
            wrist: (B, 3) the wrist joint in the target frame, metres.
        """
        rotations = np.concatenate([rotation[:, None], finger_rotations(self.limits, postures)], 1)
        with torch.no_grad():
            shape = torch.tensor(self.shape, dtype=torch.float32).expand(len(rotations), -1)
            mesh = self._layer(torch.tensor(rotations, dtype=torch.float32), shape)
        place = wrist[:, None]
        return PosedHands(mesh.joints.double().numpy() + place, mesh.vertices.double().numpy() + place, rotations)

    def closed(self, vertices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vertices (779, 3) with the wrist's centre, for ``closed_faces``.

        From (778, 3).
        """
        return np.concatenate([vertices, vertices[self.wrist_loop].mean(0, keepdims=True)])
