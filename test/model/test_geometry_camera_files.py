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

"""Camera YAML files: ROS's own format, the plain one, and what isn't one."""

from pathlib import Path

import numpy as np
import pytest

from hoisdf_model.errors import CameraError
from hoisdf_model.geometry import Pinhole, read_camera, write_camera

# the layout that camera_calibration writes (documented in image_pipeline's camera_calibration_parsers)
ROS_YAML = """
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [615.5, 0.0, 318.25, 0.0, 614.75, 241.5, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.25, 0.08, 0.001, -0.002, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [590.0, 0, 317.0, 0, 0, 600.0, 242.0, 0, 0, 0, 1, 0]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "camera.yaml"
    path.write_text(text)
    return path


def test_ros_file_gives_k_and_distortion_for_raw_images(tmp_path: Path):
    camera = read_camera(written(tmp_path, ROS_YAML))
    assert camera == Pinhole(615.5, 614.75, 318.25, 241.5, 640, 480, (-0.25, 0.08, 0.001, -0.002, 0.0))


def test_ros_file_gives_p_without_distortion_for_rectified_images(tmp_path: Path):
    camera = read_camera(written(tmp_path, ROS_YAML), rectified=True)
    assert camera == Pinhole(590.0, 600.0, 317.0, 242.0, 640, 480)


def test_zero_distortion_is_no_distortion_whatever_its_model(tmp_path: Path):
    text = ROS_YAML.replace("[-0.25, 0.08, 0.001, -0.002, 0.0]", "[0, 0, 0, 0, 0]").replace("plumb_bob", "''")
    assert read_camera(written(tmp_path, text)).distortion == ()


def test_plain_file(tmp_path: Path):
    camera = read_camera(written(tmp_path, "fx: 600\nfy: 601.5\ncx: 320\ncy: 240\nwidth: 640\nheight: 480\n"))
    assert camera == Pinhole(600, 601.5, 320, 240, 640, 480)
    camera = read_camera(written(tmp_path, "{fx: 1, fy: 1, cx: 0, cy: 0, distortion: [0.1, 0, 0, 0]}"))
    assert camera.distortion == (0.1, 0, 0, 0)


@pytest.mark.parametrize(
    "camera",
    [
        Pinhole(600, 601, 320, 240, 640, 480),
        Pinhole(600, 601, 320, 240, 640, 480, (0.1, 0.2, 0.01, 0.02), "equidistant"),
    ],
)
def test_written_camera_reads_back_equal(tmp_path: Path, camera: Pinhole):
    write_camera(tmp_path / "camera.yaml", camera)
    again = read_camera(tmp_path / "camera.yaml")
    np.testing.assert_array_equal(again.matrix, camera.matrix)
    assert (again.width, again.height, again.distortion) == (camera.width, camera.height, camera.distortion)
    np.testing.assert_array_equal(read_camera(tmp_path / "camera.yaml", rectified=True).matrix, camera.matrix)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "not readable YAML"),
        ("- 1\n- 2", "no mapping"),
        ("", "no mapping"),
        ("fx: 600\nfy: 600\ncx: 320", "cy is missing"),
        ("fx: wide\nfy: 600\ncx: 320\ncy: 240", "fx must be a number"),
        ("{fx: 600, fy: 600, cx: 320, cy: 240, width: 640.5}", "number of pixels"),
        ("image_width: 640", "camera_matrix is missing"),
        (ROS_YAML.replace("[615.5, 0.0,", "[615.5,"), "9 numbers"),
        (ROS_YAML.replace("615.5", "0.0"), "not calibrated"),
        (ROS_YAML.replace("615.5", ".nan"), "finite"),
        (ROS_YAML.replace("[-0.25,", "[bent,"), "list of numbers"),
        (ROS_YAML.replace("plumb_bob", "bent_pipe"), "bent_pipe"),
    ],
)
def test_bad_files_are_refused_with_the_reason_and_the_path(tmp_path: Path, text: str, message: str):
    with pytest.raises(CameraError, match=message) as caught:
        read_camera(written(tmp_path, text))
    assert "camera.yaml" in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(CameraError, match=r"nowhere\.yaml"):
        read_camera(tmp_path / "nowhere.yaml")


def test_yaml_cannot_execute_code(tmp_path: Path):
    marker = tmp_path / "executed"
    with pytest.raises(CameraError):
        read_camera(written(tmp_path, f"fx: !!python/object/apply:os.system ['touch {marker}']"))
    assert not marker.exists()


ECHO = """header:
  stamp:
    sec: 1700000000
    nanosec: 5
  frame_id: camera_color_optical_frame
height: 480
width: 640
distortion_model: plumb_bob
d:
- 0.1
- -0.2
- 0.001
- 0.0
- 0.0
k:
- 610.5
- 0.0
- 322.25
- 0.0
- 611.0
- 241.5
- 0.0
- 0.0
- 1.0
r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
p: [600.0, 0.0, 320.0, 0.0, 0.0, 601.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
binning_x: 0
binning_y: 0
roi:
  x_offset: 0
  y_offset: 0
  height: 0
  width: 0
  do_rectify: false
---
"""
KALIBR = """cam0:
  cam_overlaps: []
  camera_model: pinhole
  distortion_coeffs: [0.01, -0.02, 0.003, 0.0004]
  distortion_model: {model}
  intrinsics: [460.5, 461.5, 321.5, 239.5]
  resolution: [640, 480]
  rostopic: /cam0/image_raw
"""


@pytest.mark.parametrize(
    ("name", "text", "camera"),
    [
        ("echo.yaml", ECHO, Pinhole(610.5, 611, 322.25, 241.5, 640, 480, (0.1, -0.2, 0.001, 0, 0))),
        ("ros1.yaml", ECHO.replace("\nd:", "\nD:").replace("\nk:", "\nK:").replace("\np:", "\nP:"),
         Pinhole(610.5, 611, 322.25, 241.5, 640, 480, (0.1, -0.2, 0.001, 0, 0))),
        ("binned.yaml", ECHO.replace("binning_x: 0", "binning_x: 2").replace("binning_y: 0", "binning_y: 2"),
         Pinhole(305.25, 305.5, 161.125, 120.75, 320, 240, (0.1, -0.2, 0.001, 0, 0))),
        ("radtan.yaml", KALIBR.format(model="radtan"),
         Pinhole(460.5, 461.5, 321.5, 239.5, 640, 480, (0.01, -0.02, 0.003, 0.0004))),
        ("equi.yaml", KALIBR.format(model="equidistant"),
         Pinhole(460.5, 461.5, 321.5, 239.5, 640, 480, (0.01, -0.02, 0.003, 0.0004), "equidistant")),
        ("realsense.json", '{"width": 640, "height": 480, "ppx": 321, "ppy": 243, "fx": 615, "fy": 616,'
         '"model": "distortion.inverse_brown_conrady", "coeffs": [0.0, 0.0, 0.0, 0.0, 0.0]}',
         Pinhole(615, 616, 321, 243, 640, 480)),
        ("streams.json", '{"depth": {"fx": 1, "fy": 1, "ppx": 0, "ppy": 0},\n\t"color": {"width": 640, "height": 480,'
         '"ppx": 321, "ppy": 243, "fx": 615, "fy": 616, "model": "Brown Conrady", "coeffs": [0.1, 0, 0, 0, 0]}}',
         Pinhole(615, 616, 321, 243, 640, 480, (0.1, 0, 0, 0, 0))),
        ("t265.json", '{"width": 848, "height": 800, "ppx": 424, "ppy": 400, "fx": 286, "fy": 286,'
         '"model": "Kannala Brandt4", "coeffs": [-0.01, 0.04, -0.03, 0.005, 0]}',
         Pinhole(286, 286, 424, 400, 848, 800, (-0.01, 0.04, -0.03, 0.005), "equidistant")),
        ("open3d.json", '{"width": 640, "height": 480, "intrinsic_matrix": [615, 0, 0, 0, 616, 0, 321, 243, 1]}',
         Pinhole(615, 616, 321, 243, 640, 480)),
        ("fisheye.yaml", "{camera_model: fisheye, fx: 400, fy: 401, cx: 320, cy: 240, width: 640, height: 480,"
         " distortion: [0.1, 0.2, 0.3, 0.4]}",
         Pinhole(400, 401, 320, 240, 640, 480, (0.1, 0.2, 0.3, 0.4), "equidistant")),
        ("zeros.yaml", ROS_YAML.replace("[-0.25, 0.08, 0.001, -0.002, 0.0]", "[0, 0, 0, 0]").replace(
            "distortion_model: plumb_bob", "camera_model: fisheye"),
         Pinhole(615.5, 614.75, 318.25, 241.5, 640, 480, (0, 0, 0, 0), "equidistant")),
    ],
)  # fmt: skip
def test_files_of_other_tools(tmp_path: Path, name: str, text: str, camera: Pinhole):
    path = tmp_path / name
    path.write_text(text)
    assert read_camera(path) == camera


def test_a_printed_camera_info_of_rectified_images(tmp_path: Path):
    assert read_camera(written(tmp_path, ECHO), rectified=True) == Pinhole(600, 601, 320, 240, 640, 480)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            KALIBR.format(model="radtan") + KALIBR.format(model="radtan").replace("cam0", "cam1"),
            "2 cameras .cam0, cam1",
        ),
        (KALIBR.format(model="radtan").replace("pinhole", "omni"), "camera_model 'omni'"),
        (ECHO.replace("- 610.5", "- 0.0"), "not calibrated"),
        (ROS_YAML + "camera_model: fisheye\n", "camera_model is 'fisheye' and distortion_model 'plumb_bob'"),
        ("{fx: 1, fy: 1, ppx: 0, ppy: 0, model: inverse_brown_conrady, coeffs: [0.1, 0, 0, 0, 0]}", "inverse_brown"),
    ],
)
def test_files_of_other_tools_that_cannot_be_told_are_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(CameraError, match=message):
        read_camera(written(tmp_path, text))
