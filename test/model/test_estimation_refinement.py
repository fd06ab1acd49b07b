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

"""A hand fitted to all evidence: exact where everything agrees, between its sources where they don't."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Landmarks
from hoisdf_model.estimation import Estimator, refinement
from hoisdf_model.estimation.decoding import reliability
from hoisdf_model.estimation.refinement import Evidence, fit_hand
from hoisdf_model.estimation.wrists import SeenWrist, bone_length, fused, landmark_wrist
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import HandLayer, load_hand_model

CAMERA = Pinhole(600.0, 620.0, 320.0, 240.0, 640, 480)
ROOT = np.array([0.05, -0.04, 0.55])
ROUGH = np.diag([0.05, 0.05, 0.05]) ** 2


@pytest.fixture(scope="module")
def layer() -> HandLayer:
    return HandLayer(load_hand_model())


def posed(layer: HandLayer, seed: int, bend: float = 0.25) -> np.ndarray:
    """Joints (21, 3) relative to the wrist of a hand in a random pose."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, bend, (16, 3))
    vectors[0] = rng.normal(0, 1.0, 3)
    turns = torch.tensor(Rotation.from_rotvec(vectors).as_matrix()[None], dtype=torch.float32)
    return layer(turns, torch.zeros(1, 10)).joints[0].double().numpy()


def evidence_of(joints: np.ndarray, root: np.ndarray = ROOT) -> Evidence:
    return Evidence(CAMERA.project(joints + root), joints)


def fitted(layer: HandLayer, joints: np.ndarray, evidence: Evidence, spread: float = 0.02, root=ROOT, covariance=ROUGH):
    return fit_hand(layer, CAMERA.matrix, joints, spread, np.zeros(10), root, covariance, evidence)


@pytest.mark.parametrize("seed", range(6))
def test_evidence_that_agrees_gives_the_true_hand_and_place(layer: HandLayer, seed: int):
    joints = posed(layer, seed)
    start = ROOT + np.array([0.01, -0.01, 0.04])
    fit = fitted(layer, joints, evidence_of(joints), root=start)
    assert np.linalg.norm(fit.joints - joints, axis=1).mean() < 0.004  # fingertips: pose correctives, twists
    assert np.linalg.norm(CAMERA.project(fit.joints + fit.root) - CAMERA.project(joints + ROOT), axis=1).mean() < 4
    assert abs(fit.root[2] - ROOT[2]) < abs(start[2] - ROOT[2]) / 2
    assert fit.disagreement < 1e-6


def test_a_hand_is_the_more_reliable_the_more_agrees():
    best = reliability(presence=1.0, mask=1.0, disagreement=0.0)
    worse = [reliability(0.5, 1.0, 0.0), reliability(1.0, 0.3, 0.0), reliability(1.0, 1.0, 0.04)]
    assert 0.9 < best < 1
    assert max(worse) < best
    assert 0 <= reliability(0.0, 0.0, 0.3) < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_further_steps_change_nothing(layer: HandLayer, seed: int, monkeypatch):
    """Every term's gradient is that of its cost: else the steps of different terms chase each other."""
    network, seen = posed(layer, seed), posed(layer, seed)
    seen += np.random.default_rng(seed).normal(0, 0.004, (21, 3))
    few = fitted(layer, network, evidence_of(seen))
    monkeypatch.setattr(refinement, "STEPS", 40)
    many = fitted(layer, network, evidence_of(seen))
    assert np.linalg.norm(few.joints - many.joints, axis=1).mean() < 0.001


def test_landmarks_that_err_together_do_not_outvote_a_measured_depth(layer: HandLayer):
    """Landmarks as of a hand a quarter farther away; the wrist's depth is known to 9 mm."""
    joints = posed(layer, 6)
    depth = np.diag([0.01, 0.01, 0.009]) ** 2
    fit = fitted(layer, joints, evidence_of(joints, ROOT * 1.25), covariance=depth)
    assert abs(fit.root[2] - ROOT[2]) < 0.018


def test_mesh_and_joints_belong_to_the_fitted_pose(layer: HandLayer):
    joints = posed(layer, 3)
    fit = fitted(layer, joints, evidence_of(joints))
    mesh = layer(torch.tensor(fit.rotations[None], dtype=torch.float32), torch.zeros(1, 10))
    np.testing.assert_allclose(fit.joints, mesh.joints[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(fit.vertices, mesh.vertices[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(
        fit.rotations @ fit.rotations.transpose(0, 2, 1), np.tile(np.eye(3), (16, 1, 1)), atol=1e-6
    )


def test_a_network_that_knows_little_gives_way_to_the_landmarks(layer: HandLayer):
    true, other = posed(layer, 1), posed(layer, 2)
    for spread, nearer in ((0.2, true), (0.0005, other)):
        fit = fitted(layer, other, evidence_of(true), spread=spread)
        away = np.linalg.norm(fit.joints - (other if nearer is true else true), axis=1).mean()
        assert np.linalg.norm(fit.joints - nearer, axis=1).mean() < away / 2


def test_a_wrist_that_is_given_stays(layer: HandLayer):
    joints = posed(layer, 4)
    fit = fitted(layer, joints, evidence_of(joints, ROOT + np.array([0.02, 0, 0.05])), covariance=np.eye(3) * 1e-8)
    np.testing.assert_allclose(fit.root, ROOT, atol=2e-3)


def test_one_wild_landmark_does_not_carry_the_hand_along(layer: HandLayer):
    joints = posed(layer, 5)
    seen = evidence_of(joints)
    wild = seen.pixels.copy()
    wild[8] += [150, -80]
    fit = fitted(layer, joints, Evidence(wild, seen.relative))
    others = np.delete(np.arange(21), [5, 6, 7, 8])
    assert np.linalg.norm(fit.joints - joints, axis=1)[others].mean() < 0.008


# --- placing


def test_landmarks_of_the_true_hand_give_the_true_wrist(layer: HandLayer):
    joints = posed(layer, 6)
    landmarks = Landmarks(CAMERA.project(joints + ROOT), joints)
    found = landmark_wrist(landmarks, CAMERA, bone_length(joints))
    np.testing.assert_allclose(found.root, ROOT, atol=1e-9)


def test_a_larger_hand_is_farther_away_in_proportion(layer: HandLayer):
    joints = posed(layer, 7)
    landmarks = Landmarks(CAMERA.project(joints + ROOT), joints)
    found = landmark_wrist(landmarks, CAMERA, 1.1 * bone_length(joints))
    np.testing.assert_allclose(found.root, 1.1 * ROOT, atol=1e-9)


def test_landmarks_that_nobody_trusts_place_nothing(layer: HandLayer):
    joints = posed(layer, 8)
    assert landmark_wrist(None, CAMERA, 1.0) is None
    assert landmark_wrist(Landmarks(CAMERA.project(joints + ROOT), joints, 0.1), CAMERA, 1.0) is None


def test_two_views_of_a_wrist_are_weighed_by_their_variances():
    one, other = SeenWrist(ROOT, 0.03, 0.01), SeenWrist(ROOT * 1.2, 0.06, 0.01)
    both = fused(one, other)
    expected = (4 * np.linalg.norm(ROOT) + np.linalg.norm(ROOT * 1.2)) / 5
    assert np.linalg.norm(both.root) == pytest.approx(expected)
    assert both.along == 0.03  # both see the same picture: no surer than the surer one
    assert fused(one, None) is one
    assert fused(None, other) is other


@pytest.mark.parametrize(("wanted", "refines"), [("auto", False), ("always", True), ("never", False)])
def test_refinement_can_be_chosen(wanted, refines):
    """The untrained network reads no landmarks."""
    assert Estimator.load("untrained:compact", device="cpu", refinement=wanted).refines is refines


def test_an_unknown_refinement_is_refused():
    with pytest.raises(ConfigError, match="auto, always, never"):
        Estimator.load("untrained:compact", refinement="yes")
