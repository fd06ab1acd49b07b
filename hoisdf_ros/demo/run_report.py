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

"""Report of a demo run: terminal table and ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from hoisdf_model.estimates import Estimate, HandEstimate
from hoisdf_ros.demo.playing import DemoRun

OPEN_HAND = "open_hand"  # ground truth with this hand can only be synthetic: no real hand was labelled with it


@dataclass(frozen=True)
class JointErrors:
    """Mean joint errors of the detected hands, metres.

    Over all hands that are both labelled and found.

    Attributes:
        hands: hands in the ground truth of the processed frames; ``found``: of them, those with an estimate.
        camera: mean distance of joints in the camera frame.
        wrist_relative: the same after moving both wrists to the origin.
        synthetic: the ground truth is of synthetic images.
    """

    hands: int
    found: int
    camera: float
    wrist_relative: float
    synthetic: bool


def joint_errors(estimates: Mapping[int, Estimate], truths: Mapping[int, Estimate]) -> JointErrors | None:
    """Compare by stamp; None where no frame has a ground truth.

    Each hand of the ground truth is compared with the estimated hand of its side whose wrist is nearest.
    """
    camera: list[NDArray[np.floating]] = []
    relative: list[NDArray[np.floating]] = []
    hands = 0
    synthetic = False
    for stamp, estimate in estimates.items():
        for truth in truths[stamp].hands if stamp in truths else ():
            hands += 1
            synthetic |= truth.model.name.startswith(OPEN_HAND)
            hand = _nearest(estimate.hands, truth)
            if hand is None:
                continue
            camera.append(np.linalg.norm(hand.joints - truth.joints, axis=1))
            moved = (hand.joints - hand.joints[0]) - (truth.joints - truth.joints[0])
            relative.append(np.linalg.norm(moved, axis=1))
    if not hands:
        return None
    nothing = float("nan")
    return JointErrors(
        hands=hands,
        found=len(camera),
        camera=float(np.mean(camera)) if camera else nothing,
        wrist_relative=float(np.mean(relative)) if relative else nothing,
        synthetic=synthetic,
    )


def _nearest(hands: Sequence[HandEstimate], truth: HandEstimate) -> HandEstimate | None:
    same = [hand for hand in hands if hand.side == truth.side]
    return min(same, key=lambda hand: float(np.linalg.norm(hand.joints[0] - truth.joints[0])), default=None)


def as_mapping(
    run: DemoRun, errors: JointErrors | None, weights: str, trained: bool, preparation: float
) -> dict[str, Any]:
    """The run without its messages, for JSON; seconds, metres, frames per second.

    ``preparation`` is how long it took before the node was started.
    """
    return {
        "weights": weights,
        "trained": trained,
        "recorded_images": run.recorded,
        "stream": asdict(run.statistics),
        "node": {**run.counts, "dropped_by_cause": dict(run.dropped)},
        "estimator": dict(run.estimator),
        "preparation": preparation,
        "loading": run.loading,
        "first_result": run.first_result,
        "joint_errors": asdict(errors) if errors else None,
    }


def as_table(run: DemoRun, errors: JointErrors | None, title: str, preparation: float) -> Table:
    """The table that ends the demo; ``preparation`` as for ``as_mapping``."""
    table = Table(title=title, box=box.ROUNDED, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    statistics = run.statistics
    table.add_row(
        "images in", str(statistics.sent), f"of {run.recorded} in the recording, {statistics.sent_rate:.1f}/s"
    )
    table.add_row("processed", str(statistics.answered), f"{statistics.answered_rate:.1f}/s")
    table.add_row("dropped", str(run.counts["dropped"]), _causes(run))
    table.add_section()
    for name in ("p50", "p95"):
        note = "from image heard to result heard, by stamp" if name == "p50" else ""
        table.add_row(f"latency {name}", _milliseconds(statistics.latency.get(name)), note)
    for name in ("estimator", "overhead"):
        value = run.estimator.get(f"{name} p50 [ms]")
        if value is not None:
            note = "inside the node" if name == "estimator" else "the node beside its estimator"
            table.add_row(f"{name} p50", f"{value} ms", note)
    when = f"{preparation:.1f} s to prepare, {run.loading:.1f} s to load"
    table.add_row("first result", f"{preparation + run.first_result:.1f} s", f"after the start: {when}")
    table.add_section()
    for row in _error_rows(errors):
        table.add_row(*row)
    return table


def _causes(run: DemoRun) -> str:
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(run.dropped.items())) or "none"
    on_the_way = run.statistics.sent - run.counts["received"]
    return causes if on_the_way <= 0 else f"{causes}, {on_the_way} before the node read them"


def _error_rows(errors: JointErrors | None) -> list[tuple[str, str, str]]:
    if errors is None:
        return [("joint error", "unknown", "the recording has no ground truth")]
    what = "synthetic images" if errors.synthetic else "the recording's ground truth"
    return [
        ("joint error", _millimetres(errors.camera), f"camera frame, {what}"),
        ("", _millimetres(errors.wrist_relative), f"relative to the wrist, {what}"),
        ("hands found", str(errors.found), f"of {errors.hands} in the processed images"),
    ]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.0f} ms"


def _millimetres(metres: float) -> str:
    return "-" if np.isnan(metres) else f"{metres * 1e3:.0f} mm"
