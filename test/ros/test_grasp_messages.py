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

"""Grasps survive being messages, with rosbags' classes and with rclpy's."""

from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from grasp_rig import planner, scene  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402

from hoisdf_model.data import interface_types  # noqa: E402
from hoisdf_model.errors import InvalidInputError  # noqa: E402
from hoisdf_model.messages import make_header, rosbags_types, stamp_of  # noqa: E402
from hoisdf_ros.grasp.grasp_messages import grasps_message, pose_message, read_pose  # noqa: E402
from hoisdf_ros.message_classes import ROS_TYPES  # noqa: E402

STAMP = 1_763_600_000_123_456_789
REASONS = (("too_wide", "imitate: the bottle is wider there than it opens"), ("uncertain", "ü"))


def through_rosbags(message):
    store = interface_types()
    return store.deserialize_cdr(bytes(store.serialize_cdr(message, message.__msgtype__)), message.__msgtype__)


def through_rclpy(message):
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize(
    ("types", "travel"),
    [(rosbags_types(interface_types()), through_rosbags), (ROS_TYPES, through_rclpy)],
    ids=["rosbags", "rclpy"],
)
def test_ranked_grasps_come_back_as_they_went(types, travel):
    candidates = planner().plan(scene(), ("imitate",)).candidates[:3]
    pinch = replace(candidates[0], mode="hand_only", pose_in_object=None, object_name="")
    message = travel(grasps_message([*candidates, pinch], REASONS, make_header(types, STAMP, "base"), types))
    assert stamp_of(message) == stamp_of(message.grasps[0]) == STAMP
    assert (list(message.reasons), list(message.messages)) == tuple(map(list, zip(*REASONS, strict=True)))
    for one, grasp in zip(candidates, message.grasps, strict=False):
        np.testing.assert_allclose(read_pose(grasp.pose), one.pose, atol=1e-12)
        np.testing.assert_allclose(read_pose(grasp.pose_in_object), one.pose_in_object, atol=1e-12)
        np.testing.assert_array_equal(np.array(grasp.covariance).reshape(6, 6), one.covariance)
        assert (grasp.width, grasp.score) == (np.float32(one.width), np.float32(one.score))
    with pytest.raises(InvalidInputError, match="finite"):
        read_pose(message.grasps[3].pose_in_object)


def test_a_quaternion_of_another_length_is_no_pose():
    message = pose_message(np.eye(4), ROS_TYPES)
    message.orientation.w = 2.0
    with pytest.raises(InvalidInputError, match="length 1"):
        read_pose(message)
