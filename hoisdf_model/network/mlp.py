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

"""Multi-layer perceptron."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional


class Mlp(nn.Module):
    """Perceptron with a ReLU behind each hidden layer.

    Behind the last layer, too, with ``final_relu``.

    Args:
        sizes: inputs, hidden layers and outputs.
        final_relu: whether the outputs go through a ReLU too.
    """

    def __init__(self, sizes: Sequence[int], final_relu: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.final_relu = final_relu

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the perceptron.

        (..., inputs) -> (..., outputs).
        """
        return self.layers_from(0, x)

    def linear(self, number: int) -> nn.Linear:
        """One of the linear layers."""
        return cast(nn.Linear, self.layers[number])

    def layers_from(self, first: int, x: Tensor) -> Tensor:
        """Outputs of the layers from number ``first`` on.

        (..., inputs of that layer) -> (..., outputs).
        """
        for number in range(first, len(self.layers)):
            x = self.layers[number](x)
            if self.final_relu or number + 1 < len(self.layers):
                x = functional.relu(x, inplace=True)
        return x
