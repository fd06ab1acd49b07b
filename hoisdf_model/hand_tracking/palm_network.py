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

"""MediaPipe's palm detector ("full"), a single-shot detector.

For palms in a whole image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.hand_tracking.convolutions import ResidualBlock, SameConv2d

PALM_IMAGE = 192  # pixels, edge of the image
ANCHORS_COARSE, ANCHORS_FINE = 6, 2  # per cell of the 12x12 and of the 24x24 map
CODE = 18  # numbers of one detection: box (centre, size), seven keypoints
_WIDTHS = (32, 64, 128, 256, 256)  # channels at strides 2 to 32
_BLOCKS = 4  # at each stride, after the first one there


class PalmNetwork(nn.Module):
    """Feature pyramid of residual blocks with two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.activation = SameConv2d(3, _WIDTHS[0], 5, 2), nn.PReLU(_WIDTHS[0])
        stages = []
        inputs = _WIDTHS[0]
        for stride, width in enumerate(_WIDTHS):
            first = [ResidualBlock(inputs, width, 2)] if stride else []
            stages.append(nn.Sequential(*first, *(ResidualBlock(width, width) for _ in range(_BLOCKS))))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.up_coarse, self.activation_coarse = SameConv2d(256, 256, 1), nn.PReLU(256)
        self.coarse = nn.Sequential(ResidualBlock(256, 256), ResidualBlock(256, 256))
        self.score_coarse = SameConv2d(256, ANCHORS_COARSE, 1)
        self.code_coarse = SameConv2d(256, ANCHORS_COARSE * CODE, 1)
        self.up_fine, self.activation_fine = SameConv2d(256, 128, 1), nn.PReLU(128)
        self.fine = nn.Sequential(ResidualBlock(128, 128), ResidualBlock(128, 128))
        self.score_fine = SameConv2d(128, ANCHORS_FINE, 1)
        self.code_fine = SameConv2d(128, ANCHORS_FINE * CODE, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and scores of every anchor.

        Args:
            image: (B, 3, 192, 192) RGB in [0, 1].

        Returns:
            (B, 2016, 18) codes in pixels relative to the anchor, and (B, 2016) logits; the fine map's anchors first.
        """
        x = self.activation(self.stem(image))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        coarse = self.coarse(maps[3] + self.activation_coarse(self.up_coarse(_doubled(x))))
        fine = self.fine(maps[2] + self.activation_fine(self.up_fine(_doubled(coarse))))
        codes = torch.cat([_listed(self.code_fine(fine), CODE), _listed(self.code_coarse(coarse), CODE)], 1)
        scores = torch.cat([_listed(self.score_fine(fine), 1), _listed(self.score_coarse(coarse), 1)], 1)
        return codes, scores[..., 0]


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _listed(x: Tensor, length: int) -> Tensor:
    """(B, anchors x length, H, W) -> (B, H W anchors, length)."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, length)
