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

"""Counters and timings of a running node; without ROS."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import numpy as np

WINDOW = 300  # frames over which percentiles are taken
LOG_EVERY = 5.0  # seconds between two log lines about the same cause


@dataclass(frozen=True)
class Timing:
    """Timing of one message in a node, seconds.

    Attributes:
        latency: from the moment its messages were complete until everything was published.
        age: from the stamp to publication, on the ROS clock.
        stages: parts of the work, by name.
    """

    latency: float
    age: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameTiming:
    """Timing of one frame in the perception node, seconds.

    Attributes:
        latency: from the moment its messages were complete until everything was published.
        estimator: in the estimator.
        overhead: decoding, conversion, publishing: what the inference thread does beside the estimator.
        overhead_cpu: the processor time within ``overhead``; less of it on a machine that is busy with other things.
        age: from the image's stamp to publication, on the ROS clock.
        stages: of the estimator.
    """

    latency: float
    estimator: float
    overhead: float
    overhead_cpu: float
    age: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Last error: its drop cause, text and age in seconds."""

    cause: str
    text: str
    age: float


@dataclass(frozen=True)
class Snapshot:
    """The state of a ``Monitor`` at one moment.

    Attributes:
        received: messages of each topic since activation; ``received_lately`` since the snapshot before, ``rates`` the
            same per second.
        dropped: images given up, by cause; ``dropped_lately`` since the snapshot before.
        processed: frames published; ``processed_rate`` per second since the snapshot before.
        percentiles: (p50, p95) in seconds of everything that the timings have beside stages.
        stages: median seconds of each stage.
        silence: seconds since the stream's last message (or since activation).
        incompatible: topic -> quality-of-service policy that didn't match.
        problem: the last one, None where nothing went wrong.
        noted: what else was counted since activation and is no image given up.
        lost: images that were published and never received; ``lost_lately`` since the snapshot before.
    """

    received: Mapping[str, int]
    received_lately: Mapping[str, int]
    rates: Mapping[str, float]
    dropped: Mapping[str, int]
    dropped_lately: Mapping[str, int]
    processed: int
    processed_rate: float
    percentiles: Mapping[str, tuple[float, float]]
    stages: Mapping[str, float]
    silence: float
    incompatible: Mapping[str, str]
    problem: Problem | None
    noted: Mapping[str, int] = field(default_factory=dict)
    lost: int = 0
    lost_lately: int = 0


class Monitor:
    """Thread-safe counters and latency windows.

    Args:
        stream: the topic whose messages end the silence.
        clock: steady seconds.
    """

    def __init__(self, stream: str = "image", clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Reset all counters."""
        with self._lock:
            self._received: Counter[str] = Counter()
            self._dropped: Counter[str] = Counter()
            self._noted: Counter[str] = Counter()
            self._lost = self._lost_before = 0
            self._processed = 0
            self._timings: deque[FrameTiming | Timing] = deque(maxlen=WINDOW)
            self._incompatible: dict[str, str] = {}
            self._problem: tuple[str, str, float] | None = None
            self._logged: dict[str, float] = {}
            self._last_heard = self._snapshot_time = self._clock()
            self._before: tuple[Counter[str], Counter[str], int] = (Counter(), Counter(), 0)

    def received(self, topic: str) -> None:
        """Count a message."""
        with self._lock:
            self._received[topic] += 1
            if topic == self._stream:
                self._last_heard = self._clock()

    def dropped(self, causes: Mapping[str, int]) -> None:
        """Count dropped images."""
        with self._lock:
            self._dropped.update(causes)

    def lost(self, count: int) -> None:
        """Count images that were published and never received."""
        with self._lock:
            self._lost += count

    def noted(self, what: str) -> None:
        """Count an event other than a dropped image."""
        with self._lock:
            self._noted[what] += 1

    def problem(self, cause: str, text: str) -> bool:
        """Keep an error; whether it is due in the log."""
        with self._lock:
            now = self._clock()
            self._problem = (cause, text, now)
            if now - self._logged.get(cause, -LOG_EVERY) < LOG_EVERY:
                return False
            self._logged[cause] = now
            return True

    def incompatible(self, topic: str, policy: str) -> None:
        """Record a publisher or subscriber with incompatible quality of service."""
        with self._lock:
            self._incompatible[topic] = policy

    def compatible(self, topic: str) -> None:
        """Record that a topic's incompatibility has ended."""
        with self._lock:
            self._incompatible.pop(topic, None)

    def processed(self, timing: FrameTiming | Timing) -> None:
        """Count a message whose results were published."""
        with self._lock:
            self._processed += 1
            self._timings.append(timing)

    def snapshot(self) -> Snapshot:
        """Current state; rates count from the previous call."""
        with self._lock:
            now = self._clock()
            elapsed = max(now - self._snapshot_time, 1e-9)
            received, dropped, processed = self._before
            lately = {topic: n - received[topic] for topic, n in self._received.items()}
            snapshot = Snapshot(
                received=dict(self._received),
                received_lately=lately,
                rates={topic: n / elapsed for topic, n in lately.items()},
                dropped=dict(self._dropped),
                dropped_lately=dict(self._dropped - dropped),
                processed=self._processed,
                processed_rate=(self._processed - processed) / elapsed,
                percentiles=self._percentiles(),
                stages=self._stages(),
                silence=now - self._last_heard,
                incompatible=dict(self._incompatible),
                noted=dict(self._noted),
                lost=self._lost,
                lost_lately=self._lost - self._lost_before,
                problem=self._problem and Problem(*self._problem[:2], age=now - self._problem[2]),
            )
            self._snapshot_time, self._lost_before = now, self._lost
            self._before = (self._received.copy(), self._dropped.copy(), self._processed)
            return snapshot

    def _percentiles(self) -> dict[str, tuple[float, float]]:
        result = {}
        names = [entry.name for entry in fields(self._timings[-1])] if self._timings else []
        for name in (name for name in names if name != "stages"):
            low, high = np.percentile([getattr(timing, name) for timing in self._timings], (50, 95))
            result[name] = (float(low), float(high))
        return result

    def _stages(self) -> dict[str, float]:
        names = dict.fromkeys(name for timing in self._timings for name in timing.stages)
        return {
            name: float(np.median([timing.stages[name] for timing in self._timings if name in timing.stages]))
            for name in names
        }
