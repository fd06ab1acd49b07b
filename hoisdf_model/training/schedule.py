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

"""Optimisers and learning rates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from hoisdf_model.training.config import OptimiserConfig


def optimiser_for(
    parameters: Iterable[nn.Parameter],
    config: OptimiserConfig,
    slower: Iterable[nn.Parameter] = (),
    factor: float = 1.0,
) -> torch.optim.Optimizer:
    """Adam or AdamW over the trained parameters.

    Some of them, ``slower``, at a rate times ``factor``.
    """
    own = {id(parameter) for parameter in slower} if factor != 1.0 else set()
    every = [parameter for parameter in parameters if parameter.requires_grad]
    trained: list[dict[str, Any]] = [{"params": [p for p in every if id(p) not in own]}]
    if own:
        trained.append({"params": [p for p in every if id(p) in own], "lr": config.learning_rate * factor})
    if config.name == "adam":
        return torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
    return torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def rate_factor(config: OptimiserConfig, step: int, epoch_steps: int, epochs: int) -> float:
    """Relative learning rate at an optimiser step."""
    floor = config.floor / config.learning_rate
    if config.schedule == "step":
        factor = max(config.factor ** (step // epoch_steps // config.every), floor)
    elif config.schedule == "cosine":
        progress = min(step / (epoch_steps * epochs), 1.0)
        factor = floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    else:
        factor = 1.0
    return factor * min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else factor
