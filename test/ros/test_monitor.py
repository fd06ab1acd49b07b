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

"""Counts, rates and percentiles of the node, on a clock that the test turns."""

import numpy as np

from hoisdf_ros.stream.monitor import LOG_EVERY, FrameTiming, Monitor


class Hand:
    """A clock."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def test_rates_count_from_the_snapshot_before_and_totals_from_the_start():
    clock = Hand()
    monitor = Monitor(clock=clock)
    for _ in range(30):
        monitor.received("image")
    clock.time += 2.0
    assert monitor.snapshot().rates["image"] == 15.0
    clock.time += 1.0
    snapshot = monitor.snapshot()
    assert snapshot.rates["image"] == 0.0
    assert snapshot.received["image"] == 30


def test_percentiles_are_those_of_numpy():
    monitor = Monitor(clock=Hand())
    latencies = np.random.default_rng(0).uniform(0, 1, 101)
    for latency in latencies:
        monitor.processed(FrameTiming(latency, latency / 2, 0.001, 0.001, 0.2, {"network": latency}))
    snapshot = monitor.snapshot()
    assert snapshot.percentiles["latency"] == tuple(np.percentile(latencies, (50, 95)))
    assert snapshot.stages == {"network": np.median(latencies)}


def test_silence_lasts_until_the_next_image():
    clock = Hand()
    monitor = Monitor(clock=clock)
    clock.time += 7.0
    monitor.received("camera_info")
    assert monitor.snapshot().silence == 7.0
    monitor.received("image")
    assert monitor.snapshot().silence == 0.0


def test_the_same_cause_is_logged_once_in_a_while_and_another_one_at_once():
    clock = Hand()
    monitor = Monitor(clock=clock)
    assert monitor.problem("undecodable", "a")
    assert not monitor.problem("undecodable", "b")
    assert monitor.problem("uncalibrated", "c")
    clock.time += LOG_EVERY
    assert monitor.problem("undecodable", "d")
    assert monitor.snapshot().problem.text == "d"


def test_drops_are_reported_in_total_and_since_the_snapshot_before():
    monitor = Monitor(clock=Hand())
    monitor.dropped({"superseded": 2})
    monitor.snapshot()
    monitor.dropped({"superseded": 1, "undecodable": 1})
    snapshot = monitor.snapshot()
    assert snapshot.dropped == {"superseded": 3, "undecodable": 1}
    assert snapshot.dropped_lately == {"superseded": 1, "undecodable": 1}
