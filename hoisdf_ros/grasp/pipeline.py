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

"""Pipeline from one estimate to grasps in the target frame.

Freshness, planning, agreement between frames, transform.

Nothing leaves that isn't of an estimate younger than the limit. Whatever goes wrong is counted and named, what was
published before is withdrawn, and the node goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ConfigError, GraspError, HoisdfError, InvalidInputError
from hoisdf_model.estimates import Estimate
from hoisdf_model.grasping import (
    GraspCandidate,
    GraspFollower,
    GraspPlan,
    RecordedGrasp,
    SteadyGrasp,
    SteadyPlan,
    moved,
)
from hoisdf_model.messages import hand_object_to_estimate, make_header
from hoisdf_ros.grasp.frame_buffer import FrameBuffer, TransformError
from hoisdf_ros.grasp.grasp_messages import Reasons
from hoisdf_ros.grasp.outputs import GraspOutputs
from hoisdf_ros.grasp.parameters import GraspParameters
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.stream.failures import Causes, account_for, note_refused
from hoisdf_ros.stream.inputs import HAND_OBJECT, InputSet
from hoisdf_ros.stream.monitor import Monitor, Timing

SECOND = 1e9  # nanoseconds
UNSTEADY, LOW_SCORE, NO_MODE, RESET = "unsteady", "low_score", "no_mode", "reset"
Floats = NDArray[np.float64]


class StaleError(HoisdfError):
    """Error of an estimate too old, or from the future."""


_CAUSES: Causes = (
    (StaleError, "stale"),
    (TransformError, "no_transform"),
    (InvalidInputError, "invalid_message"),
    (HoisdfError, "planner"),
    (Exception, "internal_error"),
)


@dataclass(frozen=True)
class Current:
    """Result of the newest estimate.

    Attributes:
        estimate: camera frame.
        stamp: nanoseconds.
        frame: of the camera.
        target: frame that grasps are given in; ``transform`` (4, 4) takes the camera's to it.
        grasps: best first, camera frame.
        reasons: why there are none.
    """

    estimate: Estimate
    stamp: int
    frame: str
    target: str
    transform: Floats
    grasps: tuple[SteadyGrasp, ...]
    reasons: Reasons

    @property
    def header(self) -> Any:
        """Header of all messages made from the estimate (``std_msgs/Header``)."""
        return make_header(ROS_TYPES, self.stamp, self.target)

    def placed(self, candidate: GraspCandidate) -> GraspCandidate:
        """Grasp of the camera frame, transformed to the target frame."""
        return moved(candidate, self.transform)


class GraspPipeline:
    """Grasp pipeline of the node.

    ``process`` runs in the worker's thread and never raises; the rest may be called from any thread.

    Args:
        follower: plans; called by one thread at a time.
        outputs: where grasps go.
        frames: tf.
        monitor: counts and times.
        parameters: the values as they are now.
        now: ROS time in nanoseconds.
        log: writes an error to the node's log.
    """

    def __init__(
        self,
        follower: GraspFollower,
        outputs: GraspOutputs,
        frames: FrameBuffer,
        monitor: Monitor,
        parameters: Callable[[], GraspParameters],
        now: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        self._follower, self._outputs, self._frames, self._monitor = follower, outputs, frames, monitor
        self._parameters, self._now, self._log = parameters, now, log
        self._planning, self._publishing = threading.Lock(), threading.RLock()
        self._epoch = self._planned_epoch = 0
        self._current: Current | None = None
        self._seen: tuple[int, str] | None = None  # stamp and frame of what is on display
        self.verdict: Reasons = (("no_estimate", "no estimate yet"),)

    def reset(self, reason: str, text: str) -> None:
        """Clear the history and withdraw published grasps.

        The result of an estimate in progress isn't published.
        """
        with self._publishing:
            self._epoch += 1
            self._frames.clear()
            self._withdraw(((reason, text),))

    def process(self, item: InputSet) -> None:
        """Process one estimate, from its message to the topics."""
        epoch = self._epoch
        try:
            self._process(item, epoch)
        except Exception as error:
            text = account_for(error, _CAUSES, self._monitor, self._log)
            cause = next(cause for kind, cause in _CAUSES if isinstance(error, kind))
            with self._publishing:
                if epoch == self._epoch:
                    self._seen = (item.stamp, item.header.frame_id)
                    self._withdraw(((cause, text),))

    def watch(self) -> None:
        """Withdraw published grasps that are too old.

        To be called often, also without new estimates.
        """
        with self._publishing:
            if self._current is not None and (text := self._too_old(self._current.stamp)):
                self._withdraw((("stale", text),))

    def capture(self) -> tuple[Current, SteadyGrasp]:
        """Current best grasp.

        Raises:
            GraspError: there is none; says why.
        """
        current = self.newest()
        if not current.grasps:
            raise GraspError("; ".join(text for _, text in current.reasons))
        return current, current.grasps[0]

    def recorded(self, current: Current, grasp: SteadyGrasp) -> RecordedGrasp:
        """A grasp for a file.

        Raises:
            GraspError: no object is known.
        """
        with self._planning:
            return self._follower.recorded(grasp, current.estimate)

    def newest(self) -> Current:
        """The newest estimate, if it is fresh.

        Raises:
            GraspError: there is none, or it is too old.
        """
        with self._publishing:
            self.watch()
            if self._current is None:
                raise GraspError("; ".join(text for _, text in self.verdict))
            return self._current

    def plan_handover(self, current: Current, clearance: float) -> GraspPlan:
        """Hand-overs from an estimate alone; ``clearance`` in metres, 0: the planner's own.

        Raises:
            ConfigError: the clearance makes no sense.
        """
        if not 0 <= clearance <= 1:
            raise ConfigError(f"clearance must be a length in metres up to 1, got {clearance}: millimetres?")
        with self._planning:
            planner = self._follower.planner
            if clearance > 0:
                planner = planner.with_settings(replace(planner.settings, clearance=clearance))
            return planner.plan(current.estimate, ("handover",))

    def _process(self, item: InputSet, epoch: int) -> None:
        parameters, camera = self._parameters(), item.header.frame_id
        self._check_age(item.stamp)
        estimate = hand_object_to_estimate(item.messages[HAND_OBJECT], self._refused)
        decoded = time.perf_counter()
        with self._planning:
            if epoch != self._planned_epoch:
                self._follower.reset()
                self._planned_epoch = epoch
            result = self._follower.add(item.stamp / SECOND, estimate, parameters.wanted_modes())
        planned = time.perf_counter()
        target = parameters.frame.id or camera
        transform = self._frames.lookup(target, camera, item.stamp, parameters.frame.timeout)
        limits = parameters.publish
        good = tuple(one for one in result.grasps if one.candidate.score >= limits.minimum_score)[: limits.count]
        reasons = _reasons(result, good, parameters)
        current = Current(estimate, item.stamp, camera, target, transform, good, reasons)
        with self._publishing:
            if epoch != self._epoch:
                self._monitor.dropped({RESET: 1})
                return
            self._check_age(item.stamp)  # planning and waiting took their time
            self._current, self._seen, self.verdict = current, (item.stamp, target), current.reasons
            self._outputs.publish([current.placed(one.candidate) for one in good], reasons, current.header, parameters)
            self._outputs.publish_scene(estimate, transform, current.header, parameters)
        done = time.perf_counter()
        stages = {"planning": planned - decoded, "publishing": done - planned}
        self._monitor.processed(Timing(done - item.completed, (self._now() - item.stamp) / SECOND, stages))

    def _refused(self, error: Exception) -> None:
        note_refused(error, "invalid_message", self._monitor, self._log)

    def _check_age(self, stamp: int) -> None:
        if text := self._too_old(stamp):
            raise StaleError(text)

    def _too_old(self, stamp: int) -> str:
        """What is wrong with an estimate's age; empty if nothing is."""
        age, limit = (self._now() - stamp) / SECOND, self._parameters().input.freshness
        if age > limit:
            return f"the newest estimate is {age:.1f} s old, at most {limit:g} s are allowed{_other_clock(age)}"
        if age < -limit:
            return f"the newest estimate is {-age:.1f} s ahead of the ROS clock{_other_clock(age)}"
        return ""

    def _withdraw(self, reasons: Reasons) -> None:
        self._current, self.verdict = None, reasons
        if self._seen is not None:
            stamp, frame = self._seen
            header = make_header(ROS_TYPES, stamp, frame)
            self._outputs.withdraw(reasons, header, self._parameters())
            self._seen = None


def _reasons(result: SteadyPlan, good: tuple[SteadyGrasp, ...], parameters: GraspParameters) -> Reasons:
    """Why there are no grasps, or none of one mode."""
    reasons: list[tuple[str, str]] = []
    if result.waiting:
        reasons.append((UNSTEADY, result.waiting))
    elif result.grasps and not good:
        score, wanted = result.grasps[0].candidate.score, parameters.publish.minimum_score
        reasons.append((LOW_SCORE, f"the best grasp scores {score:.2f}, {wanted:.2f} are wanted"))
    reasons += dict.fromkeys(
        (one.reason, f"{one.mode}: {one.message}" if one.mode else one.message) for one in result.plan.refusals
    )
    if not good and not reasons:
        reasons.append((NO_MODE, f"the object is known, and of the modes {parameters.modes!r} none is for that"))
    return tuple(reasons)


def _other_clock(age: float) -> str:
    return " (of another clock? recordings need use_sim_time)" if abs(age) > 3600 else ""
