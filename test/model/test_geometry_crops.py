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

"""The crop: pixels, intrinsics and image content agree with one another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.geometry import Pinhole, crops

CAMERA = Pinhole(600, 610, 322, 243, 640, 480)


@given(x=st.floats(0, 640), y=st.floats(0, 480), size=st.floats(20, 900), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_crop_camera_projects_where_the_affine_maps_the_pixel(x: float, y: float, size: float, seed: int):
    affine = crops.SquareWindow((x, y), size).affine()
    points = np.random.default_rng(seed).uniform([-0.3, -0.2, 0.3], [0.3, 0.2, 1.5], (10, 3))
    crop_camera = affine @ CAMERA.matrix
    homogeneous = points @ crop_camera.T
    np.testing.assert_allclose(
        homogeneous[:, :2] / homogeneous[:, 2:], crops.apply_affine(affine, CAMERA.project(points)), atol=1e-6
    )


def test_window_corners_become_crop_corners():
    window = crops.SquareWindow((100, 80), 50)
    np.testing.assert_allclose(crops.map_box(window.affine(256), [75, 55, 125, 105]), [0, 0, 256, 256], atol=1e-9)
    np.testing.assert_allclose(crops.map_box(window.affine(128), [100, 80, 125, 105]), [64, 64, 128, 128], atol=1e-9)


@pytest.mark.parametrize("size", [60, 200, 470, 1400], ids=lambda s: f"window of {s} pixels")
def test_crop_shows_a_blob_where_the_affine_puts_it(size: int):
    """For enlarging and shrinking windows, the averaged ones too."""
    width, height = (640, 480) if size < 500 else (2048, 1536)
    yy, xx = np.mgrid[:height, :width]
    u, v = width / 2 + 0.08 * size, height / 2 - 0.11 * size
    sigma = size / 40
    blob = 250 * np.exp(-((xx - u) ** 2 + (yy - v) ** 2) / (2 * sigma**2))
    image = np.repeat(blob.astype(np.uint8)[..., None], 3, 2)
    affine = crops.SquareWindow((width / 2, height / 2), size).affine()
    crop = crops.crop_image(image, affine)[..., 0].astype(float)
    ys, xs = np.mgrid[:256, :256]
    centroid = np.array([(crop * xs).sum(), (crop * ys).sum()]) / crop.sum()
    np.testing.assert_allclose(centroid, crops.apply_affine(affine, [u, v]), atol=0.15)


def test_shrinking_averages_instead_of_aliasing():
    """A checkerboard of single pixels is grey at a quarter of the size; four-pixel sampling would show a pattern."""
    board = ((np.indices((1024, 1024)).sum(0) % 2) * 255).astype(np.uint8)
    crop = crops.crop_image(np.repeat(board[..., None], 3, 2), crops.SquareWindow((512, 512), 1024).affine())
    inner = crop[8:-8, 8:-8].astype(float)
    assert inner.std() < 1
    assert abs(inner.mean() - 127.5) < 1.5


def test_outside_of_the_image_is_black():
    image = np.full((100, 100, 3), 200, np.uint8)
    crop = crops.crop_image(image, crops.SquareWindow((0, 50), 100).affine())
    assert (crop[:, :126] == 0).all()
    assert (crop[2:-2, 130:] == 200).all()


def test_mirrored_affine_gives_the_mirrored_crop():
    """The estimator folds the mirror into the affine; the same as mirroring the image first."""
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    affine = crops.SquareWindow((70, 50), 80).affine()
    flip = np.array([[-1.0, 0, 159], [0, 1, 0], [0, 0, 1]])
    direct = crops.crop_image(image, affine @ flip)
    expected = crops.crop_image(np.ascontiguousarray(image[:, ::-1]), affine)
    assert np.abs(direct.astype(int) - expected.astype(int)).max() <= 2


def test_window_is_square_and_contains_the_enlarged_boxes():
    hand, thing = np.array([200.0, 200, 260, 280]), np.array([250.0, 180, 330, 240])
    window = crops.window_around(hand, thing, width=640, height=480, margin=1.5)
    x, y = window.center
    assert x - window.size / 2 <= 200 - 15
    assert x + window.size / 2 >= 330 + 20
    assert y - window.size / 2 <= 180 - 15
    assert y + window.size / 2 >= 280 + 20


def test_window_without_a_box_in_the_image_is_refused():
    with pytest.raises(InvalidInputError, match="touches"):
        crops.window_around([700, 10, 760, 50], width=640, height=480)
    with pytest.raises(InvalidInputError, match="at least one"):
        crops.window_around(width=640, height=480)


@pytest.mark.parametrize("shape", [(0, 10, 3), (10, 0, 3), (10, 10), (10, 10, 4)])
def test_empty_and_colourless_images_are_refused(shape: tuple):
    with pytest.raises(ImageError, match="not empty"):
        crops.crop_image(np.zeros(shape, np.uint8), np.eye(3))
