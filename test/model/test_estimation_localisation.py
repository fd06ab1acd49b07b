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

"""Where to look: regions from detectors, from the frame before, from the whole image."""

from dataclasses import replace

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.estimates import Frame, HandRegion, ObjectRegion, Prior, Regions
from hoisdf_model.estimation import priors_from_regions
from hoisdf_model.estimation.priors import completed_priors
from hoisdf_model.geometry import Pinhole, boxes

CAMERA = Pinhole(600, 620, 322, 243, 640, 480)
SPAN = 0.187
HAND, MUG, BOX = (
    np.array([100.0, 100, 200, 220]),
    np.array([180.0, 120, 260, 200]),
    np.array([500.0, 300, 600, 400]),
)


def frame(depth: np.ndarray | None = None) -> Frame:
    return Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, depth)


# --- regions


def test_a_hand_gets_the_object_that_overlaps_it_and_what_is_known_about_both():
    regions = Regions(
        (HandRegion(HAND, "left", 0.7, np.array([0, 0, 0.5])),),
        (ObjectRegion(BOX, "box"), ObjectRegion(MUG, "mug", 0.9, np.array([0, 0, 0.6]))),
    )
    (prior,) = priors_from_regions(regions)
    np.testing.assert_array_equal(prior.hand_box, HAND)
    np.testing.assert_array_equal(prior.object_box, MUG)
    np.testing.assert_array_equal(prior.root, [0, 0, 0.5])
    np.testing.assert_array_equal(prior.object_center, [0, 0, 0.6])
    assert (prior.side, prior.object_name, prior.score) == ("left", "mug", 0.7)


def test_the_nearest_object_is_held_where_none_overlaps_and_none_that_is_far():
    near, far = np.array([210.0, 120, 260, 200]), np.array([400.0, 120, 450, 200])
    (prior,) = priors_from_regions(Regions((HandRegion(HAND),), (ObjectRegion(far, "far"), ObjectRegion(near, "near"))))
    assert prior.object_name == "near"
    (prior,) = priors_from_regions(Regions((HandRegion(HAND),), (ObjectRegion(far, "far"),)))
    assert prior.object_box is None
    assert prior.object_name is None


def test_of_two_objects_in_the_same_place_the_surer_one_is_held():
    regions = Regions((HandRegion(HAND),), (ObjectRegion(MUG, "guess", 0.2), ObjectRegion(MUG, "mug", 0.9)))
    assert priors_from_regions(regions)[0].object_name == "mug"


boxes_in_the_image = st.builds(
    lambda x, y, w, h: np.array([x, y, x + w, y + h], float),
    st.integers(0, 500), st.integers(0, 300), st.integers(10, 150), st.integers(10, 150),
)  # fmt: skip


@given(hands=st.lists(boxes_in_the_image, max_size=4), things=st.lists(boxes_in_the_image, max_size=4))
@settings(max_examples=50, deadline=None)
def test_every_hand_is_kept_in_order_and_no_object_is_held_twice(hands: list, things: list):
    regions = Regions(
        tuple(HandRegion(box) for box in hands), tuple(ObjectRegion(box, str(i)) for i, box in enumerate(things))
    )
    priors = priors_from_regions(regions)
    assert len(priors) == len(hands)
    for prior, box in zip(priors, hands, strict=True):
        np.testing.assert_array_equal(prior.hand_box, box)
    names = [prior.object_name for prior in priors if prior.object_name is not None]
    assert len(names) == len(set(names))


# --- completing priors


def located(*priors: Prior):
    calls = []

    def locate(_: Frame) -> tuple[Prior, ...]:
        calls.append(1)
        return priors

    return locate, calls


def complete(priors, locate, camera: Pinhole = CAMERA):
    return completed_priors(priors, frame(), camera, SPAN, locate)


def test_nothing_is_searched_where_boxes_are_given_or_no_hand_is_there():
    locate, calls = located(Prior(hand_box=BOX))
    assert complete([Prior(hand_box=HAND)], locate)[0].hand_box is HAND
    assert complete([], locate) == ()
    assert not calls


def test_without_priors_the_search_decides():
    locate, calls = located(Prior(hand_box=BOX), Prior(hand_box=HAND))
    assert [prior.hand_box is HAND for prior in complete(None, locate)] == [False, True]
    assert len(calls) == 1


def test_side_and_object_from_the_caller_go_with_the_boxes_that_were_found():
    locate, _ = located(Prior(hand_box=BOX, root=[0, 0, 0.4], root_source="tracked", side="right", score=0.5))
    (prior,) = complete([Prior(side="left", object_name="mug", score=0.5)], locate)
    np.testing.assert_array_equal(prior.hand_box, BOX)
    assert (prior.side, prior.object_name, prior.root_source, prior.score) == ("left", "mug", "tracked", 0.25)


def test_priors_for_which_nothing_is_found_are_left_out():
    locate, calls = located(Prior(hand_box=BOX))
    completed = complete([Prior(side="left"), Prior(side="right"), Prior(hand_box=HAND, object_name="mug")], locate)
    assert [prior.side for prior in completed] == [None, "left"]  # those with an object first
    assert len(calls) == 1


def test_a_root_without_a_box_is_looked_for_around_the_root():
    locate, calls = located()
    root = np.array([0.1, -0.05, 0.5])
    (prior,) = complete([Prior(root=root)], locate)
    fingertips = root + SPAN * np.array([[1, 0, 0], [0, 1, 0], [-0.7, 0.7, 0]])
    inside = boxes.scaled(prior.hand_box, 1 / 0.8)
    np.testing.assert_allclose(boxes.center(prior.hand_box), CAMERA.project(root))
    np.testing.assert_allclose(boxes.union(inside, boxes.around(CAMERA.project(fingertips))), inside, atol=1e-6)
    assert not calls


def test_boxes_of_a_distorted_image_are_moved_to_the_rectified_one():
    camera = replace(CAMERA, distortion=(-0.3, 0.1, 0.001, -0.0005, 0.0))
    (prior,) = complete([Prior(hand_box=HAND)], located()[0], camera)
    middle = cv2.undistortPoints(
        boxes.center(HAND).reshape(1, 1, 2), camera.matrix, np.array(camera.distortion), P=camera.matrix
    )
    np.testing.assert_allclose(boxes.center(prior.hand_box), middle.ravel(), atol=2)
    assert np.abs(prior.hand_box - HAND).max() > 5
