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

"""A hand of known size is placed and shaped by it."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from pretend_networks import KnowingNetwork, output_for
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Frame, Landmarks, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.estimation.hand_sizes import HandSize
from hoisdf_model.estimation.placement import hand_span
from hoisdf_model.estimation.wrists import SeenWrist, bone_length, landmark_wrist, scaled
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import TIP_VERTICES, HandLayer, load_hand_model
from hoisdf_model.network import NetworkConfig

MODEL = load_hand_model()
LAYER = HandLayer(MODEL)
CAMERA = Pinhole(600, 610, 320, 240, 640, 480)
PLACE = np.array([0.03, -0.02, 0.55])
ROTATIONS = Rotation.from_rotvec(np.random.default_rng(0).normal(0, 0.25, (16, 3))).as_matrix()


def posed(shape=(0.0,) * 10, turns=ROTATIONS):
    with torch.inference_mode():
        mesh = LAYER(torch.tensor(turns, dtype=torch.float32)[None], torch.tensor(np.float32(shape))[None])
    return mesh.joints[0].numpy().astype(float), mesh.vertices[0].numpy().astype(float)


@dataclass
class MeanHand(KnowingNetwork):
    """Sees the pose, and takes every hand for one of mean size."""

    truths: list = field(default_factory=list)

    def __call__(self, batch, features=None):
        joints, vertices = posed()
        return output_for(batch, joints=joints[None], vertices=vertices[None], rotations=ROTATIONS[None])


def pixels(points):
    return points[:, :2] / points[:, 2:] * [CAMERA.fx, CAMERA.fy] + [CAMERA.cx, CAMERA.cy]


@pytest.mark.parametrize("metres", [0.15, 0.19, 0.22])
def test_a_shape_gets_the_size_that_the_flat_hands_mesh_has(metres):
    size, shape = HandSize(LAYER, metres), np.random.default_rng(1).normal(0, 0.5, 10)
    given = size.given_to(shape)
    flat = np.tile(np.eye(3), (16, 1, 1))
    assert np.linalg.norm(posed(given, flat)[1][TIP_VERTICES["middle"]]) == pytest.approx(metres, abs=1e-5)
    assert size.of(shape) == pytest.approx(np.linalg.norm(posed(shape, flat)[0][12]), abs=1e-6)
    for other in np.random.default_rng(2).normal(0, 1, (20, 10)):  # none of this size is nearer
        assert np.linalg.norm(size.given_to(given + other) - shape) >= np.linalg.norm(given - shape) - 1e-3


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.15])
def test_landmarks_place_a_hand_of_known_size_exactly(ratio):
    joints, _ = posed()
    seen = Landmarks(pixels(joints * ratio + PLACE), joints)
    wrist = landmark_wrist(seen, CAMERA, ratio * bone_length(joints))
    np.testing.assert_allclose(wrist.root, PLACE, atol=1e-9)
    taken_for_mean = landmark_wrist(seen, CAMERA, bone_length(joints))
    np.testing.assert_allclose(taken_for_mean.root, PLACE / ratio, atol=1e-9)
    again = scaled(SeenWrist(taken_for_mean.root, 0.1, 0.01), ratio)
    np.testing.assert_allclose(again.root, PLACE, atol=1e-9)
    assert (again.along, again.across) == pytest.approx((0.1 * ratio, 0.01 * ratio))


@pytest.mark.parametrize("ratio", [0.8, 1.12])
def test_a_small_and_a_large_hand_come_out_where_and_as_large_as_they_are(ratio):
    joints, _ = posed()
    true = joints * ratio + PLACE
    prior = Prior(boxes.around(pixels(true), 1.2), side="right", landmarks=Landmarks(pixels(true), joints))
    frame = Frame(np.full((480, 640, 3), 128, np.uint8), CAMERA)
    off = {}
    for size in (None, ratio * hand_span(MODEL)):
        estimator = Estimator(MeanHand(), NetworkConfig(), MODEL, hand_size=size)
        estimator.refines = True
        (hand,) = estimator(frame, prior).hands
        off[size is None] = np.linalg.norm(hand.joints - true, axis=1).mean()
        np.testing.assert_allclose(np.linalg.norm(hand.joints[9] - hand.joints[0]), np.linalg.norm(
            posed(hand.shape)[0][9]), atol=1e-3)  # fmt: skip
    assert off[False] < 0.01
    assert off[True] > 0.5 * abs(1 / ratio - 1) * PLACE[2]


@pytest.mark.parametrize("metres", [0.0, 0.05, 0.3, 18.0, float("nan")])
def test_a_size_that_no_hand_has_is_refused(metres):
    with pytest.raises(ConfigError, match=r"0\.1 to 0\.26 metres"):
        Estimator(MeanHand(), NetworkConfig(), MODEL, hand_size=metres)
