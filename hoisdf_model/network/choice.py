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

"""Point selection by distance, at random, or along the gradient.

Paper, section 3.3 and table 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hoisdf_model.network import sampling, search
from hoisdf_model.network.config_sections import RuntimeConfig

GRADIENT_STEPS = 3
PROBE = 0.01  # half the distance between readings for a gradient, normalised units: 3 mm with the usual scale
_FLATTEST = 0.1  # slopes below this say nothing about where the surface is


@dataclass(frozen=True)
class Choice:
    """Rule of point selection.

    Attributes:
        kind: ``sampling.choice`` of the network's configuration.
        grid: (G, 3) all grid points, normalised.
        middles: (G/8, 3) the middles of its blocks.
        fixed_order: (G,) the order of grid points where chance decides; None where it never does.
        anew: whether chance decides anew at each call, as in training.
        runtime: how to search.
    """

    kind: str
    grid: Tensor
    middles: Tensor
    fixed_order: Tensor | None
    anew: bool
    runtime: RuntimeConfig

    def __call__(self, reader: search.FieldReader, candidates: sampling.Candidates, wanted: int) -> search.Found:
        """The points of one field.

        Args:
            reader: the field.
            candidates: grid points in the boxes.
            wanted: points for each sample.
        """
        if not len(candidates.index):
            return search.nothing(reader, wanted)
        if self.kind == "random":
            return self._random(reader, candidates, wanted)
        if self.kind == "field_gradient":
            return self._down_the_gradient(reader, candidates, wanted)
        key = torch.abs if self.kind == "absolute_distance" else torch.positive
        return search.nearest_to_surface(reader, self.grid, self.middles, candidates, wanted, self.runtime, key)

    def _random(self, reader: search.FieldReader, candidates: sampling.Candidates, wanted: int) -> search.Found:
        drawn = self._drawn(candidates)
        selection = sampling.smallest(candidates.sample, drawn, len(reader.center), wanted)
        index = candidates.index[selection.position]
        points = self.grid[index]
        return search.found(reader, points, search.read(reader, points), index, selection)

    def _down_the_gradient(
        self, reader: search.FieldReader, candidates: sampling.Candidates, wanted: int
    ) -> search.Found:
        candidates, distance = search.distances_of(reader, self.grid, self.middles, candidates, wanted, self.runtime)
        # beyond its clamp a field isn't trained to be a distance: such points come last, the nearer ones first
        far = distance.abs()
        drawn = self._drawn(candidates).where(far < reader.config.clamp, 1 + far)
        selection = sampling.smallest(candidates.sample, drawn, len(reader.center), wanted)
        index = candidates.index[selection.position]
        points = onto_surface(reader, self.grid[index])
        return search.found(reader, points, search.read(reader, points), index, selection)

    def _drawn(self, candidates: sampling.Candidates) -> Tensor:
        assert self.fixed_order is not None
        if self.anew:
            return torch.rand(len(candidates.index), device=candidates.index.device)
        return self.fixed_order[candidates.index]


def onto_surface(reader: search.FieldReader, points: Tensor) -> Tensor:
    """Points moved onto the surface by Newton's method.

    (B, N, 3), normalised; along the gradient to where the field is zero.

    The gradient is taken between readings, for image features are part of it and have no derivative by position. A step
    goes no further than the clamp, and nowhere where the field is flat.
    """
    ways = PROBE * torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)]).to(points)
    batch, count = points.shape[:2]
    sample = torch.arange(batch, device=points.device).repeat_interleave(count * len(ways))
    for _ in range(GRADIENT_STEPS):
        probes = (points[:, :, None] + ways).reshape(-1, 3)
        here, above, below = reader.distances(probes, sample).view(batch, count, len(ways)).split([1, 3, 3], 2)
        gradient = (above - below) / (2 * PROBE)
        slope = gradient.norm(dim=2, keepdim=True)
        move = -here * gradient / slope.square().clamp(min=_FLATTEST**2)
        length = move.norm(dim=2, keepdim=True)
        move = move * (reader.config.clamp / length.clamp(min=reader.config.clamp))
        points = points + move.where(slope > _FLATTEST, 0)
    return points
