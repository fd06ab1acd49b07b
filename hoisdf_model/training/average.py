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

"""Exponential moving average of weights, for validation and export.

Polyak averaging.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning
import torch
from torch import Tensor

from hoisdf_model.network import Hoisdf


class WeightAverage(lightning.Callback):
    """Callback with averaged weights, swapped in for validation.

    Lightning stores it with every checkpoint.

    The decay is smaller in the beginning, (1 + n) / (10 + n) after n steps, so that the first weights are forgotten.

    Args:
        network: whose weights are averaged; batch norm statistics are averaged along.
        decay: share that stays at each step.
    """

    def __init__(self, network: Hoisdf, decay: float) -> None:
        self.network, self.decay, self.steps = network, decay, 0
        self.average = {name: value.detach().clone() for name, value in self._floating()}

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the average with a step's weights."""
        if trainer.global_step == self.steps:
            return  # gradients are still being accumulated
        self.steps = trainer.global_step
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        current = dict(self._floating())
        self._follow(next(iter(current.values())).device)
        torch._foreach_lerp_(list(self.average.values()), list(current.values()), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context in which the network has the averaged weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Swap the average in."""
        self._exchange()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Swap the weights back."""
        self._exchange()

    def state_dict(self) -> dict[str, Any]:
        """State for the checkpoint."""
        return {"steps": self.steps, "average": self.average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from the checkpoint."""
        self.steps = int(state_dict["steps"])
        for name, value in self.average.items():
            value.copy_(state_dict["average"][name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, value in self._floating():
            kept = value.detach().clone()
            value.copy_(self.average[name])
            self.average[name].copy_(kept)

    def _follow(self, device: torch.device) -> None:
        if next(iter(self.average.values())).device != device:
            self.average = {name: value.to(device) for name, value in self.average.items()}

    def _floating(self) -> Iterator[tuple[str, Tensor]]:
        return ((n, v) for n, v in self.network.state_dict().items() if v.is_floating_point())
