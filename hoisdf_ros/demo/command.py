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

"""Command ``ros2 run hoisdf demo``: a recording through the perception node.

The node and the replay run in processes of their own; this one listens. ``scripts/demo`` prepares the environment and
calls it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.errors import CheckpointError, HoisdfError
from hoisdf_model.estimates import Estimate
from hoisdf_ros.demo.playing import DemoPlan, DemoRun, run_demo

UNTRAINED = "untrained:compact"
PLAIN_INTERVAL = 2.0  # seconds between progress lines where the output is no terminal

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


class Progress:
    """Progress line, rewritten in a terminal and repeated elsewhere.

    A context manager.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._shown = 0.0

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, line: str) -> None:
        """Show ``line`` in place of the one before."""
        if self._live:
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif time.monotonic() - self._shown > PLAIN_INTERVAL:
            self._shown = time.monotonic()
            self._console.print(line, highlight=False, soft_wrap=True)


def chosen_weights(asked: str | None) -> tuple[str, bool]:
    """Weights of the demo, and whether they are trained.

    ``model.weights``: the requested ones, else the shipped ones, else untrained ones.

    Raises:
        CheckpointError: a file that isn't there was asked for.
    """
    if asked is None:
        from hoisdf_model.network import shipped_weights

        try:
            return str(shipped_weights()), True
        except CheckpointError:
            return UNTRAINED, False
    if asked.startswith("untrained:"):
        return asked, False
    if not Path(asked).is_file():
        raise CheckpointError(f"there is no weights file at {asked}")
    return str(Path(asked).resolve()), True


@app.command()
def demo(
    bag: Annotated[
        Path | None, typer.Option(help="Recording to play; not given: the synthetic one that comes with the package.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Weights file, or untrained:compact; not given: the shipped weights, else untrained."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="How much of the recording to play; 0: all of it.")] = 0.0,
    output: Annotated[Path, typer.Option(help="Folder for the pictures, results.json and logs.")] = Path("out/demo"),
    depth: Annotated[bool, typer.Option(help="Let the node use the recording's depth images too.")] = False,
    regions: Annotated[
        bool, typer.Option(help="Let the node use the recording's boxes, as a detector gives them.")
    ] = True,
    domain: Annotated[
        int | None,
        typer.Option(min=0, max=232, help="ROS domain; default: a random one, so that other nodes aren't disturbed."),
    ] = None,
) -> None:
    """Play a recording into the perception node and report its results.

    Shows rates, latency, joint error and pictures.
    """
    began = time.monotonic()
    for ending in (signal.SIGTERM, signal.SIGHUP):  # else the processes that the demo started would live on
        signal.signal(ending, _interrupt)
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101) if domain is None else domain)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    console = Console()
    try:
        setting, trained = chosen_weights(weights)
        output.mkdir(parents=True, exist_ok=True)
        recording = sample_recording() if bag is None else bag.resolve()
        preparation = time.monotonic() - began
        console.print(_heading(recording, setting, trained))
        plan = DemoPlan(recording, setting, output, seconds, regions, depth)
        with Progress(console) as progress:
            run = run_demo(plan, progress.show)
        _report(console, plan, run, trained, preparation)
    except HoisdfError as error:
        Console(stderr=True).print(Text(f"error: {error}", style="red"), soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        console.print("interrupted")
        raise typer.Exit(130) from interrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _heading(recording: Path, weights: str, trained: bool) -> Panel:
    lines = [f"recording  {recording}", f"weights    {weights}"]
    if not trained:
        lines.append("UNTRAINED: random weights. Rates and latency are real; poses mean nothing.")
    return Panel(
        Text("\n".join(lines)), title="hoisdf demo", title_align="left", border_style="green" if trained else "yellow"
    )


def _report(console: Console, plan: DemoPlan, run: DemoRun, trained: bool, preparation: float) -> None:
    """Table, pictures and JSON."""
    from hoisdf_model.drawing import draw_overlay
    from hoisdf_model.messages import hand_object_to_estimate
    from hoisdf_model.objects import load_catalogue
    from hoisdf_ros.demo.run_pictures import draw_pictures, write_contact_sheet, write_video
    from hoisdf_ros.demo.run_report import as_mapping, as_table, joint_errors

    estimates = {stamp: hand_object_to_estimate(message) for stamp, message in run.messages.items()}
    catalogue = load_catalogue()
    truths: dict[int, Estimate] = {}
    with BagReader(plan.bag) as bag:
        frames = []
        for item in bag.frames(depth=""):
            if item.stamp in estimates:
                frames.append(item)
                if item.truth is not None:
                    truths[item.stamp] = item.truth
    errors = joint_errors(estimates, truths)
    kind = Path(plan.weights).name if trained else f"UNTRAINED ({plan.weights})"
    of_what = "synthetic recording, " if errors and errors.synthetic else ""
    title = f"HOISDF demo: {of_what}weights {kind}"
    console.print(as_table(run, errors, title, preparation))
    pictures = draw_pictures(frames, estimates, partial(draw_overlay, meshes=catalogue))
    video = write_video(plan.folder / "overlay", pictures)
    sheet = write_contact_sheet(plan.folder / "contact_sheet.png", pictures, title)
    results = plan.folder / "results.json"
    results.write_text(
        json.dumps(as_mapping(run, errors, plan.weights, trained, preparation), indent=2), encoding="utf-8"
    )
    for path in (sheet, video, results):
        console.print(f"  {path}", highlight=False)


def main() -> None:
    """Entry point of ``ros2 run hoisdf demo``."""
    app()
