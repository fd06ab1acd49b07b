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

"""Duration of a training step, to convert minutes into steps.

The steps are the same for all rows.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from hoisdf_model.ablations.plan import Plan
from hoisdf_model.ablations.table import AblationRow
from hoisdf_model.training.run import Sources, build_run
from hoisdf_model.training.trial import try_step

TRIALS = 3


def steps_in(minutes: float, plan: Plan, sources: Sources | None = None) -> int:
    """Approximate number of training steps in a time, at least one.

    Of the base recipe, on this machine.

    Args:
        minutes: of a row's training.
        plan: its steps don't matter.
        sources: training data, opened.
    """
    config = replace(plan, steps=1).config_of(AblationRow("the recipe"))
    run = build_run(config, Path("unused"), sources)
    try_step(run)  # the first takes longer
    began = time.perf_counter()
    for _ in range(TRIALS):
        try_step(run)
    return max(1, round(60 * minutes * TRIALS / (time.perf_counter() - began)))
