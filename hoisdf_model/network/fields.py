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

"""Signed distance fields and their densities.

Paper, sections 3.2 and 3.3.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from hoisdf_model.network.config_sections import DensityConfig, FieldConfig


def positional_code(points: Tensor, frequencies: int) -> Tensor:
    """Sinusoidal positional encoding.

    (..., 3) -> (..., 6 frequencies): for the frequencies 1, 2, 4, ... sin(x, y, z), then cos(x, y, z).
    """
    octaves = 2.0 ** torch.arange(frequencies, device=points.device, dtype=points.dtype)
    angles = points[..., None, :] * octaves[:, None]
    return torch.stack([angles.sin(), angles.cos()], -2).flatten(-3)


class SdfDecoder(nn.Module):
    """Distance to a surface from a point's latent code and coordinates.

    Weight-normalised hidden layers (Salimans & Kingma 2016), the input put in again half way as in DeepSDF (Park et al.
    2019), and a tanh at the end.
    """

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.reinjection = config.reinjection
        self.dropout = config.dropout
        inputs = [config.inputs, *config.hidden]
        outputs = list(config.hidden)
        outputs[config.reinjection - 1] -= config.inputs
        hidden = [weight_norm(nn.Linear(a, b)) for a, b in zip(inputs[:-1], outputs, strict=True)]
        self.layers = nn.ModuleList([*hidden, nn.Linear(inputs[-1], 1)])

    def forward(self, point: Tensor) -> Tensor:
        """Signed distances (P,) in (-1, 1), not clamped.

        (P, inputs): latent code, positional code, coordinates; normalised units.
        """
        x = point
        *hidden, last = (cast(nn.Linear, layer) for layer in self.layers)
        for number, layer in enumerate(hidden):
            if number == self.reinjection:
                x = torch.cat([x, point], 1)
            x = functional.dropout(functional.relu(layer(x), inplace=True), self.dropout, self.training)
        if self.reinjection == len(self.layers) - 1:
            x = torch.cat([x, point], 1)
        distance: Tensor = last(x)
        return distance.squeeze(1).tanh()


class Density(nn.Module):
    """Density sigmoid(-d / beta) / beta of a distance d.

    ``beta`` is learnt (StyleSDF, Or-El et al. 2022).

    High inside the surface, or outside it with the sign reversed, as configured.
    """

    def __init__(self, config: DensityConfig) -> None:
        super().__init__()
        self.sign = -1.0 if config.high == "inside" else 1.0
        self.minimum = config.minimum
        self.beta = nn.Parameter(torch.full((1,), config.beta))

    def forward(self, distance: Tensor) -> Tensor:
        """Distances of any shape, normalised units -> densities of that shape."""
        beta = self.beta.clamp(min=self.minimum)
        return torch.sigmoid(self.sign * distance / beta) / beta
