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
