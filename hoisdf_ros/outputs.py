"""The perception node's publishers: one estimate goes out in every form that somebody listens to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from hoisdf_model.errors import DependencyError
from hoisdf_model.estimates import Estimate, Frame
from hoisdf_model.messages import encode_image, estimate_to_hand_object
from hoisdf_ros import detections
from hoisdf_ros.markers import MarkerWriter
from hoisdf_ros.messages import ROS_TYPES, has_package, message_class
from hoisdf_ros.perception_parameters import PublishParameters
from hoisdf_ros.scene import Scene
from hoisdf_ros.transforms import TF_QOS, TF_TOPIC, transforms_message

RESULTS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)
NEWEST = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
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

    Raises:
        DependencyError: ``tf2_msgs`` isn't installed.
    """

    def __init__(self, node: LifecycleNode, scene: Scene) -> None:
        if not has_package("tf2_msgs"):
            raise DependencyError(
                "tf2_msgs isn't installed, /tf can't be published: install it (ros-<distro>-tf2-msgs)"
            )
        self._node, self._meshes, self._overlay = node, scene.meshes, scene.overlay
        self._markers_writer = MarkerWriter(scene.faces, scene.meshes.triangles)
        self._marked_frame = ""
        self._publishers: dict[str, Any] = {}
        try:
            for topic, (kind, qos) in OUTPUTS.items():
                if has_package(kind.split("/")[0]):
                    self._publishers[topic] = self._create(kind, topic, qos)
        except Exception:  # a quality of service that isn't allowed, for one
            self.close()
            raise

    def publish(self, frame: Frame, estimate: Estimate, header: Any, parameters: PublishParameters) -> None:
        """Send one estimate everywhere.

        Args:
            frame: what the estimate was made from.
            estimate: camera frame.
            header: ``std_msgs/Header`` of the image; goes out with everything.
            parameters: what to send.
        """
        told = estimate
        if not parameters.vertices:
            told = replace(estimate, hands=tuple(replace(hand, vertices=NO_VERTICES) for hand in estimate.hands))
        message = estimate_to_hand_object(told, header, ROS_TYPES)
        self._publishers[HAND_OBJECT].publish(message)
        for hand in message.hands:
            self._publishers[HAND_JOINTS].publish(hand)
        if parameters.tf and (estimate.hands or estimate.objects):
            self._publishers[TF_TOPIC].publish(transforms_message(estimate, header, parameters.tf_prefix))
        if self.is_wanted(OBJECTS):
            boxes = detections.detections_from_objects(message.objects, self._meshes.bounds, header, ROS_TYPES)
            self._publishers[OBJECTS].publish(boxes)
        if self.is_wanted(MARKERS):
            stamp = (header.stamp.sec, header.stamp.nanosec)
            self._publishers[MARKERS].publish(self._markers_writer.write(estimate, stamp, header.frame_id))
            self._marked_frame = header.frame_id
        if self.is_wanted(OVERLAY):
            self._publishers[OVERLAY].publish(encode_image(self._overlay(frame, estimate), header, ROS_TYPES))

    def is_wanted(self, topic: str) -> bool:
        """Whether anybody listens to a topic."""
        return topic in self._publishers and self._publishers[topic].get_subscription_count() > 0

    def clear_markers(self, stamp: Any) -> None:
        """Take away what is on display; ``stamp``: ``builtin_interfaces/Time``."""
        if self._marked_frame:
            data = self._markers_writer.write(Estimate(), (stamp.sec, stamp.nanosec), self._marked_frame)
            self._publishers[MARKERS].publish(data)
            self._marked_frame = ""

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}

    def _create(self, kind: str, topic: str, qos: QoSProfile) -> Any:
        return self._node.create_lifecycle_publisher(
            message_class(kind), topic, qos, qos_overriding_options=QoSOverridingOptions.with_default_policies()
        )
