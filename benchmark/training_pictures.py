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

"""Pictures of what training did: learning curves, and what a network sees before and after.

    python benchmark/training_pictures.py curve runs/first runs/second -o curve.png
    python benchmark/training_pictures.py fields runs/second/weights.safetensors -o fields.png --frame 0 --frame 6

Needs ``pip install "hoisdf[train]"``. Validation is as the runs' configurations say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import matplotlib
import numpy as np
import typer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import collate
from hoisdf_model.evaluation import untrained_like
from hoisdf_model.network import load_network
from hoisdf_model.synthesis import BenchmarkStills
from hoisdf_model.training import read_config
from hoisdf_model.training.tensorboard_pictures import picture

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PANELS = {
    "joints_mm": "joints, mm",
    "joints_aligned_mm": "joints after alignment, mm",
    "object_position_mm": "object's position, mm",
    "object_rotation_deg": "object's rotation, degrees",
}
app = typer.Typer(help=__doc__, no_args_is_help=True)
Output = Annotated[Path, typer.Option("--output", "-o", help="Picture to write.")]


@app.command()
def curve(runs: Annotated[list[Path], typer.Argument(help="Folders of runs, each continuing the one before.")],
          output: Output = Path("curve.png")) -> None:  # fmt: skip
    """Validation errors over the samples seen, of runs that went on from each other."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(4 * len(PANELS), 3.2), layout="constrained")
    seen = 0
    for run in runs:
        config = read_config(run / "config.yaml")
        per_step = config.data.batch_size * config.optimiser.accumulate
        events = EventAccumulator(str(run / "log"))
        events.Reload()
        last = 0
        for axis, (name, title) in zip(axes, PANELS.items(), strict=True):
            scalars = events.Scalars(f"validation/{name}")
            steps = np.array([scalar.step + 1 for scalar in scalars])
            axis.plot(
                (seen + steps * per_step) / 1000, [scalar.value for scalar in scalars], "o-", ms=3, label=run.name
            )
            axis.set(title=title, xlabel="samples seen, thousands")
            last = int(steps[-1])
        seen += last * per_step
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    if len(runs) > 1:
        axes[0].legend(fontsize=7)
    figure.savefig(output, dpi=90)
    typer.echo(f"{output}: {seen} samples")


@app.command()
def fields(
    weights: Annotated[str, typer.Argument(help="Weights; those of the package where not given.")] = "shipped",
    frame: Annotated[
        list[int] | None, typer.Option(help="Number of a benchmark still, several times for several.")
    ] = None,
    output: Output = Path("fields.png"),
) -> None:
    """Overlay, heatmap, masks and slices through both fields: each frame untrained above, trained below."""
    stills = BenchmarkStills()
    rows = []
    trained, config = load_network(weights)
    networks = [untrained_like(trained), trained]
    shown = PreparationConfig(image_size=config.image_size, object_center_depth=config.object_center_depth)
    for number in frame or [0, 1]:
        sample = collate([prepare(stills.frame(number), shown, seed=0)])
        rows += [picture(network, sample) for network in networks]
    cv2.imwrite(str(output), np.vstack(rows)[..., ::-1])
    typer.echo(f"{output}: {len(rows) // 2} frames")


if __name__ == "__main__":
    app()
