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

"""Dry run of one training step, with its duration."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from hoisdf_model.data.samples.sample import collate
from hoisdf_model.training.run import Run


@dataclass(frozen=True)
class Trial:
    """Result of a dry run.

    Unweighted losses and their weights, seconds for the batch and for the step.
    """

    losses: dict[str, float]
    weights: dict[str, float]
    data_seconds: float
    step_seconds: float


def try_step(run: Run) -> Trial:
    """Forward and backward pass of the first batch.

    On the CPU, with everything that is ever trained; weights stay.
    """
    start = time.perf_counter()
    batch = collate([run.data.training[i] for i in range(run.config.data.batch_size)])
    ready = time.perf_counter()
    run.module.train()
    whole = run.config.curriculum.image_epochs * run.module.epoch_steps
    losses, total = run.module.losses_of(batch, step=whole)
    total.backward()  # type: ignore[no-untyped-call]
    done = time.perf_counter()
    run.module.zero_grad()
    values = {name: value.item() for name, value in losses.items()}
    return Trial(values, asdict(run.module.losses.weights), ready - start, done - ready)
