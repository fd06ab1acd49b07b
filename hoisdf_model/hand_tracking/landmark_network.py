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

"""MediaPipe's hand landmark network ("full") and its image encoder.

Our own networks can use the encoder, too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.hand_tracking.convolutions import SameConv2d, mbconv_stages

LANDMARK_IMAGE = 224  # pixels, edge of the crop
ENCODER_CHANNELS = (16, 24, 40, 112, 1152)  # at strides 2, 4, 8, 16 and 32

# A stage for each stride; a block is (expanded, kernel, stride, outputs, shortcut).
_STEM = 24  # channels
_STAGES = (
    ((24, 3, 1, 16, False),),
    ((64, 3, 2, 24, False), (144, 3, 1, 24, True)),
    ((144, 5, 2, 40, False), (240, 5, 1, 40, True)),
    (
        (240, 3, 2, 80, False), (480, 3, 1, 80, True), (480, 3, 1, 80, True),
        (480, 5, 1, 112, False), (672, 5, 1, 112, True), (672, 5, 1, 112, True),
    ),
    ((672, 5, 2, 192, False), (1152, 5, 1, 192, True), (1152, 5, 1, 192, True), (1152, 5, 1, 192, True)),
)  # fmt: skip


class HandEncoder(nn.Module):
    """Image encoder trained on photographs of hands: features at five strides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, _STEM, 3, 2)
        self.stages = mbconv_stages(_STEM, _STAGES)
        widest = ENCODER_CHANNELS[-1]
        self.expand = SameConv2d(_STAGES[-1][-1][3], widest, 1)
        self.last = SameConv2d(widest, widest, 3, groups=widest)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image features at strides 2 to 32.

        (B, 3, S, S) RGB in [0, 1] -> (B, C, S/2, S/2) down to (B, 1152, S/32, S/32), C as ``ENCODER_CHANNELS``.
        """
        x = functional.relu6(self.stem(image), inplace=True)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        widest = functional.relu6(self.expand(x), inplace=True)
        features[-1] = functional.relu6(self.last(widest), inplace=True)
        return tuple(features)


class Landmarks(NamedTuple):
    """Outputs of the landmark network for crops.

    Attributes:
        pixels: (B, 21, 3) x and y in pixels of the crop, z in the same unit relative to the wrist.
        presence: (B,) probability that the crop shows a hand.
        right: (B,) probability that it is a right hand, as the camera sees it (not a mirror).
        world: (B, 21, 3) metres, about the hand's middle, x right and y down in the crop.
    """

    pixels: Tensor
    presence: Tensor
    right: Tensor
    world: Tensor


class LandmarkNetwork(nn.Module):
    """21 hand landmarks of an upright crop.

    The crop is turned so that the fingers point upwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = HandEncoder()
        width = ENCODER_CHANNELS[-1]
        self.right, self.presence = nn.Linear(width, 1), nn.Linear(width, 1)
        self.pixels, self.world = nn.Linear(width, 63), nn.Linear(width, 63)

    def forward(self, image: Tensor) -> Landmarks:
        """Landmarks of crops (B, 3, 224, 224), RGB in [0, 1]."""
        mean = self.encoder(image)[-1].mean((2, 3))
        return Landmarks(
            self.pixels(mean).unflatten(1, (21, 3)),
            torch.sigmoid(self.presence(mean))[:, 0],
            torch.sigmoid(self.right(mean))[:, 0],
            self.world(mean).unflatten(1, (21, 3)),
        )
