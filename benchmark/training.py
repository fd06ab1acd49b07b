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

"""Where the time of a training step goes.

    python benchmark/training.py                                   # the recipe of the shipped weights
    python benchmark/training.py hoisdf_model/assets/training/compact.yaml data.batch_size=8

Steps of a recipe on one thread, on frames of the synthetic benchmark, drawn first. Prints the processor time of each
part for a sample, medians over the steps. What a part calls that is a part itself isn't counted twice.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hoisdf_model.data.samples.sample import collate
from hoisdf_model.training import build_run, read_config

RECIPES = Path(__file__).parents[1] / "hoisdf_model/assets/training"
STAGES = ("encode", "find_points", "tokenise", "attend", "regress", "read_root", "object_view", "context")


class Clock:
    """Processor time of this thread by part, without that of the parts within."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within = [0.0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted under that name."""

        def call(*arguments: Any, **named: Any) -> Any:
            begun = time.thread_time()
            self._within.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                whole = time.thread_time() - begun
                self.seconds[name] += whole - self._within.pop()
                self._within[-1] += whole

        return call


def main(
    recipe: Annotated[Path, typer.Argument(help="Recipe's file.")] = RECIPES / "shipped.yaml",
    changes: Annotated[list[str] | None, typer.Argument(help="Changes, such as data.batch_size=8.")] = None,
    steps: Annotated[int, typer.Option(min=2, help="Steps that count; one more comes first.")] = 8,
) -> None:
    """Processor time of the parts of a training step."""
    torch.set_num_threads(1)
    own = ["data.sources=[{kind: benchmark}]", "hardware.precision=float32", "encoder_weights=null"]
    config = read_config(recipe, [*own, "curriculum.image_epochs=0", *(changes or ())])
    with TemporaryDirectory() as folder:
        run = build_run(config, Path(folder))
    size, module, clock = config.data.batch_size, run.module.train(), Clock()
    for name in STAGES:
        part = getattr(module.network, name)
        if isinstance(part, torch.nn.Module):
            part.forward = clock.timed(name, part.forward)
        elif part is not None:
            object.__setattr__(module.network, name, clock.timed(name, part))
    optimiser = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-5)
    frames = [run.data.training[i] for i in track(range(size), "samples", transient=True)]
    times: dict[str, list[float]] = defaultdict(list)
    for step in track(range(steps + 1), "steps", transient=True):
        clock.seconds.clear()
        batch = clock.timed("collate", collate)(frames)
        _, total = clock.timed("losses and the rest", module.losses_of)(batch, step)
        clock.timed("backward", total.backward)()
        clock.timed("optimiser", optimiser.step)()
        optimiser.zero_grad()
        for name, seconds in clock.seconds.items() if step else ():
            times[name].append(seconds)
    table = Table("part", "ms a sample", title=f"{config.name}: a step of {size} samples, one thread")
    for name, spent in sorted(times.items(), key=lambda item: -median(item[1])):
        table.add_row(name, f"{1e3 * median(spent) / size:.1f}")
    whole = median([sum(step) for step in zip(*times.values(), strict=True)])
    table.add_row("all", f"{1e3 * whole / size:.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
