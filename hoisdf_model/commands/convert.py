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

"""``hoisdf convert``: official snapshots -> safetensors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Snapshot of the official HOISDF code (snapshot_*.pth.tar), or a safetensors file of ours."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="Safetensors file to write.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Preset of the weights, if their keys are ambiguous: snapshots of dexycb and dexycb_full have the "
            "same layers. Default: the first preset that fits."
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store matrices and kernels as float16: half the size, rounded to 11 bits.")
    ] = False,
    keep_mano: Annotated[
        bool,
        typer.Option(
            "--keep-mano",
            help="Keep the MANO model that a snapshot embeds. Its licence is personal: don't redistribute such a file.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace TARGET if it exists.")] = False,
) -> None:
    """Convert weights to safetensors, which load faster and can't hold code.

    The optimizer's state is dropped. The MANO model inside a snapshot is dropped too unless --keep-mano asks for it;
    without it give your own with --hand-model where the weights are used.
    """
    from dataclasses import replace

    from rich.console import Console

    from hoisdf_model.errors import CheckpointError
    from hoisdf_model.network import read_weights, write_weights

    if target.exists() and not overwrite:
        raise CheckpointError(f"{target} exists already: give another name or --overwrite")
    console = Console()
    start = time.perf_counter()
    with console.status(f"reading {source.name}"):
        weights = read_weights(source, preset)
    if not keep_mano:
        weights = replace(weights, hand_model=None)
    with console.status(f"writing {target.name}"):
        write_weights(weights, target, half)
    parameters = sum(tensor.numel() for tensor in weights.state.values())
    console.print(
        f"{target}: preset {weights.config.name}, {parameters / 1e6:.1f} million numbers, "
        f"{target.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.1f} s",
        highlight=False,
        soft_wrap=True,
    )
    if weights.hand_model:
        console.print("It holds your MANO model: keep it to yourself.", style="yellow")
    elif weights.trained_with:
        console.print(
            f"It was trained with the hand model {weights.trained_with.name}, which isn't inside: "
            "give yours with --hand-model.",
            highlight=False,
            soft_wrap=True,
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(convert)
