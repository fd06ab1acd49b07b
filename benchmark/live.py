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

"""The live protocol on the synthetic benchmark's sequences: image and camera_info alone, and again with depth.

    python benchmark/live.py --sequences 4,13,22                # the shipped weights
    python benchmark/live.py --sequences 4 --weights W --every 3 --bags out/bags
    python benchmark/live.py --bag recording --bag another      # recordings of one's own with ground truth

Sequences that aren't in the folder of bags yet are rendered into it. A hand is found where the box around its projected
joints overlaps that of the true hand by more than a half (intersection over union); a true hand counts where half of
its joints lie in the picture, hidden or not. Errors are those of found hands, in millimetres: of the wrist and of all
joints in the camera frame, of joints after alignment, of the middle of the object's box, and ADD-S of objects that were
estimated at all. "inside 95 %" is the share of true wrists in the 95 % ellipsoid of the wrist's covariance. Jitter is
how far the joints of one frame wander that is shown again and again with other noise; recovery the time from a hand's
return after an empty stretch to its being found, and "stale" how many hands were seen in that stretch. Times are those
of this machine under its load: medians of wall time for stages, processor time for frames. Prints a table and writes
JSON; everything is synthetic unless --bag gives other recordings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from live_figures import ERRORS, SEEN_BEFORE, Tally, compare, in_picture, look, recover, still
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hoisdf_model.data.bags.frame_assembly import BagFrame
from hoisdf_model.data.bags.reader import BagReader
from hoisdf_model.errors import EvaluationError
from hoisdf_model.estimates import Estimate, Frame
from hoisdf_model.estimation import Estimator
from hoisdf_model.evaluation import EstimateErrors, Models
from hoisdf_model.evaluation.runs.bag_run import FrameEstimator
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis.benchmark_bags import benchmark_bag_name, record_benchmark_bag

IMAGE, DEPTH = "image", "image and depth"
NANOSECONDS = 1e9
Moment = tuple[float, Frame, Estimate]


def main(
    sequences: Annotated[
        str, typer.Option(help="Numbers of benchmark sequences, 0 to 39, between commas.")
    ] = "4,13,22",
    bag: Annotated[list[Path] | None, typer.Option(help="Recordings with ground truth in place of sequences.")] = None,
    bags: Annotated[Path, typer.Option(help="Folder where rendered sequences are kept.")] = Path("out/live_bags"),
    weights: Annotated[str | None, typer.Option(help="Weights; the shipped ones if not given.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Take every so many-th frame.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("benchmark_live.json"),
) -> None:
    """Measure, print and write."""
    torch.set_num_threads(threads)
    paths = list(bag) if bag else [rendered(bags, int(number)) for number in sequences.split(",")]
    estimator = Estimator.load(weights, device=device)
    errors = EstimateErrors(Models(find_object))
    found: dict[str, Any] = {}
    for way in (IMAGE, DEPTH):
        tally = Tally()
        for path in track(paths, way):
            measure(estimator, read(path, way == DEPTH)[::every], errors, tally)
        found[way] = tally.figures()
    show(found, f"{weights or 'shipped weights'} on {len(paths)} {'recordings' if bag else 'synthetic sequences'}")
    about = {"bags": [path.name for path in paths], "weights": weights or "shipped", "every": every, "threads": threads}
    output.write_text(json.dumps({"about": about, **found}, indent=1))


def rendered(folder: Path, number: int) -> Path:
    """The bag of a benchmark sequence, rendered where it isn't there yet."""
    path = folder / benchmark_bag_name(number)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        record_benchmark_bag(path, number)
    return path


def read(path: Path, with_depth: bool) -> list[Moment]:
    """Seconds, frame and truth of each image of a bag that has ground truth.

    Raises:
        EvaluationError: there is no ground truth, or no depth image where one is wanted.
    """
    with BagReader(path) as bag:
        frames: list[BagFrame] = [
            item for item in bag.frames(depth=None if with_depth else "") if item.truth is not None
        ]
    if not frames:
        raise EvaluationError(f"{path} has no image with ground truth of the same stamp")
    if with_depth and any(item.frame.depth is None for item in frames):
        raise EvaluationError(f"{path} has images without a depth image")
    return [(item.stamp / NANOSECONDS, item.frame, item.truth) for item in frames if item.truth is not None]


def measure(estimator: FrameEstimator, moments: Sequence[Moment], errors: EstimateErrors, tally: Tally) -> None:
    """Everything that is measured on one sequence, in a row and from a fresh start."""
    estimator.reset()
    for _, frame, truth in moments:
        compare(look(estimator, frame, tally), truth, frame, errors, tally)
    seen = [
        one for one in moments if any(in_picture(h, one[1].intrinsics, one[1].image.shape) for h in one[2].hands[:1])
    ]
    if len(seen) < SEEN_BEFORE:
        return
    rng = np.random.default_rng(0)
    middle = len(seen) // 2
    still(estimator, *seen[middle][1:], rng, tally)
    recover(estimator, seen[min(middle, len(seen) - SEEN_BEFORE) :], rng, tally)


def show(found: Mapping[str, Mapping[str, Any]], title: str) -> None:
    """Print the table."""
    table = Table(title=f"live: {title}", title_justify="left")
    table.add_column("")
    for way in found:
        table.add_column(way, justify="right")
    for row in rows(found.values()):
        table.add_row(*row)
    Console(width=120).print(table)


def rows(columns: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Lines of the table: a name, and a text for each way of looking."""
    ways = list(columns)
    lines = [["frames, true hands in the picture", *(f"{way['frames']}, {way['true hands']}" for way in ways)]]
    for name in ("precision", "recall", "side right", "inside 95 %"):
        lines.append([name, *(text(way[name], 100, 0, " %") for way in ways)])
    for name in ERRORS:
        parts = [[text(way[name][part]) for part in ("mean", "median", "p90")] for way in ways]
        counts = [way[name]["count"] for way in ways]
        cells = [f"{' / '.join(part)} ({count})" for part, count in zip(parts, counts, strict=True)]
        lines.append([f"{name}, mm: mean / median / p90 (n)", *cells])
    lines.append(["jitter of a still hand, mm", *(text(way["jitter"]) for way in ways)])
    lines.append(["the same relative to the wrist, mm", *(text(way["relative jitter"]) for way in ways)])
    lines.append(["still hands not seen throughout", *(str(way["not still"]) for way in ways)])
    lines.append(["recovery, s (never)", *(f"{text(way['recovery'], 1, 2)} ({way['not recovered']})" for way in ways)])
    lines.append(["stale hands in empty stretches", *(str(way["stale"]) for way in ways)])
    for stage in dict.fromkeys(stage for way in ways for stage in way["stages, ms"]):
        lines.append([f"{stage}, ms", *(text(way["stages, ms"].get(stage)) for way in ways)])
    lines.append(["processor time a frame, ms", *(text(way["CPU, ms"], 1, 0) for way in ways)])
    lines.append(["frames/s", *(text(way["frames/s"], 1, 2) for way in ways)])
    return lines


def text(value: float | None, factor: float = 1.0, digits: int = 1, unit: str = "") -> str:
    """A number for the table; a dash for none."""
    return "-" if value is None else f"{value * factor:.{digits}f}{unit}"


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None)
    kept = "\n\n".join(f"\b\n{part}" for part in (__doc__ or "").split("\n\n"))  # \b: lines stay as they are
    app.command(help=kept)(main)
    app()
