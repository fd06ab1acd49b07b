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

"""The shipped weights from nothing: grasps, stills, the object's view, training, averaging, calibration.

It goes on where it was.

    scripts/train_shipped                                  # into runs/shipped, at low priority
    scripts/train_shipped --imagenet lite0.pth             # the object's view from ImageNet, trained alone first
    scripts/train_shipped --minutes 10 --workers 12        # on a machine that is lent for ten minutes
    scripts/train_shipped --from weights.safetensors       # on a new machine, from the last weights

Stills are drawn by one process while another trains on those there are. Everything stands in one folder and every part
resumes: the grasp library and the stills where they were, training from its newest checkpoint. After a kill call the
same command again. ``weights.safetensors`` in the folder holds the averaged weights of the last validation at any time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

HOISDF = (sys.executable, "-m", "hoisdf_model.cli")
RECIPE, VIEW = "shipped", "object_view"
SHAPES = 25  # random ones beside the catalogue in the shipped weights' library
WAIT = 2.0  # seconds between looks for the first stills


def main(
    folder: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("runs/shipped"),
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Of training; to the end if not given.")] = None,
    frames: Annotated[int, typer.Option(min=200, help="Stills.")] = 60_000,
    backgrounds: Annotated[Path | None, typer.Option(help="Folder of pictures for backgrounds.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw; 0: one.")] = 0,
    start_from: Annotated[
        str | None, typer.Option("--from", help="Weights to begin with where there is no checkpoint yet.")
    ] = None,
    imagenet: Annotated[
        Path | None, typer.Option(help="EfficientNet-Lite0's weights (.pth); the object's view is trained alone first.")
    ] = None,
    niceness: Annotated[int, typer.Option("--nice", min=0, max=19, help="Priority of everything.")] = 15,
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes of the recipe, as of hoisdf train.")
    ] = None,
) -> None:
    """Train the shipped weights."""
    os.nice(niceness)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder.mkdir(parents=True, exist_ok=True)
    library, stills, run = folder / "grasps.npz", folder / "stills", folder / "run"
    call("grasps", "synthesize", "--grasps", library, "--shapes", SHAPES)
    drawing = subprocess.Popen(command("synthesize", *drawn(stills, library, frames, backgrounds, workers)))
    try:
        while not any(stills.glob("*.tar")):
            if drawing.poll() not in (None, 0):
                raise SystemExit("no stills could be drawn; the reason stands above")
            time.sleep(WAIT)
        source = f"data.sources=[{{kind: shards, options: {{folder: {stills}, growing: true}}}}]"
        limit = ["--minutes", minutes] if minutes else []
        if imagenet is not None:
            view = folder / "object_view"
            if not (view / "weights.safetensors").exists():
                first = [*beginning(view, start_from), *limit, f"object_view_weights={imagenet}"]
                call("the object's view", "train", VIEW, "-o", view, *first, source)
            start_from = str(view / "weights.safetensors")
        call("training", "train", RECIPE, "-o", run, *beginning(run, start_from), *limit, source, *(changes or []))
    finally:
        drawing.terminate()
        drawing.wait()
    calibrated = folder / "calibrated.safetensors"
    calibrated.unlink(missing_ok=True)
    call("calibration", "calibrate", "--weights", run / "weights.safetensors", "-o", calibrated, "--frames", 300)
    print(f"weights, calibrated: {calibrated}\nwhat they are: {run / 'model_card.md'}")


def beginning(run: Path, start_from: str | None) -> list[object]:
    """Arguments of a training that goes on where it was, or begins with weights."""
    if any((run / "checkpoints").glob("step*.ckpt")):
        return ["--resume"]
    return ["--from", start_from] if start_from else []


def drawn(stills: Path, library: Path, frames: int, backgrounds: Path | None, workers: int) -> list[object]:
    """Arguments of the command that draws."""
    pictures = [] if backgrounds is None else ["--backgrounds", backgrounds]
    return [
        "--dataset", stills, "--library", library, "--frames", frames, "--no-details", "--field-samples", 500,
        "--workers", workers, *pictures,
    ]  # fmt: skip


def command(*arguments: object) -> list[str]:
    """A call of the package's command line."""
    return [*HOISDF, *map(str, arguments)]


def call(what: str, *arguments: object) -> None:
    """Run a part to its end.

    Raises:
        SystemExit: it failed; its own message stands above.
    """
    print(f"-- {what}", flush=True)
    code = subprocess.call(command(*arguments))
    if code:
        raise SystemExit(f"{what} ended with {code}; call the same command again to go on")


if __name__ == "__main__":
    typer.run(main)
