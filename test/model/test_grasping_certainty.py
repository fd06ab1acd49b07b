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

"""Chances that a grasp survives errors of the object's pose: against drawn errors, and against jaws that close."""

from dataclasses import replace

import numpy as np
import pytest
from grasping_solids import EXACT, box, held, small_gripper, squeezing
from scipy.spatial.transform import Rotation

from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry.poses import rigid, unknown_covariance
from hoisdf_model.grasping import GraspPlanner, GraspSettings, imitation
from hoisdf_model.grasping.candidates import grasp_covariance, symmetric_poses, turned_covariance
from hoisdf_model.grasping.certainty import UNKNOWN, chances, tolerances
from hoisdf_model.grasping.handover import hand_over
from hoisdf_model.grasping.imitation import imitate
from hoisdf_model.grasping.jaws import YIELD
from hoisdf_model.grasping.trials import take
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import BenchmarkStills

GRIPPER, SETTINGS = small_gripper(), GraspSettings()
DRAWS = 200_000


def random_pose(rng, reach=0.1):
    return rigid(Rotation.random(rng=rng).as_matrix(), rng.normal(0, reach, 3))


def drawn(covariance, pose, bearable, rng):
    """Share of drawn errors of the object's pose that leave the grasp's place within its tolerances."""
    errors = rng.multivariate_normal(np.zeros(6), covariance, DRAWS)
    turned = Rotation.from_rotvec(errors[:, 3:]).apply(pose[:3, 3]) - pose[:3, 3]
    return (np.abs((errors[:, :3] + turned) @ pose[:3, :3]) <= bearable).all(1).mean()


@pytest.mark.parametrize("seed", range(4))
def test_chance_of_independent_errors_is_that_of_drawn_ones(seed):
    rng = np.random.default_rng(seed)
    pose, bearable = random_pose(rng, 0.0), rng.uniform(0.002, 0.02, 3)
    turn = pose[:3, :3]
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = turn @ np.diag(rng.uniform(0.002, 0.02, 3) ** 2) @ turn.T
    (chance,) = chances(covariance, pose[None], bearable[None])
    assert chance == pytest.approx(drawn(covariance, pose, bearable, rng), abs=5 * 0.5 / np.sqrt(DRAWS))


@pytest.mark.parametrize("seed", range(6))
def test_chance_of_errors_that_hang_together_is_a_lower_bound_and_not_far_below(seed):
    rng = np.random.default_rng(seed)
    pose, bearable = random_pose(rng), rng.uniform(0.004, 0.02, 3)
    scale = np.array([0.006] * 3 + [0.06] * 3)  # small turns: the lever is that of the first order
    root = rng.normal(size=(6, 6)) / np.sqrt(6) * scale[:, None]
    covariance = root @ root.T
    (chance,) = chances(covariance, pose[None], bearable[None])
    share = drawn(covariance, pose, bearable, rng)
    assert share - 0.2 < chance < share + 5 * 0.5 / np.sqrt(DRAWS)


def test_chance_is_the_same_in_every_frame():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(6, 6)) * 0.01
    covariance = root @ root.T
    object_pose, pose = random_pose(rng, 0.5), random_pose(rng)
    bearable = np.array([[0.01, 0.02, 0.01]])
    (here,) = chances(turned_covariance(covariance, object_pose[:3, :3].T), pose[None], bearable)
    camera = object_pose @ pose
    own = grasp_covariance(covariance, object_pose, camera)
    (there,) = chances(own, rigid(camera[:3, :3])[None], bearable)
    assert here == pytest.approx(there, rel=1e-9)


def test_no_error_is_certain_and_an_unknown_one_is_half_so():
    pose = np.eye(4)[None]
    assert chances(np.zeros((6, 6)), pose, np.zeros((1, 3))) == [1.0]
    for unknown in (None, unknown_covariance(6)):
        assert chances(unknown, pose, np.ones((1, 3))) == [UNKNOWN]


@pytest.mark.parametrize("axis", [0, 2])
def test_pads_close_on_a_thin_thing_within_the_tolerance_and_beside_it_beyond(axis):
    thing = box(0.002, 0.03, 0.002)  # two points, but for a millimetre
    bearable = tolerances(np.array([0.03]), GRIPPER, SETTINGS)[0, axis]
    for offset, holds in ((bearable - 0.002, True), (bearable + 0.002, False)):
        pose = np.eye(4)
        pose[axis, 3] = offset
        (taken,) = take(thing, pose[None], GRIPPER, SETTINGS)
        assert (not isinstance(taken, str)) == holds


def test_a_finger_comes_down_beside_a_thing_within_the_tolerance_and_on_it_beyond():
    thing, opening = box(0.002, 0.03, 0.002), SETTINGS.opening(0.03, GRIPPER.stroke)
    bearable = tolerances(np.array([0.03]), GRIPPER, SETTINGS)[0, 1]
    for offset, meets in ((bearable - 0.001, False), (bearable + 0.001, True)):
        pose = np.eye(4)
        pose[1, 3] = offset
        assert thing.solid.meets(GRIPPER.boxes(opening, SETTINGS.travel)[None], pose[None]) == [meets]


@pytest.mark.parametrize("uncertain", [0, 1])
def test_hand_over_closes_along_the_direction_that_is_uncertain(uncertain):
    """A square bar can be closed on from two sides; errors along the jaw axis are borne best."""
    thing = box(0.03, 0.03, 0.30)
    hand = squeezing([-0.02, 0, 0.12], [0.02, 0, 0.12], [0, 0, 0.20])
    covariance = np.diag([1e-6] * 3 + [1e-8] * 3)
    covariance[uncertain, uncertain] = 0.015**2
    settings = replace(SETTINGS, clearance=0.03, forearm=False)
    found, _ = hand_over(hand, thing, GRIPPER, settings, covariance)
    along = np.array([abs(one.pose[uncertain, 1]) for one in found])
    assert (along > 0.99).all()
    plain, _ = hand_over(hand, thing, GRIPPER, settings)
    axes = np.abs([one.pose[:2, 1] for one in plain])
    assert (axes.max(0) > 0.99).all()  # without knowing, both


def test_imitation_tries_first_what_bears_the_errors_and_is_like_the_hand(monkeypatch):
    """Where one direction is hardly known, pads that are turned along it; where nothing is, the hand's own approach."""
    monkeypatch.setattr(imitation, "MOST", 1)
    thing = box(0.04, 0.04, 0.04)
    hand = squeezing([-0.026, 0, 0], [0.026, 0, 0], [0, 0, 0.11])
    slanted = np.array([0, 1.0, 1.0]) / np.sqrt(2)
    covariance = np.diag([1e-8] * 6)
    (own,), _ = imitate(hand, thing, GRIPPER, SETTINGS, covariance)
    assert own.pose[2, 2] == pytest.approx(-1)  # straight from the palm
    covariance[:3, :3] += 0.1**2 * np.outer(slanted, slanted)
    (one,), _ = imitate(hand, thing, GRIPPER, SETTINGS, covariance)
    along = abs(one.pose[:3, 2] @ slanted)
    assert min(along, abs(1 - along)) < 1e-3  # along or across it, not at 45 degrees


def test_images_are_those_of_the_best_grasps_by_their_score():
    model = load_hand_model()
    library = BenchmarkStills(model).library
    planner = GraspPlanner(GRIPPER, model, load_catalogue(), GraspSettings(symmetric=1))
    alone = planner.with_settings(replace(planner.settings, symmetric=0))
    covariance = np.diag([0.02, 0.003, 0.003, 0.01, 0.01, 0.01]) ** 2
    cans = np.flatnonzero(library.object == library.objects.index("005_tomato_soup_can"))
    compared = 0
    for number in cans[:4]:
        scene = held(library, int(number), model)
        vague = replace(scene, objects=(replace(scene.objects[0], covariance=covariance),))
        for mode in ("imitate", "handover"):
            bases, plan = alone.plan(vague, (mode,)).candidates, planner.plan(vague, (mode,)).candidates
            known = [one.pose for one in bases]
            images = [one for one in plan if not any(np.allclose(one.pose, pose) for pose in known)]
            for image in images:
                same = symmetric_poses(bases[0].pose_in_object, planner.shape(image.object_name).symmetry, 8)
                assert any(np.allclose(image.pose_in_object, pose, atol=1e-6) for pose in same)
                compared += 1
    assert compared > 10


def test_pads_that_hardly_open_wider_than_the_object_have_a_score():
    """What pads and skins give way is left where the opening leaves nothing."""
    tight = tolerances(np.array([0.03]), GRIPPER, replace(SETTINGS, opening_margin=0.0))
    assert tight[0, 1] == YIELD
    assert chances(np.diag([1e-6] * 6), np.eye(4)[None], tight)[0] > 0.5


def test_score_counts_the_chance_of_each_grasp_and_of_its_images():
    model = load_hand_model()
    library = BenchmarkStills(model).library
    planner = GraspPlanner(GRIPPER, model, load_catalogue())
    number = int(np.flatnonzero(library.object == library.objects.index("006_mustard_bottle"))[0])
    turn = Rotation.from_euler("xyz", [0.4, -0.7, 1.1]).as_matrix()
    sure = held(library, number, model, turn)
    covariance = np.diag([0.002, 0.004, 0.02, 0.02, 0.01, 0.05]) ** 2
    vague = replace(sure, objects=(replace(sure.objects[0], covariance=covariance),))
    plan = planner.plan(vague, ("imitate", "handover"))
    terms = []
    for one in plan.candidates:
        spread = one.pose[:3, :3].T @ one.covariance[:3, :3] @ one.pose[:3, :3]
        limits = tolerances(np.array([one.width]), GRIPPER, planner.settings)[0]
        draws = np.random.default_rng(0).normal(size=(100_000, 3)) * np.sqrt(np.diag(spread))
        assert one.terms["covariance"] == pytest.approx((np.abs(draws) <= limits).all(1).mean(), abs=0.01)
        terms.append(one.terms["covariance"])
    assert max(terms) > 1.2 * min(terms)
    assert all(one.terms["covariance"] > 0.999 for one in planner.plan(sure, ("imitate",)).candidates)


def test_demonstrations_dont_weigh_covariances():
    model = load_hand_model()
    library = BenchmarkStills(model).library
    planner = GraspPlanner(GRIPPER, model, load_catalogue()).for_demonstrations()
    scene = held(library, 0, model)
    vague = replace(scene, objects=(replace(scene.objects[0], covariance=1e4 * EXACT),))
    plans = [planner.plan(Estimate(one.hands, one.objects), ("imitate",)).candidates for one in (scene, vague)]
    assert [one.score for one in plans[0]] == [one.score for one in plans[1]]
    assert "covariance" not in plans[0][0].terms
