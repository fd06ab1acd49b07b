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

"""Cameras against OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import CameraError, InvalidInputError
from hoisdf_model.geometry import Pinhole

DISTORTED = [
    Pinhole(600, 610, 322, 243, 640, 480, (-0.3, 0.1, 0.001, -0.0005, 0.01)),
    Pinhole(600, 610, 322, 243, 640, 480, (0.1, -0.05, 1e-3, 1e-3, 0.01, 0.05, 0.01, 1e-3), "rational_polynomial"),
    Pinhole(400, 405, 322, 243, 640, 480, (0.05, -0.01, 0.002, 0.0), "equidistant"),
    Pinhole(400, 405, 322, 243, 640, 480, (0.0,) * 4, "fisheye"),
]


def opencv_projection(camera: Pinhole, points: np.ndarray) -> np.ndarray:
    project = cv2.fisheye.projectPoints if camera.distortion_model in ("equidistant", "fisheye") else cv2.projectPoints
    zero = np.zeros(3)
    pixels, _ = project(points.reshape(-1, 1, 3), zero, zero, camera.matrix, np.array(camera.distortion))
    return pixels.reshape(-1, 2)


def points_in_view(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform([-0.25, -0.18, 0.5], [0.25, 0.18, 1.2], (50, 3))


def test_projection_equals_opencv():
    camera = Pinhole(600, 610, 322, 243)
    points = points_in_view()
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.matrix, None)
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-9)


@given(x=st.floats(-50, 700), y=st.floats(-50, 500), z=st.floats(0.05, 5))
@settings(max_examples=50, deadline=None)
def test_back_projection_undoes_projection(x: float, y: float, z: float):
    camera = Pinhole(600, 610, 322, 243)
    point = camera.back_project([x, y], z)
    assert point[2] == z
    np.testing.assert_allclose(camera.project(point), [x, y], atol=1e-6)


@pytest.mark.parametrize("camera", DISTORTED, ids=lambda c: c.distortion_model)
def test_distorting_a_rectified_projection_equals_opencv(camera: Pinhole):
    points = points_in_view()
    np.testing.assert_allclose(
        camera.distort_pixels(camera.project(points)), opencv_projection(camera, points), atol=1e-6
    )


@pytest.mark.parametrize("camera", DISTORTED, ids=lambda c: c.distortion_model)
def test_undistorting_a_raw_pixel_gives_the_rectified_projection(camera: Pinhole):
    points = points_in_view()
    raw = opencv_projection(camera, points)
    np.testing.assert_allclose(camera.undistort_pixels(raw), camera.project(points), atol=0.05)
    assert np.abs(raw - camera.project(points)).max() > 1  # there was something to undo


@pytest.mark.parametrize("camera", DISTORTED, ids=lambda c: c.distortion_model)
def test_undistorted_image_shows_a_point_where_the_rectified_camera_projects_it(camera: Pinhole):
    for point in points_in_view()[:8]:
        image = np.zeros((480, 640), np.float32)
        u, v = opencv_projection(camera, point)[0]
        yy, xx = np.mgrid[:480, :640]
        image[:] = np.exp(-((xx - u) ** 2 + (yy - v) ** 2) / (2 * 3.0**2))
        seen = camera.undistort(image)
        weights = seen / seen.sum()
        centroid = [(weights * xx).sum(), (weights * yy).sum()]
        np.testing.assert_allclose(centroid, camera.rectified().project(point), atol=0.2)


def test_undistortion_without_distortion_is_the_image_itself():
    image = np.zeros((4, 6, 3), np.uint8)
    assert Pinhole(5, 5, 3, 2, 6, 4).undistort(image) is image


def test_undistortion_keeps_up_with_changing_cameras():
    """The cached maps belong to one camera and must not be used for the next one."""
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    first = DISTORTED[0].undistort(image)
    DISTORTED[1].undistort(image)
    np.testing.assert_array_equal(DISTORTED[0].undistort(image), first)


def test_mirrored_camera_sees_the_mirrored_point_at_the_mirrored_pixel():
    camera = Pinhole(600, 610, 322, 243, 640, 480)
    points = points_in_view()
    expected = camera.project(points)
    expected[:, 0] = 639 - expected[:, 0]
    np.testing.assert_allclose(camera.mirrored().project(points * [-1, 1, 1]), expected, atol=1e-9)


@pytest.mark.parametrize("camera", [Pinhole(600, 600, 320, 240), DISTORTED[0]], ids=["no width", "distorted"])
def test_mirroring_needs_a_width_and_no_distortion(camera: Pinhole):
    with pytest.raises(InvalidInputError, match="width"):
        camera.mirrored()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 0, 0), "calibrate"),
        ((float("nan"), 600, 320, 240), "finite"),
        ((600, float("inf"), 320, 240), "finite"),
        ((600, -600, 320, 240), "positive"),
        ((600, 600, 320, 240, 0, 0, (0.1, 0.2, float("nan"), 0.0)), "finite"),
        ((600, 600, 320, 240, 0, 0, (0.1, 0.2, 0.3)), "4 or 5"),
        ((600, 600, 320, 240, 0, 0, (0.1,), "kannala"), "plumb_bob"),
    ],
)
def test_uncalibrated_or_malformed_intrinsics_are_refused(arguments: tuple, message: str):
    with pytest.raises(CameraError, match=message):
        Pinhole(*arguments)


def test_from_matrix_reads_k_and_p_and_refuses_the_rest():
    k = np.array([[600, 0, 322], [0, 610, 243], [0, 0, 1.0]])
    assert Pinhole.from_matrix(k, 640, 480) == Pinhole(600, 610, 322, 243, 640, 480)
    assert Pinhole.from_matrix(np.hstack([k, np.zeros((3, 1))])) == Pinhole(600, 610, 322, 243)
    np.testing.assert_array_equal(Pinhole.from_matrix(k).matrix, k)
    with pytest.raises(CameraError, match="shape"):
        Pinhole.from_matrix(np.eye(4))
    k[0, 1] = 2
    with pytest.raises(CameraError, match="skew"):
        Pinhole.from_matrix(k)


@pytest.mark.parametrize("coefficients", [(), (0.0,) * 4])
@pytest.mark.parametrize("model", ["equidistant", "fisheye", "kannala_brandt", "Kannala Brandt4"])
def test_a_fisheye_without_coefficients_maps_by_its_angle(model: str, coefficients: tuple):
    """R = f theta: at 45 degrees a pinhole would be at f, this is at f pi / 4."""
    camera = Pinhole(400, 400, 320, 240, 640, 480, coefficients, model)
    assert camera.is_distorted
    raw = camera.distort_pixels(camera.project([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(raw, [320 + 400 * np.pi / 4, 240], atol=1e-6)
    np.testing.assert_allclose(camera.undistort_pixels(raw), [720, 240], atol=1e-3)
    straight = camera.rectified()
    assert not straight.is_distorted
    np.testing.assert_array_equal(straight.distort_pixels([720, 240]), [720, 240])
    image = np.zeros((480, 640), np.float32)
    image[230:250, 459:463] = 1  # at 20 degrees
    centre = np.average(np.arange(640), weights=camera.undistort(image)[240])
    assert abs(centre - (320 + 400 * np.tan((460.5 - 320) / 400))) < 0.5


def test_zeros_of_every_other_model_are_a_pinhole():
    for model in ("", "plumb_bob", "rational_polynomial", "none", "inverse_brown_conrady", "thin_prism"):
        assert Pinhole(400, 400, 320, 240, 640, 480, (0.0,) * 5, model) == Pinhole(400, 400, 320, 240, 640, 480)


@pytest.mark.parametrize("model", ["ftheta", "omnidirectional", "double_sphere", "fov"])
def test_a_wide_model_that_is_not_covered_is_refused_without_coefficients_too(model: str):
    with pytest.raises(CameraError, match=f"{model}.*use one of"):
        Pinhole(400, 400, 320, 240, 640, 480, (0.0,) * 4, model)


def test_a_skew_below_half_a_pixel_is_left_out_and_said(caplog):
    k = np.array([[600, 0.7, 322], [0, 600, 243], [0, 0, 1.0]])  # 0.7 * 240 / 600 pixels at the border
    assert Pinhole.from_matrix(k, 640, 480) == Pinhole(600, 600, 322, 243, 640, 480)
    assert "a skew of 0.7 in the intrinsics is left out: 0.28 pixels" in caplog.text
    k[0, 1] = 1.5
    with pytest.raises(CameraError, match=r"a skew of 1.5 \(up to 0.6 pixels\)"):
        Pinhole.from_matrix(k, 640, 480)


def test_the_second_camera_of_a_pair_is_said(caplog):
    p = np.array([[600, 0, 322, -71.5], [0, 600, 243, 0], [0, 0, 1.0, 0]])
    for _ in range(2):
        assert Pinhole.from_matrix(p, 640, 480) == Pinhole(600, 600, 322, 243, 640, 480)
    assert caplog.text.count("0.119 m beside the other") == 1


def test_eight_coefficients_are_the_rational_model_whatever_the_driver_calls_it():
    assert Pinhole(600, 610, 322, 243, 640, 480, DISTORTED[1].distortion) == DISTORTED[1]


def test_focal_lengths_that_are_not_in_pixels_are_refused():
    for focal in (
        (0.94, 1.25),
        (3.67, 3.67),
        (600.0, 1.2),
        (1e9, 600.0),
    ):  # parts of the size, mm, one of each, nonsense
        with pytest.raises(CameraError, match="Pixels are wanted"):
            Pinhole(*focal, 320.0, 240.0, 640, 480).check_image(640, 480)
    widest = 640 / np.deg2rad(220)  # a fisheye that sees 220 degrees across
    for focal in (widest, 600.0, 640 * 200 / 6.4):  # ... and a lens of 200 mm before a sensor of 6.4 mm
        Pinhole(focal, focal, 320.0, 240.0, 640, 480).check_image(640, 480)
