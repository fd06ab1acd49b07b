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

"""Regression heads: joints, hand pose and object pose.

Paper, section 3.4.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.geometry import rotations
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_ROTATIONS
from hoisdf_model.network.mlp import Mlp

ROTATION_NUMBERS = {"axis_angle": 3, "six_d": 6}  # of an object's rotation, by representation
_IDENTITY_SIX_D = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class Head(Mlp):
    """Perceptron with outputs in its parameters' precision, also under autocast."""

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the perceptron.

        (..., inputs) -> (..., outputs).
        """
        return super().forward(x).to(self.linear(-1).weight.dtype)


class Votes(NamedTuple):
    """Votes of N points for the 20 joints that aren't the wrist.

    ``offsets`` (L, B, N, 20, 3) metres; ``logits`` (L, B, N, 20); ``joints`` (L, B, 21, 3) metres and ``spread``
    (L, B, 21) metres, root mean square distance of the weighted votes from the joint; the wrist's are zero.
    """

    offsets: Tensor
    logits: Tensor
    joints: Tensor
    spread: Tensor


class VoteHead(nn.Module):
    """Joint regression by point votes.

    Each point votes for every joint; a joint is the mean of its votes, weighted by a softmax over the points.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.offsets = Head([width, width, width, width, 3 * (NUM_JOINTS - 1)])
        self.scores = Head([width, width, width, NUM_JOINTS - 1])

    def forward(self, features: Tensor, points: Tensor, trust: Tensor | None = None) -> Votes:
        """Votes of points.

        Args:
            features: (L, B, N, D) of the points.
            points: (B, N, 3) metres, relative to the wrist.
            trust: (B, N, 20) added to the points' weights before the softmax; None: nothing.
        """
        offsets = self.offsets(features).unflatten(-1, (NUM_JOINTS - 1, 3))
        logits = self.scores(features)
        if trust is not None:
            logits = logits + trust
        weights = logits.softmax(-2)[..., None]
        votes = points[:, :, None] + offsets
        joints = (votes * weights).sum(-3)
        spread = ((votes - joints[..., None, :, :]).square() * weights).sum((-3, -1)).sqrt()
        return Votes(offsets, logits, functional.pad(joints, (0, 0, 1, 0)), functional.pad(spread, (1, 0)))


class PoseHead(Head):
    """Joint rotation from its query, as six numbers.

    It starts at the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__([width, width, width, 6])
        _start_at_identity(self)

    def forward(self, queries: Tensor) -> Tensor:
        """Joint rotations from query states.

        (L, B, 17, D) -> (L, B, 16, 3, 3).
        """
        six_d = super().forward(queries[..., :NUM_ROTATIONS, :])
        with torch.autocast(six_d.device.type, enabled=False):
            return rotations.six_d_to_matrix(six_d)


class ObjectPose(NamedTuple):
    """Object pose of each sample with the spread of votes.

    The spread is the root mean square deviation of the points.

    ``rotation`` (B, 3) axis-angle; ``translation`` (B, 3) metres; ``rotation_spread`` (B,) radians;
    ``translation_spread`` (B,) metres.
    """

    rotation: Tensor
    translation: Tensor
    rotation_spread: Tensor
    translation_spread: Tensor


class ObjectHead(nn.Module):
    """Each object point proposes a pose."""

    def __init__(self, width: int, representation: str) -> None:
        super().__init__()
        self.representation = representation
        self.rotation = Head([width, width, width, ROTATION_NUMBERS[representation]])
        self.translation = Head([width, width, width, 3])
        if representation == "six_d":
            _start_at_identity(self.rotation)

    def forward(self, features: Tensor, guess: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Object pose proposals of all points.

        (L, B, M, D) -> rotations (L, B, M, 3 or 6) as configured and translations (L, B, M, 3), metres.

        ``guess``: (B, 3 or 6) and (B, 3), what they are added to.
        """
        rotation, translation = self.rotation(features), self.translation(features)
        return (
            (rotation, translation)
            if guess is None
            else (rotation + guess[0][:, None], translation + guess[1][:, None])
        )

    def pose(self, rotation: Tensor, translation: Tensor) -> ObjectPose:
        """Mean object pose of one layer's proposals.

        (B, M, 3 or 6) and (B, M, 3).
        """
        with torch.autocast(rotation.device.type, enabled=False):
            if self.representation == "six_d":
                matrices = rotations.six_d_to_matrix(rotation)
                mean = rotations.nearest_rotation(matrices.mean(1))
                mean_vector = rotations.matrix_to_axis_angle(mean)
            else:
                matrices = rotations.axis_angle_to_matrix(rotation)
                mean_vector = rotation.mean(1)
                mean = rotations.axis_angle_to_matrix(mean_vector)
        # the sine of half the angle between two rotations is their Frobenius distance over sqrt(8)
        chord = (matrices - mean[:, None]).square().sum((-2, -1)).clamp(max=8).div(8).sqrt()
        center = translation.mean(1)
        return ObjectPose(
            mean_vector,
            center,
            (2 * chord.asin()).square().mean(1).sqrt(),
            (translation - center[:, None]).square().sum(-1).mean(1).sqrt(),
        )


def _start_at_identity(head: Mlp) -> None:
    with torch.no_grad():
        head.linear(-1).bias.copy_(torch.tensor(_IDENTITY_SIX_D))
