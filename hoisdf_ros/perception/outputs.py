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

"""Publishers of the perception node.

Each form of an estimate is published only while it has subscribers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode

from hoisdf_model.estimates import Estimate, Frame
from hoisdf_model.messages import encode_image, estimate_to_hand_object
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.perception import detections
from hoisdf_ros.perception.markers import MarkerWriter
from hoisdf_ros.perception.pace import Pace
from hoisdf_ros.perception.parameters import PublishParameters
from hoisdf_ros.perception.scene import Scene
from hoisdf_ros.stream.publishers import NEWEST, RESULTS, Publishers
from hoisdf_ros.transforms import TF_QOS, TF_TOPIC, transforms_message

HAND_OBJECT, HAND_JOINTS, OBJECTS = "~/hand_object", "~/hand_joints", "~/objects"
MARKERS, OVERLAY = "~/markers", "~/overlay"
OUTPUTS = {
    HAND_OBJECT: ("hoisdf/msg/HandObject", RESULTS),
    HAND_JOINTS: ("hoisdf/msg/HandJoints", RESULTS),
    TF_TOPIC: ("tf2_msgs/msg/TFMessage", TF_QOS),
    OBJECTS: ("vision_msgs/msg/Detection3DArray", RESULTS),  # where vision_msgs is installed
    MARKERS: ("visualization_msgs/msg/MarkerArray", NEWEST),
    OVERLAY: ("sensor_msgs/msg/Image", NEWEST),
}
NO_VERTICES = np.empty((0, 3), np.float32)


class Outputs:
    """Publishers that are silent while the node isn't active.

    Args:
        node: publishes on it.
        scene: meshes for the markers and boxes, and who draws the overlay.
        hold: seconds for which markers of what is lost stay on display.

    Raises:
        DependencyError: ``tf2_msgs`` isn't installed.
    """

    def __init__(self, node: LifecycleNode, scene: Scene, hold: float = 0.0) -> None:
        self._meshes, self._overlay = scene.meshes, scene.overlay
        self._markers_writer = MarkerWriter(scene.faces, scene.meshes.triangles, hold)
        self._marked_frame = ""
        self._overlay_pace = Pace()
        self._publishers = Publishers(node, OUTPUTS)

    def publish(self, frame: Frame, estimate: Estimate, header: Any, parameters: PublishParameters) -> None:
        """Publish one estimate on all topics.

        Args:
            frame: what the estimate was made from.
            estimate: camera frame.
            header: ``std_msgs/Header`` of the image; goes out with everything.
            parameters: what to send.
        """
        if any(map(self.is_wanted, (HAND_OBJECT, HAND_JOINTS, OBJECTS))):
            self._publish_messages(estimate, header, parameters.vertices)
        if parameters.tf and (estimate.hands or estimate.objects) and self.is_wanted(TF_TOPIC):
            self._publishers.publish(TF_TOPIC, transforms_message(estimate, header, parameters.tf_prefix))
        if self.is_wanted(MARKERS):
            stamp = (header.stamp.sec, header.stamp.nanosec)
            self._publishers.publish(MARKERS, self._markers_writer.write(estimate, stamp, header.frame_id))
            self._marked_frame = header.frame_id
        if self.is_wanted(OVERLAY) and self._overlay_pace.is_due(header.stamp, parameters.overlay_rate):
            self._publishers.publish(OVERLAY, encode_image(self._overlay(frame, estimate), header, ROS_TYPES))

    def _publish_messages(self, estimate: Estimate, header: Any, vertices: bool) -> None:
        if not vertices:
            hands = tuple(replace(hand, vertices=NO_VERTICES) for hand in estimate.hands)
            estimate = replace(estimate, hands=hands)
        message = estimate_to_hand_object(estimate, header, ROS_TYPES)
        self._publishers.publish(HAND_OBJECT, message)
        for hand in message.hands:
            self._publishers.publish(HAND_JOINTS, hand)
        if self.is_wanted(OBJECTS):
            boxes = detections.detections_from_objects(message.objects, self._meshes.bounds, header, ROS_TYPES)
            self._publishers.publish(OBJECTS, boxes)

    def is_wanted(self, topic: str) -> bool:
        """Whether a topic has subscribers."""
        return self._publishers.is_wanted(topic)

    def clear_markers(self, stamp: Any) -> None:
        """Delete all displayed markers; ``stamp``: ``builtin_interfaces/Time``."""
        if self._marked_frame:
            data = self._markers_writer.clear((stamp.sec, stamp.nanosec), self._marked_frame)
            self._publishers.publish(MARKERS, data)
            self._marked_frame = ""

    def close(self) -> None:
        """Destroy the publishers."""
        self._publishers.close()
