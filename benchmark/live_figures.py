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

"""Arithmetic of the live benchmark: which hands are found, how far off they are, how still, how soon again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2

from hoisdf_model.estimates import Estimate, Frame, HandEstimate
from hoisdf_model.evaluation import EstimateErrors
from hoisdf_model.evaluation.runs.bag_run import FrameEstimator
from hoisdf_model.geometry import Pinhole, boxes

FOUND = 0.5  # intersection over union of the boxes around projected joints
IN_PICTURE = 0.5  # share of a true hand's joints that must lie in the picture for it to be looked for
ELLIPSOID = 0.95
ERRORS = ("wrist", "camera MJE", "PA-MJE", "OCE box", "ADD-S")
WARM_UP, REPEATS = 3, 10  # looks at a still hand before and while it is measured
IMAGE_NOISE, DEPTH_NOISE = 2.0, 0.002  # standard deviations between these looks: grey levels, metres
SEEN_BEFORE, EMPTY = 3, 10  # frames before an empty stretch, and of it


@dataclass
class Tally:
    """What became of all frames of one way of looking.

    Attributes:
        frames: estimated. truths: true hands in the picture. found: of these. false: hands where there is none.
        sides: found hands with the right side. errors: by name, millimetres.
        inside: by found hand with a covariance, whether the true wrist is in its 95 % ellipsoid.
        stages: seconds by stage. cpu, wall: processor time and time of each frame, seconds.
        jitter, relative_jitter: of still hands, millimetres. recoveries: seconds; None: never again.
        unstill: still hands that weren't seen throughout. stale: hands in frames of empty stretches.
    """

    frames: int = 0
    truths: int = 0
    found: int = 0
    false: int = 0
    sides: int = 0
    errors: dict[str, list[float]] = field(default_factory=dict)
    inside: list[bool] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)
    relative_jitter: list[float] = field(default_factory=list)
    unstill: int = 0
    recoveries: list[float | None] = field(default_factory=list)
    stale: int = 0

    def figures(self) -> dict[str, Any]:
        """As the table and JSON have them; None where there is nothing to divide by."""
        again = [seconds for seconds in self.recoveries if seconds is not None]
        return {
            "frames": self.frames,
            "true hands": self.truths,
            "precision": ratio(self.found, self.found + self.false),
            "recall": ratio(self.found, self.truths),
            "side right": ratio(self.sides, self.found),
            **{name: statistics(self.errors.get(name, [])) for name in ERRORS},
            "inside 95 %": ratio(sum(self.inside), len(self.inside)),
            "jitter": mean(self.jitter),
            "relative jitter": mean(self.relative_jitter),
            "not still": self.unstill,
            "recovery": mean(again),
            "not recovered": len(self.recoveries) - len(again),
            "stale": self.stale,
            "stages, ms": {name: 1e3 * float(np.median(seconds)) for name, seconds in self.stages.items()},
            "CPU, ms": None if not self.cpu else 1e3 * float(np.median(self.cpu)),
            "frames/s": ratio(len(self.wall), sum(self.wall)),
        }


def look(estimator: FrameEstimator, frame: Frame, tally: Tally) -> Estimate:
    """Estimate from a frame, and note how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    estimate = estimator(frame, None)
    tally.wall.append(time.perf_counter() - wall)
    tally.cpu.append(time.process_time() - cpu)
    for stage, seconds in estimate.timing.items():
        tally.stages.setdefault(stage, []).append(seconds)
    return estimate


def compare(estimate: Estimate, truth: Estimate, frame: Frame, errors: EstimateErrors, tally: Tally) -> None:
    """Count what was found of the true hands, and take the errors of those that were.

    A hand is found where the box around its projected joints overlaps that of the true one by more than ``FOUND``; each
    true hand is found once. A true hand that is mostly outside the picture needn't be found, and may be.
    """
    tally.frames += 1
    camera = frame.intrinsics
    wanted = [in_picture(hand, camera, frame.image.shape) for hand in truth.hands]
    pairs = matched(estimate.hands, truth.hands, camera)
    tally.truths += sum(wanted)
    tally.false += len(estimate.hands) - len(pairs)
    for own, true in pairs.items():
        if not wanted[true]:
            continue
        hand, goal = estimate.hands[own], truth.hands[true]
        tally.found += 1
        tally.sides += hand.side == goal.side
        thing, held = estimate.held_by(own), truth.held_by(true)
        one = errors(
            Estimate((hand,), () if thing is None else (thing,)), Estimate((goal,), () if held is None else (held,))
        )
        for name, value in one.hands[0].result.errors.items():
            tally.errors.setdefault(name, []).append(value)
        if (contained := inside(hand, goal)) is not None:
            tally.inside.append(contained)


def matched(own: Sequence[HandEstimate], true: Sequence[HandEstimate], camera: Pinhole) -> Mapping[int, int]:
    """Estimated hand -> true hand, by the greatest overlaps that are more than ``FOUND``."""
    overlaps = np.array(
        [[float(boxes.overlap(box_of(a, camera), box_of(b, camera))) for b in true] for a in own]
    ).reshape(len(own), len(true))
    rows, columns = linear_sum_assignment(-overlaps)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if overlaps[i, j] > FOUND}


def box_of(hand: HandEstimate, camera: Pinhole) -> NDArray[np.float64]:
    """(4,) pixels around the projected joints."""
    return boxes.around(camera.project(np.asarray(hand.joints, np.float64)))


def in_picture(hand: HandEstimate, camera: Pinhole, shape: tuple[int, ...]) -> bool:
    """Whether enough of the hand's joints are before the camera and in its picture, hidden or not."""
    joints = np.asarray(hand.joints, np.float64)
    if not (joints[:, 2] > 0).all():
        return False
    pixels = camera.project(joints)
    return bool(((pixels >= 0) & (pixels <= [shape[1] - 1, shape[0] - 1])).all(-1).mean() >= IN_PICTURE)


def inside(hand: HandEstimate, true: HandEstimate) -> bool | None:
    """Whether the true wrist lies in the estimated one's 95 % ellipsoid; None where its covariance isn't known."""
    if hand.root_covariance[0, 0] < 0:
        return None
    off = np.asarray(true.joints[0], np.float64) - hand.joints[0]
    return bool(off @ np.linalg.solve(hand.root_covariance, off) <= chi2.ppf(ELLIPSOID, 3))


def still(estimator: FrameEstimator, frame: Frame, truth: Estimate, rng: np.random.Generator, tally: Tally) -> None:
    """Look at one frame again and again, with noise of its own each time: how far do joints wander?

    The root of the mean squared distance of joints from their mean, in the camera frame and relative to the wrist.
    """
    estimator.reset()
    seen = []
    for number in range(WARM_UP + REPEATS):
        estimate = look(estimator, noisy(frame, rng), tally)
        pairs = matched(estimate.hands, truth.hands[:1], frame.intrinsics)
        if number >= WARM_UP:
            seen += [np.asarray(estimate.hands[own].joints, np.float64) for own in pairs]
    if len(seen) < REPEATS:
        tally.unstill += 1
        return
    joints = np.stack(seen)
    tally.jitter.append(wander(joints))
    tally.relative_jitter.append(wander(joints - joints[:, :1]))


def wander(joints: NDArray[np.float64]) -> float:
    """Root mean squared distance of points (T, N, 3) from their means over time, millimetres for metres."""
    return 1e3 * float(np.sqrt(((joints - joints.mean(0)) ** 2).sum(-1).mean()))


def recover(
    estimator: FrameEstimator, moments: Sequence[tuple[float, Frame, Estimate]], rng: np.random.Generator, tally: Tally
) -> None:
    """See a hand, then nothing for a while, then the hand: how long until it is found, and what is seen in between?

    Args:
        estimator: is reset first.
        moments: seconds, frame and truth of a stretch in which a hand is in the picture.
        rng: makes the empty pictures' noise.
        tally: takes the result.
    """
    estimator.reset()
    for _, frame, _ in moments[:SEEN_BEFORE]:
        look(estimator, frame, tally)
    for _ in range(EMPTY):
        tally.stale += len(look(estimator, emptied(moments[0][1], rng), tally).hands)
    began = moments[0][0]
    for seconds, frame, truth in moments:
        estimate = look(estimator, frame, tally)
        if matched(estimate.hands, truth.hands[:1], frame.intrinsics):
            tally.recoveries.append(seconds - began)
            return
    tally.recoveries.append(None)


def noisy(frame: Frame, rng: np.random.Generator) -> Frame:
    """The frame with another camera noise on top."""
    image = frame.image + rng.normal(0, IMAGE_NOISE, frame.image.shape)
    depth = frame.depth
    if depth is not None:
        depth = np.where(depth > 0, depth + rng.normal(0, DEPTH_NOISE, depth.shape), depth).astype(np.float32)
    return replace(frame, image=np.clip(np.round(image), 0, 255).astype(np.uint8), depth=depth)


def emptied(frame: Frame, rng: np.random.Generator) -> Frame:
    """A grey wall in place of the frame: noise around its mean colour, and a depth of 1 m."""
    image = frame.image.mean((0, 1)) + rng.normal(0, IMAGE_NOISE, frame.image.shape)
    depth = None if frame.depth is None else np.ones_like(frame.depth)
    return replace(frame, image=np.clip(np.round(image), 0, 255).astype(np.uint8), depth=depth)


def statistics(values: Iterable[float]) -> dict[str, Any]:
    """How many, mean, median and 90th percentile; None where there are none."""
    known = np.array(list(values), np.float64)
    if not len(known):
        return {"count": 0, "mean": None, "median": None, "p90": None}
    median, high = (float(value) for value in np.percentile(known, (50, 90)))
    return {"count": len(known), "mean": float(known.mean()), "median": median, "p90": high}


def ratio(part: float, whole: float) -> float | None:
    """A share or rate; None of nothing."""
    return part / whole if whole else None


def mean(values: Sequence[float]) -> float | None:
    """Mean; None of nothing."""
    return float(np.mean(values)) if values else None
