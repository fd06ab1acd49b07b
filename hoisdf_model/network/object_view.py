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

"""Initial estimate of the object pose from image features.

From the square around its box (ours, not the paper's).

Field points near an object that the network barely knows say little about how it is turned. Its picture does: which
object it is, and the direction of its outline.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hoisdf_model.network.config_sections import ObjectViewConfig
from hoisdf_model.network.heads import Head
from hoisdf_model.network.interface import ImageFeatures, NetworkInput
from hoisdf_model.network.region import RegionMap


class ObjectView(RegionMap):
    """Initial object pose, added to every point's proposal.

    Zeros before training, so that it can be added to a trained network.

    Args:
        config: sizes.
        channels: of the pyramid, strides 2 to 32.
        rotation: numbers of a rotation.
    """

    def __init__(self, config: ObjectViewConfig, channels: Sequence[int], rotation: int) -> None:
        super().__init__(config.width, config.hidden, channels)
        self.rotation = rotation
        self.numbers = Head([config.hidden + 4, config.hidden, rotation + 3])
        last = self.numbers.linear(-1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def forward(self, features: ImageFeatures, batch: NetworkInput) -> tuple[Tensor, Tensor]:
        """Guess.

        Args:
            features: of B crops.
            batch: the crops, boxes of the objects and cameras.

        Returns:
            (B, 3 or 6) to add to rotations, and (B, 3) to add to translations, metres.
        """
        seen = self.region(features, batch.object_box, batch.image.shape[-1])
        focal, middle = batch.intrinsics.diagonal(dim1=1, dim2=2)[:, :2], batch.intrinsics[:, :2, 2]
        ray = (seen.middle - middle) / focal  # the same picture off the axis is of an object that is turned along
        numbers = self.numbers(torch.cat([self.whole(seen.cells).float(), seen.shares.log(), ray], 1))
        return numbers[:, : self.rotation], numbers[:, self.rotation :]
