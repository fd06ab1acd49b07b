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

"""Rates and latencies of images and results, matched by stamp.

Names as in NVIDIA's ros2_benchmark: mean frame rate over N - 1 intervals, missed frames, minimum, mean and maximum
latency, jitter; and percentiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StreamStatistics:
    """Statistics of one run; seconds, frames per second.

    Attributes:
        sent: images heard.
        answered: images with a result.
        missed: images without one.
        sent_rate, answered_rate: mean frame rates, (N - 1) / (last - first); 0 for fewer than two.
        latency: ``min``, ``mean``, ``max``, ``p50``, ``p95``, ``p99``; empty where nothing was answered.
        jitter: standard deviation of the intervals between results.
    """

    sent: int
    answered: int
    missed: int
    sent_rate: float
    answered_rate: float
    latency: Mapping[str, float]
    jitter: float


def stream_statistics(sent: Mapping[int, float], answered: Mapping[int, float]) -> StreamStatistics:
    """Match by stamp and summarise.

    Args:
        sent: stamp of each image -> when it was heard, seconds of a steady clock.
        answered: stamp of each result -> when it was heard, on the same clock. Results of images that weren't heard
            count for nothing.
    """
    matched = {stamp: heard for stamp, heard in answered.items() if stamp in sent}
    latencies = np.array([heard - sent[stamp] for stamp, heard in matched.items()])
    latency = {}
    if latencies.size:
        p50, p95, p99 = np.percentile(latencies, (50, 95, 99))
        latency = {"min": latencies.min(), "mean": latencies.mean(), "max": latencies.max()}
        latency |= {"p50": p50, "p95": p95, "p99": p99}
    arrivals = np.sort(list(matched.values()))
    return StreamStatistics(
        sent=len(sent),
        answered=len(matched),
        missed=len(sent) - len(matched),
        sent_rate=_rate(np.sort(list(sent.values()))),
        answered_rate=_rate(arrivals),
        latency={name: float(value) for name, value in latency.items()},
        jitter=float(np.diff(arrivals).std()) if len(arrivals) > 2 else 0.0,
    )


def _rate(arrivals: np.ndarray) -> float:
    span = arrivals[-1] - arrivals[0] if len(arrivals) > 1 else 0.0
    return float((len(arrivals) - 1) / span) if span > 0 else 0.0
