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

"""Grid points: evaluation and selection, batched.

Paper, section 3.3; all samples of a batch at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def grid(kind: str, resolution: int) -> Tensor:
    """Grid points of the cube from -1 to 1, normalised.

    (resolution^3, 3) float32; x slowest, z fastest.

    The ``sheared`` grid takes the quotients of the flat index without rounding them, so that x grows by a fraction of a
    step along y and z, and y along z. The released networks were evaluated on it.
    """
    flat = torch.arange(resolution**3)
    rounding = None if kind == "sheared" else "floor"
    rows = torch.div(flat, resolution, rounding_mode=rounding)
    slices = torch.div(rows, resolution, rounding_mode=rounding)
    steps = torch.stack([slices % resolution, rows % resolution, flat % resolution], 1).float()
    return steps * (2.0 / (resolution - 1)) - 1


def fixed_order(points: int) -> Tensor:
    """Fixed random order of grid points.

    (points,) float32 in [0, 1): lower numbers are drawn first where points are chosen at random.
    """
    drawn = torch.Generator().manual_seed(0)
    return torch.randperm(points, generator=drawn).float() / points


def block_middles(points: Tensor, resolution: int) -> Tensor:
    """Middles of the blocks of 2x2x2 grid points, ((resolution/2)^3, 3), x slowest."""
    half = resolution // 2
    return points.view(half, 2, half, 2, half, 2, 3).mean((1, 3, 5)).view(-1, 3)


def block_of(index: Tensor, resolution: int) -> Tensor:
    """Flat index of the block of a grid point.

    From the flat index into the grid.
    """
    half = resolution // 2
    x, y, z = index // resolution**2, index // resolution % resolution, index % resolution
    return (x // 2 * half + y // 2) * half + z // 2


@dataclass(frozen=True)
class Candidates:
    """Candidate grid points of a ragged batch.

    ``sample`` (P,) and ``index`` (P,) int64, in order of the sample.
    """

    sample: Tensor
    index: Tensor

    def __getitem__(self, which: Tensor) -> Candidates:
        return Candidates(self.sample[which], self.index[which])


def points_in_box(points: Tensor, scale: float, center: Tensor, intrinsics: Tensor, box: Tensor) -> Candidates:
    """Grid points whose projection lies strictly inside each sample's box.

    Args:
        points: (G, 3) normalised.
        scale: normalised units per metre.
        center: (B, 3) camera frame, metres.
        intrinsics: (B, 3, 3).
        box: (B, 4) x0, y0, x1, y1 in pixels.
    """
    with torch.autocast(points.device.type, enabled=False):
        # intrinsics (point / scale + center) for all points and samples in one product, a row for each coordinate
        origin = intrinsics @ center[..., None]
        x, y, z = torch.baddbmm(origin, intrinsics / scale, points.t().expand(len(center), -1, -1)).unbind(1)
    left, top, right, bottom = box.split(1, 1)
    column, row = x / z, y / z
    sample, index = ((column > left) & (column < right) & (row > top) & (row < bottom)).nonzero(as_tuple=True)
    return Candidates(sample, index)


@dataclass(frozen=True)
class Selection:
    """Selected points of a ragged batch.

    ``position`` (B, N) into the ragged batch and ``count`` (B,) of different points among them.
    """

    position: Tensor
    count: Tensor


def smallest(sample: Tensor, key: Tensor, batch: int, wanted: int) -> Selection:
    """Points with the smallest keys in each sample, sorted.

    Where there are too few they are repeated.

    ``position`` is 0 throughout a sample without points.

    Args:
        sample: (P,) int64 in ascending order.
        key: (P,).
        batch: number of samples.
        wanted: points for each sample.
    """
    by_key = key.argsort()
    order = by_key[sample[by_key].argsort(stable=True)]
    total = torch.zeros(batch, dtype=torch.int64, device=sample.device).scatter_add_(0, sample, torch.ones_like(sample))
    count = total.clamp(max=wanted)
    rank = torch.arange(wanted, device=sample.device) % count.clamp(min=1)[:, None]
    slot = (total.cumsum(0) - total)[:, None] + rank
    if not len(order):
        return Selection(torch.zeros_like(slot), count)
    position = order[slot.clamp(max=len(order) - 1)]
    return Selection(position.where(count[:, None] > 0, 0), count)
