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

"""Grasps that serve for several frames: as good as planned anew, and only while the hand stays where it is."""

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from grasping_solids import held
from scipy.spatial.transform import Rotation

from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping import GraspFollower, GraspPlanner, GraspSettings, Steadiness, hand_shape, load_gripper
from hoisdf_model.grasping import planner as planning
from hoisdf_model.grasping.grasp_memory import FRAMES, MOVED, GraspMemory
from hoisdf_model.grasping.handover import hand_clearance, hand_obstacle
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import load_library

BOTH = ("imitate", "handover")


@pytest.fixture(scope="module")
def planner():
    return GraspPlanner(load_gripper("franka_hand"), load_hand_model(), load_catalogue(), GraspSettings(count=4))


@pytest.fixture(scope="module")
def scene():
    library = load_library(str(resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"))
    return held(library, 36, load_hand_model())


@pytest.fixture
def searches(monkeypatch):
    """Counts of real searches by mode."""
    counts = {"imitate": 0, "hand_over": 0}

    def counted(name, search):
        def run(*arguments):
            counts[name] += 1
            return search(*arguments)

        return run

    for name in counts:
        monkeypatch.setattr(planning, name, counted(name, getattr(planning, name)))
    return counts


def slipped(estimate, shift):
    """The hand alone moved on the object."""
    hand = estimate.hands[0]
    moved = replace(hand, joints=hand.joints + np.float32(shift), vertices=hand.vertices + np.float32(shift))
    return replace(estimate, hands=(moved,))


def carried(estimate, turn, shift):
    """Hand and object moved together."""
    rotation = Rotation.from_rotvec(turn).as_matrix()
    hand, thing = estimate.hands[0], estimate.objects[0]
    hand = replace(
        hand,
        joints=(hand.joints @ rotation.T + shift).astype(np.float32),
        vertices=(hand.vertices @ rotation.T + shift).astype(np.float32),
    )
    thing = replace(thing, rotation=rotation @ thing.rotation, translation=rotation @ thing.translation + shift)
    return replace(estimate, hands=(hand,), objects=(thing,))


def planned(planner, estimate, memory=None):
    return planner.plan_hand(estimate.hands[0], estimate.objects[0], BOTH, memory=memory).candidates


def same(a, b):
    assert len(a) == len(b) > 0
    for one, other in zip(a, b, strict=True):
        assert one.mode == other.mode
        np.testing.assert_allclose(one.pose, other.pose, atol=1e-5)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.hand_clearance == pytest.approx(other.hand_clearance, abs=1e-5, nan_ok=True)


def test_a_hand_that_stays_has_the_grasps_of_the_planner_without_a_search(planner, scene, searches):
    memory = GraspMemory()
    wanted = planned(planner, scene)
    for _ in range(FRAMES + 1):
        same(planned(planner, scene, memory), wanted)
    assert searches == {"imitate": 2, "hand_over": 2}  # one without memory, one with
    planned(planner, scene, memory)
    assert searches == {"imitate": 3, "hand_over": 3}  # and again after FRAMES


def test_an_object_that_is_carried_takes_its_grasps_along(planner, scene, searches):
    memory = GraspMemory()
    planned(planner, scene, memory)
    away = carried(scene, [0.3, -0.5, 0.2], [0.2, -0.1, 0.15])
    found = planned(planner, away, memory)
    assert searches == {"imitate": 1, "hand_over": 1}
    same(found, planned(planner, away))


def test_a_hand_that_slips_is_measured_anew_and_one_that_moves_is_searched_for_anew(planner, scene, searches):
    memory = GraspMemory()
    planned(planner, scene, memory)
    seen = slipped(scene, np.array([0, 0, 0.4 * MOVED]))
    found = planned(planner, seen, memory)
    assert searches == {"imitate": 1, "hand_over": 1}
    thing = seen.objects[0]
    pose = rigid(thing.rotation, thing.translation)
    hand = hand_shape(seen.hands[0], planner.hand_model).moved(inverse(pose))
    obstacle = hand_obstacle(hand, planner.settings)
    overs = [one for one in found if one.mode == "handover"]
    assert overs
    for one in overs:
        (room,) = hand_clearance(obstacle, [(one.pose_in_object, one.width)], planner.gripper, planner.settings)
        assert one.hand_clearance == pytest.approx(room)
        assert room >= planner.settings.clearance
    far = slipped(scene, np.array([1.2 * MOVED, 0, 0]))
    same(planned(planner, far, memory), planned(planner, far))
    assert searches == {"imitate": 3, "hand_over": 3}


def test_grasps_that_the_hand_came_too_near_to_are_left_out(planner, scene):
    """With a memory that would let a hand move anywhere."""
    memory = GraspMemory()
    overs = [one for one in planned(planner, scene, memory) if one.mode == "handover" and one.hand_clearance < 0.05]
    least = min(overs, key=lambda one: one.hand_clearance)
    toward = least.pose[:3, 3] - scene.hands[0].vertices.mean(0)
    onto = slipped(scene, toward)
    memory._searches["handover"].joints = hand_shape(onto.hands[0], planner.hand_model).moved(
        inverse(rigid(onto.objects[0].rotation, onto.objects[0].translation))
    ).joints  # fmt: skip
    left = [one for one in planned(planner, onto, memory) if one.mode == "handover"]
    assert all(one.hand_clearance >= planner.settings.clearance for one in left)
    assert not any(np.allclose(one.pose, least.pose, atol=1e-6) for one in left)


def test_a_hand_that_lost_its_hold_is_searched_for_anew(planner, scene, searches):
    """Though it has hardly moved: contacts are asked for in every frame."""
    memory = GraspMemory()
    planned(planner, scene, memory)
    away = slipped(scene, np.array([0.7 * MOVED, 0, 0]))  # to where thumb and fingers oppose each other no more
    fresh = planner.plan_hand(away.hands[0], away.objects[0], ("imitate",))
    again = planner.plan_hand(away.hands[0], away.objects[0], ("imitate",), memory=memory)
    assert searches["imitate"] == 3
    assert [refusal.reason for refusal in again.refusals] == [refusal.reason for refusal in fresh.refusals]
    assert [one.score for one in again.candidates] == [one.score for one in fresh.candidates]


def test_a_covariance_that_changed_is_searched_for_anew_where_grasps_suffer(planner, scene, searches):
    """The pose was known well, and then it is uncertain across the best grasp's jaws."""

    def uncertain(direction, deviation):
        covariance = np.diag([0.001**2] * 3 + [1e-8] * 3)
        covariance[:3, :3] += deviation**2 * np.outer(direction, direction)
        return replace(scene, objects=(replace(scene.objects[0], covariance=covariance),))

    vague = planner.with_settings(replace(planner.settings, position_limit=1.0, count=1))
    memory = GraspMemory()
    sure = planned(vague, uncertain([0, 0, 1.0], 0.0), memory)
    across = next(one for one in sure if one.mode == "handover").pose[:3, 0]
    turned = uncertain(across, 0.05)
    fresh = planned(vague, turned)
    before = dict(searches)
    again = planned(vague, turned, memory)
    assert searches["hand_over"] == before["hand_over"] + 1
    best = [next(one.score for one in plan if one.mode == "handover") for plan in (again, fresh)]
    assert best[0] == pytest.approx(best[1])


def test_a_memory_of_another_object_or_gripper_is_none(planner, scene, searches):
    memory = GraspMemory()
    planned(planner, scene, memory)
    can = replace(scene, objects=(replace(scene.objects[0], name="002_master_chef_can"),))
    assert [one.pose.tolist() for one in planned(planner, can, memory)] == [
        one.pose.tolist() for one in planned(planner, can)
    ]
    other = GraspPlanner(load_gripper("robotiq_2f_85"), planner.hand_model, planner.catalogue, planner.settings)
    memory = GraspMemory()
    planned(planner, scene, memory)
    same(planned(other, scene, memory), planned(other, scene))


def test_a_follower_searches_once_and_forgets_when_it_is_told_to(planner, scene, searches):
    follower = GraspFollower(planner, Steadiness(frames=3))
    for k in range(5):
        result = follower.add(0.1 * k, slipped(scene, np.random.default_rng(k).normal(0, 0.0002, 3)), BOTH)
    assert result.grasps
    assert searches == {"imitate": 1, "hand_over": 1}
    follower.add(0.5, replace(scene, hands=(), objects=()), BOTH)
    follower.add(0.6, scene, BOTH)  # a hand that was away may be another
    assert searches == {"imitate": 2, "hand_over": 2}
    follower.reset()
    follower.add(0.7, scene, BOTH)
    assert searches == {"imitate": 3, "hand_over": 3}
