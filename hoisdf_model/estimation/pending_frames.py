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

"""Frames on their way through an estimator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Estimate, Frame, HandRegion, ObjectRegion, Prior, Regions
from hoisdf_model.estimation.hand_following import HandFollower
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.views import View
from hoisdf_model.estimation.wrists import SeenWrist
from hoisdf_model.geometry import Pinhole, boxes

Result = TypeVar("Result")


@dataclass
class PendingFrame:
    """One frame's hands on their way through an estimator.

    Attributes:
        frame: rectified. raw_camera: the camera as it is.
        follower: what is remembered of the camera's frames.
        completed: what is known of each hand. wrists: by landmarks.
        targets, views: for the network.
        timing: seconds of each stage.
        estimate: the result.
        error: why there is none, after which nothing more is done for the frame.
    """

    frame: Frame
    raw_camera: Pinhole
    follower: HandFollower
    completed: tuple[Prior, ...]
    wrists: list[SeenWrist | None]
    targets: list[Target]
    views: list[View]
    timing: dict[str, float]
    estimate: Estimate = field(default_factory=Estimate)
    error: Exception | None = None

    def attempt(self, step: Callable[..., None], *arguments: object) -> None:
        """Do a step, and keep its error to this frame."""
        if self.error is None:
            try:
                step(self, *arguments)
            except Exception as error:
                self.error = error

    def outcome(self) -> Estimate | Exception:
        """The estimate or the error.

        An error is forgotten here: it holds this object, and so the picture.
        """
        error, self.error = self.error, None
        return self.estimate if error is None else error

    def regions(self) -> Regions:
        """Regions of the targets in pixels of the raw image."""

        def raw(box: NDArray[np.float64]) -> NDArray[np.float64]:
            return boxes.mapped(box, self.raw_camera.distort_pixels) if self.raw_camera.is_distorted else box

        return Regions(
            hands=tuple(HandRegion(raw(t.hand_box), t.side, t.score, t.root) for t in self.targets),
            objects=tuple(
                ObjectRegion(raw(t.object_box), t.object_name, t.score, t.object_center)
                for t in self.targets
                if t.object_known
            ),
        )


def first_rows(frames: Sequence[PendingFrame]) -> list[int]:
    """The row of the batch with which each frame begins."""
    return [0, *np.cumsum([len(frame.targets) for frame in frames])[:-1].tolist()]


def attempted(step: Callable[..., Result], *arguments: object) -> Result | Exception:
    """Result of a step, or its error."""
    try:
        return step(*arguments)
    except Exception as error:
        return error


def value_or_raise(outcome: Result | BaseException) -> Result:
    """Value of an outcome.

    Raises:
        BaseException: the outcome is this.
    """
    if not isinstance(outcome, BaseException):
        return outcome
    try:
        raise outcome
    finally:
        del outcome  # which holds this call: a circle that would keep the picture


@contextmanager
def timed(stage: str, *timings: dict[str, float]) -> Iterator[None]:
    """Add the time of a stage to each of several timings."""
    start = time.perf_counter()
    yield
    spent = time.perf_counter() - start
    for timing in timings:
        timing[stage] = timing.get(stage, 0.0) + spent
