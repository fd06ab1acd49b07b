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

"""Grasps from whole estimates: known axes and widths, clearance, symmetry, and every refusal."""

from dataclasses import replace

import numpy as np
import pytest
from grasping_solids import EXACT, box, cylinder, held, small_gripper, sphere, squeezing
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry import distances
from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping import (
    GraspPlanner,
    GraspSettings,
    grasp_scores,
    gripper_names,
    hand_shape,
    handover,
    load_gripper,
)
from hoisdf_model.grasping.box_solids import box_mesh
from hoisdf_model.grasping.candidates import alike, grasp_covariance, symmetric_poses
from hoisdf_model.grasping.handover import hand_over
from hoisdf_model.grasping.imitation import imitate
from hoisdf_model.grasping.trials import palm_is_free, point_clearance
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue, symmetry
from hoisdf_model.synthesis import BenchmarkStills

GRIPPER = small_gripper()
SETTINGS = GraspSettings()


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def library(model):
    return BenchmarkStills(model).library


@pytest.fixture(scope="module")
def planner(model):
    return GraspPlanner(GRIPPER, model, load_catalogue())


@pytest.fixture(scope="module")
def bottle(library):
    """Number of a grasp of the mustard bottle."""
    return int(np.flatnonzero(library.object == library.objects.index("006_mustard_bottle"))[0])


@pytest.mark.parametrize(
    ("solid", "sizes", "axis", "width"),
    [(box, (0.04, 0.06, 0.05), [1.0, 0, 0], 0.04), (cylinder, (0.03, 0.05), [0.8, 0.6, 0], 0.06),
     (sphere, (0.03,), [0.6, 0.64, 0.48], 0.06)],
    ids=["box", "cylinder", "sphere"],
)  # fmt: skip
def test_imitated_axis_and_width_are_those_of_thumb_and_finger(solid, sizes, axis, width):
    """From two balls that touch the solid at the ends of a known diameter; the palm looks on from above."""
    thing = solid(*sizes)
    axis = np.array(axis)
    reach = axis * (width / 2 + 0.006)
    found, reason = imitate(squeezing(-reach, reach, [0, 0, 0.11]), thing, GRIPPER, SETTINGS)
    assert reason is None
    best = found[0]
    assert best.contact.width == pytest.approx(width, abs=4e-4)
    assert abs(best.pose[:3, 1] @ axis) > np.cos(np.radians(3))
    assert np.linalg.norm(best.pose[:3, 3] - best.pose[:3, 2] * (best.pose[:3, 3] @ best.pose[:3, 2])) < 1e-3
    assert best.pose[2, 2] < 0  # comes from the palm's side, which is above


def test_hand_over_of_a_bar_keeps_to_the_end_that_the_hand_leaves_free(model, library):
    thing = box(0.03, 0.03, 0.30)
    hand = squeezing([-0.02, 0, 0.12], [0.02, 0, 0.12], [0, 0, 0.20])
    found, reason = hand_over(hand, thing, GRIPPER, replace(SETTINGS, clearance=0.03, forearm=False))
    assert reason is None
    for one in found:
        assert one.pose[2, 3] < 0.12 - 0.03
        assert one.contact.width == pytest.approx(0.03, abs=1e-4)
        assert max(abs(one.pose[:3, 1])) > np.cos(np.radians(1))
    assert found[0].contact.width == pytest.approx(0.03, abs=1e-9)
    assert any(one.pose[2, 3] < 0 for one in found)


def test_clearance_of_hand_overs_is_never_below_the_limit(library, planner, model):
    """Measured anew with another library: libigl, from the corners of all that the gripper sweeps and from the hand."""
    settings = planner.settings
    planned = 0
    for name in ("006_mustard_bottle", "011_banana", "004_sugar_box"):
        estimate = held(library, int(np.flatnonzero(library.object == library.objects.index(name))[3]), model)
        plan = planner.plan(estimate, ["handover"])
        hand = hand_shape(estimate.hands[0], model)
        for one in plan.candidates[:4]:
            planned += 1
            corners, faces = box_mesh(GRIPPER.boxes(GRIPPER.stroke, settings.travel, one.width))
            local = (hand.vertices - one.pose[:3, 3]) @ one.pose[:3, :3]
            from_hand = distances.closest_points(local, corners, faces)[0].min()
            placed = corners @ one.pose[:3, :3].T + one.pose[:3, 3]
            from_gripper = distances.closest_points(placed, hand.closed_vertices, hand.closed_faces)[0].min()
            assert min(from_hand, from_gripper) >= settings.clearance
            assert one.hand_clearance >= settings.clearance
            assert one.hand_clearance <= min(from_hand, from_gripper) + 1e-6
            assert 0 < one.width <= GRIPPER.stroke
    assert planned > 8


def test_plans_turn_and_move_with_the_camera(library, planner, model, bottle):
    turn = Rotation.from_euler("xyz", [0.4, -0.8, 1.2]).as_matrix()
    straight, turned = held(library, bottle, model), held(library, bottle, model, turn, (0.1, -0.2, 0.9))
    for a, b in zip(planner.plan(straight).candidates[:5], planner.plan(turned).candidates[:5], strict=True):
        assert np.allclose(a.pose_in_object, b.pose_in_object, atol=1e-4)
        assert np.allclose(b.pose, rigid(turn, np.array([0.1, -0.2, 0.9])) @ b.pose_in_object)
        assert a.score == pytest.approx(b.score, abs=1e-3)


def test_scores_are_ranked_and_within_zero_and_one(library, planner, model, bottle):
    plan = planner.plan(held(library, bottle, model))
    values = [one.score for one in plan.candidates]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for one in plan.candidates for value in (one.score, *one.terms.values()))
    assert {one.mode for one in plan.candidates} == {"imitate", "handover"}


def test_symmetric_objects_give_symmetric_candidates(planner, library, model, bottle):
    """The bottle looks the same turned by half a turn; every image of the best imitation is among the candidates."""
    plan = planner.plan(held(library, bottle, model), ["imitate"])
    images = planner.shape("006_mustard_bottle").symmetry.transforms(planner.settings.symmetry_steps)
    best = plan.candidates[0].pose_in_object
    assert len(images) > 1
    for transform in images:
        assert any(alike(transform @ best, one.pose_in_object, 1e-6, 1e-3) for one in plan.candidates)


def test_images_under_symmetries_count_swapped_fingers_once():
    pose = rigid(np.eye(3), np.array([0, 0, 0.02]))
    half_turn = symmetry.discrete((0, 0, 0), [[0, 0, 1]], [2])  # about the approach: swaps the fingers
    quarter_turn = symmetry.discrete((0, 0, 0), [[0, 0, 1]], [4])
    assert len(symmetric_poses(pose, half_turn, 8)) == 1
    assert len(symmetric_poses(pose, quarter_turn, 8)) == 2


def test_covariance_of_a_grasp_agrees_with_samples():
    rng = np.random.default_rng(0)
    object_pose = rigid(Rotation.from_euler("xyz", [0.3, 0.2, 0.1]).as_matrix(), np.array([0.1, 0.0, 0.7]))
    grasp = object_pose @ rigid(np.eye(3), np.array([0.08, -0.05, 0.03]))
    root = rng.normal(size=(6, 6)) * np.array([2e-3] * 3 + [5e-3] * 3)[:, None]
    covariance = root @ root.T
    drawn = rng.multivariate_normal(np.zeros(6), covariance, 40_000)
    turns = Rotation.from_rotvec(drawn[:, 3:]).as_matrix()
    lever = grasp[:3, 3] - object_pose[:3, 3]
    moved = np.concatenate([turns @ lever - lever + drawn[:, :3], drawn[:, 3:]], 1)
    expected = np.cov(moved.T)
    assert np.allclose(grasp_covariance(covariance, object_pose, grasp), expected, atol=0.03 * np.abs(expected).max())


def refusals(plan):
    assert not plan.candidates
    return [refusal.reason for refusal in plan.refusals]


def test_refusals_without_hand_mesh_or_object(planner, library, model, bottle):
    good = held(library, bottle, model)
    hand, thing = good.hands[0], good.objects[0]
    assert refusals(planner.plan(Estimate())) == ["no_hand"]
    assert refusals(planner.plan(replace(good, hands=(replace(hand, vertices=hand.vertices[:0]),)))) == ["no_hand_mesh"]
    foreign = replace(hand, model=replace(hand.model, hash="0" * 16))
    assert refusals(planner.plan(replace(good, hands=(foreign,)))) == ["no_hand_mesh"]
    modes = ("imitate", "handover")
    assert refusals(planner.plan(replace(good, objects=()), modes)) == ["no_object"] * 2
    assert refusals(planner.plan(replace(good, objects=(replace(thing, name=""),)), modes)) == ["unknown_object"] * 2
    plan = planner.plan(replace(good, objects=(replace(thing, name="teapot"),)), ["imitate"])
    assert "teapot" in plan.refusals[0].message
    far = replace(thing, translation=thing.translation + 1.0)
    assert "no_contact" in [refusal.reason for refusal in planner.plan(replace(good, objects=(far,)), modes).refusals]


def test_an_uncertain_estimate_gives_a_refusal_with_the_reason(planner, library, model, bottle):
    good = held(library, bottle, model)
    vague = EXACT.copy()
    vague[2, 2] = 0.05**2
    plan = planner.plan(replace(good, objects=(replace(good.objects[0], covariance=vague),)))
    assert refusals(plan) == ["uncertain", "uncertain"]
    assert "50 mm" in plan.refusals[0].message
    assert "30" in plan.refusals[0].message
    twisted = EXACT.copy()
    twisted[4, 4] = np.radians(40) ** 2
    assert (
        "40 degrees"
        in planner.plan(replace(good, objects=(replace(good.objects[0], covariance=twisted),))).refusals[0].message
    )
    unsure_hand = replace(good.hands[0], root_covariance=vague[:3, :3])
    plan = planner.plan(replace(good, hands=(unsure_hand,)))
    assert [refusal.reason for refusal in plan.refusals] == ["uncertain"]  # of the hand-over
    assert refusals(planner.plan(replace(good, hands=(unsure_hand,), objects=()), ["hand_only"])) == ["uncertain"]


def test_an_unknown_covariance_passes_only_where_it_may(planner, library, model, bottle):
    good = held(library, bottle, model)
    unknown = EXACT.copy()
    unknown[0, 0] = -1
    estimate = replace(good, objects=(replace(good.objects[0], covariance=unknown),))
    candidates = planner.plan(estimate, ["imitate"]).candidates
    assert candidates
    assert candidates[0].covariance[0, 0] == -1
    assert candidates[0].score < planner.plan(good, ["imitate"]).candidates[0].score
    strict = GraspPlanner(GRIPPER, model, planner.catalogue, GraspSettings(require_covariance=True))
    assert refusals(strict.plan(estimate, ["imitate"])) == ["uncertain"]


def test_a_rotation_that_is_uncertain_is_refused_where_the_position_is_unknown_too(planner, library, model, bottle):
    good = held(library, bottle, model)
    covariance = np.diag([-1, 0, 0, *[np.radians(48) ** 2] * 3])
    estimate = replace(good, objects=(replace(good.objects[0], covariance=covariance),))
    plan = planner.plan(estimate)
    assert refusals(plan) == ["uncertain", "uncertain"]
    for refusal in plan.refusals:
        assert "the rotation of 006_mustard_bottle has a standard deviation of 48 degrees" in refusal.message
        assert "at most 20 are allowed" in refusal.message
    assert planner.for_demonstrations().plan(estimate, ["imitate"]).candidates
    covariance[3:, 3:] = np.eye(3) * np.radians(5) ** 2
    sure = replace(good, objects=(replace(good.objects[0], covariance=covariance),))
    assert planner.plan(sure, ["imitate"]).candidates
    strict = GraspPlanner(GRIPPER, model, planner.catalogue, GraspSettings(require_covariance=True))
    assert "is unknown, and one is required" in strict.plan(sure, ["imitate"]).refusals[0].message


def test_without_an_object_the_jaws_close_between_thumb_and_index(planner, library, model, bottle):
    good = held(library, bottle, model)
    plan = planner.plan(replace(good, objects=()), ["hand_only"])
    best = plan.candidates[0]
    joints = good.hands[0].joints.astype(float)
    tips = (joints[8] - joints[4]) / np.linalg.norm(joints[8] - joints[4])
    assert best.pose[:3, 1] @ tips > np.cos(np.radians(30))
    assert best.pose[:3, 2] @ (joints[[4, 8]].mean(0) - joints[0]) > 0  # away from the wrist
    assert np.linalg.norm(best.pose[:3, 3] - joints[[4, 8]].mean(0)) < 0.03
    assert 0 < best.width < np.linalg.norm(joints[8] - joints[4])
    assert best.pose_in_object is None
    assert best.covariance[0, 0] == -1
    assert not planner.plan(good, ["hand_only"]).candidates  # there is an object


def test_a_wrist_pose_is_never_given_out(planner, library, model, bottle):
    """A hand whose fingers have collapsed onto its wrist, as broken networks give them."""
    good = held(library, bottle, model)
    hand = good.hands[0]
    wrist = hand.joints[0]
    spread = (hand.vertices - hand.vertices.mean(0)) * 0.1
    broken = replace(hand, vertices=(wrist + spread).astype(np.float32))
    assert refusals(planner.plan(replace(good, hands=(broken,), objects=()), ["hand_only"])) == ["at_wrist"]
    shrunk = replace(hand, joints=np.tile(wrist, (21, 1)))
    assert refusals(planner.plan(replace(good, hands=(shrunk,), objects=()))) == ["degenerate_hand"]
    nowhere = replace(hand, vertices=np.full_like(hand.vertices, np.nan))
    assert refusals(planner.plan(replace(good, hands=(nowhere,), objects=()))) == ["degenerate_hand"]


def test_a_hand_that_points_along_its_own_jaw_axis_is_refused_and_not_guessed():
    hand = squeezing([-0.026, 0, 0], [0.026, 0, 0], [-0.2, 0, 0])  # palm, thumb and finger on one line
    found, reason = imitate(hand, box(0.04, 0.06, 0.05), GRIPPER, SETTINGS)
    assert (found, reason) == ([], "degenerate_hand")


def test_left_hands_get_the_mirror_image_of_what_right_hands_get(library, model, planner, bottle):
    good = held(library, bottle, model)
    hand = good.hands[0]
    mirror = np.diag([-1.0, 1.0, 1.0])
    left = replace(
        hand, side="left", joints=(hand.joints @ mirror).astype(np.float32),
        vertices=(hand.vertices @ mirror).astype(np.float32),
    )  # fmt: skip
    a = planner.plan(Estimate((hand,)), ["hand_only"]).candidates[0]
    b = planner.plan(Estimate((left,)), ["hand_only"]).candidates[0]
    assert np.allclose(b.pose[:3, 3], mirror @ a.pose[:3, 3], atol=1e-6)
    assert np.allclose(b.pose[:3, 1:3], mirror @ a.pose[:3, 1:3], atol=1e-5)
    shape = hand_shape(left, model)
    inside = shape.vertices.mean(0)[None]
    around = distances.signed_distance(inside, shape.closed_vertices, shape.closed_faces)
    reference = hand_shape(hand, model)
    expected = distances.signed_distance(
        reference.vertices.mean(0)[None], reference.closed_vertices, reference.closed_faces
    )
    assert around == pytest.approx(expected, abs=1e-6)  # faces are not inside out


def test_a_small_gripper_says_that_an_object_is_too_wide(model, library, planner, bottle):
    tiny = replace(load_gripper("franka_hand"), stroke=0.012)
    small = GraspPlanner(tiny, model, planner.catalogue)
    plan = small.plan(held(library, bottle, model), ["imitate"])
    assert refusals(plan) == ["too_wide"]
    assert "12 mm" in plan.refusals[0].message


@pytest.mark.parametrize("name", gripper_names())
def test_every_gripper_finds_a_hand_over_of_a_free_bar(name):
    hand = squeezing([-0.02, 0, 0.22], [0.02, 0, 0.22], [0, 0, 0.30])
    found, _ = hand_over(hand, box(0.03, 0.05, 0.50), load_gripper(name), replace(SETTINGS, forearm=False))
    assert found


def test_wrong_settings_and_modes_are_named(planner):
    with pytest.raises(ConfigError, match="clearance"):
        GraspSettings(clearance=-0.01)
    with pytest.raises(ConfigError, match="millimetres"):
        GraspSettings(travel=100)
    with pytest.raises(ConfigError, match="copy"):
        planner.plan(Estimate(), ["copy"])


def test_inverse_of_a_pose():
    pose = rigid(Rotation.random(rng=0).as_matrix(), np.array([1.0, 2, 3]))
    assert np.allclose(inverse(pose) @ pose, np.eye(4))


def test_the_most_promising_poses_are_those_of_an_exhaustive_search(library, model, planner, bottle):
    """The search looks at few of them; the same must come out as where all are measured."""
    for number in (bottle, bottle + 1):
        estimate = held(library, number, model)
        thing = planner.shape(estimate.objects[0].name)
        pose = rigid(estimate.objects[0].rotation, estimate.objects[0].translation)
        hand = hand_shape(estimate.hands[0], model).moved(inverse(pose))
        obstacle = handover.hand_obstacle(hand, SETTINGS)
        pairs = handover._free_pairs(hand, thing, GRIPPER, SETTINGS.clearance)
        poses = handover._approaches(pairs, GRIPPER)
        boxes = GRIPPER.boxes(GRIPPER.stroke, SETTINGS.travel)
        room = point_clearance(obstacle.vertices[:: handover.THINNED], poses, boxes)
        possible = palm_is_free(thing, poses, GRIPPER, SETTINGS) & (room > SETTINGS.clearance)
        off_center = np.linalg.norm(poses[:, :3, 3] - thing.center_of_mass, axis=1) / thing.diameter
        certainty = np.random.default_rng(number).random(len(poses))
        merit = np.clip(room / grasp_scores.AMPLE, 0, 1) - off_center + certainty
        expected = np.sort(merit[possible])[::-1][: handover.MOST]
        assert len(poses) > 10 * len(expected) > 0
        found = handover._promising(poses, certainty, thing, obstacle, GRIPPER, SETTINGS)
        assert possible[found].all()
        assert np.allclose(merit[found], expected, atol=1e-9)
