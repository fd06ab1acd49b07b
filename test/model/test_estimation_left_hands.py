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

"""Beside a left hand the object comes out where it is, whatever the network was taught to call its mirror image."""

import numpy as np
import pytest
import torch
from pretend_networks import MIRROR, KnowingNetwork, Truth
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hoisdf_model.data.labelled_frames import FieldSamples, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.samples.labelled_views import right_handed
from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.geometry import boxes
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import NetworkConfig, load_preset
from hoisdf_model.objects import load_catalogue, mirror_plane
from hoisdf_model.synthesis import BagSettings
from hoisdf_model.synthesis import prepare as prepare_play
from hoisdf_model.synthesis.plays.filming import CAMERA, truth

MODEL = load_hand_model("test/data/fake_mano_right.npz")
LAYER = HandLayer(MODEL)
MUG, BANANA, DRILL, CAN, PITCHER = "025_mug", "011_banana", "035_power_drill", "005_tomato_soup_can", "019_pitcher_base"
# Across which axis each object's mirror plane lies, by looking at it: the mug's through its handle (x) and upright (z);
# the banana and the drill lie flat on z = constant; the can stands upright, so across x as across y.
ACROSS = {MUG: 1, BANANA: 2, DRILL: 2, CAN: 0}
CATALOGUE = load_catalogue()
M4 = np.diag([-1.0, 1.0, 1.0, 1.0])


def random_pose(seed):
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = (
        Rotation.random(rng=rng).as_matrix(),
        rng.uniform((-0.03, -0.08, 0.5), (0.13, 0.08, 0.7)),
    )
    return pose


def in_the_mirror(name, pose):
    """(4, 4): where the object itself looks as the mirror shows it; the plane is halfway through the bounding box."""
    axis, middle = ACROSS[name], CATALOGUE.get(name).mesh.bounds.mean(0)
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, 2 * middle[axis]
    seen = M4 @ pose @ flip
    vertices = np.asarray(CATALOGUE.mesh(name).sample(4000, seed=1))
    shown = (vertices @ pose[:3, :3].T + pose[:3, 3]) * MIRROR
    gap, _ = cKDTree(shown).query(vertices @ seen[:3, :3].T + seen[:3, 3])
    assert np.median(gap) < 0.003  # the same surface, sampled twice
    assert np.linalg.det(seen[:3, :3]) == pytest.approx(1)
    return seen


def estimated(name, seen, config=None, hand=None, catalogue=None, rooted=True, **known):
    """The object beside a left hand, of a network that gives the pose ``seen`` in the mirror's world."""
    if hand is None:
        mesh = LAYER(torch.eye(3).expand(1, 16, 3, 3), torch.zeros(1, 10))
        place = seen[:3, 3] + [0.02, 0.03, 0.01]
        hand = [(part[0].numpy() + place) * MIRROR for part in (mesh.joints, mesh.vertices)]
    joints, vertices = hand
    world = Truth(
        joints * MIRROR, vertices * MIRROR, np.tile(np.eye(3), (16, 1, 1)), np.zeros(10),
        Rotation.from_matrix(seen[:3, :3]).as_rotvec(), seen[:3, 3],
    )  # fmt: skip
    prior = Prior(
        hand_box=boxes.around(CAMERA.project(joints), 1.2), side="left", object_name=name,
        root=joints[0] if rooted else None,
    )  # fmt: skip
    estimator = Estimator(KnowingNetwork([world], known), config or NetworkConfig(), MODEL, catalogue=catalogue)
    (thing,) = estimator(Frame(np.full((480, 640, 3), 128, np.uint8), CAMERA), prior).objects
    return thing


def pose_of(thing):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = thing.rotation, thing.translation
    return pose


def assert_same_pose(name, found, pose):
    """Up to the turns that the object declares; the steps of a continuous one are told by where the surface is."""
    symmetries = CATALOGUE.get(name).symmetry.transforms(720)
    differences = np.abs(np.linalg.inv(pose) @ found - symmetries).max((1, 2))
    # half a step of a whole turn is 0.0044 rad; what declares no symmetry must agree to rounding
    assert differences.min() < (1e-5 if len(symmetries) == 1 else 0.005)


@pytest.mark.parametrize("name", [MUG, BANANA, DRILL, CAN])
@pytest.mark.parametrize("preset", ["compact", "dexycb", "ho3d", "ho3d_render"])
def test_an_object_taken_for_itself_comes_out_where_it_is(name, preset):
    config = load_preset(preset)
    for seed in range(3):
        pose = random_pose(seed)
        assert_same_pose(name, pose_of(estimated(name, in_the_mirror(name, pose), config)), pose)


def test_a_recorded_left_hands_mug_comes_out_where_it_was():
    play = prepare_play(BagSettings(objects=(MUG,), seconds=2.0, rate=5.0, seed=4, side="left")).play
    held = np.flatnonzero(play.held)
    assert len(held) > 2
    for index in held:
        told = truth(play, index)
        (hand,), (thing,) = told.hands, told.objects
        assert hand.side == "left"
        seen = in_the_mirror(MUG, pose_of(thing))
        assert_same_pose(MUG, pose_of(estimated(MUG, seen, hand=(hand.joints, hand.vertices))), pose_of(thing))


@pytest.mark.parametrize("name", [MUG, BANANA, DRILL, CAN])
def test_what_training_calls_the_object_in_the_mirror_is_undone(name):
    """Also where the print is: of several planes the labels' own is taken."""
    pose = random_pose(7)
    no_samples = FieldSamples(np.zeros((0, 3)), np.zeros(0))
    frame = LabelledFrame(
        np.zeros((480, 640, 3), np.uint8),
        CAMERA,
        HandLabel("left", np.tile(pose[:3, 3], (21, 1)), no_samples),
        ObjectLabel(name, pose, np.zeros((8, 3)), no_samples, reflection=mirror_plane(CATALOGUE.mesh(name))),
    )
    label = right_handed(frame).object.pose
    np.testing.assert_allclose(pose_of(estimated(name, label, load_preset("compact"))), pose, atol=1e-6)


@pytest.mark.parametrize("name", [MUG, BANANA, DRILL, CAN, PITCHER, "gear", ""])
def test_a_network_taught_the_released_codes_labels_has_them_undone(name):
    """Its loader changes a left hand's object by rule: t.x -> -t.x, axis-angle (x, y, z) -> (x, -y, -z)."""
    pose = random_pose(3)
    seen = np.eye(4)
    turn = Rotation.from_matrix(pose[:3, :3]).as_rotvec() * [1, -1, -1]
    seen[:3, :3], seen[:3, 3] = Rotation.from_rotvec(turn).as_matrix(), pose[:3, 3] * [-1, 1, 1]
    np.testing.assert_allclose(pose_of(estimated(name, seen, load_preset("dexycb_full"))), pose, atol=1e-6)


@pytest.mark.parametrize("name", [PITCHER, "gear", ""])
def test_an_object_without_a_plane_or_unknown_is_posed_as_its_mirror_image(name):
    """The points of the shape mirrored in x = 0 lie where the mirror shows what the network sees."""
    seen, point = random_pose(4), np.array([0.03, -0.02, 0.05])
    found = pose_of(estimated(name, seen, load_preset("compact")))
    shown = (seen[:3, :3] @ point + seen[:3, 3]) * MIRROR
    np.testing.assert_allclose(found[:3, :3] @ (point * MIRROR) + found[:3, 3], shown, atol=1e-6)


def test_a_rough_scan_of_a_known_object_has_its_look_alikes_plane_and_a_lost_one_none(tmp_path):
    mesh = CATALOGUE.mesh(MUG).copy()
    mesh.vertices = mesh.vertices + np.random.default_rng(0).normal(0, 0.001, mesh.vertices.shape)
    mesh.export(tmp_path / f"{MUG}.ply")
    mesh.export(tmp_path / "mine.ply")
    assert mirror_plane(mesh) is None
    pose = random_pose(5)
    seen = in_the_mirror(MUG, pose)
    scanned = load_catalogue(tmp_path)
    np.testing.assert_allclose(pose_of(estimated(MUG, seen, catalogue=scanned)), pose, atol=1e-5)
    # nobody knows a plane of this one
    np.testing.assert_allclose(pose_of(estimated("mine", seen, catalogue=scanned)), M4 @ seen @ M4, atol=1e-6)
    lost = load_catalogue(tmp_path)
    (tmp_path / "mine.ply").unlink()
    np.testing.assert_allclose(pose_of(estimated("mine", seen, catalogue=lost)), M4 @ seen @ M4, atol=1e-6)


def test_a_rotation_that_is_uncertain_makes_the_moved_origin_uncertain_too():
    """Against random poses around what the network says, taken back one by one."""
    can = CATALOGUE.get(CAN).mesh.copy()
    can.apply_translation([0.1, 0.0, 0.0])  # its frame's origin is outside of it, far from its plane
    plane = mirror_plane(can)
    assert plane[0, 3] == pytest.approx(0.2, abs=1e-3)

    class Moved:
        """A catalogue of one can."""

        def __contains__(self, name):
            return name == "can"

        def mirror_plane(self, name):
            return plane

    seen, spread, drift = random_pose(6), 0.02, 0.004
    known = {"object_rotation_spread": np.array([spread]), "object_translation_spread": np.array([drift])}
    found = estimated("can", seen, catalogue=Moved(), rooted=False, **known)
    # with the origin where it was, it is of the wrist and of the two spreads alone
    still = estimated("can", seen, load_preset("dexycb_full"), catalogue=Moved(), rooted=False, **known)
    rng, poses = np.random.default_rng(0), np.tile(seen, (20000, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(rng.normal(0, spread / 3**0.5, (20000, 3))).as_matrix() @ seen[:3, :3]
    poses[:, :3, 3] += rng.normal(0, drift / 3**0.5, (20000, 3))
    poses, middle = M4 @ poses @ plane, pose_of(found)
    turns = Rotation.from_matrix(poses[:, :3, :3] @ middle[:3, :3].T).as_rotvec()
    drawn = np.cov(np.hstack([poses[:, :3, 3], turns]).T)
    wrist = still.covariance[:3, :3] - drift**2 / 3 * np.eye(3)
    expected = found.covariance.copy()
    expected[:3, :3] -= wrist
    # a covariance from 20,000 draws is right to 1 % of the variances
    sigma = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(drawn / np.outer(sigma, sigma), expected / np.outer(sigma, sigma), atol=0.04)
    # a turn about the way from the old origin to the new one, 0.2 m, moves nothing; one about another axis does
    assert np.trace(expected[:3, :3]) == pytest.approx(drift**2 + 2 / 3 * (0.2 * spread) ** 2, rel=0.01)
