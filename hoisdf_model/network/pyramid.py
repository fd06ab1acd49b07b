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

"""Image features at projected points.

Bilinear sampling of all pyramid levels, and the networks on top.

Bilinear interpolation and a linear layer commute: the layer may be applied to every pixel before sampling or to every
point after it. ``PointFeatures`` takes, level by level, whichever needs fewer multiplications. Sampling itself is a
weighted sum of table rows (``embedding_bag``), four per level, which also adds up the levels where the layer came
first.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hoisdf_model.network.mlp import Mlp


def pixels_of(points: Tensor, intrinsics: Tensor) -> Tensor:
    """Projection of camera points (..., 3), metres, to pixels (..., 2).

    ``intrinsics``: (..., 3, 3).
    """
    homogeneous = (intrinsics * points[..., None, :]).sum(-1)  # a matrix product would follow autocast
    return homogeneous[..., :2] / homogeneous[..., 2:]


@dataclass(frozen=True)
class Taps:
    """Bilinear sampling positions and weights on each level.

    ``rows`` (P, L, 4) int32, row of the level's table; ``weights`` (P, L, 4).
    """

    rows: Tensor
    weights: Tensor

    def __getitem__(self, points: slice) -> Taps:
        return Taps(self.rows[points], self.weights[points])


def taps(pixels: Tensor, sample: Tensor, pyramid: Sequence[Tensor], image_size: int) -> Taps:
    """Bilinear weights of points on every level.

    A level's corner pixels lie on the image's corner pixels (``align_corners``), and points outside take the border's
    value. No gradient goes into the pixel positions.

    Args:
        pixels: (P, 2) pixels of the crop.
        sample: (P,) int64, which image of the batch a point belongs to.
        pyramid: maps (B, C, H, W).
        image_size: of the crop, pixels.
    """
    sizes = torch.tensor([level.shape[2:] for level in pyramid], device=pixels.device)
    height, width = sizes[:, 0], sizes[:, 1]
    limit = torch.stack([width, height], 1) - 1
    position = pixels.detach().nan_to_num()[:, None] / (image_size - 1) * limit
    position = torch.minimum(position.clamp(min=0), limit.to(position.dtype))
    corner = position.floor()
    fraction = position - corner
    near = corner.to(torch.int32)
    far = torch.minimum(near + 1, limit.to(torch.int32))
    image = sample.to(torch.int32)[:, None] * height.to(torch.int32)
    x = torch.stack([near[..., 0], far[..., 0]], -1)
    y = (torch.stack([near[..., 1], far[..., 1]], -1) + image[..., None]) * width.to(torch.int32)[:, None]
    share_x = torch.stack([1 - fraction[..., 0], fraction[..., 0]], -1)
    share_y = torch.stack([1 - fraction[..., 1], fraction[..., 1]], -1)
    return Taps(
        (y[..., :, None] + x[..., None, :]).flatten(2), (share_y[..., :, None] * share_x[..., None, :]).flatten(2)
    )


def _table(level: Tensor) -> Tensor:
    """(B, C, H, W) -> (B H W, C); no copy for channels-last maps."""
    return level.permute(0, 2, 3, 1).reshape(-1, level.shape[1])


def _weighted_rows(rows: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    return functional.embedding_bag(rows, table, per_sample_weights=weights.to(table.dtype), mode="sum")


@dataclass(frozen=True)
class LevelTables:
    """The first layer, without its bias, of every pixel of some levels.

    ``rows`` (sum of B H W, hidden); ``starts``: where each of ``levels`` begins.
    """

    levels: tuple[int, ...]
    rows: Tensor
    starts: tuple[int, ...]


class PointFeatures(Mlp):
    """Network on pyramid features sampled at points.

    All levels, finest first, concatenated.
    """

    def tables(self, pyramid: Sequence[Tensor], points: int) -> LevelTables:
        """First-layer outputs of all pixels, where precomputing is cheaper.

        Cheaper than applying it to ``points`` points.
        """
        first = self.linear(0)
        hidden = first.out_features
        levels, tables, columns = [], [], first.weight.split([level.shape[1] for level in pyramid], 1)
        for number, level in enumerate(pyramid):
            pixels, channels = level.numel() // level.shape[1], level.shape[1]
            multiplications_first = pixels * channels * hidden + 4 * points * hidden
            if multiplications_first < points * channels * (hidden + 4):
                levels.append(number)
                tables.append(_table(level))
        starts = tuple(itertools.accumulate((len(table) for table in tables), initial=0))
        weights = [columns[number].to(table.dtype).t() for number, table in zip(levels, tables, strict=True)]
        if torch.is_grad_enabled() and tables:
            rows = torch.cat([table @ weight for table, weight in zip(tables, weights, strict=True)])
        else:
            rows = pyramid[0].new_empty(starts[-1], hidden)
            for start, table, weight in zip(starts, tables, weights, strict=False):
                torch.mm(table, weight, out=rows[start : start + len(table)])
        return LevelTables(tuple(levels), rows, starts[:-1])

    def sampled(self, pyramid: Sequence[Tensor], tables: LevelTables, at: Taps) -> Tensor:
        """Outputs at points, (P, outputs)."""
        first = self.linear(0)
        hidden = first.bias.to(tables.rows.dtype)
        if tables.levels:
            chosen = list(tables.levels)
            starts = torch.tensor(tables.starts, device=at.rows.device, dtype=torch.int32)
            rows = (at.rows[:, chosen] + starts[:, None]).flatten(1)
            hidden = _weighted_rows(rows, at.weights[:, chosen].flatten(1), tables.rows).add_(hidden)
        others = [number for number in range(len(pyramid)) if number not in tables.levels]
        if others:
            columns = first.weight.split([level.shape[1] for level in pyramid], 1)
            features = [
                _weighted_rows(at.rows[:, number], at.weights[:, number], _table(pyramid[number])) for number in others
            ]
            weight = torch.cat([columns[number] for number in others], 1)
            hidden = functional.linear(torch.cat(features, 1), weight).add_(hidden)
        return self.layers_from(1, functional.relu(hidden, inplace=True))
