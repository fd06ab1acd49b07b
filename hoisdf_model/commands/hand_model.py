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

"""``hoisdf hand-model``: convert, inspect, draw and generate hand models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(
    name="hand-model",
    no_args_is_help=True,
    help="Hand models: convert MANO's pickle to npz without running it, print or draw any model, make the open hand.",
)

Source = Annotated[
    Path | None, typer.Argument(help="Hand model, .pkl or .npz in MANO's format; default: the open hand.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output file if it exists.")]


@group.command()
def convert(
    source: Annotated[Path, typer.Argument(help="MANO_RIGHT.pkl, MANO_LEFT.pkl, or another model in their format.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: SOURCE with the ending .npz.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert a hand model to npz.

    It loads faster and holds no code.

    The pickle is read by an allow-list: nothing in it is executed and chumpy isn't needed. The arrays stay under the
    licence of the file they come from.
    """
    from hoisdf_model.hand import load_hand_model

    target = _target(output or source.with_suffix(".npz"), overwrite)
    model = load_hand_model(source, side=None)
    model.save(target)
    typer.echo(f"{target}: {model.name}, {model.side} hand, hash {model.hash}, {target.stat().st_size / 1024:.0f} KiB")


@group.command()
def info(
    source: Source = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False
) -> None:
    """Print name, side, hash and measurements of a hand model."""
    import json

    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.hand.measurements import measure

    model = load_hand_model(source, side=None)
    figures = {"name": model.name, "side": model.side, "hash": model.hash} | measure(model)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' '):<26} {value}")


@group.command()
def render(
    source: Source = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG file to write.")] = Path("hand.png"),
    pose: Annotated[
        list[str] | None,
        typer.Option(help="Named pose, one row each; may be repeated. Default: all five of the sheet."),
    ] = None,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Pixels of one picture's edge.")] = 320,
    overwrite: Overwrite = False,
) -> None:
    """Draw a hand model as PNG: named poses from four sides.

    Needs no graphics card.
    """
    import cv2

    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.hand.hand_sheet import SHEET_POSES, contact_sheet

    target = _target(output, overwrite)
    sheet = contact_sheet(load_hand_model(source, side=None), pose or SHEET_POSES, size)
    if not cv2.imwrite(str(target), sheet[..., ::-1]):
        raise typer.BadParameter(f"{target} can't be written: the folder is missing or the ending isn't an image's")
    typer.echo(f"{target}: {sheet.shape[1]} x {sheet.shape[0]} pixels")


@group.command()
def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="npz file to write.")] = Path("open_hand_right.npz"),
    overwrite: Overwrite = False,
) -> None:
    """Regenerate the open hand from its anatomy.

    It takes about ten seconds; the result comes with the package already.
    """
    from rich.progress import Progress

    from hoisdf_model.hand.open_hand import STAGES, generate_open_hand

    target = _target(output, overwrite)
    with Progress(transient=True) as progress:
        task = progress.add_task("open hand", total=len(STAGES))

        def begun(stage: str) -> None:
            progress.update(task, completed=STAGES.index(stage), description=stage)

        model = generate_open_hand(begun)
    model.save(target)
    typer.echo(f"{target}: hash {model.hash}, {target.stat().st_size / 1024:.0f} KiB")


def _target(path: Path, overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        raise typer.BadParameter(f"{path} exists; name another file with --output, or pass --overwrite")
    return path


def register(app: typer.Typer) -> None:
    """Add ``hand-model``."""
    app.add_typer(group)
