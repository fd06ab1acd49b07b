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

"""Errors on photographs of hands whose joints somebody labelled.

    python benchmark/photographs.py FOLDER
    python benchmark/photographs.py FOLDER --weights W --landmarks hand_landmark_full.tflite --pictures sheet.jpg

Three ways to look at each photograph are compared: the estimator with the hand's box and side given, the estimator with
nothing given, and, where its file and ai-edge-litert are there, MediaPipe's hand landmark model in the given box.
FOLDER holds the photographs and ``annotated.json``, a list with one entry for each labelled hand:

    file            path of the picture within FOLDER; several hands may share one
    source          where it comes from; the table has a line for each
    side            right or left
    box             x0, y0, x1, y1 around the 21 joints, pixels
    joints_2d       21 x 2 pixels; wrist, then thumb, index, middle, ring, little, each from its base to its tip
    joints_3d       21 x 3 metres, camera frame, or null
    intrinsics      fx, fy, cx, cy in pixels, or null: 60 degrees across the longer edge are assumed
    holds           true, false or null: whether the hand holds something (carried along into the records)

and, where there are any, pictures without hands in ``FOLDER/no_hands``. "2D" is the mean distance of projected joints
from their labels over the box's longer edge, "aligned" the mean distance after the best similarity transform, "depth"
how far off the wrist's distance from the camera is. With nothing given, a labelled hand is found where a box overlaps
its own by more than a half (intersection over union), and "rank" is Spearman's correlation of score and 2D error over
found hands: near -1 where scores can be trusted. Prints a table and writes JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from photograph_files import Photograph, pictures_without_hands, read_photographs
from photograph_landmarks import Landmarker
from photograph_sheet import write_sheet
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import spearmanr

from hoisdf_model.estimates import Estimate, Frame, HandRegion, Prior, Side
from hoisdf_model.estimation import Estimator
from hoisdf_model.evaluation.metrics.alignment import similarity_aligned
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.messages import read_image

FOUND = 0.5  # intersection over union
Estimating = Callable[[Frame, Prior | None], Estimate]
GIVEN, ALONE, LANDMARKS = "box and side given", "nothing given", "landmarks, box given"


@dataclass(frozen=True)
class Seen:
    """What was made of one labelled hand.

    Attributes:
        joints_2d: (21, 2) pixels.
        joints_3d: (21, 3) metres, turned like the camera; anywhere unless ``placed``.
        placed: whether ``joints_3d`` are in the camera frame.
        side: as it was estimated or given; None: nobody said.
        score: 0 to 1.
        overlap: intersection over union of the box looked at and the labelled one.
    """

    joints_2d: NDArray[np.float64]
    joints_3d: NDArray[np.float64]
    placed: bool
    side: Side | None
    score: float
    overlap: float = 1.0


@dataclass(frozen=True)
class Record:
    """One hand looked at in one way; errors are None where they can't be known."""

    method: str
    file: str
    source: str
    holds: bool | None
    seen: bool
    side_right: bool | None = None
    score: float | None = None
    overlap: float | None = None
    error_2d: float | None = None
    aligned_mm: float | None = None
    depth_percent: float | None = None


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with annotated.json.")],
    weights: Annotated[str | None, typer.Option(help="Weights; the shipped ones if not given.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="hand_landmark_full.tflite, needs ai-edge-litert.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    pictures: Annotated[Path | None, typer.Option(help="Contact sheet to write: labels beside estimates.")] = None,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("benchmark_photographs.json"),
) -> None:
    """Measure, print and write."""
    torch.set_num_threads(threads)
    photographs, empty = read_photographs(folder), pictures_without_hands(folder)
    landmarker = None if landmarks is None else Landmarker(landmarks)
    estimator = Estimator.load(weights, device=device)

    def estimate(frame: Frame, prior: Prior | None) -> Estimate:
        estimator.reset()  # photographs don't follow one another
        return estimator(frame, prior)

    looks = {GIVEN: look_given(estimate, track(photographs, GIVEN))}
    looks[ALONE] = look_alone(estimate, track(photographs, ALONE))
    if landmarker is not None:
        looks[LANDMARKS] = look_for_landmarks(landmarker, track(photographs, LANDMARKS))
    alarms = [count_hands(estimate, path) for path in track(empty, "no hands")]
    records = [
        record(method, photograph, seen)
        for method, look in looks.items()
        for photograph, seen in zip(photographs, look, strict=True)
    ]
    lines = summaries(records)
    show(lines, alarms)
    if pictures is not None:
        drawn = {name: [None if seen is None else seen.joints_2d for seen in look] for name, look in looks.items()}
        write_sheet(pictures, photographs, drawn)
    found = {"summaries": lines, "false_alarms": {"pictures": len(empty), "hands": alarms}}
    output.write_text(json.dumps({**found, "records": [asdict(one) for one in records]}, indent=1))


def look_given(estimate: Estimating, photographs: Iterable[Photograph]) -> list[Seen | None]:
    """Each hand with its box and side given."""
    return [
        closest(estimate(frame, Prior(hand_box=one.box, side=one.side)), frame.intrinsics, one, 0.0)
        for one, frame in _frames(photographs)
    ]


def look_alone(estimate: Estimating, photographs: Iterable[Photograph]) -> list[Seen | None]:
    """Each hand as it was found with nothing given; None where no box overlaps its own by more than ``FOUND``."""
    found: dict[Path, Estimate] = {}  # several hands may share a picture
    looks = []
    for one, frame in _frames(photographs):
        if one.path not in found:
            found[one.path] = estimate(frame, None)
        looks.append(closest(found[one.path], frame.intrinsics, one, FOUND))
    return looks


def look_for_landmarks(landmarker: Landmarker, photographs: Iterable[Photograph]) -> list[Seen | None]:
    """Each hand by the landmark model, its box given; the model's points in space have no place in the camera frame."""
    return [
        Seen(found.pixels, found.world, False, None, found.presence)
        for one in photographs
        for found in [landmarker(read_image(one.path), one.box)]
    ]


def closest(estimate: Estimate, camera: Pinhole, photograph: Photograph, least: float) -> Seen | None:
    """The estimated hand whose region overlaps the labelled box most, if by more than ``least``."""
    best: Seen | None = None
    for hand in estimate.hands:
        pixels = camera.project(hand.joints)
        region = _region(pixels, estimate.regions.hands)
        overlap = float(boxes.overlap(region.box, photograph.box))
        if overlap > (least if best is None else best.overlap):
            joints = np.asarray(hand.joints, np.float64)
            best = Seen(pixels, joints, True, hand.side, float(hand.score), overlap)
    return best


def record(method: str, photograph: Photograph, seen: Seen | None) -> Record:
    """The errors of one hand."""
    about = (method, photograph.file, photograph.source, photograph.holds)
    if seen is None:
        return Record(*about, seen=False)
    aligned = depth = None
    if photograph.joints_3d is not None:
        true = photograph.joints_3d
        aligned = 1e3 * float(np.linalg.norm(similarity_aligned(seen.joints_3d, true) - true, axis=-1).mean())
        if photograph.camera is not None and seen.placed:
            depth = 100 * abs(float(seen.joints_3d[0, 2] / true[0, 2]) - 1)
    edge = float((photograph.box[2:] - photograph.box[:2]).max())
    error = float(np.linalg.norm(seen.joints_2d - photograph.joints_2d, axis=-1).mean()) / edge
    side = None if seen.side is None else seen.side == photograph.side
    return Record(*about, True, side, seen.score, seen.overlap, error, aligned, depth)


def count_hands(estimate: Estimating, path: Path) -> int:
    """How many hands are seen in a picture without any."""
    image = read_image(path)
    return len(estimate(Frame(image, assumed_camera(image)), None).hands)


def assumed_camera(image: NDArray[np.uint8]) -> Pinhole:
    """A camera that sees 60 degrees across the image's longer edge."""
    height, width = image.shape[:2]
    focal = max(height, width) / 2 / np.tan(np.radians(30))
    return Pinhole(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def summaries(records: Sequence[Record]) -> list[dict[str, Any]]:
    """A line for each method, over all sources and over each."""
    lines = []
    for method in dict.fromkeys(one.method for one in records):
        own = [one for one in records if one.method == method]
        for source in ("all", *sorted({one.source for one in own})):
            part = [one for one in own if source in ("all", one.source)]
            lines.append({"method": method, "source": source, **_summary(part)})
    return lines


def show(lines: Iterable[Mapping[str, Any]], alarms: Sequence[int]) -> None:
    """Print the table."""
    table = Table(title="photographs: mean / median over the hands seen", title_justify="left")
    for name in ("what", "hands", "seen", "side right", "2D", "3D hands", "aligned, mm", "depth, %", "rank"):
        table.add_column(name, justify="left" if name == "what" else "right", no_wrap=name != "what")
    for line in lines:
        every = line["source"] == "all"
        table.add_row(
            f"[bold]{line['method']}" if every else f"  {line['source']}",
            str(line["hands"]), _share(line["seen"]), _share(line["side_right"]),
            _pair(line["error_2d"], 3), str(line["aligned_mm"]["count"]), _pair(line["aligned_mm"], 1),
            _number(line["depth_percent"]["median"], 1), _number(line["rank"], 2),
            end_section=False,
        )  # fmt: skip
    Console(width=140).print(table)
    if alarms:
        seen = sum(count > 0 for count in alarms)
        print(f"hands seen in {seen} of {len(alarms)} pictures without hands ({sum(alarms)} hands)")


def _frames(photographs: Iterable[Photograph]) -> Iterable[tuple[Photograph, Frame]]:
    for one in photographs:
        image = read_image(one.path)
        yield one, Frame(image, one.camera or assumed_camera(image))


def _region(pixels: NDArray[np.float64], regions: Sequence[HandRegion]) -> HandRegion:
    """The region that a hand was looked at in: its middle is nearest to the hand's; they come in different orders."""
    middle = boxes.center(boxes.around(pixels))
    return min(regions, key=lambda region: float(np.linalg.norm(boxes.center(region.box) - middle)))


def _summary(records: Sequence[Record]) -> dict[str, Any]:
    seen = [one for one in records if one.seen]
    sides = [one.side_right for one in seen if one.side_right is not None]
    pairs = np.array([(one.score, one.error_2d) for one in seen], np.float64).reshape(-1, 2)
    ranked = all(len(set(column)) > 1 for column in pairs.T.tolist())  # else there is no correlation
    return {
        "hands": len(records),
        "seen": len(seen) / len(records),
        "side_right": float(np.mean(sides)) if sides else None,
        **{
            name: _statistics([getattr(one, name) for one in seen])
            for name in ("error_2d", "aligned_mm", "depth_percent")
        },
        "rank": float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic) if ranked else None,
    }


def _statistics(values: Iterable[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    if not known:
        return {"count": 0, "mean": None, "median": None}
    return {"count": len(known), "mean": float(np.mean(known)), "median": float(np.median(known))}


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _pair(line: Mapping[str, Any], digits: int) -> str:
    return f"{_number(line['mean'], digits)} / {_number(line['median'], digits)}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None)
    kept = "\n\n".join(f"\b\n{part}" for part in (__doc__ or "").split("\n\n"))  # \b: lines stay as they are
    app.command(help=kept)(main)
    app()
