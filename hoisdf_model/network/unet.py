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

"""U-Net decoder and image heads (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hoisdf_model.network.config_sections import DecoderConfig


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _upsampling(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class UnetDecoder(nn.Module):
    """U-Net decoder with four upsampling stages.

    Each is fused with the encoder's features of that stride.

    Args:
        config: widths of the layers.
        encoder_channels: the encoder's channels at strides 2 to 32.
    """

    def __init__(self, config: DecoderConfig, encoder_channels: Sequence[int]) -> None:
        super().__init__()
        *skips, coarsest = encoder_channels
        skips = skips[::-1]
        self.bottleneck = _convolution(coarsest, config.bottleneck, 1) if config.bottleneck else nn.Identity()
        laterals = config.laterals or skips
        self.laterals = nn.ModuleList(
            nn.Identity() if config.laterals is None else _convolution(a, b, 1)
            for a, b in zip(skips, laterals, strict=True)
        )
        self.upsample_bottleneck = config.upsample_bottleneck
        first = config.bottleneck if config.upsample_bottleneck and config.bottleneck else coarsest
        below = [first, *config.fused[:-1]]
        self.upsamplers = nn.ModuleList(_upsampling(a, b) for a, b in zip(below, config.upsampled, strict=True))
        self.fusions = nn.ModuleList(
            _convolution(lateral + up, out, 3)
            for lateral, up, out in zip(laterals, config.upsampled, config.fused, strict=True)
        )

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Sampling maps at strides 2 to 32 from encoder features."""
        *skips, x = features
        pyramid = [self.bottleneck(x)]
        if self.upsample_bottleneck:
            x = pyramid[0]
        for skip, lateral, upsample, fuse in zip(
            reversed(skips), self.laterals, self.upsamplers, self.fusions, strict=True
        ):
            x = fuse(torch.cat([lateral(skip), upsample(x)], 1))
            pyramid.append(x)
        return tuple(reversed(pyramid))


def image_head(inputs: int, hidden: Sequence[int], outputs: int = 1) -> nn.Sequential:
    """Head of 1x1 convolutions on the finest features.

    (B, inputs, H, W) -> (B, outputs, H, W).
    """
    layers: list[nn.Module] = []
    for width in hidden:
        layers += _convolution(inputs, width, 1)
        inputs = width
    return nn.Sequential(*layers, nn.Conv2d(inputs, outputs, 1))


HEATMAP_START = 40.0  # factor of the last layer's first weights


class ImageHeads(nn.Module):
    """Joint heatmap, hand mask and object mask from the finest features."""

    def __init__(self, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.heatmap = image_head(inputs, hidden)
        self.hand_mask = image_head(inputs, hidden)
        self.object_mask = image_head(inputs, hidden)
        # Joints are 255 high in the map: from an ordinary start the last layer would need tens of thousands of steps.
        last = self.heatmap[-1]
        assert isinstance(last, nn.Conv2d)
        with torch.no_grad():
            last.weight.mul_(HEATMAP_START)

    def forward(self, finest: Tensor) -> Tensor:
        """Joint heatmap, hand mask and object mask.

        (B, C, S/2, S/2) -> (B, 3, S/2, S/2): heatmap linear, masks in [0, 1].
        """
        masks = torch.cat([self.hand_mask(finest), self.object_mask(finest)], 1).sigmoid()
        return torch.cat([self.heatmap(finest), masks], 1)
