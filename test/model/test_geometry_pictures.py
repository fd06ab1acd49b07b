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

"""Windows of pictures against OpenCV's undistortion of the whole image and against drawn positions."""

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

from hoisdf_model.estimates import Frame
from hoisdf_model.geometry import DistortedImage, Pinhole, pictures

CAMERAS = {
    "plumb_bob": Pinhole(600, 590, 325, 238, 640, 480, distortion=(0.1, -0.2, 0.001, 0.002, 0.05)),
    "equidistant": Pinhole(
        300, 300, 320, 240, 640, 480, distortion=(0.02, -0.01, 0.003, 0.0), distortion_model="equidistant"
    ),
}


def smooth_image() -> np.ndarray:
    y, x = np.mgrid[:480, :640]
    waves = [np.sin(x / 40) + np.cos(y / 30), np.cos(x / 55 + y / 70), np.sin(y / 45 - x / 60)]
    return np.stack([127 + 60 * wave for wave in waves], -1).clip(0, 255).astype(np.uint8)


def affine(scale: float, angle: float, center: tuple[float, float], size: int) -> np.ndarray:
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.vstack([np.column_stack([turn, size / 2 - turn @ center]), [0, 0, 1]])


def opencv_undistorted(image: np.ndarray, camera: Pinhole) -> np.ndarray:
    module = cv2.fisheye.undistortImage if camera.is_fisheye else cv2.undistort
    more = {"Knew": camera.matrix} if camera.is_fisheye else {}
    return module(image, camera.matrix, np.array(camera.distortion), **more)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize(("scale", "angle"), [(1.6, 0.0), (0.9, 0.7), (0.3, 0.0)])
def test_a_window_of_a_distorted_image_shows_what_that_of_the_undistorted_one_does(
    name: str, scale: float, angle: float
):
    camera, image = CAMERAS[name], smooth_image()
    window = affine(scale, angle, (330.0, 250.0), 128)
    whole = opencv_undistorted(image, camera)
    found = pictures.window_of(DistortedImage(image, camera), window, 128).astype(int)
    expected = pictures.window_of(whole, window, 128).astype(int)
    assert np.abs(found - expected).mean() < 1.0  # of 255: two interpolations there, one here
    assert np.abs(found - expected).max() < 8


@pytest.mark.parametrize("k", [1, 4])
def test_a_dot_is_where_the_camera_projects_it(k: int):
    camera = CAMERAS["plumb_bob"]
    straight = np.array([410.0, 300.0])
    raw = camera.distort_pixels(straight)
    y, x = np.mgrid[:480, :640]
    dot = 255 * np.exp(-((x - raw[0]) ** 2 + (y - raw[1]) ** 2) / (2 * (3.0 * k) ** 2))
    image = np.repeat(dot.astype(np.uint8)[..., None], 3, 2)
    window = affine(1 / k, 0.0, (400.0, 310.0), 96)
    seen = pictures.window_of(DistortedImage(image, camera), window, 96)[..., 0].astype(float)
    rows, columns = np.mgrid[:96, :96]
    middle = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    np.testing.assert_allclose(middle, window[:2, :2] @ straight + window[:2, 2], atol=0.15)


def test_outside_of_a_distorted_image_is_black():
    white = np.full((480, 640, 3), 255, np.uint8)
    seen = pictures.window_of(DistortedImage(white, CAMERAS["plumb_bob"]), affine(1.0, 0.0, (0.0, 240.0), 100), 100)
    assert (seen[:, :48] == 0).all()
    assert (seen[40:60, 60:] == 255).all()


def test_a_rectified_frame_is_undistorted_as_a_whole_where_that_is_asked_for():
    camera, image = CAMERAS["plumb_bob"], smooth_image()
    depth = np.full((480, 640), 0.5, np.float32)
    frame = Frame(image, camera, depth).rectified()
    assert isinstance(frame.picture, DistortedImage)
    np.testing.assert_array_equal(frame.image, camera.undistort(image))
    assert not frame.intrinsics.is_distorted
    assert frame.depth is not None
    assert frame.depth[240, 320] == np.float32(0.5)


def test_a_rectified_frame_with_another_depth_has_the_same_image():
    frame = Frame(smooth_image(), CAMERAS["plumb_bob"]).rectified()
    depth = np.ones((480, 640), np.float32)
    other = replace(frame, depth=depth)
    np.testing.assert_array_equal(other.image, frame.image)
    assert other.depth is depth
    assert other.picture is other.image
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(frame)).image, frame.image)


def test_a_frame_without_distortion_is_read_as_it_is():
    frame = Frame(smooth_image(), Pinhole(600, 600, 320, 240, 640, 480)).rectified()
    assert frame.picture is frame.image


@pytest.mark.parametrize("center", [(320.0, 240.0), (-20.0, 100.0), (630.0, 470.0), (2000.0, 2000.0)])
@pytest.mark.parametrize("angle", [0.0, 1.0])
def test_a_smaller_window_is_one_of_the_image_that_was_averaged_as_a_whole(center: tuple[float, float], angle: float):
    image, k = smooth_image(), 3
    image[::7] = 0  # what linear interpolation alone would skip or hit
    window = affine(1 / k, angle, center, 64)
    small = cv2.resize(image[: 480 // k * k, : 640 // k * k], (640 // k, 480 // k), interpolation=cv2.INTER_AREA)
    to_small = window[:2] @ np.array([[k, 0, (k - 1) / 2], [0, k, (k - 1) / 2], [0, 0, 1]])
    expected = cv2.warpAffine(small, to_small, (64, 64), flags=cv2.INTER_LINEAR)
    # OpenCV rounds places to 1/32 pixel, here from another origin
    np.testing.assert_allclose(pictures.window_of(image, window, 64), expected.astype(int), atol=1)
