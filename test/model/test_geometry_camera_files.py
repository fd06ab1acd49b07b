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
