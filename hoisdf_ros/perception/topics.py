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

"""Topics that the perception node reads, and their types."""

from __future__ import annotations

from hoisdf_ros.perception.parameters import InputParameters
from hoisdf_ros.stream.inputs import CAMERA_INFO, DEPTH, DETECTIONS, IMAGE, REGIONS


def topic_types(parameters: InputParameters) -> dict[str, str]:
    """Subscribed topics and their types; the image first."""
    compressed = parameters.transport == "compressed"
    types = {
        IMAGE: "sensor_msgs/msg/CompressedImage" if compressed else "sensor_msgs/msg/Image",
        CAMERA_INFO: "sensor_msgs/msg/CameraInfo",
    }
    if parameters.depth:
        types[DEPTH] = "sensor_msgs/msg/Image"
    if parameters.regions == REGIONS:
        types[REGIONS] = "hoisdf/msg/Regions"
    if parameters.regions == DETECTIONS:
        types[DETECTIONS] = "vision_msgs/msg/Detection2DArray"
    return types
