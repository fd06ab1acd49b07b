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

"""The example for MoveIt over real DDS, where moveit_msgs isn't installed."""

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from geometry_msgs.msg import PoseStamped  # noqa: E402
from grasp_rig import GraspRig, planner, scene  # noqa: E402
from perception_rig import Spinner, wait_until, wait_until_matched  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hoisdf_model.errors import ConfigError  # noqa: E402
from hoisdf_ros.grasp.grasp_messages import read_pose  # noqa: E402
from hoisdf_ros.grasp.moveit_example import MoveItExample  # noqa: E402

POSES = ("approach_pose", "target_pose", "ik_frame")


def test_a_grasp_goes_through_to_the_poses_for_task_constructor():
    rig, spinner = GraspRig(), Spinner()
    try:
        peer = rig.activate()
        arguments = ["--ros-args", "-r", f"grasps:={peer.name}/grasps"]
        node = MoveItExample(context=spinner.context, namespace=peer.node.get_namespace(), cli_args=arguments)
        spinner.start(node)
        for topic in POSES:
            peer.listen(PoseStamped, f"{node.get_fully_qualified_name()}/{topic}")
        wait_until_matched(lambda: all(publisher.get_subscription_count() for publisher in node._poses))
        wait_until(lambda: rig.node.count_subscribers(f"{peer.name}/grasps") == 2)

        def came():
            peer.ask(scene())
            return peer.wait(lambda: all(peer.heard[topic] for topic in POSES), 0.5)

        attempts = itertools.takewhile(lambda _: not came(), range(10))
        assert sum(1 for _ in attempts) < 10
        wanted = planner().plan(scene()).candidates[0].pose
        np.testing.assert_allclose(read_pose(peer.heard["target_pose"][0].pose), wanted, atol=1e-9)
        assert peer.heard["ik_frame"][0].header.frame_id == "panda_hand"
    finally:
        rig.close()
        spinner.close()


@pytest.mark.parametrize("joints", ["finger 0.0", "finger closed open"])
def test_joints_that_make_no_sense_are_named(joints):
    spinner = Spinner()
    try:
        with pytest.raises(ConfigError, match="a name and two numbers"):
            MoveItExample(context=spinner.context, parameter_overrides=[Parameter("joints", value=joints)])
    finally:
        spinner.executor.shutdown()


@pytest.mark.parametrize("retreat", ["0 0 0", "1 0", "up", "nan 0 1"])
def test_a_retreat_without_a_direction_is_named(retreat):
    spinner = Spinner()
    try:
        with pytest.raises(ConfigError, match="retreat must be three numbers"):
            MoveItExample(context=spinner.context, parameter_overrides=[Parameter("retreat", value=retreat)])
    finally:
        spinner.executor.shutdown()
