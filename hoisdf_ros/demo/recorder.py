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

"""Recorder of the perception node's inputs and outputs, with arrival times."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from hoisdf_model.messages import stamp_of
from hoisdf_ros.message_classes import message_class

NANOSECONDS = 1_000_000_000
RELIABLE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.RELIABLE)


def stamp_of_serialised(data: bytes) -> int:
    """Stamp of a serialised message, nanoseconds.

    The message begins with a ``std_msgs/Header``.

    A CDR message is four bytes that name the byte order, then the fields: here seconds and nanoseconds.
    """
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return int(seconds) * NANOSECONDS + int(nanoseconds)


class Recorder:
    """Subscriber that keeps the received messages.

    Used from one thread.

    Args:
        node: subscribes on it.
        image: topic of the images, ``image_type`` its type; only the stamps are read.
        perception: full name of the perception node.

    Attributes:
        images: stamp of each image -> when it was heard, seconds of the steady clock.
        results: stamp -> when its ``HandObject`` was heard.
        messages: stamp -> the ``HandObject``.
        status: name of a diagnostic task (``state``, ``input``, ``estimator``) -> its last status.
    """

    def __init__(self, node: Node, image: str, image_type: str, perception: str = "/perception") -> None:
        self.images: dict[int, float] = {}
        self.results: dict[int, float] = {}
        self.messages: dict[int, Any] = {}
        self.status: dict[str, DiagnosticStatus] = {}
        self._perception = perception
        node.create_subscription(message_class(image_type), image, self._on_image, RELIABLE, raw=True)
        kind = message_class("hoisdf/msg/HandObject")
        node.create_subscription(kind, f"{perception}/hand_object", self._on_result, RELIABLE)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    @property
    def state(self) -> str:
        """The lifecycle state that the node reports, empty before its first report."""
        return self.values("state").get("state", "")

    @property
    def failure(self) -> str:
        """Reason of the node's last failed transition, else empty."""
        status = self.status.get("state")
        return str(status.message) if status is not None and status.level == DiagnosticStatus.ERROR else ""

    def values(self, task: str) -> Mapping[str, str]:
        """Key -> value of a diagnostic task's last report."""
        status = self.status.get(task)
        return {pair.key: pair.value for pair in status.values} if status is not None else {}

    def _on_image(self, data: bytes) -> None:
        self.images.setdefault(stamp_of_serialised(data), time.monotonic())

    def _on_result(self, message: Any) -> None:
        heard, stamp = time.monotonic(), stamp_of(message)
        self.results.setdefault(stamp, heard)
        self.messages.setdefault(stamp, message)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            name, _, task = status.name.partition(": ")
            if f"/{name}" == self._perception:
                self.status[task] = status
