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

"""A named object is moved to where its mask and the hand say that it is, and nothing else is."""

import gc
import tracemalloc
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
import trimesh
from pretend_networks import KnowingNetwork, Truth
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Frame, ObjectEstimate, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.estimation.object_fitting import fitted
from hoisdf_model.estimation.object_refinement import ObjectRefinement, evidence_of, shape_of
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import load_hand_model
from hoisdf_model.network import Calibration, NetworkConfig
from hoisdf_model.objects import load_catalogue

CATALOGUE = load_catalogue()
MUG, DRILL, PITCHER = "025_mug", "035_power_drill", "019_pitcher_base"
SIZE = 80  # pixels, edge of the masks
MATRIX = np.array([[150.0, 0, 39.5], [0, 150.0, 39.5], [0, 0, 1]])
FAR_HAND = np.full((10, 3), 5.0)  # metres away from everything
CALIBRATION = Calibration(0.35, 0.03, 0.02, 100, "frames made up for a test")
CAMERA = Pinhole(600, 610, 322, 243, 640, 480)
MODEL = load_hand_model("test/data/fake_mano_right.npz")


def drawn(mesh, pose, matrix, size=SIZE):
    """The mesh's outline by OpenCV, one filled triangle after the other: (size, size) of 0 and 1."""
    turn, _ = cv2.Rodrigues(pose[:3, :3])
    corners, _ = cv2.projectPoints(np.asarray(mesh.vertices), turn, pose[:3, 3], matrix, None)
    mask = np.zeros((size, size), np.uint8)
    for triangle in np.round(corners.reshape(-1, 2)[mesh.faces]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask.astype(float)


def pose_at(seed, place=(0.0, 0.0, 0.55)):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.random(rng=np.random.default_rng(seed)).as_matrix(), place
    return pose


def shaken(pose, seed, degrees=15.0, metres=0.02):
    """The pose turned about any axis and moved across the ray."""
    rng = np.random.default_rng(seed)
    axis, across = rng.normal(size=3), np.append(rng.normal(size=2), 0.0)
    off = pose.copy()
    off[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix() @ pose[:3, :3]
    off[:3, 3] += metres * across / np.linalg.norm(across)
    return off


def apart(mesh, pose, other):
    """Metres from the surface in one pose to that in the other, as ADD-S has it."""
    points = np.asarray(mesh.sample(1500, seed=0))
    first, second = (points @ p[:3, :3].T + p[:3, 3] for p in (pose, other))
    return cKDTree(second).query(first)[0].mean()


def fit(mesh, masks, start, hand=FAR_HAND, turn=0.3, place=0.03, seen=None):
    result = start.copy()
    evidence = evidence_of(masks, MATRIX, hand, seen)
    result[:3, :3], result[:3, 3] = fitted(shape_of(mesh), evidence, start[:3, :3], start[:3, 3], turn, place)
    return result


@pytest.mark.parametrize("name", [MUG, DRILL, "006_mustard_bottle"])
def test_poses_come_nearer_to_where_the_outline_is_seen(name):
    """Every outline fits better; of the poses, which an outline doesn't tell alone, the mean is nearer."""
    mesh, gaps = CATALOGUE.mesh(name), []
    for seed in range(5):
        pose = pose_at(seed)
        start, mask = shaken(pose, seed), drawn(mesh, pose, MATRIX)
        found = fit(mesh, np.stack([np.zeros_like(mask), mask]), start)
        assert np.linalg.det(found[:3, :3]) == pytest.approx(1)
        wrong = [np.abs(drawn(mesh, p, MATRIX) - mask).sum() for p in (start, found)]
        assert wrong[1] < wrong[0]
        gaps.append([apart(mesh, p, pose) for p in (start, found)])
    before, after = np.mean(gaps, 0)
    assert after < before


def test_what_the_hand_hides_need_not_be_seen():
    """Half of the object is behind the hand: the pose that is right stays, where a mask alone would pull it aside."""
    mesh, pose = CATALOGUE.mesh("006_mustard_bottle"), pose_at(1)
    mask = drawn(mesh, pose, MATRIX)
    hidden = mask * (np.arange(SIZE)[:, None] < 40)
    alone, with_hand = (
        fit(mesh, np.stack([hand, mask - hidden]), pose, turn=0.01)[:3, 3] for hand in (np.zeros_like(mask), hidden)
    )
    assert np.linalg.norm(with_hand - pose[:3, 3]) < 0.002
    assert np.linalg.norm(alone - pose[:3, 3]) > 0.004


def test_a_hand_inside_of_the_object_pushes_it_away():
    """Of a box the depth of a point is the distance to its nearest side."""
    half = np.array([0.04, 0.03, 0.05])
    mesh, pose = trimesh.creation.box(2 * half), np.eye(4)
    pose[:3, 3] = (0.0, 0.0, 0.55)
    rng = np.random.default_rng(0)
    hand = pose[:3, 3] + np.array([half[0] - 0.012, 0, 0]) + rng.uniform(-1, 1, (97, 3)) * [0.004, 0.01, 0.02]
    mask = drawn(mesh, pose, MATRIX)

    def deepest(found):
        local = (hand - found[:3, 3]) @ found[:3, :3]
        return max(0.0, float((half - np.abs(local)).min(1).max()))

    found = fit(mesh, np.stack([mask, mask]), pose, hand)
    assert deepest(pose) == pytest.approx(0.016, abs=0.001)
    assert deepest(found) < 0.6 * deepest(pose)
    assert found[0, 3] < -0.003  # away from the hand, which is in its right half


@pytest.mark.parametrize("x", [0.10, 0.12, 0.14, 0.16])
def test_a_true_pose_that_the_crop_cuts_stays(x):
    """Between nine and three tenths of the bottle lie inside of the crop; the mask shows these."""
    mesh, pose = CATALOGUE.mesh("006_mustard_bottle"), np.eye(4)
    pose[:3, 3] = [x, 0, 0.5] - mesh.bounds.mean(0)
    mask = drawn(mesh, pose, MATRIX)
    assert mask[:, -1].any()
    found = fit(mesh, np.stack([np.zeros_like(mask), mask]), pose)
    assert np.linalg.norm(found[:3, 3] - pose[:3, 3]) < 0.002


def test_a_true_pose_that_the_image_cuts_stays():
    """The crop reaches past the image, whose padding shows no object; taken for an image it would pull."""
    mesh, pose = CATALOGUE.mesh("006_mustard_bottle"), pose_at(1)
    seen = np.tile(np.arange(SIZE) < 42, (SIZE, 1))
    mask = drawn(mesh, pose, MATRIX) * seen
    known, unknown = (
        fit(mesh, np.stack([np.zeros_like(mask), mask]), pose, turn=0.01, seen=shown)[:3, 3] for shown in (seen, None)
    )
    assert np.linalg.norm(known - pose[:3, 3]) < 0.002
    assert np.linalg.norm(unknown - pose[:3, 3]) > 0.004


BROKEN = {
    "not a number in the translation": {"translation": np.full(3, np.nan)},
    "infinite translation": {"translation": np.array([np.inf, 0, 0.5])},
    "not a number in the rotation": {"rotation": np.full((3, 3), np.nan)},
    "at the camera": {"translation": np.zeros(3)},
    "behind the camera": {"translation": np.array([0, 0, -0.5])},
    "not a number in the hand": {"hand": np.full((10, 3), np.nan)},
    "hand without vertices": {"hand": np.zeros((0, 3))},
    "not a number in the mask": {"masks": np.full((2, SIZE, SIZE), np.nan)},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_not_usable_leaves_the_pose(broken):
    pose = pose_at(0)
    mask = drawn(CATALOGUE.mesh(MUG), shaken(pose, 0), MATRIX)
    given = {
        "rotation": pose[:3, :3], "translation": pose[:3, 3],
        "masks": np.stack([np.zeros_like(mask), mask]), "hand": FAR_HAND,
    }  # fmt: skip
    refine = ObjectRefinement(CATALOGUE, CALIBRATION)

    def same(rotation, translation, masks, hand):
        thing = ObjectEstimate(MUG, 1.0, rotation, translation, np.eye(6), "right")
        return refine(thing, masks, MATRIX, hand) is thing

    assert not same(**given)
    assert same(**given | broken)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_mask_of_nothing_or_everything_leaves_the_pose(value):
    thing = ObjectEstimate(MUG, 1.0, pose_at(0)[:3, :3], np.array([0.0, 0.0, 0.5]), np.eye(6), "right")
    refine = ObjectRefinement(CATALOGUE, CALIBRATION)
    assert refine(thing, np.full((2, SIZE, SIZE), value), MATRIX, FAR_HAND) is thing


@pytest.mark.parametrize("name", ["", "a thing that no catalogue has"])
def test_an_object_without_a_mesh_stays_as_it_is(name):
    pose = pose_at(0)
    thing = ObjectEstimate(name, 1.0, pose[:3, :3], pose[:3, 3], np.eye(6), "right")
    mask = drawn(CATALOGUE.mesh(MUG), shaken(pose, 0), MATRIX)
    assert ObjectRefinement(CATALOGUE, CALIBRATION)(thing, np.stack([mask, mask]), MATRIX, FAR_HAND) is thing


def test_unknown_names_are_not_remembered():
    refine = ObjectRefinement(CATALOGUE, CALIBRATION)
    refine.shape(MUG)
    gc.collect()
    tracemalloc.start()
    for number in range(2000):
        assert refine.shape(f"unknown {number}") is None
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 50_000  # the names alone would take more


@dataclass
class OutliningNetwork(KnowingNetwork):
    """Shows the object where it is, in whatever crop it is given, while it poses it elsewhere."""

    name: str = MUG
    pose: np.ndarray = field(default_factory=lambda: np.eye(4))

    def __call__(self, batch, features=None):
        size = batch.image.shape[-1]
        shown = drawn(CATALOGUE.mesh(self.name), self.pose, batch.intrinsics[0].double().numpy(), size)
        shown *= batch.image[0].amax(0).numpy() > 0.25  # the frame is grey, what lies beyond it black
        mask = cv2.resize(shown, (size // 2, size // 2), interpolation=cv2.INTER_AREA)
        self.known["maps"] = np.stack([np.zeros_like(mask), np.zeros_like(mask), mask])[None]
        return super().__call__(batch, features)


def estimated(name, side, refines, place=(0.05, 0.02, 0.6), degrees=15.0, metres=0.02):
    """The true pose and the estimate, of a network whose object's pose is off."""
    pose, flip = pose_at(3, place), np.eye(4)
    if side == "left":  # the mug is its own mirror image across y, halfway through its box
        flip[1, 1], flip[1, 3] = -1, 2 * CATALOGUE.get(name).mesh.bounds.mean(0)[1]
    mirror = np.diag([-1.0, 1, 1, 1]) if side == "left" else np.eye(4)
    seen = mirror @ pose @ flip
    off = shaken(seen, 5, degrees, metres)
    joints = np.random.default_rng(0).normal(0, 0.03, (21, 3)) + pose[:3, 3] + [0.09, 0.0, 0.0]
    vertices = np.repeat(joints, 38, 0)[:778]
    world = joints * np.diag(mirror)[:3], vertices * np.diag(mirror)[:3]
    truth = Truth(
        *world, np.tile(np.eye(3), (16, 1, 1)), np.zeros(10), Rotation.from_matrix(off[:3, :3]).as_rotvec(), off[:3, 3]
    )
    network = OutliningNetwork([truth], name=name, pose=seen)
    estimator = Estimator(network, NetworkConfig(), MODEL, catalogue=CATALOGUE, calibration=CALIBRATION)
    estimator.refines_objects = refines
    prior = Prior(
        hand_box=boxes.around(CAMERA.project(joints), 1.2),
        object_box=boxes.around(CAMERA.project(CATALOGUE.mesh(name).vertices @ pose[:3, :3].T + pose[:3, 3])),
        root=joints[0], side=side, object_name=name,
    )  # fmt: skip
    return pose, estimator(Frame(np.full((480, 640, 3), 128, np.uint8), CAMERA), prior)


def pose_of(estimate):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = estimate.objects[0].rotation, estimate.objects[0].translation
    return pose


@pytest.mark.parametrize("side", ["right", "left"])
def test_an_estimators_object_comes_nearer_to_the_truth_and_the_rest_stays(side):
    truth, before = estimated(MUG, side, refines=False)
    _, after = estimated(MUG, side, refines=True)
    mesh = CATALOGUE.mesh(MUG)
    assert apart(mesh, pose_of(after), truth) < apart(mesh, pose_of(before), truth)
    np.testing.assert_array_equal(after.objects[0].covariance, before.objects[0].covariance)
    np.testing.assert_array_equal(after.hands[0].vertices, before.hands[0].vertices)
    assert "refine" in after.timing
    assert "refine" not in before.timing


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("y", [-0.22, 0.26])
def test_an_estimators_object_that_the_image_cuts_stays(side, y):
    """A third or two of the mug, whose pose is right, are in the image, which ends within the crop."""
    truth, found = estimated(MUG, side, refines=True, place=(0.05, y, 0.6), degrees=0.0, metres=0.0)
    rows = CAMERA.project(CATALOGUE.mesh(MUG).vertices @ truth[:3, :3].T + truth[:3, 3])[:, 1]
    assert 0.3 < ((rows > 0) & (rows < CAMERA.height)).mean() < 0.7
    moved = np.linalg.norm(pose_of(found)[:3, 3] - truth[:3, 3])
    assert 0 < moved < 0.004  # what the hand pushes, too


def test_never_leaves_what_the_network_says():
    truth, before = estimated(MUG, "right", refines=False)
    np.testing.assert_allclose(pose_of(before), shaken(truth, 5), atol=1e-6)


def test_an_object_that_comes_back_as_its_mirror_image_is_left_alone():
    """The pitcher has no mirror plane: beside a left hand its mesh isn't what lies in the estimated pose."""
    _, before = estimated(PITCHER, "left", refines=False)
    _, after = estimated(PITCHER, "left", refines=True)
    np.testing.assert_array_equal(pose_of(after), pose_of(before))


def test_a_calibration_says_by_default_whether_objects_are_refined():
    for calibration in (CALIBRATION, None):
        network = KnowingNetwork([])
        estimator = Estimator(network, NetworkConfig(), MODEL, catalogue=CATALOGUE, calibration=calibration)
        assert estimator.refines_objects is (calibration is not None)


@pytest.mark.parametrize(("wanted", "refines"), [("auto", False), ("always", True), ("never", False)])
def test_refinement_of_objects_can_be_chosen(wanted, refines):
    estimator = Estimator.load("untrained:compact", device="cpu", object_refinement=wanted)
    assert estimator.refines_objects is refines


def test_an_unknown_refinement_of_objects_is_refused():
    with pytest.raises(ConfigError, match="object refinement must be one of auto, always, never, got 'yes'"):
        Estimator.load("untrained:compact", object_refinement="yes")
