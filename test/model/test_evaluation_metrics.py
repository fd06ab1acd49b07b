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

"""Metrics against the official code's recorded results, other libraries, and cases that can be reckoned by hand."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree, procrustes
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.evaluation.metrics import hand_metrics, object_metrics
from hoisdf_model.evaluation.metrics.alignment import scale_translation_aligned, similarity_aligned

REFERENCE = Path(__file__).parents[1] / "data" / "metrics_reference.npz"


@pytest.fixture(scope="module")
def official():
    with np.load(REFERENCE, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def random_poses(rng, count):
    turns = Rotation.random(count, random_state=int(rng.integers(1000))).as_matrix()
    return turns, rng.normal(size=(count, 3)) * 0.1


def official_poses(official):
    """The official code takes the plain mean of the points' axis-angle vectors and translations."""
    turn = Rotation.from_rotvec(official["pred_rot_points"].mean(1)).as_matrix()
    truth = Rotation.from_rotvec(official["gt_rot"]).as_matrix(), official["gt_trans"]
    return (turn, official["pred_trans_points"].mean(1)), truth


def test_object_metrics_equal_the_official_ones(official):
    models = official["templates"][official["obj_cls_1based"] - 1]
    own, truth = official_poses(official)
    found = (
        object_metrics.nearest_distance(models, own, truth).mean(),
        object_metrics.axis_aligned_corner_error(list(models), own, truth).mean(),
        object_metrics.origin_error(own, truth).mean(),
    )
    np.testing.assert_allclose(found, official["dexycb_ADDS_MCE_OCE"], rtol=2e-6)


def test_ho3d_metrics_equal_the_official_ones(official):
    """HO-3D's evaluation leaves out one class."""
    kept = official["obj_cls_1based"] != 2
    assert kept.sum() == official["ho3d_sample_count"]
    models = official["templates"][official["obj_cls_1based"] - 1][kept]
    own, truth = (tuple(part[kept] for part in pose) for pose in official_poses(official))
    found = (
        object_metrics.nearest_distance(models, own, truth).mean(),
        object_metrics.average_distance(models, own, truth).mean(),
    )
    np.testing.assert_allclose(found, official["ho3d_ADDS_MME"], rtol=2e-6)


def test_hand_metrics_equal_the_official_ones(official):
    own, truth = official["hand_pred"], official["hand_gt"]
    aligned = similarity_aligned(own, truth)
    np.testing.assert_allclose(aligned, official["hand_aligned"], atol=2e-7)
    found = hand_metrics.mean_distance(own, truth).mean(), hand_metrics.mean_distance(aligned, truth).mean()
    np.testing.assert_allclose(found, official["hand_mje_pamje"], rtol=2e-6)


def test_alignment_leaves_the_residual_that_scipy_finds(rng):
    own, goal = rng.normal(size=(2, 5, 21, 3))
    own = goal + 0.3 * own  # not so far apart that scipy would take a reflection
    residual = ((similarity_aligned(own, goal) - goal) ** 2).sum((1, 2))
    size = ((goal - goal.mean(1, keepdims=True)) ** 2).sum((1, 2))
    expected = [procrustes(g, p)[2] for p, g in zip(own, goal, strict=True)]
    np.testing.assert_allclose(residual / size, expected, rtol=1e-9)


def test_alignment_turns_as_scipy_does_even_where_a_reflection_would_fit_better(rng):
    goal = rng.normal(size=(21, 3))
    own = goal * [1.0, 1.0, -1.0] + 0.2 * rng.normal(size=(21, 3))
    own, goal = own - own.mean(0), goal - goal.mean(0)
    turned = Rotation.align_vectors(goal, own)[0].apply(own)
    expected = turned * (turned * goal).sum() / (turned**2).sum()  # the least squares scale
    np.testing.assert_allclose(similarity_aligned(own, goal), expected, atol=1e-7)


def test_alignment_takes_a_similarity_away_but_no_reflection(rng):
    hand = rng.normal(size=(4, 21, 3))
    turns, shifts = random_poses(rng, 4)
    moved = 1.7 * hand @ np.swapaxes(turns, 1, 2) + shifts[:, None]
    np.testing.assert_allclose(similarity_aligned(moved, hand), hand, atol=1e-12)
    mirrored = hand * [-1.0, 1.0, 1.0]
    assert hand_metrics.mean_distance(similarity_aligned(mirrored, hand), hand).min() > 0.1


def test_points_that_coincide_are_moved_to_the_middle(rng):
    goal = rng.normal(size=(21, 3))
    np.testing.assert_allclose(similarity_aligned(np.ones((21, 3)), goal), np.tile(goal.mean(0), (21, 1)), atol=1e-12)


def test_scale_and_translation_go_by_wrist_and_middle_finger(rng):
    goal = rng.normal(size=(2, 21, 3))
    np.testing.assert_allclose(scale_translation_aligned(0.4 * goal + 3.0, goal), goal, atol=1e-12)
    turned = goal @ Rotation.from_euler("z", 90, degrees=True).as_matrix().T
    aligned = scale_translation_aligned(turned, goal)
    np.testing.assert_allclose(aligned[:, 0], goal[:, 0], atol=1e-12)
    bones = [np.linalg.norm(hand[:, 9] - hand[:, 0], axis=1) for hand in (aligned, goal)]
    np.testing.assert_allclose(*bones)
    assert hand_metrics.mean_distance(aligned, goal).min() > 0.1  # a rotation isn't forgiven


def test_perfect_estimates_have_no_error_and_full_scores(rng):
    hand, pose = rng.normal(size=(2, 50, 3)), random_poses(rng, 2)
    turns = np.tile(np.eye(3), (2, 1, 1, 1))
    for error in (
        hand_metrics.mean_distance(hand, hand), object_metrics.average_distance(hand, pose, pose),
        object_metrics.nearest_distance(hand, pose, pose), object_metrics.box_corner_error(hand[:, :8], pose, pose),
        object_metrics.axis_aligned_corner_error(list(hand), pose, pose), object_metrics.origin_error(pose, pose),
        object_metrics.center_error(hand[:, 0], pose, pose), object_metrics.rotation_error(pose[0], pose[0], turns),
    ):  # fmt: skip
        np.testing.assert_array_equal(error < 1e-7, True)
    np.testing.assert_array_equal(hand_metrics.f_score(hand, hand, 0.005).score, 1)
    np.testing.assert_allclose(hand_metrics.area_under_curve(np.zeros((2, 778))), 1)


def test_a_shift_is_the_error_of_everything_but_the_rotation(rng):
    shift = np.array([0.003, -0.004, 0.012])  # 13 mm
    points = rng.normal(size=(2, 300, 3))
    turns, places = random_poses(rng, 2)
    own, truth = (turns, places + shift), (turns, places)
    for error in (
        object_metrics.average_distance(points, own, truth), object_metrics.origin_error(own, truth),
        object_metrics.center_error(points[:, 0], own, truth),
        object_metrics.box_corner_error(points[:, :8], own, truth),
        object_metrics.axis_aligned_corner_error(list(points), own, truth),
        hand_metrics.mean_distance(points + shift, points),
    ):  # fmt: skip
        np.testing.assert_allclose(error, 0.013, atol=1e-12)
    np.testing.assert_allclose(object_metrics.rotation_error(turns, turns, np.eye(3)[None, None]), 0, atol=1e-12)


def test_the_two_corner_errors_differ_where_a_cube_is_turned_by_a_right_angle():
    corners = trimesh.bounds.corners([[-1, -1, -1], [1, 1, 1]])[None]
    quarter = Rotation.from_euler("z", 90, degrees=True).as_matrix()[None]
    own, truth = (quarter, np.zeros((1, 3))), (np.eye(3)[None], np.zeros((1, 3)))
    np.testing.assert_allclose(object_metrics.axis_aligned_corner_error(list(corners), own, truth), 0, atol=1e-12)
    np.testing.assert_allclose(object_metrics.box_corner_error(corners, own, truth), 2)  # each goes to its neighbour


def test_the_two_center_errors_differ_where_the_origin_is_off_the_middle():
    quarter = Rotation.from_euler("z", 90, degrees=True).as_matrix()[None]
    own, truth = (quarter, np.zeros((1, 3))), (np.eye(3)[None], np.zeros((1, 3)))
    assert object_metrics.origin_error(own, truth) == 0
    np.testing.assert_allclose(object_metrics.center_error(np.array([[1.0, 0, 0]]), own, truth), np.sqrt(2))


def test_nearest_distance_equals_all_pairs(rng):
    points = rng.normal(size=(3, 80, 3))
    own, truth = random_poses(rng, 3), random_poses(rng, 3)
    expected = []
    for k in range(3):
        (a, b) = (points[k] @ pose[0][k].T + pose[1][k] for pose in (own, truth))
        expected.append(cdist(a, b).min(1).mean())
    np.testing.assert_allclose(object_metrics.nearest_distance(points, own, truth), expected)


def test_rotation_error_of_a_known_turn(rng):
    truth = Rotation.random(4, random_state=1)
    angles = np.array([1e-6, 0.3, 2.0, np.pi])
    own = truth * Rotation.from_rotvec(angles[:, None] * [0.6, 0.0, 0.8])
    found = object_metrics.rotation_error(own.as_matrix(), truth.as_matrix(), np.eye(3)[None, None])
    np.testing.assert_allclose(found, angles, rtol=1e-6)


def test_rotation_error_knows_symmetries():
    half = Rotation.from_euler("z", [[0], [180]], degrees=True).as_matrix()[None]
    own = Rotation.from_euler("z", [[170]], degrees=True).as_matrix()
    np.testing.assert_allclose(object_metrics.rotation_error(own, np.eye(3)[None], half), np.deg2rad(10))


def test_f_score_counts_near_points_of_both_sets():
    own = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [9, 0, 0]])
    true = np.array([[0.1, 0, 0], [1.1, 0, 0]])
    found = hand_metrics.f_score(own, true, 0.5)
    assert (found.precision, found.recall) == (0.5, 1.0)
    np.testing.assert_allclose(found.score, 2 * 0.5 * 1.0 / 1.5)
    assert hand_metrics.f_score(own, true + 100, 0.5).score == 0


def test_f_score_equals_all_pairs(rng):
    own, true = rng.normal(size=(2, 3, 60, 3))
    found = hand_metrics.f_score(own, true, 0.6)
    for k in range(3):
        apart = cdist(own[k], true[k])
        shares = (apart.min(1) < 0.6).mean(), (apart.min(0) < 0.6).mean()
        np.testing.assert_allclose((found.precision[k], found.recall[k]), shares)


def test_area_under_the_curve_of_one_error_is_what_is_left_of_the_range():
    errors = np.array([[0.0], [0.01], [0.025], [0.06]])
    step = 0.05 / 99
    found = hand_metrics.area_under_curve(errors)
    np.testing.assert_allclose(found, [1, 0.8, 0.5, 0], atol=step / 0.05)
    mixed = np.concatenate([errors[1], errors[3]])[None]
    np.testing.assert_allclose(hand_metrics.area_under_curve(mixed), (found[1] + found[3]) / 2)


def test_pck_is_the_distribution_of_errors(rng):
    errors = rng.exponential(0.02, size=2000)
    thresholds = np.linspace(0, 0.05, 6)
    expected = np.searchsorted(np.sort(errors), thresholds, side="right") / 2000
    np.testing.assert_allclose(hand_metrics.fraction_within(errors, thresholds), expected)


def test_nearest_distances_beyond_the_limit_are_infinite(rng):
    points, others = rng.normal(size=(2, 40, 3))
    exact = cKDTree(others).query(points)[0]
    limited = hand_metrics.nearest_distances(points, others, 0.5)
    np.testing.assert_allclose(limited[exact < 0.5], exact[exact < 0.5])
    assert np.isinf(limited[exact > 0.5]).all()


def test_shapes_that_do_not_correspond_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(2, 21, 3\) and \(2, 20, 3\)"):
        hand_metrics.mean_distance(np.zeros((2, 21, 3)), np.zeros((2, 20, 3)))
