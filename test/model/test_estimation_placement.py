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

"""Placement: wrists from boxes and depth images, and how far off they are."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.estimation import placement
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.hand.postures import POSE_NAMES, named_pose

CAMERA = Pinhole(600, 620, 322, 243, 640, 480)
SPAN = 0.187
BOX = np.array([250.0, 180.0, 350.0, 330.0])


def frame(depth: np.ndarray | None = None) -> Frame:
    return Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, depth)


@pytest.fixture(scope="module")
def many_hands() -> np.ndarray:
    """(N, 778, 3) metres, wrist at the origin: mixtures of named poses, turned in every direction."""
    model, rng, number = load_hand_model(), np.random.default_rng(0), 600
    poses = np.stack([named_pose(model, name) for name in POSE_NAMES])
    mix = rng.uniform(0, 1, (number, 1, 1))
    mixed = mix * poses[rng.integers(0, len(poses), number)] + (1 - mix) * poses[rng.integers(0, len(poses), number)]
    rotations = Rotation.from_rotvec(mixed.reshape(-1, 3)).as_matrix().reshape(number, 16, 3, 3)
    rotations[:, 0] = Rotation.random(number, rng=1).as_matrix()
    with torch.inference_mode():
        mesh = HandLayer(model)(torch.tensor(rotations, dtype=torch.float32), torch.zeros(number, 10))
    return mesh.vertices.numpy().astype(float)


def test_span_is_the_length_of_the_flat_hand():
    assert placement.hand_span(load_hand_model()) == pytest.approx(0.187, abs=0.005)


def test_distance_from_the_box_has_no_bias_and_the_stated_spread(many_hands: np.ndarray):
    camera, rng = Pinhole(600, 600, 320, 240, 640, 480), np.random.default_rng(2)
    span = placement.hand_span(load_hand_model())
    ratios, sideways = [], []
    for vertices in many_hands:
        # far away, so that perspective doesn't add its own, but not so far that the distance is cut
        root = np.array([rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(0.9, 1.3)])
        box = boxes.around(camera.project(vertices + root))
        ratios.append(placement.monocular_depth(camera, box, span) / root[2])
        sideways.append(camera.back_project(boxes.center(box), root[2])[:2] - root[:2])
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)
    without_size_of_people = np.sqrt(placement.EDGE_SPREAD**2 - 0.06**2)
    assert np.std(ratios) == pytest.approx(without_size_of_people, abs=0.03)
    assert np.std(sideways) / span == pytest.approx(placement.WRIST_OFF_CENTER, abs=0.03)


def test_wrist_lies_behind_the_seen_surface_by_what_is_stated(many_hands: np.ndarray):
    span = placement.hand_span(load_hand_model())
    behind = []
    for vertices in many_hands:
        lowest, highest = vertices[:, :2].min(0), vertices[:, :2].max(0)
        middle = (np.abs(vertices[:, :2] - (lowest + highest) / 2) <= (highest - lowest) / 4).all(1)
        cells = np.round(vertices[middle, :2] / 0.006).astype(int)
        seen: dict[tuple, float] = {}  # the nearest vertex in each cell of 6 mm
        for cell, z in zip(map(tuple, cells), vertices[middle, 2], strict=True):
            seen[cell] = min(z, seen.get(cell, np.inf))
        if len(seen) >= 5:
            behind.append(-np.median(list(seen.values())))
    assert np.mean(behind) / span == pytest.approx(placement.WRIST_BEHIND_SURFACE, abs=0.03)
    assert np.std(behind) / span == pytest.approx(placement.WRIST_OFF_SURFACE, abs=0.04)


def test_twice_the_box_is_half_the_distance_and_the_distance_is_bounded():
    near = placement.monocular_depth(CAMERA, boxes.scaled(BOX, 2), SPAN)
    assert placement.monocular_depth(CAMERA, BOX, SPAN) == pytest.approx(2 * near)
    assert placement.monocular_depth(CAMERA, boxes.scaled(BOX, 0.01), SPAN) == placement.FARTHEST
    assert placement.monocular_depth(CAMERA, boxes.scaled(BOX, 50), SPAN) == placement.NEAREST


def test_without_anything_else_the_wrist_is_on_the_ray_through_the_boxs_middle():
    target = placement.place(Prior(hand_box=BOX), frame(), SPAN, None)
    np.testing.assert_allclose(CAMERA.project(target.root), boxes.center(BOX))
    assert (target.root_source, target.side, target.object_known) == ("monocular", "right", False)
    assert placement.NEAREST < target.root[2] < placement.FARTHEST


def test_monocular_covariance_is_a_needle_along_the_ray():
    target = placement.place(Prior(hand_box=BOX), frame(), SPAN, None)
    values, vectors = np.linalg.eigh(target.root_covariance)
    distance = np.linalg.norm(target.root)
    assert abs(vectors[:, 2] @ target.root) == pytest.approx(distance)
    np.testing.assert_allclose(np.sqrt(values), [0.21 * SPAN, 0.21 * SPAN, 0.2 * distance])


def test_given_roots_are_kept_and_their_uncertainty_is_not_made_up():
    prior = Prior(hand_box=BOX, root=[0.1, 0.2, 0.7], side="left", object_name="mug")
    target = placement.place(prior, frame(np.full((480, 640), 0.3, np.float32)), SPAN, None)
    np.testing.assert_array_equal(target.root, [0.1, 0.2, 0.7])
    assert (target.root_source, target.side, target.object_name) == ("given", "left", "mug")
    assert target.object_known
    assert target.root_covariance[0, 0] == -1


def depth_of_a_hand() -> np.ndarray:
    """Fingers at 0.5 m with gaps between them through which a wall at 2 m is seen; some pixels without depth."""
    depth = np.full((480, 640), 2.0, np.float32)
    depth[180:330, 250:350] = 0.5
    depth[180:330, 265:275] = 2.0
    depth[180:330, 290:300] = 2.0
    depth[240:260] = np.nan
    depth[260:270] = 0
    return depth


def test_depth_images_place_the_wrist_behind_the_nearest_surface():
    target = placement.place(Prior(hand_box=BOX), frame(depth_of_a_hand()), SPAN, None)
    assert target.root_source == "depth"
    assert target.root[2] == pytest.approx(0.5 + placement.WRIST_BEHIND_SURFACE * SPAN, abs=1e-6)
    np.testing.assert_allclose(CAMERA.project(target.root), boxes.center(BOX))
    assert (np.linalg.eigvalsh(target.root_covariance) > 0).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 0.02, 9.0])
def test_depth_images_without_a_usable_value_fall_back_to_the_boxs_size(value: float):
    target = placement.place(Prior(hand_box=BOX), frame(np.full((480, 640), value, np.float32)), SPAN, None)
    assert target.root_source == "monocular"


def test_depth_is_not_read_beside_the_image():
    outside = np.array([-300.0, -300, -200, -200])
    assert placement.surface_depth(frame(np.full((480, 640), 0.5, np.float32)), outside) is None


def test_object_boxes_and_centres_that_nobody_gave():
    target = placement.place(Prior(hand_box=BOX, root=[0, 0, 0.7]), frame(), SPAN, None)
    np.testing.assert_allclose(target.object_box, boxes.scaled(BOX, placement.OBJECT_MARGIN))
    np.testing.assert_allclose(target.object_center, CAMERA.back_project(boxes.center(BOX), 0.7))
    constant = placement.place(Prior(hand_box=BOX, root=[0, 0, 0.7]), frame(), SPAN, 0.52)
    assert constant.object_center[2] == 0.52
    given = placement.place(Prior(hand_box=BOX, object_center=[0.1, 0, 0.6]), frame(), SPAN, 0.52)
    np.testing.assert_array_equal(given.object_center, [0.1, 0, 0.6])


def test_a_hand_without_a_box_cannot_be_placed():
    with pytest.raises(InvalidInputError, match="box"):
        placement.place(Prior(), frame(), SPAN, None)
