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

import lightning
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Callback with averaged weights, in the network during validation and after training.

    Lightning stores them with every checkpoint, as its ``state_dict``. Batch norm statistics are averaged along.

    The first step's weights begin the average. The decay is smaller in the beginning, (1 + n) / (10 + n) after n steps,
    so that the first weights are forgotten.

    Args:
        decay: share that stays at each step.
    """

    def __init__(self, decay: float) -> None:
        @torch.no_grad()
        def follow(average: list[Tensor], current: list[Tensor], averaged: Tensor | int) -> None:
            step = int(averaged) + 1
            if average[0].is_floating_point():
                torch._foreach_lerp_(average, current, 1 - min(decay, (1 + step) / (10 + step)))
            else:
                torch._foreach_copy_(average, current)

        super().__init__(multi_avg_fn=follow)

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Begin the average on the training device.

        Lightning moves the module there only later.
        """
        pl_module.to(trainer.strategy.root_device)
        super().setup(trainer, pl_module, stage)
