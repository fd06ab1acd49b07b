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

"""Hand-root head: wrist position in a crop and its scale-free depth.

From the image features, for cameras without a given wrist position.

A picture doesn't tell a camera's focal length, so no head can learn a depth in metres from crops of any camera and
size. What it can learn is how many metres the crop's edge spans at the wrist's depth, ``extent = S z / F`` with the
crop's size ``S`` and focal length ``F`` in its pixels: that stays the same when focal length and distance grow
together, and when the crop is scaled (the scale-normalised depth of Iqbal et al., ECCV 2018, arXiv 1804.09534; the
root depth of Moon et al., ICCV 2019, arXiv 1907.11346, sets the expected size against the seen one likewise).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hoisdf_model.hand.joints import NUM_JOINTS
from hoisdf_model.network.config_sections import RootConfig
from hoisdf_model.network.heads import Head
from hoisdf_model.network.interface import ImageFeatures, NetworkInput, RootPrediction
from hoisdf_model.network.region import RegionMap

# Where an untrained head says that the wrist is: in the middle of the hand's box, whose longest edge is this many
# metres, and how far off that may be (relative depth; share of the box's longest edge). docs/live_use.md has the why.
BOX_METRES, DEPTH_SPREAD, PIXEL_SPREAD = 0.148, 0.2, 0.27
BOX_REACH = 0.5  # longest edges; standard deviation of the heatmap that an untrained head has around the box's middle
EVIDENCE = 5 * NUM_JOINTS + 2  # numbers of landmarks: places, the extent that they say, presence
_DECIMETRES = 10.0
_LIMIT = 5.0  # natural logarithms; spreads stay within a factor of e^5 of the first ones, and finite


class RootHead(RegionMap):
    """Finds the wrist of the hand in a box.

    It looks at the square around the box, so that neither the crop's window nor the hand's size in it matter.
    A heatmap of these cells gives the pixel; the features where the heatmap is, and those of the whole square, give a
    correction of it, how the extent differs from what the box's size alone says, and both spreads. It starts as the
    guess from the box alone. Landmarks, where it reads them, are numbers beside those features: whether they or the
    picture are right is for it to learn.

    Args:
        config: sizes.
        channels: of the pyramid, strides 2 to 32.
    """

    def __init__(self, config: RootConfig, channels: Sequence[int]) -> None:
        width, hidden = config.width, config.hidden
        super().__init__(width, hidden, channels)
        self.heat = nn.Conv2d(width, 1, 1)
        self.landmarks = config.landmarks
        self.numbers = Head([hidden + width + 4 + (EVIDENCE if config.landmarks else 0), hidden, 5])
        for last in (self.heat, self.numbers.linear(-1)):
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)

    def forward(self, features: ImageFeatures, batch: NetworkInput) -> RootPrediction:
        """Find wrists.

        Args:
            features: of B crops.
            batch: the crops, boxes of the hands and, if it reads them, landmarks; wrists in it aren't looked at.
        """
        size = batch.image.shape[-1]
        x, place, middle, longest, shares = self.region(features, batch.hand_box, size)
        logits = self.heat(x)[:, 0].float() - place.square().sum(0) / (2 * BOX_REACH**2)
        heat = logits.flatten(1).softmax(1).view_as(logits)
        around = torch.einsum("chw,bhw->bc", place, heat)
        there = torch.einsum("bchw,bhw->bc", x.float(), heat)
        known = [self.whole(x).float(), there, around, shares.log()]
        if self.landmarks:
            known.append(landmark_evidence(batch, middle, longest))
        numbers = self.numbers(torch.cat(known, 1))
        offset, depth, spreads = numbers.float().split([2, 1, 2], 1)
        spreads = spreads.clamp(-_LIMIT, _LIMIT).exp()
        return RootPrediction(
            pixel=middle + (around + offset) * longest[:, None],
            log_extent=depth[:, 0] + (BOX_METRES * size / longest).log(),
            pixel_spread=PIXEL_SPREAD * longest * spreads[:, 0],
            depth_spread=DEPTH_SPREAD * spreads[:, 1],
        )


def landmark_evidence(batch: NetworkInput, middle: Tensor, longest: Tensor) -> Tensor:
    """Landmark inputs (B, EVIDENCE) of the head; zeros without landmarks.

    Places in pixels relative to the box, in its longest edges; relative to the wrist in decimetres; by how much the
    extent differs from the box's guess if a flat picture of the latter, as large as the former, is what is seen.
    """
    if batch.landmarks is None or batch.landmark_presence is None:
        return middle.new_zeros(len(middle), EVIDENCE)
    pixels, relative = batch.landmarks.split([2, 3], 2)
    wide, long = ((part - part.mean(1, keepdim=True)).norm(dim=(1, 2)) for part in (pixels, relative[..., :2]))
    extent = ((long * longest).clamp(min=1e-6) / (wide * BOX_METRES).clamp(min=1e-6)).log().clamp(-_LIMIT, _LIMIT)
    places = (pixels - middle[:, None]) / longest[:, None, None]
    presence = batch.landmark_presence[:, None]
    numbers = [places.flatten(1), relative.flatten(1) * _DECIMETRES, extent[:, None], presence]
    return torch.where(presence > 0, torch.cat(numbers, 1), 0.0)
