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

"""Estimates and grasps as transforms on ``/tf``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from scipy.spatial.transform import Rotation

from hoisdf_model.estimates import Estimate, entity_names
from hoisdf_ros.message_classes import ROS_TYPES

TF_TOPIC = "/tf"
# what tf2_ros.TransformBroadcaster offers, so that listeners of every distribution match
TF_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)


def transforms_message(estimate: Estimate, header: Any, prefix: str = "") -> Any:
    """``tf2_msgs/TFMessage`` with hands and objects as children of the camera frame ``header.frame_id``.

    A hand's frame has its origin at the wrist joint and the axes of MANO's rest pose turned by the global rotation; an
    object's frame is that of its mesh file. Child frames are called ``<prefix>hand_right``, ``<prefix><object name>``.
    """
    return transform_message(header, ((prefix + name, *pose) for name, *pose in _frames(estimate)))


def transform_message(header: Any, frames: Iterable[Any]) -> Any:
    """``tf2_msgs/TFMessage`` with children of ``header.frame_id``: name, ``Rotation``, translation (3,) in metres."""
    transforms = [
        ROS_TYPES.create(
            "geometry_msgs/msg/TransformStamped",
            header=header,
            child_frame_id=name,
            transform=_transform(rotation, translation),
        )
        for name, rotation, translation in frames
    ]
    return ROS_TYPES.create("tf2_msgs/msg/TFMessage", transforms=transforms)


def _frames(estimate: Estimate) -> Iterator[tuple[str, Rotation, Any]]:
    hand_names, object_names = entity_names(estimate)
    for name, hand in zip(hand_names, estimate.hands, strict=True):
        yield name, Rotation.from_rotvec(hand.pose[0]), hand.joints[0]
    for name, item in zip(object_names, estimate.objects, strict=True):
        yield name, Rotation.from_matrix(item.rotation), item.translation


def _transform(rotation: Rotation, translation: Any) -> Any:
    x, y, z, w = rotation.as_quat(canonical=True).tolist()
    tx, ty, tz = (float(value) for value in translation)
    return ROS_TYPES.create(
        "geometry_msgs/msg/Transform",
        translation=ROS_TYPES.create("geometry_msgs/msg/Vector3", x=tx, y=ty, z=tz),
        rotation=ROS_TYPES.create("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
    )
