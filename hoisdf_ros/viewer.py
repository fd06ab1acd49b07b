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

"""Node ``viewer``: images and estimates live in the viewer Rerun."""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import viewer

    viewer()

from dataclasses import dataclass
from typing import Any

from rclpy.node import Node

from hoisdf_model.errors import HoisdfError
from hoisdf_model.estimates import Frame
from hoisdf_model.hand import load_hand_model
from hoisdf_model.messages import camera_info_to_pinhole, decode_depth, decode_image, hand_object_to_estimate
from hoisdf_model.objects import load_catalogue
from hoisdf_model.paths import named
from hoisdf_model.viewing import Destination, Viewer, load_rerun, open_stream
from hoisdf_ros.node_parameters import SyncParameters
from hoisdf_ros.parameters import ParameterSet, parameter
from hoisdf_ros.processes import Ending
from hoisdf_ros.spinning import spin_node
from hoisdf_ros.stream.inputs import CAMERA_INFO, DEPTH, HAND_OBJECT, IMAGE, Inputs, InputSet
from hoisdf_ros.stream.monitor import Monitor

FOLLOWING = 1.0  # seconds between two looks at what publishers offer


@dataclass(frozen=True)
class ViewerParameters:
    """Parameters of the displayed topics and the destination."""

    save: str = parameter("", "File .rrd to write; no window is opened.", change="never")
    connect: str = parameter("", "URL of a viewer that runs already, rerun+http://host:9876/proxy.", change="never")
    web: bool = parameter(False, "Serve to a browser.", change="never")
    transport: str = parameter("raw", "As the perception node's input.transport.", change="never",
                               choices=("raw", "compressed"))  # fmt: skip
    rectified: bool = parameter(False, "The images are rectified: use P of camera_info, else K and D.", change="never")
    depth: bool = parameter(False, "Show the depth image on the topic depth, aligned to the image.", change="never")
    hand_model: str = parameter("", "Hand model file of the perception node; empty: the open hand.", change="never")
    catalogue: str = parameter(
        "", "Folder of object meshes. Empty: the catalogue that ships with the package.", change="never"
    )
    queue_size: int = parameter(
        30, "Images that wait for their estimate, which a slow model brings late.",
        change="never", minimum=1, maximum=200,
    )  # fmt: skip


class ViewerNode(Node):
    """Node that shows images with their estimates.

    Each image that has an estimate with its stamp on ``hand_object``.

    Raises:
        DependencyError: rerun-sdk isn't installed.
        HoisdfError: a parameter or file isn't usable.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("viewer", **options)
        settings = self._settings = ParameterSet(self, ViewerParameters).read()
        save = named(settings.save) if settings.save else None
        destination, rerun = Destination(save, settings.connect, settings.web), load_rerun()
        catalogue = load_catalogue(settings.catalogue or None)
        hand_model = load_hand_model(settings.hand_model) if settings.hand_model else None
        stream, where = open_stream(rerun, destination)
        self.viewer = Viewer(rerun, stream, catalogue, hand_model)
        image = "sensor_msgs/msg/CompressedImage" if settings.transport == "compressed" else "sensor_msgs/msg/Image"
        topics = {IMAGE: image, CAMERA_INFO: "sensor_msgs/msg/CameraInfo", HAND_OBJECT: "hoisdf/msg/HandObject"}
        if settings.depth:
            topics[DEPTH] = "sensor_msgs/msg/Image"
        sync = SyncParameters(queue_size=settings.queue_size)
        self._inputs = Inputs(self, topics, "auto", sync, Monitor(), self._show, lambda: None)
        self.create_timer(FOLLOWING, self._inputs.follow_publishers)
        self.get_logger().info(f"shown in {where}")

    def _show(self, item: InputSet) -> None:
        try:
            self._show_set(item)
        except HoisdfError as error:  # one frame that isn't usable; the next may be
            self.get_logger().error(f"not shown: {error}", throttle_duration_sec=5.0)

    def _show_set(self, item: InputSet) -> None:
        messages = item.messages
        camera = camera_info_to_pinhole(messages[CAMERA_INFO], self._settings.rectified)
        depth = decode_depth(messages[DEPTH]) if DEPTH in messages else None
        frame = Frame(decode_image(messages[IMAGE]), camera, depth)
        self.viewer.show(item.stamp * 1e-9, frame, hand_object_to_estimate(messages[HAND_OBJECT], self._refused))

    def _refused(self, error: Exception) -> None:
        self.get_logger().error(f"left out: {error}", throttle_duration_sec=5.0)

    def destroy_node(self) -> None:
        """Let go of the file or viewer, and of the node."""
        self._inputs.close()
        self.viewer.close()
        super().destroy_node()


def main(ending: Ending) -> int:
    """Run the node until the process is to end."""
    return spin_node(ViewerNode, ending)
