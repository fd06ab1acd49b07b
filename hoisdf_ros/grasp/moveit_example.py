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

"""Example node: grasps in the forms that MoveIt 2 takes.

Where a real application would plan and execute, this node publishes what it would plan with: for MoveIt Task
Constructor ``~/approach_pose`` and ``~/target_pose`` (``GeneratePose.pose``) and ``~/ik_frame``
(``ComputeIK.ik_frame``); and, where moveit_msgs is installed, ``~/moveit_grasp``. docs/moveit.md goes on from here.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import moveit_example

    moveit_example()

import math
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node

from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.grasping import load_gripper
from hoisdf_ros.grasp import moveit
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.parameters import ParameterSet, parameter
from hoisdf_ros.processes import Ending
from hoisdf_ros.spinning import spin_node
from hoisdf_ros.stream.publishers import RESULTS

POSES = ("~/approach_pose", "~/target_pose", "~/ik_frame")
GRASP = "~/moveit_grasp"


@dataclass(frozen=True)
class MoveItExampleParameters:
    """Parameters of the MoveIt example."""

    gripper: str = parameter(
        "franka_hand", "The grasp node's gripper: a name, or a YAML file of your own.", change="never"
    )
    travel: float = parameter(
        0.1, "Length of the straight approach, as the grasp node's plan.travel. Metres.",
        change="never", minimum=0.0, maximum=1.0,
    )  # fmt: skip
    joints: str = parameter(
        "panda_finger_joint1 0.0 0.04 panda_finger_joint2 0.0 0.04",
        "Joints of the fingers: name, position closed, position opened, and so on, separated by spaces.",
        change="never",
    )

    retreat: str = parameter(
        "",
        "Direction x y z in which to retreat with the object, in the grasps' frame: 0 0 1 lifts where its z points "
        "up. Empty: back along the approach.",
        change="any time",
    )

    def __post_init__(self) -> None:
        self.finger_joints()
        self.retreat_direction()

    def retreat_direction(self) -> tuple[float, float, float] | None:
        """The direction, None for the way back.

        Raises:
            ConfigError: not three numbers, or all of them 0.
        """
        if not self.retreat.strip():
            return None
        try:
            x, y, z = map(float, self.retreat.split())
        except ValueError:
            x = y = z = math.nan
        if not 0 < math.hypot(x, y, z) < math.inf:
            raise ConfigError(f"parameter retreat must be three numbers, not all 0, got {self.retreat!r}")
        return x, y, z

    def finger_joints(self) -> moveit.Joints:
        """Joint -> position closed and opened.

        Raises:
            ConfigError: not a name and two numbers for each joint.
        """
        words = self.joints.split()
        try:
            if len(words) % 3:
                raise ValueError
            return {words[k]: (float(words[k + 1]), float(words[k + 2])) for k in range(0, len(words), 3)}
        except ValueError:
            raise ConfigError(
                f"parameter joints must be a name and two numbers for each joint, got {self.joints!r}"
            ) from None


class MoveItExample(Node):
    """Node that converts grasps for MoveIt 2."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__("moveit_example", **arguments)
        self._declared = ParameterSet(self, MoveItExampleParameters)
        read = self._declared.read()
        self._gripper = load_gripper(read.gripper)
        pose = message_class("geometry_msgs/msg/PoseStamped")
        self._poses = [self.create_publisher(pose, topic, RESULTS) for topic in POSES]
        self._grasp = None
        if moveit.available():
            self._grasp = self.create_publisher(message_class("moveit_msgs/msg/Grasp"), GRASP, RESULTS)
        else:
            self.get_logger().warning("moveit_msgs isn't installed: only poses are published")
        self.create_subscription(message_class("hoisdf/msg/Grasps"), "grasps", self._take, RESULTS)

    def _take(self, message: Any) -> None:
        """Publish the best grasp that makes sense; without any a real application stops here: earlier ones are void."""
        wanted = self._declared.read()
        for i, grasp in enumerate(message.grasps):
            try:
                poses = moveit.task_poses(grasp, self._gripper, wanted.travel)
                joints = wanted.finger_joints()
                direction = wanted.retreat_direction()
                command = self._grasp and moveit.moveit_grasp(
                    grasp, self._gripper, wanted.travel, joints, retreat=direction
                )
            except InvalidInputError as error:
                self.get_logger().error(f"grasps[{i}] is left out: {error}", throttle_duration_sec=5.0)
                continue
            for publisher, pose in zip(self._poses, poses, strict=True):
                publisher.publish(pose)
            if self._grasp is not None:
                self._grasp.publish(command)
            return


def main(ending: Ending) -> int:
    """Run the node until the process is to end."""
    return spin_node(MoveItExample, ending)
