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

"""Conversion between model types and ROS messages.

Estimates, regions, cameras and images, for any set of message classes.

Reading only looks at a message's fields, so it takes rclpy's, rosbags' and any other classes with the interface's
fields. Building takes a :class:`MessageTypes`, which says where the classes come from. This is the only place where a
message is built from an estimate or an image, and the only one where an image message becomes an array.
"""

from hoisdf_model.messages.camera_infos import CameraInfos
from hoisdf_model.messages.camera_messages import camera_info_to_pinhole, pinhole_to_camera_info
from hoisdf_model.messages.encoding import encode_compressed, encode_depth, encode_image
from hoisdf_model.messages.hand_objects import (
    estimate_to_hand_object,
    hand_joints_to_hand,
    hand_object_to_estimate,
    hand_to_hand_joints,
    object_pose_to_object,
    object_to_object_pose,
)
from hoisdf_model.messages.image_files import (
    IMAGE_SUFFIXES,
    exif_orientation,
    is_image_file,
    natural_order,
    pictures_in,
    read_depth,
    read_image,
)
from hoisdf_model.messages.images import RAW_ENCODINGS, decode_depth, decode_image
from hoisdf_model.messages.items import Refused, read_items
from hoisdf_model.messages.regions import message_to_regions, regions_to_message
from hoisdf_model.messages.types import (
    MessageTypes,
    make_header,
    make_point,
    nanoseconds_of,
    ros_types,
    rosbags_types,
    stamp_of,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "RAW_ENCODINGS",
    "CameraInfos",
    "MessageTypes",
    "Refused",
    "camera_info_to_pinhole",
    "decode_depth",
    "decode_image",
    "encode_compressed",
    "encode_depth",
    "encode_image",
    "estimate_to_hand_object",
    "exif_orientation",
    "hand_joints_to_hand",
    "hand_object_to_estimate",
    "hand_to_hand_joints",
    "is_image_file",
    "make_header",
    "make_point",
    "message_to_regions",
    "nanoseconds_of",
    "natural_order",
    "object_pose_to_object",
    "object_to_object_pose",
    "pictures_in",
    "pinhole_to_camera_info",
    "read_depth",
    "read_image",
    "read_items",
    "regions_to_message",
    "ros_types",
    "rosbags_types",
    "stamp_of",
]
