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

"""Subscriptions of a node, synchronized into one set per image."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from hoisdf_model.messages import stamp_of
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.node_parameters import SyncParameters
from hoisdf_ros.stream.monitor import Monitor
from hoisdf_ros.stream.stamp_pairing import Pairing

IMAGE, CAMERA_INFO, DEPTH, REGIONS, DETECTIONS = "image", "camera_info", "depth", "regions", "detections"
HAND_OBJECT = "hand_object"
NEWEST_ONLY = (IMAGE, DEPTH, HAND_OBJECT)
LATCHED = (CAMERA_INFO,)  # may have been sent before this node started: durability follows the publishers
COMPRESSED = "sensor_msgs/msg/CompressedImage"
NO_FRAME, HELD_INFO = "no_frame", "camera_info: images with the last one"
Offer = tuple[ReliabilityPolicy, DurabilityPolicy]
_RELIABLE: Offer = (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)

# Reliability is left out: it follows the publishers or the parameter input.reliability
OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)


@dataclass(frozen=True)
class InputSet:
    """Synchronized messages of one image.

    Attributes:
        header: of the image; its stamp and frame go out with everything made from it.
        stamp: the header's, nanoseconds.
        messages: topic (``image``, ``camera_info``, ...) -> message.
        completed: steady seconds when the last of them came.
    """

    header: Any
    stamp: int
    messages: Mapping[str, Any]
    completed: float


class Inputs:
    """Subscriptions with synchronization; callbacks store messages and never decode them.

    Args:
        node: subscribes on it.
        topics: name -> type, the stream that everything is paired with (the image) first. Of a ``CompressedImage`` the
            topic is called as image_transport calls it, ``<name>/compressed``.
        reliability: ``reliable``, ``best_effort``, or ``auto``: what the publishers of a topic offer. A best effort
            subscription meets every publisher, but a stock Fast DDS loses nearly all best effort messages over 0.5 MB
            (rmw_fastrtps issue 739), which a raw 640x480 image is.
        sync: how partners are found.
        monitor: counts what comes and what is dropped.
        deliver: takes each complete set; called by the executor's thread, must not wait.
        jumped_back: called when an image's stamp lies far before that of an earlier one.
    """

    def __init__(
        self,
        node: Node,
        topics: Mapping[str, str],
        reliability: str,
        sync: SyncParameters,
        monitor: Monitor,
        deliver: Callable[[InputSet], None],
        jumped_back: Callable[[], None],
    ) -> None:
        self._node, self._topics, self._reliability, self._monitor = node, dict(topics), reliability, monitor
        self._stream = next(iter(topics))
        self._names = {
            topic: _compressed_name(node, topic) if kind == COMPRESSED else topic for topic, kind in topics.items()
        }
        self._deliver, self._jumped_back = deliver, jumped_back
        info = CAMERA_INFO if CAMERA_INFO in topics else None
        self._pairing = Pairing(
            tuple(topics), sync.allowed_difference, sync.queue_size, int(sync.jump_back * 1e9), info
        )
        self._asked = {topic: self._wanted(topic, _RELIABLE) for topic in topics}
        self._subscriptions: dict[str, Any] = {}
        try:
            for topic in topics:
                self._subscriptions[topic] = self._subscribe(topic)
        except Exception:  # a quality of service that isn't allowed, for one
            self.close()
            raise

    def publishers(self) -> dict[str, int]:
        """Topic -> number of publishers, compatible or not."""
        return {topic: self._node.count_publishers(s.topic_name) for topic, s in self._subscriptions.items()}

    def follow_publishers(self) -> None:
        """Resubscribe if the publishers' reliability has changed."""
        for topic in self._topics:
            wanted = self._wanted(topic, self._asked[topic])
            if wanted != self._asked[topic]:
                self._node.destroy_subscription(self._subscriptions[topic])
                self._asked[topic] = wanted
                self._subscriptions[topic] = self._subscribe(topic)
                self._monitor.compatible(topic)
                name = self._subscriptions[topic].topic_name
                self._node.get_logger().info(f"{name} is now taken as its publishers offer it: {_words(wanted)}")

    def why_waiting(self) -> str:
        """Reason why the newest image waits for a partner, else empty."""
        return self._pairing.why_waiting()

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions = {}

    def _wanted(self, topic: str, otherwise: Offer) -> Offer:
        offers = [p.qos_profile for p in self._node.get_publishers_info_by_topic(self._names[topic])]
        if not offers:
            return otherwise if self._reliability == "auto" else (self._fixed_reliability(), otherwise[1])
        latched = topic in LATCHED and all(o.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers)
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        if self._reliability != "auto":
            return self._fixed_reliability(), durability
        reliable = all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        return ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT, durability

    def _fixed_reliability(self) -> ReliabilityPolicy:
        return ReliabilityPolicy[self._reliability.upper()]

    def _subscribe(self, topic: str) -> Any:
        depth = 1 if topic in NEWEST_ONLY else 10
        reliability, durability = self._asked[topic]
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability
        )
        return self._node.create_subscription(
            message_class(self._topics[topic]),
            self._names[topic],
            lambda message: self._receive(topic, message),
            profile,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=lambda event: self._mismatch(topic, event)),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )

    def _receive(self, topic: str, message: Any) -> None:
        self._monitor.received(topic)
        # the one door: some drivers write ROS 1's leading slash, which tf2 doesn't know
        message.header.frame_id = message.header.frame_id.lstrip("/")
        if topic == self._stream and not message.header.frame_id.strip():
            self._refuse_nameless(topic)
            return
        result = self._pairing.add(topic, stamp_of(message), message)
        self._monitor.dropped(result.dropped)
        self._monitor.lost(result.lost)
        if result.jumped_back:
            self._jumped_back()
        if result.messages is not None:
            if result.held:
                self._monitor.noted(HELD_INFO)
            header = result.messages[self._stream].header
            self._deliver(InputSet(header, result.stamp, result.messages, time.perf_counter()))

    def _refuse_nameless(self, topic: str) -> None:
        name = self._subscriptions[topic].topic_name
        text = f"the frame_id of {name} is empty, so that nothing made from it has a place: set the driver's frame_id"
        self._monitor.dropped({NO_FRAME: 1})
        if self._monitor.problem(NO_FRAME, text):
            self._node.get_logger().error(text)

    def _mismatch(self, topic: str, event: Any) -> None:
        asked = self._asked[topic]
        self.follow_publishers()
        if self._asked[topic] == asked:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            self._monitor.incompatible(topic, policy)
            self._node.get_logger().warning(
                f"a publisher of {self._subscriptions[topic].topic_name} offers an incompatible {policy} (asked for: "
                f"{_words(asked)}), nothing comes from it; parameter input.reliability is {self._reliability!r}"
            )


def _compressed_name(node: Node, topic: str) -> str:
    """What image_transport makes of a topic's name; the name that it has then may be remapped, too."""
    name = str(node.resolve_topic_name(topic))
    return name if name.endswith("/compressed") else str(node.resolve_topic_name(f"{name}/compressed"))


def _words(offer: Offer) -> str:
    reliability, durability = offer
    latched = ", latched" if durability == DurabilityPolicy.TRANSIENT_LOCAL else ""
    return f"{reliability.name.lower()}{latched}"
