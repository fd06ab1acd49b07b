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

"""Grasps over several frames: given out when they agree, averaged, and never without a look at the newest frame."""

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from grasping_solids import held
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError, GraspError
from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping import (
    GraspFollower,
    GraspPlanner,
    GraspSettings,
    Steadiness,
    SteadyGrasp,
    drawn_back,
    hand_shape,
    load_gripper,
    moved,
)
from hoisdf_model.grasping.candidates import angle_between
from hoisdf_model.grasping.handover import hand_clearance, hand_obstacle
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import load_library

BOTTLE, CAN = 36, 24  # numbers of grasps in the shipped library


@pytest.fixture(scope="module")
def planner():
    return GraspPlanner(load_gripper("franka_hand"), load_hand_model(), load_catalogue(), GraspSettings(count=4))


@pytest.fixture(scope="module")
def library():
    return load_library(str(resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"))


@pytest.fixture(scope="module")
def scene(library):
    return held(library, BOTTLE, load_hand_model())


def carried(estimate: Estimate, shift, turn) -> Estimate:
    """Hand and object moved together in front of the camera."""
    rotation = Rotation.from_rotvec(turn).as_matrix()
    hand, thing = estimate.hands[0], estimate.objects[0]

    def point(points):
        return (points - thing.translation) @ rotation.T + thing.translation + shift

    hand = replace(hand, joints=point(hand.joints), vertices=point(hand.vertices).astype(np.float32))
    thing = replace(thing, rotation=rotation @ thing.rotation, translation=point(thing.translation))
    return replace(estimate, hands=(hand,), objects=(thing,))


def slipped(estimate: Estimate, shift) -> Estimate:
    """The hand alone moved: an error of the estimate."""
    hand = estimate.hands[0]
    return replace(estimate, hands=(replace(hand, joints=hand.joints + shift, vertices=hand.vertices + shift),))


def test_a_grasp_is_given_when_enough_frames_have_it_wherever_the_object_is_carried(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=3))
    for k, shift in enumerate([(0, 0, 0), (0.1, 0.02, 0.05), (0.2, -0.05, 0.1)]):
        seen = carried(scene, np.array(shift), np.array([0.1, 0.3, -0.2]) * k)
        result = follower.add(0.1 * k, seen, ("imitate",))
        assert bool(result.grasps) == (k == 2)
        assert bool(result.waiting) == (k < 2)
    best = result.grasps[0]
    assert (best.frames, best.used) == (3, 3)
    expected = planner.plan(scene, ("imitate",)).candidates[0].pose_in_object
    assert np.linalg.norm(best.candidate.pose_in_object[:3, 3] - expected[:3, 3]) < 0.005
    assert angle_between(best.candidate.pose_in_object, expected) < 0.1
    thing = seen.objects[0]
    np.testing.assert_allclose(
        best.candidate.pose, rigid(thing.rotation, thing.translation) @ best.candidate.pose_in_object, atol=1e-12
    )


def test_the_same_frame_again_and_again_gives_the_planners_own_grasps(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=2))
    follower.add(0.0, scene, ("imitate", "handover"))
    result = follower.add(0.1, scene, ("imitate", "handover"))
    wanted = planner.plan(scene, ("imitate", "handover")).candidates
    assert [one.candidate.score for one in result.grasps] == [one.score for one in wanted][: len(result.grasps)]
    for one, other in zip(result.grasps, wanted, strict=False):
        np.testing.assert_array_equal(one.candidate.pose, other.pose)
        np.testing.assert_allclose(one.position_spread, 0, atol=1e-12)


def test_agreement_must_last_for_the_time_asked_for(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=2, seconds=1.0))
    given = [bool(follower.add(t, scene, ("imitate",)).grasps) for t in (0.0, 0.3, 0.6, 0.9, 1.2)]
    assert given == [False, False, False, False, True]


def test_one_frame_without_a_hand_among_many_is_survived_and_reset_is_not(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=2))
    for t in (0.0, 0.1):
        follower.add(t, scene, ("imitate",))
    gap = follower.add(0.2, Estimate(), ("imitate",))
    assert (gap.grasps, gap.plan.refusals[0].reason) == ((), "no_hand")
    assert follower.add(0.3, scene, ("imitate",)).grasps
    follower.reset()
    assert not follower.add(0.4, scene, ("imitate",)).grasps


def test_a_mean_hand_over_keeps_its_clearance_to_the_hand_of_the_newest_frame(planner, scene):
    """The hand of every frame is off by up to a centimetre; what is given is clear of the last one's."""
    follower, rng = GraspFollower(planner, Steadiness(frames=3)), np.random.default_rng(0)
    given = 0
    for k in range(6):
        seen = slipped(scene, rng.normal(0, 0.004, 3).astype(np.float32))
        object_pose = rigid(seen.objects[0].rotation, seen.objects[0].translation)
        hand = hand_shape(seen.hands[0], planner.hand_model).moved(np.linalg.inv(object_pose))
        for grasp in follower.add(0.1 * k, seen, ("handover",)).grasps:
            one = grasp.candidate
            obstacle = hand_obstacle(hand, planner.settings)
            (gap,) = hand_clearance(obstacle, [(one.pose_in_object, one.width)], planner.gripper, planner.settings)
            assert gap >= planner.settings.clearance - 1e-9
            given += 1
    assert given > 3


@pytest.fixture(scope="module")
def two_hands(library):
    """Two right hands side by side, with a bottle and with a can."""
    model = load_hand_model()
    one, other = held(library, BOTTLE, model), held(library, CAN, model, shift=(0.4, 0.0, 0.6))
    things = tuple(replace(thing, side="right") for thing in one.objects + other.objects)
    return Estimate(one.hands + other.hands, things)


def test_grasps_stay_wherever_in_the_estimate_their_hands_are(planner, two_hands):
    """Hands change places as estimates list those with an object first, and the surest of these."""
    planner = planner.with_settings(replace(planner.settings, symmetric=0))  # else the can's images come first
    follower = GraspFollower(planner, Steadiness(frames=3))
    for k in range(3):
        turned = slice(None, None, -1 if k % 2 else 1)
        seen = replace(two_hands, hands=two_hands.hands[turned], objects=two_hands.objects[turned])
        result = follower.add(0.1 * k, seen, ("imitate",))
    assert {one.candidate.object_name for one in result.grasps} == {thing.name for thing in two_hands.objects}
    for grasp in result.grasps:
        assert seen.held_by(grasp.hand).name == grasp.candidate.object_name
        assert grasp.candidate.side == "right"


def test_a_hand_that_came_first_before_leaves_the_grasps_of_the_other(planner, two_hands):
    follower = GraspFollower(planner, Steadiness(frames=2))
    follower.add(0.0, two_hands, ("imitate",))
    gone = replace(two_hands, hands=two_hands.hands[1:], objects=two_hands.objects[1:])
    names = [one.candidate.object_name for one in follower.add(0.1, gone, ("imitate",)).grasps]
    assert set(names) == {two_hands.objects[1].name}


def test_objects_in_another_order_than_their_hands_are_grasped_where_they_are(planner, scene):
    """An object of the left hand, out of reach, stands first in the list."""
    (thing,) = scene.objects
    far = replace(thing, side="left", translation=thing.translation + 1)
    seen = replace(scene, objects=(far, replace(thing, side="right")))
    wanted, found = planner.plan(scene, ("imitate",)), planner.plan(seen, ("imitate",))
    assert len(wanted.candidates) > 0
    np.testing.assert_array_equal([c.pose for c in found.candidates], [c.pose for c in wanted.candidates])
    assert planner.plan(replace(seen, objects=(far,)), ("imitate",)).refusals[0].reason == "no_object"


def test_the_best_stays_the_best_until_another_is_better_by_a_ninth(planner, scene):
    """Of several within reach of the one before the nearest counts as it, not the one that scores best."""
    one = planner.plan(scene, ("imitate",)).candidates[0]
    follower = GraspFollower(planner, Steadiness(frames=1))

    def best(*grasps):
        """Where, along x of the object in mm, the best of these is: (mm, score) each."""
        found, key = [], ("right", one.object_name, 0, "imitate")
        for place, score in grasps:
            pose = one.pose_in_object.copy()
            pose[0, 3] += 0.001 * place
            candidate = replace(one, pose_in_object=pose, score=score)
            found.append((key, SteadyGrasp(candidate, 0, np.zeros(3), np.zeros(3), 1, 1)))
        return round(1000 * (follower._ranked(found)[0].candidate.pose_in_object[0, 3] - one.pose_in_object[0, 3]))

    assert best((0, 0.80), (15, 0.79)) == 0
    assert best((0, 0.80), (15, 0.85)) == 0
    assert best((1, 0.80), (15, 0.85), (60, 0.88)) == 1
    assert best((1, 0.79), (60, 0.88)) == 60


def test_spread_is_in_the_covariance(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=3))
    for k in range(3):
        result = follower.add(0.1 * k, slipped(scene, np.float32([0.009 * k, 0, 0])), ("handover",))
    grasp = max(result.grasps, key=lambda one: np.linalg.norm(one.position_spread))
    turn = scene.objects[0].rotation
    added = turn @ np.diag(grasp.position_spread**2) @ turn.T
    assert np.linalg.norm(grasp.position_spread) > 0
    assert (np.diag(grasp.candidate.covariance)[:3] >= np.diag(added)).all()


def test_symmetric_objects_may_spin_between_frames(planner, library):
    """A can's rotation about its axis can't be seen; the grasp is the same."""
    can = held(library, CAN, load_hand_model())
    axis = planner.shape("005_tomato_soup_can").symmetry.axis
    assert axis is not None
    follower = GraspFollower(planner, Steadiness(frames=3))
    center = planner.shape("005_tomato_soup_can").symmetry.center
    for k in range(3):
        spin = Rotation.from_rotvec(1.3 * k * axis).as_matrix()
        thing = can.objects[0]
        turned = replace(
            thing,
            rotation=thing.rotation @ spin,
            translation=thing.translation + thing.rotation @ (center - spin @ center),
        )
        result = follower.add(0.1 * k, replace(can, objects=(turned,)), ("imitate",))
    assert result.grasps


def test_a_captured_grasp_needs_an_object(planner, scene):
    follower = GraspFollower(planner, Steadiness(frames=1))
    alone = replace(scene, objects=())
    grasp = follower.add(0.0, alone, ("hand_only",)).grasps[0]
    with pytest.raises(GraspError, match="no object is known"):
        follower.recorded(grasp, alone)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"seconds": -1.0}, {"distance": 0.0}, {"angle": 0.0}])
def test_steadiness_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="at least"):
        Steadiness(**wrong)


def test_a_grasp_in_another_frame_by_random_points(planner, scene):
    """A point of the tool is the same point; the covariance of its position is that of turned samples."""
    one = planner.plan(scene, ("imitate",)).candidates[0]
    spread = np.diag([1.0, 4.0, 9.0, 0.1, 0.2, 0.3])
    transform = rigid(Rotation.from_euler("xyz", [0.4, -1.0, 2.0]).as_matrix(), np.array([1.0, 2.0, 3.0]))
    other = moved(replace(one, covariance=spread), transform)
    point = np.array([0.1, 0.2, 0.3, 1.0])
    np.testing.assert_allclose(other.pose @ point, transform @ (one.pose @ point), atol=1e-12)
    samples = np.random.default_rng(0).multivariate_normal(np.zeros(6), spread, 200_000)
    turned = np.concatenate([samples[:, :3] @ transform[:3, :3].T, samples[:, 3:] @ transform[:3, :3].T], 1)
    np.testing.assert_allclose(other.covariance, np.cov(turned.T), atol=0.1)
    unknown = moved(replace(one, covariance=-np.eye(6)), transform)
    assert unknown.covariance[0, 0] == -1


def test_the_approach_begins_behind_the_palm(planner, scene):
    pose = planner.plan(scene, ("imitate",)).candidates[0].pose
    before = drawn_back(pose, 0.1)
    np.testing.assert_allclose(np.linalg.inv(pose) @ before, rigid(np.eye(3), np.array([0, 0, -0.1])), atol=1e-12)
