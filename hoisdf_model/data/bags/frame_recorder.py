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

"""Recorder of frames into a bag.

On the topics that :meth:`BagReader.frames` and the perception node look for.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from hoisdf_model.data.bags.frame_assembly import BagFrame
from hoisdf_model.data.bags.writer import BagWriter
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import Estimate
from hoisdf_model.messages import (
    encode_compressed,
    encode_depth,
    encode_image,
    estimate_to_hand_object,
    make_header,
    pinhole_to_camera_info,
    regions_to_message,
)

ImageFormat = Literal["jpeg", "png", "raw"]
TRUTH_SUFFIX = "_truth"
FRAME_ID = "camera_color_optical_frame"  # of recordings made from data sets and from the synthetic world
FIRST_STAMP = 1_700_000_000_000_000_000  # nanoseconds; a fixed time, so that equal input gives equal bags


class FrameRecorder:
    """Recorder of frames with ground truth into a bag.

    Writes image, camera_info, depth, regions, ground truth and the ground truth's transforms.

    Topics: ``<namespace>/image`` (raw) or ``/image/compressed``, ``/camera_info``, ``/depth`` (16UC1, millimetres),
    ``/regions``, ``/ground_truth``, and ``/tf`` with frames that end in ``_truth``, to stand beside estimates.

    Args:
        writer: an open bag.
        image_format: how images are stored.
        quality: JPEG's, 1 to 100.
        namespace: put before the topics, without a slash at its end.
    """

    def __init__(
        self, writer: BagWriter, image_format: ImageFormat = "jpeg", quality: int = 90, namespace: str = ""
    ) -> None:
        if image_format not in ("jpeg", "png", "raw") or not 1 <= quality <= 100:
            raise InvalidInputError(
                f"images are jpeg, png or raw with a quality of 1 to 100: {image_format}, {quality}"
            )
        self._writer, self._format, self._quality, self._namespace = writer, image_format, quality, namespace

    def write(self, item: BagFrame) -> None:
        """Append all parts of a frame."""
        types = self._writer.types
        header = make_header(types, item.stamp, item.frame_id)
        if self._format == "raw":
            self._put("image", encode_image(item.frame.image, header, types))
        else:
            picture = encode_compressed(item.frame.image, header, types, self._format, self._quality)
            self._put("image/compressed", picture)
        self._put("camera_info", pinhole_to_camera_info(item.frame.intrinsics, header, types))
        if item.frame.depth is not None:
            self._put("depth", encode_depth(item.frame.depth, header, types, "16UC1"))
        if item.regions is not None:
            self._put("regions", regions_to_message(item.regions, header, types))
        if item.truth is not None:
            self._put("ground_truth", estimate_to_hand_object(item.truth, header, types))
            self._writer.write("/tf", self._transforms(item.truth, header), item.stamp)

    def _put(self, topic: str, message: Any) -> None:
        self._writer.write(f"{self._namespace}/{topic}", message)

    def _transforms(self, truth: Estimate, header: Any) -> Any:
        types = self._writer.types
        turned = [hand for hand in truth.hands if np.isfinite(hand.pose[0]).all()]  # HO-3D publishes joints without
        hands = [(f"hand_{h.side}", Rotation.from_rotvec(h.pose[0]), h.joints[0]) for h in turned]
        things = [(o.name, Rotation.from_matrix(o.rotation), o.translation) for o in truth.objects]
        transforms = []
        for name, turn, shift in (*hands, *things):
            x, y, z, w = turn.as_quat(canonical=True).tolist()
            tx, ty, tz = (float(value) for value in shift)
            transform = types.create(
                "geometry_msgs/msg/Transform",
                translation=types.create("geometry_msgs/msg/Vector3", x=tx, y=ty, z=tz),
                rotation=types.create("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
            )
            transforms.append(
                types.create(
                    "geometry_msgs/msg/TransformStamped",
                    header=header,
                    child_frame_id=name + TRUTH_SUFFIX,
                    transform=transform,
                )
            )
        return types.create("tf2_msgs/msg/TFMessage", transforms=transforms)
