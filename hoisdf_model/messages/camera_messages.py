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

"""``sensor_msgs/CameraInfo`` <-> :class:`hoisdf_model.geometry.Pinhole` (REP-104)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoisdf_model.errors import CameraError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.messages.types import MessageTypes


def camera_info_to_pinhole(message: Any, rectified: bool = False) -> Pinhole:
    """The camera of the image that comes with this ``CameraInfo``.

    Binning and the region of interest are taken into account as in ``image_geometry``: the result is in pixels of the
    image that is published, not of the whole sensor.

    Args:
        message: ``sensor_msgs/CameraInfo``.
        rectified: the image is rectified: take ``P``; else ``K`` with the distortion ``D``.

    Raises:
        CameraError: not calibrated (``K[0]`` or ``P[0]`` is 0), not finite, or a distortion model that isn't supported.
    """
    name, matrix = ("P", np.array(message.p, np.float64)) if rectified else ("K", np.array(message.k, np.float64))
    if matrix[0] == 0:
        advice = "calibrate it"
        if rectified and message.k[0] != 0:
            advice = "its K is set: rectify its images, or say that they aren't rectified"
        raise CameraError(f"the camera {message.header.frame_id!r} is uncalibrated ({name}[0] is 0): {advice}")
    camera = Pinhole.from_matrix(
        matrix.reshape(3, -1),
        width=message.width,
        height=message.height,
        distortion=() if rectified else tuple(float(d) for d in message.d),
        distortion_model="plumb_bob" if rectified else message.distortion_model,
    )
    roi = message.roi
    return camera.of_region((roi.x_offset, roi.y_offset, roi.width, roi.height), (message.binning_x, message.binning_y))


def pinhole_to_camera_info(camera: Pinhole, header: Any, types: MessageTypes) -> Any:
    """``sensor_msgs/CameraInfo`` with that ``std_msgs/Header``; ``P`` holds ``K``, ``R`` is the identity."""
    k = camera.matrix
    p = np.concatenate([k, np.zeros((3, 1))], 1)
    region = types.create(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return types.create(
        "sensor_msgs/msg/CameraInfo",
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=camera.distortion_model,
        d=types.sequence(np.array(camera.distortion or (0.0,) * 5, np.float64)),
        k=k.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=p.reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=region,
    )
