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

"""Node ``replay``: player of rosbag2 recordings without ``ros2 bag``.

Serialised messages pass through as they are; ``hoisdf_model.data`` reads the bag, ``playback`` keeps the time.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import replay

    replay()

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool

from hoisdf_model.data import BagReader
from hoisdf_model.errors import BagError, ConfigError
from hoisdf_ros.feeds.playback import Pacer, ReadAhead
from hoisdf_ros.feeds.recorded_qos import offered_profile
from hoisdf_ros.feeds.worker import run_node
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.parameters import ParameterSet, group, parameter
from hoisdf_ros.processes import Ending

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class WaitParameters:
    """Parameters of waiting for subscribers."""

    topics: str = parameter(
        "", "Topics that must have subscribers before the first message, separated by spaces.", change="never"
    )
    subscribers: int = parameter(
        1, "Number of subscribers that each of them must have.", change="never", minimum=1, maximum=100
    )
    timeout: float = parameter(30.0, "Maximum wait for them, seconds.", change="never", minimum=0.1, maximum=3600.0)


@dataclass(frozen=True)
class ReplayParameters:
    """All parameters of the node."""

    bag: str = parameter("", "Folder of a rosbag2 recording, or one of its .mcap or .db3 files.", change="never")
    topics: str = parameter("", "Topics to play, separated by spaces; empty: all.", change="never")
    exclude: str = parameter("", "Topics not to play, separated by spaces.", change="never")
    rate: float = parameter(1.0, "Speed: 2 plays twice as fast.", change="never", minimum=0.01, maximum=100.0)
    loop: bool = parameter(False, "Start again at the end.", change="never")
    start_offset: float = parameter(
        0.0, "Start offset from the recording's first message, seconds.", change="never", minimum=0.0, maximum=1e6
    )
    duration: float = parameter(
        0.0, "Duration to play, seconds of the recording; 0: to its end.", change="never", minimum=0.0, maximum=1e6
    )
    delay: float = parameter(
        0.5, "Delay before the first message for discovery of the publishers, seconds.",
        change="never", minimum=0.0, maximum=60.0,
    )  # fmt: skip
    clock: float = parameter(
        0.0, "Rate of the recording's time on /clock, Hz; 0: not published.",
        change="never", minimum=0.0, maximum=1000.0,
    )  # fmt: skip
    start_paused: bool = parameter(False, "Wait for ~/pause with false before the first message.", change="never")
    wait_for: WaitParameters = group(WaitParameters)

    def __post_init__(self) -> None:
        if not self.bag:
            raise ConfigError("parameter bag must name a recording: -p bag:=/path/to/bag")


@dataclass
class PlaybackReport:
    """Summary of a playback.

    ``counts`` by topic, the largest and the summed lateness in seconds, ``rounds`` begun.
    """

    counts: Counter[str]
    latest: float = 0.0
    late: float = 0.0
    rounds: int = 0

    def __str__(self) -> str:
        total = self.counts.total()
        mean = self.late / total if total else 0.0
        listed = ", ".join(f"{topic} {count}" for topic, count in sorted(self.counts.items())) or "nothing"
        again = f" in {self.rounds} rounds" if self.rounds > 1 else ""
        late = f"{mean * 1e3:.1f} ms on average, {self.latest * 1e3:.1f} ms at most"
        return f"played {total} messages{again}: {listed}; late by {late}"


class ReplayNode(Node):
    """Player of a bag at the recorded pace.

    Publishers have the recorded quality of service.

    Raises:
        ConfigError: a parameter is wrong.
        BagError: there is no bag, it is damaged, a selected topic isn't in it, or nothing in it can be published.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("replay", **options)
        self._settings = ParameterSet(self, ReplayParameters).read()
        self._reader = BagReader(self._settings.bag)
        self._publishers_of = self._make_publishers()
        self._pacer = Pacer(self._settings.rate)
        if self._settings.start_paused:
            self._pacer.pause()
        self._interrupt = threading.Event()
        self._clock_publisher = self.create_publisher(Clock, "/clock", 10) if self._settings.clock else None
        self._clock_timer: Timer | None = None
        self.create_service(SetBool, "~/pause", self._on_pause)
        self.report = PlaybackReport(Counter())

    def run(self) -> None:
        """Play until the end or ``stop``.

        Raises:
            BagError: the bag is damaged where it is being read, or there are no subscribers in time.
        """
        settings, reader = self._settings, self._reader
        start = reader.start + round(settings.start_offset * NANOSECONDS)
        stop = min(reader.end, start + round((settings.duration or 1e9) * NANOSECONDS)) + 1
        if start > reader.end:
            seconds = (reader.end - reader.start) / NANOSECONDS
            raise BagError(
                f"start_offset {settings.start_offset} s is beyond the end of {reader.path} ({seconds:.1f} s)"
            )
        try:
            if self._interrupt.wait(settings.delay) or not self._wait_for_subscribers():
                return
            while not self._pacer.stopped:
                self._play(start, stop)
                if not settings.loop:
                    break
            self._deliver()
        finally:
            self._pacer.stop()
            reader.close()

    @property
    def summary(self) -> str:
        """Summary of the played messages and their lateness."""
        return str(self.report)

    def stop(self) -> None:
        """Request the return of ``run``."""
        self._interrupt.set()
        self._pacer.stop()

    def _play(self, start: int, stop: int) -> None:
        """One round: latched messages from before the start at once, the rest when they are due."""
        self.report.rounds += 1
        for name, data in self._latched_before(start):
            self._publish(name, data)
        with ReadAhead(self._reader.raw(self._publishers_of, start, stop)) as messages:
            messages.wait_ready()
            self._pacer.start(start)
            self._start_clock()
            for topic, recorded, data in messages:
                late = self._pacer.wait_until(recorded)
                if late is None:
                    return
                self._publish(topic.name, data)
                self.report.late += late
                self.report.latest = max(self.report.latest, late)

    def _publish(self, topic: str, data: bytes) -> None:
        self._publishers_of[topic].publish(data)
        self.report.counts[topic] += 1

    def _latched_before(self, start: int) -> Iterator[tuple[str, bytes]]:
        """What a subscriber of latched topics would have had at ``start``."""
        latched = [
            name
            for name, publisher in self._publishers_of.items()
            if publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        ]
        if latched and start > self._reader.start:
            for topic, _, data in self._reader.raw(latched, None, start):
                yield topic.name, data

    def _make_publishers(self) -> dict[str, Publisher]:
        """A publisher for each selected topic whose type is installed."""
        reader, settings = self._reader, self._settings
        names = [reader.topic(name).name for name in settings.topics.split()] or list(reader.topics)
        excluded = {reader.topic(name).name for name in settings.exclude.split()}
        overrides = QoSOverridingOptions.with_default_policies()
        publishers: dict[str, Publisher] = {}
        for name in names:
            topic = reader.topics[name]
            if name in excluded or not topic.count:
                continue
            try:
                kind = message_class(topic.type)
            except (ImportError, AttributeError, ValueError):
                self.get_logger().warning(f"skipping {name}: its type {topic.type} isn't installed here")
                continue
            profile = offered_profile(topic.qos)
            publishers[name] = self.create_publisher(kind, name, profile, qos_overriding_options=overrides)
        if not publishers:
            there = ", ".join(f"{topic.name} ({topic.type})" for topic in reader.topics.values()) or "no topics"
            raise BagError(f"nothing of {reader.path} can be played, it has {there}")
        return publishers

    def _wait_for_subscribers(self) -> bool:
        """Wait for what ``wait_for`` asks; False when stopped meanwhile."""
        wait = self._settings.wait_for
        missing = [self._reader.topic(name).name for name in wait.topics.split()]
        give_up = time.monotonic() + wait.timeout
        while not self._interrupt.is_set():
            missing = [topic for topic in missing if self._subscribers(topic) < wait.subscribers]
            if not missing:
                return True
            if time.monotonic() > give_up:
                raise BagError(
                    f"no subscriber to {', '.join(missing)} within {wait.timeout} s (wanted {wait.subscribers} "
                    "each): is the other node active, with the same ROS_DOMAIN_ID and a matching quality of service?"
                )
            self._interrupt.wait(0.05)
        return False

    def _subscribers(self, topic: str) -> int:
        publisher = self._publishers_of.get(topic)
        return publisher.get_subscription_count() if publisher else 0

    def _start_clock(self) -> None:
        if self._clock_publisher is not None and self._clock_timer is None:
            self._publish_clock()
            steady = RosClock(clock_type=ClockType.STEADY_TIME)
            self._clock_timer = self.create_timer(1.0 / self._settings.clock, self._publish_clock, clock=steady)

    def _publish_clock(self) -> None:
        if self._clock_publisher is not None and not self._pacer.stopped:
            seconds, nanoseconds = divmod(self._pacer.now(), NANOSECONDS)
            self._clock_publisher.publish(Clock(clock=Time(sec=seconds, nanosec=nanoseconds)))

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            self._pacer.pause()
        else:
            self._pacer.resume()
        response.success, response.message = True, "paused" if request.data else "playing"
        return response

    def _deliver(self) -> None:
        """Give the last messages time to arrive: they vanish with the process."""
        for publisher in self._publishers_of.values():
            if publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE and not self._interrupt.is_set():
                publisher.wait_for_all_acked(Duration(seconds=1))
        self._interrupt.wait(0.2)


def main(ending: Ending) -> int:
    """Run the node until its end or an interrupt.

    The exit code is 1 if it fails.
    """
    return run_node(ReplayNode, ending)
