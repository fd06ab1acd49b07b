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

"""Left hands are left ones, hold what they hold, and lie where their labels say; right ones stay as they were."""

from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch
import trimesh
from egl import requires_egl
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import BagReader
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.shards import ShardedFrames
from hoisdf_model.errors import ConfigError
from hoisdf_model.geometry import Pinhole, distances
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.objects import find_object, load_catalogue, mirror_plane
from hoisdf_model.synthesis import (
    HAND,
    BagSettings,
    Drawable,
    LibrarySettings,
    Lighting,
    Renderer,
    SceneSettings,
    Stills,
    StillSettings,
    build_library,
    write_dataset,
)
from hoisdf_model.synthesis import prepare as prepare_play
from hoisdf_model.synthesis.stills.still import OBJECT

MODEL = load_hand_model()
LEFT = MODEL.mirrored()  # a left hand model in its own right: its test compares it with MANO's rules
COUNT = 12
MUG = "025_mug"  # has one mirror plane, y = 0: mirrored in x it would be another mug


def stills_of(path, left_hands):
    return Stills(StillSettings(str(path), seed=3, stage=SceneSettings(left_hands=left_hands)), MODEL)


@pytest.fixture(scope="module")
def library_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("left") / "train.npz"
    build_library(path, LibrarySettings(objects=(MUG, "021_bleach_cleanser"), shapes=0, per_object=4, hands=1), MODEL)
    return path


@pytest.fixture(scope="module")
def source(library_file):
    return stills_of(library_file, 1.0)


@pytest.fixture(scope="module")
def stills(source):
    return [source.still(index) for index in range(COUNT)]


@pytest.fixture(scope="module")
def studio():
    return prepare_play(BagSettings(objects=(MUG,), seconds=2.0, rate=5.0, seed=4, side="left"))


def is_left(joints):
    """By anatomy: a right hand seen on its palm with the fingers up has its thumb on the right."""
    across, up = joints[5] - joints[17], joints[9] - joints[0]  # little finger to index, wrist to middle finger
    bends = []
    for k in (5, 9, 13, 17):  # fingers bend towards the palm's side
        along, tip = joints[k + 1] - joints[k], joints[k + 3] - joints[k]
        bends.append(tip - along * (tip @ along) / (along @ along))
    return bool(np.cross(across, up) @ np.sum(bends, 0) < 0)


@pytest.mark.parametrize(
    "name", ["003_cracker_box", MUG, "035_power_drill", "024_bowl", "006_mustard_bottle", "037_scissors"]
)
def test_a_mirror_plane_leaves_the_shape_as_it_is(name):
    mesh = load_catalogue().mesh(name)
    plane = mirror_plane(mesh)
    if name == "037_scissors":
        assert plane is None  # one blade lies over the other
        return
    np.testing.assert_allclose(plane @ plane, np.eye(4), atol=1e-9)
    assert np.linalg.det(plane) == pytest.approx(-1)
    seen = trimesh.transform_points(np.asarray(mesh.vertices), plane)
    _, gap, _ = trimesh.proximity.closest_point(mesh, seen[::5])
    assert gap.max() < 0.001


def test_a_mirror_plane_is_found_wherever_it_lies_and_only_where_there_is_one():
    wedge = trimesh.Trimesh(
        [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.05]], [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]
    )
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [0.1, 0, 0.2])
    wedge.apply_transform(turn)
    normal = turn[:3, :3] @ np.array([1, -1, 0]) / np.sqrt(2)  # it exchanges the equal edges
    plane = mirror_plane(wedge)
    np.testing.assert_allclose(plane[:3, :3], np.eye(3) - 2 * np.outer(normal, normal), atol=1e-6)
    vertices = np.array(wedge.vertices)
    vertices[1] = 0.7 * vertices[1] + 0.3 * vertices[0]  # all edges differ now
    assert mirror_plane(trimesh.Trimesh(vertices, wedge.faces)) is None


def test_the_settings_of_before_are_described_as_before():
    """An unfinished data set and what is compared with it keep fitting together."""
    known = ("modes", "catalogue_share", "occluded", "clutter", "tables", "rings", "distances", "focal", "from_below")
    before = {name: value for name, value in asdict(SceneSettings()).items() if name in known}
    assert SceneSettings(left_hands=0.0, bare_arms=0.0, gestures=0.0).described() == before
    assert SceneSettings(left_hands=0.2, bare_arms=0.0, gestures=0.0).described() == {**before, "left_hands": 0.2}


def test_shares_are_kept_and_right_hands_stay_as_they_were(library_file):
    some, none = stills_of(library_file, 0.3), stills_of(library_file, 0.0)
    pairs = [(some.scene(index), none.scene(index)) for index in range(400)]
    lefts = [a.side == "left" for a, b in pairs if b.mode != "object"]
    assert np.mean(lefts) == pytest.approx(0.3, abs=0.07)  # three standard deviations
    for now, before in pairs:
        assert before.side == "right"
        if now.side == "right":
            np.testing.assert_array_equal(now.view, before.view)
            np.testing.assert_array_equal(now.hand_rotation, before.hand_rotation)
            assert (now.photo_seed, now.bare_arm) == (before.photo_seed, before.bare_arm)
    assert np.mean([b.bare_arm for _, b in pairs]) == pytest.approx(0.25, abs=0.07)


@requires_egl
def test_hands_are_left_ones_by_anatomy_and_say_so(library_file, stills):
    grasps = [still for still in stills if still.scene.mode == "grasp"]
    assert len(grasps) > COUNT / 2
    assert all(still.side == "left" and is_left(still.joints) for still in grasps)
    other = stills_of(library_file, 0.0)
    for index in range(4):
        still = other.still(index)
        if still.scene.mode == "grasp":
            assert still.side == "right"
            assert not is_left(still.joints)


@requires_egl
def test_labels_lie_on_what_is_drawn(stills):
    checked = 0
    for still in stills:
        for identity in (HAND, OBJECT):
            rows, columns = np.nonzero((still.identities == identity) & (still.depth > 0))
            if len(rows) < 40 or (identity == HAND and still.scene.ring):
                continue
            points = still.camera.back_project(np.stack([columns, rows], 1).astype(float), still.depth[rows, columns])
            if identity == HAND:
                gap, _, _ = distances.closest_points(points, still.vertices, LEFT.faces)
            else:  # the object's own mesh, not a mirrored one
                mesh = find_object(still.scene.name).mesh
                local = (points - still.object_pose[:3, 3]) @ still.object_pose[:3, :3]
                gap, _, _ = distances.closest_points(local, np.asarray(mesh.vertices), np.asarray(mesh.faces))
            assert np.percentile(gap, 95) < 0.003
            checked += 1
        if still.joints is not None and still.visible.all() and not still.scene.occluder:
            mask = cv2.dilate(np.isin(still.identities, (HAND, OBJECT)).astype(np.uint8), np.ones((5, 5), np.uint8))
            columns, rows = np.round(still.camera.project(still.joints)).astype(int).T
            assert mask[rows, columns].mean() > 0.9
    assert checked > COUNT


@requires_egl
def test_a_left_hand_model_gives_the_labelled_hand(stills):
    layer = HandLayer(LEFT)
    for still in (s for s in stills if s.joints is not None):
        with torch.no_grad():
            mesh = layer(
                torch.tensor(still.rotations[None], dtype=torch.float32),
                torch.tensor(still.shape[None], dtype=torch.float32),
            )
        np.testing.assert_allclose(mesh.joints[0].numpy() + still.joints[0], still.joints, atol=1e-5)
        np.testing.assert_allclose(mesh.vertices[0].numpy() + still.joints[0], still.vertices, atol=1e-5)


@requires_egl
def test_poses_are_rigid_and_hands_touch_the_object_without_reaching_into_it(stills):
    for still in stills:
        if still.object_pose is None:
            continue
        turn = still.object_pose[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn) == pytest.approx(1)
        if still.scene.mode != "grasp":
            continue
        mesh = find_object(still.scene.name).mesh
        local = (still.vertices - still.object_pose[:3, 3]) @ turn
        gap = distances.signed_distance(local, np.asarray(mesh.vertices), np.asarray(mesh.faces))
        assert gap.min() > -0.003
        assert np.abs(gap[still.touching]).max() < 0.0035


@requires_egl
def test_the_picture_is_the_mirror_image_of_the_right_hands(library_file, stills):
    """Also in its light: faces that a mirror turned inside out would be lit from behind."""
    right = stills_of(library_file, 0.0)
    for index, still in list(enumerate(stills))[:6]:
        if still.joints is None or still.scene.clutter or still.scene.occluder:
            continue
        other = right.still(index)
        mirrored = other.identities[:, ::-1]
        same = (still.identities == HAND) & (mirrored == HAND)
        assert same.sum() > 0.97 * (still.identities == HAND).sum()
        brightness = [image[same].mean() for image in (still.image, other.image[:, ::-1])]
        assert brightness[0] == pytest.approx(brightness[1], rel=0.08)


@requires_egl
def test_a_mirrored_surface_is_lit_as_the_mirror_shows_it():
    thing = load_catalogue().get(MUG)
    camera, light = Pinhole(150.0, 150.0, 47.5, 47.5, 96, 96), np.array([[0.3, -0.2, -0.5]])
    view, pose, mirror = np.eye(4), np.eye(4), np.diag([-1.0, 1, 1, 1])
    pose[:3, :3], pose[:3, 3] = Rotation.from_euler("xyz", [0.4, 0.3, 0.2]).as_matrix(), (0.02, 0, 0.3)
    renderer = Renderer(96, 96)
    images = [
        renderer.render([Drawable(thing.surface, m @ pose, 1)], camera, view, Lighting(place, np.ones((1, 3)))).image
        for m, place in ((np.eye(4), light), (mirror, light * [-1, 1, 1]))
    ]
    renderer.close()
    difference = np.abs(images[0].astype(int) - images[1][:, ::-1])
    assert images[0].max() > 60
    assert np.percentile(difference, 99) < 12  # shadows are sampled at other places


@requires_egl
def test_training_sees_right_hands_and_the_object_in_a_pose_of_its_own(source, library_file):
    """In the mirror, the labelled pose puts the object's own mesh on the object's samples: no mirrored mug."""
    seen = 0
    for index in range(COUNT):
        frame = source.frame(index)
        if frame.hand is None or frame.object is None:
            continue
        sample = prepare(frame, PreparationConfig(), seed=0)
        assert bool(sample.mirrored)
        assert not is_left(sample.joints.numpy()) or source.scene(index).mode != "grasp"
        mesh = find_object(frame.object.name).mesh
        turn, shift = sample.object_rotation.numpy(), sample.object_translation.numpy()
        local = (sample.object_field_points.numpy() - shift) @ turn
        again = distances.signed_distance(local.astype(float), np.asarray(mesh.vertices), np.asarray(mesh.faces))
        np.testing.assert_allclose(again, sample.object_field_distances.numpy(), atol=0.0015)
        seen += 1
    assert seen > COUNT / 2


@requires_egl
def test_a_data_set_keeps_sides_and_reflections(source, tmp_path):
    write_dataset(tmp_path, source, 4, 4)
    stored = ShardedFrames(tmp_path)
    for index in range(4):
        drawn, read = source.frame(index), stored.frame(index)
        if drawn.hand is not None:
            assert read.hand.side == drawn.hand.side
        if drawn.hand is not None and drawn.object is not None:
            np.testing.assert_array_equal(read.object.reflection, drawn.object.reflection)


def test_a_play_of_a_left_hand_has_the_objects_themselves(studio):
    play = studio.play
    (thing,) = play.objects
    np.testing.assert_array_equal(thing.mesh.vertices, load_catalogue().mesh(MUG).vertices)
    held = np.flatnonzero(play.held)
    assert len(held) > 2
    for index in held:
        assert is_left(play.joints[index])
        pose = play.object_poses[index, 0]
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
        local = (play.vertices[index] - pose[:3, 3]) @ pose[:3, :3]
        gap = distances.signed_distance(local, np.asarray(thing.mesh.vertices), np.asarray(thing.mesh.faces))
        assert -0.004 < gap.min() < 0.002


@requires_egl
def test_the_command_records_a_left_hand_where_its_labels_say(tmp_path):
    arguments = ["--bag", tmp_path / "bag", "--side", "left", "--seconds", 1.6, "--rate", 3, "--object", MUG]
    result = CliRunner().invoke(app, ["synthesize", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    with BagReader(tmp_path / "bag") as reader:
        frames = list(reader.frames())
        transforms = [m.message for m in reader.messages(["/tf"])]
    assert {t.child_frame_id for t in transforms[0].transforms} == {"hand_left_truth", f"{MUG}_truth"}
    layer, seen = HandLayer(LEFT), 0
    for item in frames:
        (hand,) = item.truth.hands
        assert hand.side == "left"
        assert all(region.side == "left" for region in item.regions.hands)
        turns = torch.tensor(Rotation.from_rotvec(hand.pose).as_matrix()[None], dtype=torch.float32)
        mesh = layer(turns, torch.tensor(hand.shape[None]))
        np.testing.assert_allclose(mesh.joints[0].numpy() + hand.joints[0], hand.joints, atol=2e-5)
        # what the depth image shows at the mesh's pixels is the mesh, where nothing stands before it
        pixels = np.round(item.frame.intrinsics.project(hand.vertices)).astype(int)
        inside = ((pixels >= 0) & (pixels < [640, 480])).all(1)
        if inside.sum() < 700:
            continue
        depth = item.frame.depth[pixels[inside, 1], pixels[inside, 0]]
        front = np.abs(depth - hand.vertices[inside, 2]) < 0.004
        assert front.sum() > 100
        seen += 1
        if item.regions.hands:
            box = item.regions.hands[0].box
            outside, _ = cKDTree(pixels).query(np.array([box[:2], box[2:]]))
            assert outside.max() < 0.5 * np.linalg.norm(box[2:] - box[:2])
    assert seen >= 3


def test_an_unknown_side_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["synthesize", "--bag", str(tmp_path / "b"), "--side", "both"])
    assert isinstance(result.exception, ConfigError)
    assert "right, left" in str(result.exception)
