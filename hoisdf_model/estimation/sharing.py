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
from collections.abc import Sequence
from dataclasses import dataclass

from hoisdf_model.estimates import Estimate, Frame, Prior
from hoisdf_model.estimation.estimator import Estimator
from hoisdf_model.estimation.hand_following import HandFollower


@dataclass
class _Request:
    """One camera's frame, and what became of it."""

    follower: HandFollower
    frame: Frame
    prior: Prior | Sequence[Prior] | None
    result: Estimate | BaseException | None = None


class SharedEstimator:
    """Estimator that takes frames of several cameras together.

    Whichever thread comes first computes, for itself and for all whose frames wait by then. So nobody waits for a
    camera that is slower or silent, and one camera alone costs what it does without the others.

    Args:
        estimator: called by one thread at a time.
    """

    def __init__(self, estimator: Estimator) -> None:
        self.estimator = estimator
        self._computing, self._changing = threading.Lock(), threading.Lock()
        self._waiting: list[_Request] = []

    def stream(self) -> CameraStream:
        """A further camera."""
        return CameraStream(self, self.estimator.follower())

    def estimate(self, request: _Request) -> Estimate:
        """The request's estimate, computed by this thread or by another one."""
        with self._changing:
            self._waiting.append(request)
        with self._computing:
            if request.result is None:
                with self._changing:
                    taken, self._waiting = self._waiting, []
                self._compute(taken)
        assert request.result is not None
        if isinstance(request.result, BaseException):
            raise request.result
        return request.result

    def _compute(self, requests: Sequence[_Request]) -> None:
        results: Sequence[Estimate | BaseException]
        try:
            results = self.estimator.together([(one.follower, one.frame, one.prior) for one in requests])
        except BaseException as error:  # no thread may wait for a result that never comes
            results = [error] * len(requests)
        for request, result in zip(requests, results, strict=True):
            request.result = result


class CameraStream:
    """One camera's frames through a shared estimator; a ``FrameEstimator``.

    Args:
        shared: with those of other cameras.
        follower: what is remembered of this camera's last frame.
    """

    def __init__(self, shared: SharedEstimator, follower: HandFollower) -> None:
        self._shared, self._follower = shared, follower

    def __call__(self, frame: Frame, prior: Prior | Sequence[Prior] | None = None) -> Estimate:
        """The estimate for one frame, as :meth:`Estimator.__call__` has it."""
        return self._shared.estimate(_Request(self._follower, frame, prior))

    def reset(self) -> None:
        """Reset tracking of this camera, in the thread that calls."""
        self._follower.reset()
