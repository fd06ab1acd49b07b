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

"""Round-trip test of communication between two processes.

Measured with small and with image-sized messages.

``python -m hoisdf_ros.round_trip TOPIC`` is the other process: it sends back whatever it hears.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import UInt8MultiArray

from hoisdf_ros.child import Child

IMAGE_BYTES = 640 * 480 * 3
PROFILES = {
    "reliable": QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE),
    "best_effort": QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.BEST_EFFORT),
}


@dataclass(frozen=True)
class Answers:
    """Loss and latency of one direction of the test.

    How many of ``sent`` messages were ``lost``, and the ``median`` seconds of the others.
    """

    sent: int = 0
    lost: int = 0
    median: float | None = None


@dataclass(frozen=True)
class RoundTrip:
    """Result of a round-trip test.

    Attributes:
        discovery: seconds from the start of the other process to the first answer; None: nothing came back at all.
        small: median seconds there and back of small messages; None: none came back.
        reliable, best_effort: image-sized messages with that quality of service.
    """

    discovery: float | None
    small: float | None = None
    reliable: Answers = Answers()
    best_effort: Answers = Answers()


def _echo(topic: str) -> None:
    """Send back what arrives on ``<topic>/ping`` until the process is ended."""
    rclpy.init()
    node = rclpy.create_node("hoisdf_round_trip_echo")
    for name, profile in PROFILES.items():
        publisher = node.create_publisher(UInt8MultiArray, f"{topic}/{name}/pong", profile)
        node.create_subscription(UInt8MultiArray, f"{topic}/{name}/ping", publisher.publish, profile, raw=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


class _Caller:
    """Sends numbered messages and waits for each to come back."""

    def __init__(self, node: Node, executor: SingleThreadedExecutor, topic: str, profile: QoSProfile) -> None:
        self._executor = executor
        self._publisher = node.create_publisher(UInt8MultiArray, f"{topic}/ping", profile)
        node.create_subscription(UInt8MultiArray, f"{topic}/pong", self._answered, profile)
        self._sent = self._heard = 0

    def _answered(self, message: UInt8MultiArray) -> None:
        self._heard = int.from_bytes(bytes(message.data[:4]), "little")

    def call(self, size: int, patience: float) -> float | None:
        """Send ``size`` bytes; return the seconds until they were back, or None after ``patience`` seconds."""
        self._sent += 1
        message = UInt8MultiArray()
        message.data.frombytes(self._sent.to_bytes(4, "little") + bytes(max(0, size - 4)))
        began = time.monotonic()
        self._publisher.publish(message)
        while time.monotonic() - began < patience:
            self._executor.spin_once(timeout_sec=0.01)
            if self._heard == self._sent:
                return time.monotonic() - began
        return None

    def call_repeatedly(self, size: int, repeats: int) -> Answers:
        """``call`` that often."""
        return _answers([self.call(size, 0.5) for _ in range(repeats)])


def measure_round_trip(patience: float = 10.0, repeats: int = 10) -> RoundTrip:
    """Round-trip test with this environment's domain and middleware.

    Args:
        patience: seconds to wait for the first answer.
        repeats: messages of each size that are timed afterwards.
    """
    topic = f"/hoisdf_round_trip_{uuid.uuid4().hex[:8]}"
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("hoisdf_round_trip", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    callers = {name: _Caller(node, executor, f"{topic}/{name}", profile) for name, profile in PROFILES.items()}
    began = time.monotonic()
    echo = Child("hoisdf_ros.round_trip", [topic], Path(os.devnull))
    try:
        for caller in callers.values():
            while caller.call(4, 0.1) is None:
                if time.monotonic() - began > patience or echo.exit_code is not None:
                    return RoundTrip(None)
        discovery = time.monotonic() - began
        small = callers["reliable"].call_repeatedly(4, repeats)
        images = {name: caller.call_repeatedly(IMAGE_BYTES, repeats) for name, caller in callers.items()}
    finally:
        echo.end(patience=2.0)  # rclpy can miss a signal that comes while it starts
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return RoundTrip(discovery, small.median, images["reliable"], images["best_effort"])


def _answers(times: list[float | None]) -> Answers:
    known = [value for value in times if value is not None]
    return Answers(len(times), times.count(None), statistics.median(known) if known else None)


if __name__ == "__main__":
    _echo(sys.argv[1])
