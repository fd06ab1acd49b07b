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

"""Curriculum of query points, as a function of the step.

So that training resumes exactly.

The released code always takes points drawn near the true surfaces before epoch 40 and with probability 0.4 in each
forward pass afterwards, moved at random by up to 0.03, 0.05 and 0.07 in the course of each epoch.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from torch import Tensor

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.training.config import CurriculumConfig

_STREAM = 1  # of random numbers; the samples have another


class Curriculum:
    """The choice of points.

    Args:
        config: the rules.
        seed: of the run.
        epoch_steps: optimiser steps in an epoch.
    """

    def __init__(self, config: CurriculumConfig, seed: int, epoch_steps: int) -> None:
        self.config, self.seed, self.epoch_steps = config, seed, epoch_steps

    def image_only(self, step: int) -> bool:
        """Whether the step trains image maps and fields alone.

        There are no fields yet to look for points in.
        """
        return step < self.config.image_epochs * self.epoch_steps

    def uses_start_points(self, step: int, part: int = 0) -> bool:
        """Whether the step uses drawn points instead of found ones.

        ``part`` counts the batches of one step.
        """
        if step < self.config.start_epochs * self.epoch_steps:
            return True
        draw = np.random.default_rng([self.seed, step, part, _STREAM]).random()
        return bool(draw < self.config.start_share)

    def jitter(self, step: int) -> float:
        """Jitter of drawn points along each axis, normalised units."""
        over = self.epoch_steps
        if self.config.jitter_over == "start":
            over *= max(self.config.start_epochs, 1)
            progress = min(step / over, 1.0)
        else:
            progress = step % over / over
        return self.config.jitter[bisect_left(self.config.jitter_at, progress)]

    def queries(self, batch: Sample, step: int, scale: float, part: int = 0) -> tuple[Tensor, Tensor] | None:
        """Query points for the network, or None to find its own.

        Normalised hand and object points (B, M, 3).

        Args:
            batch: with start points and their jitter.
            step: optimiser steps done.
            scale: the fields' units per metre.
            part: counts the batches of one step.
        """
        if not self.uses_start_points(step, part):
            return None
        jitter = self.jitter(step)
        return (
            batch.hand_start_points * scale + batch.hand_jitter * jitter,
            batch.object_start_points * scale + batch.object_jitter * jitter,
        )
