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

"""Estimator shared by several cameras, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hoisdf_model.estimates import Estimate, Frame, Prior
from hoisdf_model.estimation.estimator import Estimator
from hoisdf_model.estimation.hand_following import HandFollower
from hoisdf_model.estimation.pending_frames import value_or_raise

MOST_WAIT = 0.5  # of the last batch's time, for cameras that have their next frame at hand


@dataclass(eq=False)
class _Request:
    """One camera's frame, and what became of it."""

    camera: CameraStream
    frame: Frame
    prior: Prior | Sequence[Prior] | None
    result: Estimate | BaseException | None = None

    def outcome(self) -> Estimate | BaseException:
        """The result.

        It is forgotten here: an error holds this object, and so the picture.
        """
        result, self.result = self.result, None
        assert result is not None
        return result


class SharedEstimator:
    """Estimator that takes frames of several cameras together.

    Whichever thread comes first computes, for itself and for all whose frames wait by then. One camera alone costs what
    it does without the others.

    Cameras that are faster than the estimator could take turns: while the one's result is published, the other one's
    frame begins alone. How often depends on the machine. So a batch waits for the cameras of the one before that have
    their next frame at hand already, for ``MOST_WAIT`` at most; never for a camera that is slower or silent.

    Args:
        estimator: called by one thread at a time.
    """

    def __init__(self, estimator: Estimator) -> None:
        self.estimator = estimator
        self._changed = threading.Condition()
        self._computing = False
        self._waiting: list[_Request] = []
        self._returning: set[CameraStream] = set()
        self._patience = 0.0  # seconds

    def stream(self, has_next: Callable[[], bool] = lambda: False) -> CameraStream:
        """A further camera; see :class:`CameraStream`."""
        return CameraStream(self, self.estimator.new_follower(), has_next)

    def estimate(self, request: _Request) -> Estimate:
        """The request's estimate, computed by this thread or by another one."""
        with self._changed:
            self._waiting.append(request)
            self._returning.discard(request.camera)
            self._changed.notify_all()
            self._changed.wait_for(lambda: request.result is not None or not self._computing)
            computes = request.result is None
            self._computing |= computes
        if computes:
            try:
                self._compute(self._batch())
            finally:
                with self._changed:
                    self._computing = False
                    self._changed.notify_all()
        return value_or_raise(request.outcome())

    def _batch(self) -> list[_Request]:
        """Requests that wait, once the cameras that are about to come have come."""
        with self._changed:
            self._changed.wait_for(lambda: not self._returning, self._patience)
            self._returning.clear()
            taken, self._waiting = self._waiting, []
            return taken

    def _compute(self, requests: Sequence[_Request]) -> None:
        results: Sequence[Estimate | BaseException]
        start = time.monotonic()
        try:
            results = self.estimator.estimate_batch([(one.camera.follower, one.frame, one.prior) for one in requests])
        except BaseException as error:  # no thread may wait for a result that never comes
            results = [error] * len(requests)
        with self._changed:
            self._patience = MOST_WAIT * (time.monotonic() - start)
            self._returning = {one.camera for one in requests if one.camera.has_next()}
            for request, result in zip(requests, results, strict=True):
                request.result = result


class CameraStream:
    """One camera's frames through a shared estimator.

    A ``FrameEstimator``.

    Args:
        shared: with those of other cameras.
        follower: what is remembered of this camera's last frame.
        has_next: whether the next frame is at hand, so that its estimate will be asked for at once.
    """

    def __init__(self, shared: SharedEstimator, follower: HandFollower, has_next: Callable[[], bool]) -> None:
        self._shared, self.follower, self.has_next = shared, follower, has_next

    def __call__(self, frame: Frame, prior: Prior | Sequence[Prior] | None = None) -> Estimate:
        """The estimate for one frame, as :meth:`Estimator.__call__` has it."""
        return self._shared.estimate(_Request(self, frame, prior))

    def reset(self) -> None:
        """Reset tracking of this camera, in the thread that calls."""
        self.follower.reset()
