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

"""Publishers of the grasp node, withdrawn when grasps become invalid.

Each form is published only while it has subscribers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode

from hoisdf_model.estimates import Estimate
from hoisdf_model.grasping import GraspCandidate, Gripper, drawn_back
from hoisdf_ros.grasp.grasp_messages import Reasons, grasp_transform, grasps_message, pose_array, pose_stamped
from hoisdf_ros.grasp.markers import GraspMarkers
from hoisdf_ros.grasp.moveit import CollisionObjects, available
from hoisdf_ros.grasp.parameters import GraspParameters
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.stream.publishers import NEWEST, RESULTS, Publishers
from hoisdf_ros.transforms import TF_QOS, TF_TOPIC

GRASPS, POSES, BEST, BEFORE = "~/grasps", "~/grasp_poses", "~/grasp_pose", "~/pregrasp_pose"
MARKERS, COLLISION = "~/markers", "~/collision_object"
OUTPUTS = {
    GRASPS: ("hoisdf/msg/Grasps", RESULTS),
    POSES: ("geometry_msgs/msg/PoseArray", RESULTS),
    BEST: ("geometry_msgs/msg/PoseStamped", RESULTS),
    BEFORE: ("geometry_msgs/msg/PoseStamped", RESULTS),
    TF_TOPIC: ("tf2_msgs/msg/TFMessage", TF_QOS),
    MARKERS: ("visualization_msgs/msg/MarkerArray", NEWEST),
    COLLISION: ("moveit_msgs/msg/CollisionObject", RESULTS),  # where moveit_msgs is installed
}


class GraspOutputs:
    """Publishers that are silent while the node isn't active.

    To be called from one thread at a time.

    Args:
        node: publishes on it.
        gripper: for the markers.
        collisions: hand and object for the planning scene; used where ``moveit_msgs`` is installed.

    Raises:
        DependencyError: ``tf2_msgs`` isn't installed.
    """

    def __init__(self, node: LifecycleNode, gripper: Gripper, collisions: CollisionObjects) -> None:
        self._publishers = Publishers(node, OUTPUTS)
        self._markers = GraspMarkers(gripper)
        self._collisions = collisions if available() else None
        self._given = False

    def publish(
        self, candidates: Sequence[GraspCandidate], reasons: Reasons, header: Any, parameters: GraspParameters
    ) -> None:
        """Publish grasps in ``header.frame_id``, best first, or their absence."""
        send = self._publishers.publish
        send(GRASPS, grasps_message(candidates, reasons, header, ROS_TYPES))
        send(POSES, pose_array(candidates, header, ROS_TYPES))
        if candidates:
            best = candidates[0]
            send(BEST, pose_stamped(best.pose, header, ROS_TYPES))
            send(BEFORE, pose_stamped(drawn_back(best.pose, parameters.plan.travel), header, ROS_TYPES))
            if parameters.publish.tf:
                send(TF_TOPIC, grasp_transform(best, header, parameters.publish.tf_prefix))
        wanted = self._publishers.is_wanted(MARKERS)
        if (wanted and candidates) or self._markers.shown:
            send(MARKERS, self._markers.write(candidates if wanted else (), header))
        self._given = bool(candidates)

    def publish_scene(
        self, estimate: Estimate, transform: NDArray[np.float64], header: Any, parameters: GraspParameters
    ) -> None:
        """Publish hand and object to the planning scene.

        ``transform`` is (4, 4) camera frame -> ``header.frame_id``.
        """
        if self._collisions is not None and self._publishers.is_wanted(COLLISION):
            wanted = parameters.publish
            objects = self._collisions.write(
                estimate,
                transform,
                header,
                wanted.tf_prefix,
                wanted.collision_period,
                tuple(wanted.attached.split()),
            )
            for message in objects:
                self._publishers.publish(COLLISION, message)

    def withdraw(self, reasons: Reasons, header: Any, parameters: GraspParameters) -> None:
        """Withdraw grasps, markers and planning scene after a lost estimate."""
        self.publish((), reasons, header, parameters)
        if self._collisions is not None:
            for message in self._collisions.remove(header, tuple(parameters.publish.attached.split())):
                self._publishers.publish(COLLISION, message)

    @property
    def given(self) -> bool:
        """Whether the last message contained a grasp."""
        return self._given

    def close(self) -> None:
        """Destroy the publishers."""
        self._publishers.close()
