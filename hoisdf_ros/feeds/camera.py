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

"""Node ``camera``: images of a webcam, video or folder with calibration.

Publishes ``image_raw`` and ``camera_info``.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import camera

    camera()

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from sensor_msgs.srv import SetCameraInfo
from std_msgs.msg import Header

from hoisdf_model.errors import CameraError, ConfigError, HoisdfError, ImageError
from hoisdf_model.feeds import open_source
from hoisdf_model.geometry import read_camera, write_camera
from hoisdf_model.messages import camera_info_to_pinhole, encode_compressed, encode_image, pinhole_to_camera_info
from hoisdf_model.paths import named
from hoisdf_ros.feeds.worker import run_node
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.parameters import ParameterSet, parameter
from hoisdf_ros.processes import Ending

IMAGE = "image_raw"  # as drivers call it, and image_transport for what is behind the slash
DEFAULT_RATE = 15.0  # frames per second of sources that have none of their own

# Reliable: it serves reliable and best-effort subscribers alike, and stock Fast DDS loses most best-effort messages
# over 0.5 MB, which is less than one 640x480 image (ros2/rmw_fastrtps issue 739). Keep last: nothing queues up.
IMAGE_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True)
class CameraParameters:
    """All parameters of the node."""

    source: str = parameter(
        "0", "Camera number or device file, video file, stream URL, image, folder or pattern of images.", change="never"
    )
    camera_info_url: str = parameter(
        "",
        "Calibration in ROS's camera YAML format: a path, file:// or package:// URL. Empty: camera_info marks the "
        "camera as uncalibrated, which suffices for calibration but not for poses.",
        change="never",
    )
    frame_id: str = parameter("camera_optical_frame", "TF frame of the images, optical axes.", change="never")
    rate: float = parameter(
        0.0, "Frames per second; 0: the source's own, or 15 if it has none.",
        change="never", minimum=0.0, maximum=1000.0,
    )  # fmt: skip
    loop: bool = parameter(False, "Start again at the end of a video or folder.", change="never")
    width: int = parameter(
        0, "Wanted width of a camera's images; 0: its own.", change="never", minimum=0, maximum=16384
    )
    height: int = parameter(0, "Wanted height; 0: its own.", change="never", minimum=0, maximum=16384)
    transport: str = parameter(
        "raw", "Published topics: image_raw, image_raw/compressed, or both.",
        change="never", choices=("raw", "compressed", "both"),
    )  # fmt: skip
    encoding: str = parameter("rgb8", "Encoding of raw images.", change="never", choices=("rgb8", "bgr8", "mono8"))
    format: str = parameter("jpeg", "Format of compressed images.", change="never", choices=("jpeg", "png"))
    jpeg_quality: int = parameter(90, "Quality of JPEG images.", change="never", minimum=1, maximum=100)

    def __post_init__(self) -> None:
        if not self.frame_id or self.frame_id.startswith("/"):
            raise ConfigError(f"frame_id must be a TF frame name without a leading '/', got {self.frame_id!r}")
        if bool(self.width) != bool(self.height):
            raise ConfigError(f"set both width and height or none, got {self.width} and {self.height}")


def calibration_path(url: str) -> Path:
    """The file that a ``camera_info_url`` names.

    Raises:
        CameraError: another kind of URL, or its package isn't installed.
    """
    parts = urlparse(url)
    if parts.scheme in ("", "file"):
        return named(unquote(parts.path))
    if parts.scheme == "package":
        try:
            share = get_package_share_directory(parts.netloc)
        except (PackageNotFoundError, ValueError) as error:
            raise CameraError(f"camera_info_url {url}: there is no package {parts.netloc!r} here") from error
        return Path(share) / parts.path.lstrip("/")
    raise CameraError(f"camera_info_url {url} must be a path, a file:// or a package:// URL")


def ros_home() -> Path:
    """ROS's folder for files of a user."""
    return named(os.environ.get("ROS_HOME") or "~/.ros")


class CameraNode(Node):
    """Publisher of a source's images with their camera calibration.

    Stamps are the ROS clock's time of capture.

    Raises:
        ConfigError: a parameter is wrong.
        CaptureError: the source can't be opened.
        CameraError: the calibration can't be read or belongs to images of another size.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("camera", **options)
        self._settings = ParameterSet(self, CameraParameters).read()
        calibration = self._read_calibration()
        settings = self._settings
        self._source = open_source(settings.source, (settings.width, settings.height), settings.rate)
        self._camera_info = self._uncalibrated() if calibration is None else calibration
        self._check_size()
        self._stop = threading.Event()
        self._skipped = 0
        self.published = 0
        self._info_publisher = self._publisher(CameraInfo, "camera_info")
        self._raw = self._publisher(Image, IMAGE) if settings.transport != "compressed" else None
        self._compressed = (
            self._publisher(CompressedImage, f"{IMAGE}/compressed") if settings.transport != "raw" else None
        )
        self.create_service(SetCameraInfo, "set_camera_info", self._set_camera_info)
        self.get_logger().info(f"{self._source.description}, frame {settings.frame_id}")

    def run(self) -> None:
        """Publish until the source ends or fails, or ``stop`` is called."""
        source, pace = self._source, self._period()
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                if not source.live and self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                try:
                    picture = source.read()
                except ImageError as error:
                    self._skipped += 1
                    self.get_logger().warning(f"skipped: {error}", throttle_duration_sec=1.0)
                    continue
                if picture is None:
                    if not self._settings.loop or not self.published:
                        self._deliver()
                        return
                    source.rewind()
                    continue
                now = time.monotonic()
                if source.live and now < due:
                    continue  # a camera that is faster than wanted: only its newest picture at the due time goes out
                due = max(due + pace, now)
                self._publish(picture)
        finally:
            source.close()

    @property
    def summary(self) -> str:
        """Numbers of published and skipped images."""
        return f"published {self.published} images, skipped {self._skipped}"

    def stop(self) -> None:
        """Request the return of ``run``."""
        self._stop.set()

    def _deliver(self) -> None:
        """Give the last pictures time to arrive: they vanish with the process."""
        for publisher in (self._info_publisher, self._raw, self._compressed):
            if publisher is not None:
                publisher.wait_for_all_acked(Duration(seconds=1))

    def _period(self) -> float:
        rate = self._settings.rate or self._source.rate or (0.0 if self._source.live else DEFAULT_RATE)
        return 1.0 / rate if rate else 0.0

    def _publish(self, picture: Any) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._settings.frame_id)
        self._camera_info.header = header
        self._info_publisher.publish(self._camera_info)
        if self._raw:
            self._raw.publish(encode_image(picture, header, ROS_TYPES, self._settings.encoding))  # type: ignore[arg-type]
        if self._compressed:
            format_, quality = self._settings.format, self._settings.jpeg_quality
            self._compressed.publish(encode_compressed(picture, header, ROS_TYPES, format_, quality))  # type: ignore[arg-type]
        self.published += 1

    def _publisher(self, kind: type, topic: str) -> Any:
        overrides = QoSOverridingOptions.with_default_policies()
        return self.create_publisher(kind, topic, IMAGE_QOS, qos_overriding_options=overrides)

    def _set_camera_info(self, request: SetCameraInfo.Request, response: SetCameraInfo.Response) -> Any:
        """Take a calibration, such as camera_calibration's COMMIT sends, and write it to camera_info_url's file."""
        url, size = self._settings.camera_info_url, self._source.size
        try:
            camera = camera_info_to_pinhole(request.camera_info)
            if (camera.width, camera.height) != size:
                raise CameraError(
                    f"the calibration is for images of {camera.width}x{camera.height}, this camera gives "
                    f"{size[0]}x{size[1]}"
                )
            path = calibration_path(url) if url else ros_home() / "camera_info" / f"{self.get_name()}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_camera(path, camera)
            self._camera_info = pinhole_to_camera_info(camera, Header(), ROS_TYPES)
            response.success = True
            response.status_message = f"written to {path}" + (
                "" if url else ": name it as camera_info_url at the next start"
            )
        except (HoisdfError, OSError) as error:
            response.success, response.status_message = False, str(error)
        if response.success:  # a line of its own each: rclpy refuses another severity from the same one
            self.get_logger().info(f"set_camera_info: {response.status_message}")
        else:
            self.get_logger().error(f"set_camera_info: {response.status_message}")
        return response

    def _read_calibration(self) -> CameraInfo | None:
        url = self._settings.camera_info_url
        if not url:
            return None
        return pinhole_to_camera_info(read_camera(calibration_path(url)), Header(), ROS_TYPES)

    def _uncalibrated(self) -> CameraInfo:
        self.get_logger().warning(
            "no calibration: camera_info says uncalibrated, and perception refuses such images. Give camera_info_url "
            "(make the file with the camera_calibration package)"
        )
        width, height = self._source.size
        return CameraInfo(width=width, height=height)

    def _check_size(self) -> None:
        info, (width, height) = self._camera_info, self._source.size
        if info.k[0]:
            try:
                camera_info_to_pinhole(info).check_image(width, height)
            except CameraError as error:
                self._source.close()
                raise CameraError(
                    f"the calibration {self._settings.camera_info_url} doesn't fit {self._source.description}: "
                    f"{error}; calibrate for this size, or set width and height"
                ) from error
        info.width, info.height = width, height


def main(ending: Ending) -> int:
    """Run the node until its end or an interrupt.

    The exit code is 1 if it fails.
    """
    return run_node(CameraNode, ending)
