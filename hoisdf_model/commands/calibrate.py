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

"""``hoisdf calibrate``: per-axis errors of a network, stored with its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoisdf_model.commands.evaluate import options
from hoisdf_model.commands.evaluate.labelled_data import data_at
from hoisdf_model.errors import CheckpointError

if TYPE_CHECKING:
    from rich.console import Console

    from hoisdf_model.evaluation.runs.calibrating import Deviations
    from hoisdf_model.network import Calibration


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(calibrate)


def calibrate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Safetensors file to write; it must not exist.")],
    weights: Annotated[
        str | None,
        typer.Option("--weights", "-w", help="Weights: a safetensors file of this package. Default: the shipped ones."),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="Labelled frames outside the training data: benchmark (synthetic, rendered on demand), a folder "
            "of shards, or a download of DexYCB or HO-3D."
        ),
    ] = options.BENCHMARK,
    frames: Annotated[int, typer.Option(min=10, help="Number of frames, evenly spaced over the data set.")] = 500,
    split: options.Split = None,
    object_models: options.ObjectModels = None,
    objects: options.Objects = None,
    hand_model: options.HandModelFile = None,
    device: options.Device = "auto",
    batch_size: options.BatchSize = 8,
    workers: options.Workers = 1,
) -> None:
    """Calibrate the covariance of object poses; writes a copy of the weights.

    The spread of the network's votes alone is too small an uncertainty. With a calibration the covariance of an object,
    as estimators and the perception node give it, is at least that of the errors measured here, and grasp planning can
    refuse uncertain poses. Wrist and boxes are given, as in the paper's protocol; the wrist's own uncertainty is added
    to each estimate.

    The tensors are copied bit for bit. A calibration is valid for images like those that it was measured on.
    """
    from functools import partial

    from rich.console import Console

    from hoisdf_model.commands.evaluate.progress import console_for_progress
    from hoisdf_model.estimation import resolve_device
    from hoisdf_model.evaluation import Models, PaperProtocol, preparation_for
    from hoisdf_model.evaluation.reports.descriptions import warnings_of
    from hoisdf_model.evaluation.runs.calibrating import deviations
    from hoisdf_model.evaluation.runs.data_folder import FolderOptions
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.network import kind_of_weights, load_network, optimised, shipped_weights
    from hoisdf_model.network.checkpoints import UNTRAINED
    from hoisdf_model.network.shipped import NAME as SHIPPED
    from hoisdf_model.objects import find_object

    if output.exists():
        raise CheckpointError(f"{output} exists already: give another name")
    if not output.resolve().parent.is_dir():
        raise CheckpointError(f"{output} can't be written: there is no folder {output.resolve().parent}")
    console = console_for_progress()
    path = shipped_weights() if weights in (None, SHIPPED) else Path(str(weights))
    if str(path).startswith(UNTRAINED):
        raise CheckpointError(f"{path} are random weights in no file: there is nothing to write a calibration into")
    if path.is_file() and kind_of_weights(path) == "snapshot":
        raise CheckpointError(
            f"{path} is an official snapshot, which can't carry a calibration: hoisdf convert it first"
        )
    place = resolve_device(device)
    model = load_hand_model(hand_model) if hand_model else None
    with console.status("loading the network"):
        network, config = load_network(path, model, device=place)
    opened = data_at(data, FolderOptions(split, models=object_models), model or load_hand_model())
    for warning in warnings_of(opened.about):
        console.print(f"warning: {warning}", style="yellow", highlight=False, soft_wrap=True)
    catalogue = objects or opened.models
    steps = deviations(
        opened.source,
        _spaced(frames, len(opened.source)),
        PaperProtocol(optimised(network), place),
        preparation_for(config, opened.preparation),
        Models(partial(find_object, catalogue=str(catalogue or ""))),
        batch_size,
        workers,
    )
    found = _followed(steps, min(frames, len(opened.source)), console)
    calibration = found.calibration(_in_words(opened.about, data))
    _write(path, output, calibration)
    _print(calibration, found, Console())
    console.print(f"wrote {output}", highlight=False, soft_wrap=True)


def _spaced(wanted: int, count: int) -> list[int]:
    """Evenly spaced frame numbers, since neighbours in a recording are alike."""
    wanted = min(wanted, count)
    return [k * count // wanted for k in range(wanted)]


def _followed(steps: Any, count: int, console: Console) -> Deviations:
    from hoisdf_model.commands.evaluate.progress import followed
    from hoisdf_model.evaluation.runs.calibrating import joined_deviations

    parts = []

    def numbers() -> Any:
        for new, part in steps:
            parts.append(part)
            yield new

    followed(numbers(), 0, count, console)
    return joined_deviations(parts)


def _in_words(origin: dict[str, Any], data: str) -> str:
    """Name of the data without private paths."""
    if "benchmark" in origin:
        return f"synthetic benchmark version {origin['benchmark']}"
    name = " ".join([Path(data).resolve().name, *(str(origin[key]) for key in ("split", "subset") if key in origin)])
    return ("synthetic " if "synthetic" in origin else "") + "".join(c for c in name if c.isprintable())[:150]


def _write(source: Path, target: Path, calibration: Calibration) -> None:
    from dataclasses import replace

    from hoisdf_model.network import read_weights, write_weights

    write_weights(replace(read_weights(source), calibration=calibration), target)


def _print(calibration: Calibration, found: Deviations, console: Console) -> None:
    import numpy as np
    from rich.table import Table

    table = Table()
    table.add_column("standard deviation per axis")
    for column in ("", "within 1", "within 2"):
        table.add_column(column, justify="right")
    coverage = found.coverage()
    for name, words, value in (
        ("object_rotation", "object's rotation", f"{np.degrees(calibration.object_rotation):.1f} degrees"),
        ("object_position", "object relative to the wrist", f"{1000 * calibration.object_position:.1f} mm"),
        ("joints", "joints relative to the wrist", f"{1000 * calibration.joints:.1f} mm"),
    ):
        table.add_row(words, value, *(f"{fraction:.0%}" for fraction in coverage[name]))
    table.add_row("of a normal distribution", "", "68%", "95%")
    console.print(table)
    console.print(
        f"{calibration.frames} frames of {calibration.data}; each half is judged by the errors of the other half",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
