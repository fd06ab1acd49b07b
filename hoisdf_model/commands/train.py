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

"""``hoisdf train``: from a training configuration to weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from hoisdf_model.training import Run


def train(
    config: Annotated[
        str,
        typer.Argument(help="Name of a recipe of the package, such as compact, or a YAML file."),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Overrides of keys, for example optimiser.learning_rate=0.0003 hardware.precision=bfloat16; "
            "docs/training.md lists the keys.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the run; default: runs/NAME.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume exactly from the newest checkpoint in the run's folder.")
    ] = False,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Initial weights (the key start_from); shipped: those of the package.",
            show_default=False,
        ),
    ] = None,
    overfit: Annotated[
        int,
        typer.Option(
            min=0,
            help="Overfit to this number of samples, without augmentation, and validate on the same: a check that "
            "network and losses can learn.",
        ),
    ] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Time limit in minutes; the run stops with a checkpoint for --resume. Default: none.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Dry run: build everything, do one step on one batch, print the findings, write nothing."
        ),
    ] = False,
) -> None:
    """Train a network.

    The run's folder holds its configuration, the state of the code, TensorBoard logs, checkpoints and the averaged
    weights, which are written at each validation and at the end. With several GPUs one process starts for each; on
    several machines start the same command on each with torchrun.
    """
    from rich.console import Console

    from hoisdf_model.errors import DependencyError

    try:
        from hoisdf_model.training import build_run, read_config
        from hoisdf_model.training import train as train_run
        from hoisdf_model.training.quiet import quiet_lightning
    except ModuleNotFoundError as error:
        raise DependencyError(f"training needs {error.name}: install hoisdf[train]") from error

    quiet_lightning()
    settings = read_config(
        _configuration(config), [*(changes or []), *([f"start_from={start_from}"] if start_from else [])]
    )
    folder = output or Path("runs") / settings.name
    run = build_run(settings, folder, overfit=overfit)
    console = Console()
    if dry_run:
        _report(run, console)
        return
    scores = train_run(run, resume=resume, minutes=minutes)
    console.print(f"weights and log are in {folder}", highlight=False, soft_wrap=True)
    for name, value in sorted(scores.items()):
        console.print(f"  {name.removeprefix('validation/')}: {value:.2f}", highlight=False)


def _configuration(name_or_path: str) -> Path:
    """The file of a recipe of the package, or the path itself.

    Raises:
        ConfigError: there is neither; lists the recipes.
    """
    from importlib.resources import files

    from hoisdf_model.errors import ConfigError

    folder = Path(str(files("hoisdf_model") / "assets" / "training"))
    recipes = sorted(path.stem for path in folder.glob("*.yaml"))
    path = folder / f"{name_or_path}.yaml" if name_or_path in recipes else Path(name_or_path)
    if not path.is_file():
        raise ConfigError(
            f"there is no training configuration at {name_or_path}: give a YAML file, or a recipe of the package "
            f"({', '.join(recipes)})"
        )
    return path


def _report(run: Run, console: Console) -> None:
    from rich.table import Table

    from hoisdf_model.training import try_step

    found = try_step(run)
    parameters = sum(p.numel() for p in run.network.parameters())
    trained = sum(p.numel() for p in run.network.parameters() if p.requires_grad)
    data = run.config.data
    console.print(
        f"network {run.network.config.name}: {parameters / 1e6:.2f} million parameters, {trained / 1e6:.2f} trained\n"
        f"{run.config.epochs} epochs of {run.data.epoch_steps} steps, {data.batch_size} samples in a batch\n"
        f"one batch: {found.data_seconds:.2f} s to prepare, {found.step_seconds:.2f} s for a step on the CPU",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("loss", "value", "weighted")
    for name, value in found.losses.items():
        table.add_row(name, f"{value:.4g}", f"{value * found.weights[name]:.4g}")
    console.print(table)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)
