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

"""Boxes: invariants, and overlap against counted pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, boxes


def box_strategy():
    corner, edge = st.integers(0, 30), st.integers(1, 20)
    return st.builds(lambda x, y, w, h: np.array([x, y, x + w, y + h], float), corner, corner, edge, edge)


@given(a=box_strategy(), b=box_strategy())
def test_overlap_equals_counted_pixels(a: np.ndarray, b: np.ndarray):
    def mask(box):
        m = np.zeros((60, 60), bool)
        m[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = True
        return m

    expected = (mask(a) & mask(b)).sum() / (mask(a) | mask(b)).sum()
    assert boxes.overlap(a, b) == pytest.approx(expected)


@given(box=box_strategy(), factor=st.floats(0.1, 5))
def test_scaling_keeps_the_centre_and_scales_the_edges(box: np.ndarray, factor: float):
    scaled = boxes.scaled(box, factor)
    np.testing.assert_allclose(boxes.center(scaled), boxes.center(box), atol=1e-9)
    np.testing.assert_allclose(scaled[2:] - scaled[:2], factor * (box[2:] - box[:2]), atol=1e-9)


@given(box=box_strategy())
def test_mirroring_twice_is_nothing_and_mirrors_the_pixels(box: np.ndarray):
    np.testing.assert_array_equal(boxes.mirrored(boxes.mirrored(box, 64), 64), box)
    assert boxes.mirrored(box, 64)[0] == 63 - box[2]


@given(a=box_strategy(), b=box_strategy())
def test_union_is_the_smallest_box_around_both(a: np.ndarray, b: np.ndarray):
    corners = np.concatenate([a.reshape(2, 2), b.reshape(2, 2)])
    np.testing.assert_array_equal(boxes.union(a, b), boxes.around(corners))


@given(box=box_strategy(), scale=st.floats(0.5, 3))
def test_mapping_by_an_affine_maps_the_corners(box: np.ndarray, scale: float):
    mapped = boxes.mapped(box, lambda pixels: pixels * [scale, 2 * scale] + [3, -4])
    np.testing.assert_allclose(mapped, box * np.tile([scale, 2 * scale], 2) + np.tile([3, -4], 2), atol=1e-9)


def test_mapping_through_distortion_and_back_gives_the_box():
    camera = Pinhole(600, 610, 322, 243, 640, 480, (-0.3, 0.1, 0.001, -0.0005, 0.01))
    box = np.array([400.0, 280, 575, 350])
    rectified = boxes.mapped(box, camera.undistort_pixels)
    assert np.abs(rectified - box).max() > 2
    np.testing.assert_allclose(boxes.mapped(rectified, camera.distort_pixels), box, atol=0.3)


@pytest.mark.parametrize("box", [[0, 0, 1], [3, 0, 1, 5], [0, 5, 5, 5], [0, 0, np.nan, 5], [0, 0, np.inf, 5]])
def test_malformed_boxes_are_refused(box: list):
    with pytest.raises(InvalidInputError, match="hand box"):
        boxes.validated(box, "hand box")


def test_clipping_keeps_what_is_inside():
    np.testing.assert_array_equal(boxes.clipped([-5, 10, 700, 500], 640, 480), [0, 10, 640, 480])
