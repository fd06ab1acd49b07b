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

"""Pacing and reading ahead, without ROS."""

import threading
import time

import pytest

from hoisdf_ros.feeds.playback import Pacer, ReadAhead

SECOND = 1_000_000_000


class ManualClock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def test_recorded_time_runs_rate_times_as_fast_and_stands_still_while_paused():
    clock = ManualClock()
    pacer = Pacer(2.0, clock)
    pacer.start(50 * SECOND)
    clock.seconds += 3
    assert pacer.now() == 56 * SECOND
    pacer.pause()
    clock.seconds += 10
    assert pacer.now() == 56 * SECOND
    pacer.resume()
    clock.seconds += 1
    assert pacer.now() == 58 * SECOND


def test_waiting_takes_as_long_as_the_recording_says():
    pacer = Pacer(0.5)
    pacer.start(0)
    began = time.monotonic()
    for due in range(1, 11):
        assert pacer.wait_until(due * SECOND // 100) < 0.1
    assert 0.195 < time.monotonic() - began < 2  # a busy machine wakes late, never early


def test_what_was_due_before_is_late_by_that_much_and_not_waited_for():
    clock = ManualClock()
    pacer = Pacer(4.0, clock)
    pacer.start(0)
    clock.seconds += 2
    assert pacer.wait_until(6 * SECOND) == pytest.approx(0.5)


def test_stop_ends_a_wait_and_every_later_one():
    pacer = Pacer()
    pacer.start(0)
    threading.Timer(0.05, pacer.stop).start()
    began = time.monotonic()
    assert pacer.wait_until(1000 * SECOND) is None
    assert time.monotonic() - began < 2
    assert pacer.wait_until(0) is None


def test_pause_holds_a_wait_until_resumed():
    pacer = Pacer()
    pacer.start(0)
    pacer.pause()
    threading.Timer(0.15, pacer.resume).start()
    began = time.monotonic()
    pacer.wait_until(SECOND // 20)
    assert 0.145 < time.monotonic() - began < 2  # a busy machine may pause late, and wakes late


def test_read_ahead_keeps_the_order_and_passes_the_error_on_in_its_place():
    def items():
        yield from range(50)
        raise ValueError("damaged")

    seen = []
    with ReadAhead(items(), depth=4) as ahead, pytest.raises(ValueError, match="damaged"):
        seen.extend(ahead)  # extend keeps what came before the error
    assert seen == list(range(50))


def test_read_ahead_reads_no_further_than_its_depth_and_ends_when_left():
    read = []

    def items():
        for i in range(10_000):
            read.append(i)
            yield i

    with ReadAhead(items(), depth=3) as ahead:
        assert next(ahead) == 0
        time.sleep(0.1)
        assert len(read) <= 3 + 2
    threads = [thread.name for thread in threading.enumerate()]
    assert "read_ahead" not in threads
