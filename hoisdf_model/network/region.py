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

"""Region of interest of fixed resolution, cropped from image features.

The square around a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.network.interface import ImageFeatures

REGION = 2.0  # edge of the square around the box's middle that is looked at, in longest edges of the box
CELLS = 16  # of the map of that square, along each edge
_ABOUT = 6  # maps beside the features: place in the square, whether it is in the box, the image maps


class Region(NamedTuple):
    """Region-of-interest features around B boxes.

    ``cells`` (B, C, CELLS, CELLS); ``places`` (2, CELLS, CELLS), x and y from the box's middle in its longest edges;
    ``middle`` (B, 2) and ``longest`` (B,), pixels; ``shares`` (B, 2), edges relative to the longest.
    """

    cells: Tensor
    places: Tensor
    middle: Tensor
    longest: Tensor
    shares: Tensor


class RegionMap(nn.Module):
    """Features of the square around a box.

    All maps of the pyramid and the image maps, and each cell's place.

    Neither the crop's window nor the size of what is in the box matters. It has no norms: what it computes doesn't
    depend on the batch, so that it can be trained on frozen features and be added to a trained network.

    Args:
        width: channels of its map.
        hidden: features of the whole square.
        channels: of the pyramid, strides 2 to 32.
    """

    def __init__(self, width: int, hidden: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.mix = nn.Sequential(
            nn.Conv2d(width + _ABOUT, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.whole = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(width * (CELLS // 4) ** 2, hidden), nn.ReLU(),
        )  # fmt: skip

    def region(self, features: ImageFeatures, box: Tensor, size: int) -> Region:
        """Region-of-interest features of boxes.

        Args:
            features: of B crops.
            box: (B, 4) pixels of the crops.
            size: edge of the crops, pixels.
        """
        middle, edges = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).clamp(min=1.0)
        longest = edges.amax(1)
        shares = edges / longest[:, None]
        places = square_places(CELLS, REGION, box.device)
        grid = square_grid(middle, places, longest, size)
        inside = (places.abs() <= shares[:, :, None, None] / 2).all(1, keepdim=True)
        maps = features.maps / features.maps.new_tensor([255.0, 1.0, 1.0])[:, None, None]
        x = torch.stack(
            [sampled(layer(level), grid) for layer, level in zip(self.projections, features.pyramid, strict=True)]
        ).sum(0)
        about = torch.cat([places.expand(len(box), -1, -1, -1), inside.float(), sampled(maps, grid)], 1)
        cells = self.mix(torch.cat([x.relu(), about.to(x.dtype)], 1))
        return Region(cells, places, middle, longest, shares)


def square_places(cells: int, edge: float, device: torch.device) -> Tensor:
    """Places of a square's cells, seen from its middle.

    (2, cells, cells), x and y, of a square that is ``edge`` wide.
    """
    steps = ((torch.arange(cells, device=device, dtype=torch.float32) + 0.5) / cells - 0.5) * edge
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"))


def square_grid(middle: Tensor, places: Tensor, unit: Tensor, size: int) -> Tensor:
    """Sampling grid of squares in crops, from -1 to 1.

    ``middle`` (B, 2) pixels; ``places`` (2, h, w) in ``unit`` (B,) pixels; crops ``size`` pixels wide -> (B, h, w, 2).
    """
    pixels = middle[:, None, None] + places.permute(1, 2, 0) * unit[:, None, None, None]
    return (pixels + 0.5) * (2 / size) - 1


def sampled(maps: Tensor, grid: Tensor) -> Tensor:
    """Maps resampled on a grid, zero outside.

    (B, C, n, n) at (B, h, w, 2) from -1 to 1 over the crop -> (B, C, h, w).
    """
    return functional.grid_sample(maps, grid.to(maps.dtype), align_corners=False)
