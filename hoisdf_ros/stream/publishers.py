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

"""Publishers of a lifecycle node, by topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from hoisdf_model.errors import DependencyError
from hoisdf_ros.message_classes import has_package, message_class

RESULTS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)
NEWEST = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)


class Publishers:
    """Publishers that are silent while the node isn't active.

    Topics whose message package isn't installed are omitted.

    Args:
        node: publishes on it.
        topics: topic -> type and quality of service, which parameters can override.

    Raises:
        DependencyError: ``tf2_msgs`` isn't installed.
    """

    def __init__(self, node: LifecycleNode, topics: Mapping[str, tuple[str, QoSProfile]]) -> None:
        if not has_package("tf2_msgs"):
            raise DependencyError(
                "tf2_msgs isn't installed, /tf can't be published: install it (ros-<distro>-tf2-msgs)"
            )
        self._node = node
        self._publishers: dict[str, Any] = {}
        try:
            for topic, (kind, qos) in topics.items():
                if has_package(kind.split("/")[0]):
                    self._publishers[topic] = node.create_lifecycle_publisher(
                        message_class(kind),
                        topic,
                        qos,
                        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
                    )
        except Exception:  # a quality of service that isn't allowed, for one
            self.close()
            raise

    def publish(self, topic: str, message: Any) -> None:
        """Publish a message, or its serialised bytes, if the node is active."""
        self._publishers[topic].publish(message)

    def is_wanted(self, topic: str) -> bool:
        """Whether a topic has subscribers."""
        return topic in self._publishers and self._publishers[topic].get_subscription_count() > 0

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}
