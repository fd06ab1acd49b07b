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

"""The camera node: pictures from files, published through real DDS."""

import re
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from sensor_msgs.srv import SetCameraInfo

from hoisdf_model.errors import CameraError, ConfigError
from hoisdf_model.feeds import CaptureError
from hoisdf_model.geometry import Pinhole, read_camera, write_camera
from hoisdf_model.messages import camera_info_to_pinhole, decode_image
from hoisdf_ros.feeds.camera import CameraNode, calibration_path
from hoisdf_ros.spinning import Spin

pytestmark = pytest.mark.ros
CAMERA = Pinhole(50.0, 51.0, 15.5, 11.5, 32, 24, (0.1, -0.2, 0.001, 0.002, 0.03), "plumb_bob")
LEVELS = (10, 120, 240)
LISTENER_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)  # a busy machine loses nothing


@pytest.fixture
def folder(tmp_path):
    for i, level in enumerate(LEVELS):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((24, 32, 3), (level, level // 2, 0), np.uint8))
    write_camera(tmp_path / "camera.yaml", CAMERA)
    return tmp_path


class Camera:
    """The node and a listener, each in a context of its own; ``run`` publishes until the source ends."""

    def __init__(self, **parameters):
        self.contexts = [rclpy.Context(), rclpy.Context()]
        for context in self.contexts:
            rclpy.init(context=context)
        values = [rclpy.Parameter(name, value=value) for name, value in parameters.items()]
        try:
            self.node = CameraNode(context=self.contexts[0], parameter_overrides=values)
        except BaseException:
            self.shut_down()
            raise
        self.listener = rclpy.create_node("listener", context=self.contexts[1])
        self.heard, self.subscriptions = {}, []
        for kind, topic in (
            (Image, "image_raw"),
            (CameraInfo, "camera_info"),
            (CompressedImage, "image_raw/compressed"),
        ):
            heard = self.heard.setdefault(topic, [])
            subscription = self.listener.create_subscription(
                kind, topic, lambda m, heard=heard: heard.append((time.monotonic(), m)), LISTENER_QOS
            )
            self.subscriptions.append(subscription)

    def shut_down(self):
        for context in self.contexts:
            rclpy.shutdown(context=context)

    def wait_for_matches(self):
        """Until both ends of every topic know each other; a picture sent earlier is lost to a best-effort listener."""
        deadline = time.monotonic() + 20
        sent = [publisher.topic_name for publisher in self.node.publishers]
        wanted = sorted(name for name in (s.topic_name for s in self.subscriptions) if name in sent)
        while time.monotonic() < deadline:
            here = [p for p in self.node.publishers if p.topic_name in wanted]
            there = [s for s in self.subscriptions if s.topic_name in wanted]
            if all(p.get_subscription_count() for p in here) and all(s.get_publisher_count() for s in there):
                return
            time.sleep(0.02)
        raise TimeoutError("camera and listener didn't find each other")

    def run(self, seconds=None):
        executor = SingleThreadedExecutor(context=self.contexts[1])
        executor.add_node(self.listener)
        loop = Spin(executor)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        self.wait_for_matches()
        if seconds:
            threading.Timer(seconds, self.node.stop).start()
        self.node.run()
        time.sleep(0.2)
        loop.end()
        thread.join()
        executor.shutdown()
        self.listener.destroy_node()
        self.node.destroy_node()
        self.shut_down()
        return {topic: [m for _, m in heard] for topic, heard in self.heard.items()}


def test_folder_becomes_images_with_camera_info_of_the_same_stamp(folder):
    before = time.time()
    heard = Camera(
        source=str(folder), camera_info_url=str(folder / "camera.yaml"), rate=50.0, frame_id="left_optical"
    ).run()
    assert [int(decode_image(m)[..., 2].mean()) for m in heard["image_raw"]] == list(LEVELS)  # blue, written first
    assert [int(decode_image(m)[..., 0].max()) for m in heard["image_raw"]] == [0, 0, 0]
    stamps = [m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 for m in heard["image_raw"]]
    assert before - 0.01 < stamps[0] < stamps[1] < stamps[2] < time.time() + 0.01
    assert [m.header for m in heard["camera_info"]] == [m.header for m in heard["image_raw"]]
    assert {m.header.frame_id for m in heard["image_raw"]} == {"left_optical"}
    assert camera_info_to_pinhole(heard["camera_info"][0]) == CAMERA
    assert not heard["image_raw/compressed"]


def test_rate_and_loop(folder):
    camera = Camera(source=str(folder), rate=40.0, loop=True)
    heard = camera.run(seconds=0.6)
    levels = [int(decode_image(m)[..., 2].mean()) for m in heard["image_raw"]]
    assert levels[:6] == [*LEVELS, *LEVELS]
    times = [t for t, _ in camera.heard["image_raw"]]
    assert np.median(np.diff(times)) == pytest.approx(1 / 40, rel=0.2)


@pytest.mark.parametrize(("encoding", "first_pixel"), [("bgr8", [10, 5, 0]), ("mono8", [4])])
def test_raw_encodings(folder, encoding, first_pixel):
    heard = Camera(source=str(folder), encoding=encoding, rate=50.0).run()
    assert heard["image_raw"][0].encoding == encoding
    # the file's pixel is blue 10, green 5, red 0; grey is 0.114 blue + 0.587 green (ITU-R BT.601)
    assert list(heard["image_raw"][0].data[: len(first_pixel)]) == first_pixel


def test_compressed_images(folder):
    heard = Camera(source=str(folder), transport="compressed", format="png", rate=50.0).run()
    assert not heard["image_raw"]
    assert [int(decode_image(m)[0, 0, 2]) for m in heard["image_raw/compressed"]] == list(LEVELS)


@pytest.fixture
def set_camera_info(folder):
    """Send a calibration to a running node, as the calibrator's COMMIT does, and hear what comes of it."""
    cameras = []

    def send(info, **parameters):
        camera = Camera(source=str(folder), loop=True, rate=20.0, **parameters)
        cameras.append(camera)
        executor = SingleThreadedExecutor(context=camera.contexts[0])
        executor.add_node(camera.node)
        loop = Spin(executor)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        client = camera.listener.create_client(SetCameraInfo, "set_camera_info")
        listening = SingleThreadedExecutor(context=camera.contexts[1])
        listening.add_node(camera.listener)
        assert client.wait_for_service(timeout_sec=20.0)
        answer = client.call_async(SetCameraInfo.Request(camera_info=info))
        listening.spin_until_future_complete(answer, timeout_sec=20.0)
        worker = threading.Thread(target=camera.node.run, daemon=True)
        worker.start()
        heard, deadline = camera.heard["camera_info"], time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            listening.spin_once(timeout_sec=0.1)
        camera.node.stop()
        worker.join()
        loop.end()
        thread.join()
        executor.shutdown()
        listening.shutdown()
        return answer.result(), heard[0][1]

    yield send
    for camera in cameras:
        camera.shut_down()


def calibrated():
    """As cameracalibrator sends it."""
    return CameraInfo(
        width=32, height=24, distortion_model="plumb_bob", d=[0.1, -0.2, 0.001, 0.002, 0.03],
        k=[50.0, 0.0, 15.5, 0.0, 51.0, 11.5, 0.0, 0.0, 1.0], r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[49.0, 0.0, 15.0, 0.0, 0.0, 50.0, 11.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    )  # fmt: skip


def test_a_calibration_that_is_set_is_published_and_written(folder, set_camera_info):
    write_camera(folder / "camera.yaml", Pinhole(10.0, 10.0, 1.0, 1.0, 32, 24))
    answer, info = set_camera_info(calibrated(), camera_info_url=f"file://{folder / 'camera.yaml'}")
    assert answer.success, answer.status_message
    assert camera_info_to_pinhole(info) == CAMERA
    assert read_camera(folder / "camera.yaml") == CAMERA


def test_without_a_url_a_calibration_is_written_to_ros_own_folder(folder, set_camera_info, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(folder / "home"))
    answer, _ = set_camera_info(calibrated())
    assert str(folder / "home/camera_info/camera.yaml") in answer.status_message
    assert read_camera(folder / "home/camera_info/camera.yaml") == CAMERA


@pytest.mark.parametrize(("change", "said"), [
    ({"width": 640, "height": 480}, "640x480, this camera gives 32x24"), ({"k": [0.0] * 9}, "uncalibrated"),
])  # fmt: skip
def test_a_calibration_that_does_not_fit_is_refused_and_the_old_one_stays(folder, set_camera_info, change, said):
    wrong = calibrated()
    for name, value in change.items():
        setattr(wrong, name, value)
    answer, info = set_camera_info(wrong, camera_info_url=str(folder / "camera.yaml"))
    assert not answer.success
    assert said in answer.status_message
    assert camera_info_to_pinhole(info) == CAMERA == read_camera(folder / "camera.yaml")


def test_without_calibration_camera_info_says_uncalibrated(folder, capfd):
    heard = Camera(source=str(folder), rate=50.0).run()
    info = heard["camera_info"][0]
    assert (info.width, info.height) == (32, 24)
    with pytest.raises(CameraError, match="uncalibrated"):
        camera_info_to_pinhole(info)
    assert "no calibration" in "".join(capfd.readouterr())


def test_damaged_picture_is_skipped_and_counted(folder):
    (folder / "1.png").write_bytes(b"")
    camera = Camera(source=str(folder), rate=50.0)
    assert len(camera.run()["image_raw"]) == 2
    assert camera.node.summary == "published 2 images, skipped 1"


def test_calibration_of_another_size_is_refused_with_both_sizes(folder):
    write_camera(folder / "big.yaml", Pinhole(50.0, 50.0, 320.0, 240.0, 640, 480))
    with pytest.raises(CameraError, match=r"640x480.*32x24"):
        Camera(source=str(folder), camera_info_url=str(folder / "big.yaml"))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"source": "/nowhere"}, CaptureError, "no camera, video or folder '/nowhere'"),
        ({"frame_id": "/camera"}, ConfigError, "frame_id"),
        ({"width": 640}, ConfigError, "both width and height"),
        ({"rate": -1.0}, ConfigError, "rate"),
        ({"transport": "theora"}, ConfigError, "transport must be one of"),
        ({"camera_info_url": "missing.yaml"}, CameraError, "missing.yaml"),
        ({"camera_info_url": "package://no_such_package/a.yaml"}, CameraError, "no package 'no_such_package'"),
        ({"camera_info_url": "https://example.org/a.yaml"}, CameraError, "must be a path"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(folder, parameters, error, message):
    with pytest.raises(error, match=message):
        Camera(**{"source": str(folder), **parameters})


def test_calibration_urls():
    assert str(calibration_path("file:///a/b%20c.yaml")) == "/a/b c.yaml"
    assert str(calibration_path("a/b.yaml")) == "a/b.yaml"
    assert calibration_path("package://std_msgs/package.xml").is_file()


def camera_command(*parameters):
    arguments = [argument for parameter in parameters for argument in ("-p", parameter)]
    return [sys.executable, "-m", "hoisdf_ros.feeds.camera", "--ros-args", *arguments]


def run_camera(*parameters):
    return subprocess.run(camera_command(*parameters), capture_output=True, text=True, timeout=60, check=False)


def test_process_ends_with_code_1_and_one_line_when_the_source_is_missing(tmp_path):
    process = run_camera(f"source:={tmp_path / 'none.mp4'}")
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: no camera, video or folder")
    assert "Traceback" not in process.stderr


def test_process_ends_with_code_0_at_the_end_of_its_source(folder):
    command = [
        sys.executable,
        "-m",
        "hoisdf_ros.feeds.camera",
        "--ros-args",
        "-p",
        f"source:={folder}",
        "-p",
        "rate:=50.0",
    ]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    assert "published 3 images" in process.stderr


def test_interrupted_process_ends_with_code_0_and_its_summary(folder):
    command = [
        sys.executable,
        "-m",
        "hoisdf_ros.feeds.camera",
        "--ros-args",
        "-p",
        f"source:={folder}",
        "-p",
        "loop:=true",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "3 images of 32x24" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 0, said
    assert re.search(r"published [1-9]\d* images", said)
    assert "rosout" not in said
    assert "Traceback" not in said


def test_a_fisheye_without_coefficients_stays_one(folder):
    write_camera(folder / "camera.yaml", Pinhole(20.0, 20.0, 15.5, 11.5, 32, 24, (0.0,) * 4, "equidistant"))
    heard = Camera(source=str(folder), camera_info_url=str(folder / "camera.yaml"), rate=50.0).run()
    info = heard["camera_info"][0]
    assert (info.distortion_model, list(info.d)) == ("equidistant", [0.0] * 4)
    raw = camera_info_to_pinhole(info).distort_pixels([15.5 + 20.0, 11.5])  # at 45 degrees
    np.testing.assert_allclose(raw, [15.5 + 20.0 * np.pi / 4, 11.5])


def test_a_calibration_without_a_size_that_cannot_be_the_pictures_is_refused(folder):
    (folder / "camera.yaml").write_text("{fx: 600, fy: 600, cx: 320, cy: 240}")
    with pytest.raises(CameraError, match=r"principal point 320 240 lies far from the middle of the image of 32x24"):
        Camera(source=str(folder), camera_info_url=str(folder / "camera.yaml"))
