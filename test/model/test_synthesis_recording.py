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

"""A synthetic recording is consistent: physics of the play, pictures against ground truth, and the bag's content."""

import cv2
import numpy as np
import pytest
from egl import requires_egl
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import BagReader
from hoisdf_model.errors import BagError, InvalidInputError, MeshError
from hoisdf_model.geometry import distances
from hoisdf_model.hand import HandLayer
from hoisdf_model.synthesis import HAND, BagSettings, Renderer, prepare, record_bag, truth

SETTINGS = BagSettings(objects=("006_mustard_bottle", "005_tomato_soup_can"), seconds=4.0, rate=10.0, seed=4)
SHORT = BagSettings(objects=("005_tomato_soup_can",), seconds=1.6, rate=5.0, seed=2)


@pytest.fixture(scope="module")
def studio():
    return prepare(SETTINGS)


@pytest.fixture(scope="module")
def shots(studio):
    renderer = Renderer(640, 480, samples=0)
    shots = list(studio.film(renderer))
    renderer.close()
    return shots


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    report = record_bag(folder / "bag", SHORT, preview=folder / "sheet.png")
    return folder, report


def test_objects_rest_on_the_table_before_and_after_and_are_lifted_between(studio):
    play = studio.play
    for k, item in enumerate(play.objects):
        pose = play.object_poses[:, k]
        heights = np.einsum("tj,nj->tn", pose[:, 2, :3], np.asarray(item.mesh.vertices)) + pose[:, 2, 3:4]
        np.testing.assert_allclose(heights[[0, -1]].min(1), 0, atol=1e-9)
        assert heights.min() > -1e-6
        assert heights.min(1).max() > 0.05
        np.testing.assert_allclose(pose[[0, -1], 2, 2], 1)  # upright
        at_rest = ~play.held | (play.attended != k)
        steps = np.abs(np.diff(pose, axis=0)).max((1, 2))
        assert steps[at_rest[1:] & at_rest[:-1] & (play.attended[1:] == play.attended[:-1])].max() < 1e-9


def test_a_held_object_follows_the_hand_rigidly(studio):
    play = studio.play
    for k in range(len(play.objects)):
        held = play.held & (play.attended == k)
        assert held.sum() > 5
        turn, wrist = play.rotations[held, 0], play.joints[held, 0]
        relative = np.einsum("tji,tj->ti", turn, play.object_poses[held, k, :3, 3] - wrist)
        np.testing.assert_allclose(relative, relative[:1].repeat(len(relative), 0), atol=1e-6)
        orientation = np.einsum("tji,tjk->tik", turn, play.object_poses[held, k, :3, :3])
        np.testing.assert_allclose(orientation, orientation[:1].repeat(len(orientation), 0), atol=1e-9)


def test_nothing_goes_into_anything_at_any_time(studio):
    play = studio.play
    for index in range(0, len(play.times), 3):
        assert play.vertices[index, :, 2].min() > 0
        for k, item in enumerate(play.objects):
            pose = play.object_poses[index, k]
            local = (play.vertices[index] - pose[:3, 3]) @ pose[:3, :3]
            depth = -distances.signed_distance(local, np.asarray(item.mesh.vertices), np.asarray(item.mesh.faces)).min()
            assert depth < 0.004


def test_motion_is_smooth(studio):
    play = studio.play
    speed = np.linalg.norm(np.diff(play.joints[:, 0], axis=0), axis=1) * SETTINGS.rate
    assert speed.max() < 2.5  # metres a second: a hurried reach, two objects in four seconds
    turns = Rotation.from_matrix(play.rotations[1:, 0] @ play.rotations[:-1, 0].transpose(0, 2, 1)).magnitude()
    assert turns.max() * SETTINGS.rate < 12


def test_ground_truth_pose_and_shape_give_the_ground_truth_joints_and_vertices(studio):
    import torch

    for index in (0, 17, 39):
        (hand,) = truth(studio.play, index).hands
        rotations = torch.tensor(Rotation.from_rotvec(hand.pose).as_matrix()[None], dtype=torch.float32)
        mesh = HandLayer(studio.play.hand.model)(rotations, torch.tensor(hand.shape[None]))
        np.testing.assert_allclose(mesh.joints[0].numpy() + hand.joints[0], hand.joints, atol=2e-5)
        np.testing.assert_allclose(mesh.vertices[0].numpy() + hand.joints[0], hand.vertices, atol=2e-5)


@requires_egl
def test_the_hand_is_seen_where_ground_truth_projects_it(shots):
    visible = 0
    for shot in shots:
        (hand,) = shot.truth.hands
        mask = (shot.identities == HAND).astype(np.uint8)
        pixels = np.round(shot.frame.intrinsics.project(hand.vertices)).astype(int)
        inside = ((pixels >= 0) & (pixels < [640, 480])).all(1)
        rows, columns = pixels[inside, 1], pixels[inside, 0]
        nearest = shot.frame.depth[rows, columns]
        front = np.abs(nearest - hand.vertices[inside, 2]) < 0.003
        grown = cv2.dilate(mask, np.ones((5, 5), np.uint8))
        if front.sum() < 50:
            continue
        visible += 1
        assert grown[rows[front], columns[front]].mean() > 0.97
        joints = np.round(shot.frame.intrinsics.project(hand.joints)).astype(int)
        box = np.array([pixels.min(0), pixels.max(0)])
        assert (joints >= box[0] - 2).all()
        assert (joints <= box[1] + 2).all()
        # every pixel of the mask lies near the projected mesh
        ys, xs = np.nonzero(mask)
        distance, _ = cKDTree(pixels).query(np.column_stack([xs, ys]))
        assert distance.max() < 12
    assert visible > 0.7 * len(shots)


@requires_egl
def test_depth_in_an_objects_mask_lies_on_the_object(shots, studio):
    for shot in shots[::4]:
        for k, item in enumerate(studio.play.objects):
            rows, columns = np.nonzero(shot.identities == k + 1)
            if len(rows) < 200:
                continue
            points = shot.frame.intrinsics.back_project(
                np.column_stack([columns, rows]), shot.frame.depth[rows, columns]
            )
            (pose,) = [o for o in shot.truth.objects if o.name == item.name]
            local = (points - pose.translation) @ pose.rotation
            off = distances.signed_distance(local[::7], np.asarray(item.mesh.vertices), np.asarray(item.mesh.faces))
            assert np.abs(off).max() < 2e-4


@requires_egl
def test_boxes_are_those_of_a_detector_not_the_truth(shots):
    errors = []
    for shot in shots:
        for region in shot.regions.hands:
            rows, columns = np.nonzero(shot.identities == HAND)
            seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            errors.append((region.box - seen) / np.tile(seen[2:] - seen[:2], 2))
            assert region.root is None
            assert region.side == "right"
            assert 0.5 < region.score < 1
        for region in shot.regions.objects:
            assert region.name == shot.truth.objects[0].name
            assert region.center is None
    errors = np.array(errors)
    assert len(errors) > 0.7 * len(shots)
    assert 0.01 < errors.std() < 0.05
    assert np.abs(errors).max() < 0.2


@requires_egl
def test_the_bag_holds_every_stream_at_its_rate(bag):
    folder, report = bag
    with BagReader(folder / "bag") as reader:
        counts = {topic.name: topic.count for topic in reader.topics.values()}
        frames = list(reader.frames())
        transforms = [m.message for m in reader.messages(["/tf"])]
    assert counts == dict.fromkeys(
        ("/image/compressed", "/camera_info", "/depth", "/regions", "/ground_truth", "/tf"), report.frames
    )
    assert report.frames == len(frames) == 8
    np.testing.assert_allclose(np.diff([frame.stamp for frame in frames]), 0.2e9)
    assert frames[0].frame.image.shape == (480, 640, 3)
    assert 0.3 < np.median(frames[0].frame.depth[frames[0].frame.depth > 0]) < 1.5
    assert frames[3].truth.objects[0].name == "005_tomato_soup_can"
    wrist = {t.child_frame_id: t.transform.translation for t in transforms[3].transforms}["hand_right_truth"]
    np.testing.assert_allclose([wrist.x, wrist.y, wrist.z], frames[3].truth.hands[0].joints[0], atol=1e-6)
    assert cv2.imread(str(folder / "sheet.png")).std() > 20


@requires_egl
def test_equal_seeds_give_equal_bags_and_other_seeds_others(bag, tmp_path):
    folder, _ = bag
    record_bag(tmp_path / "again", SHORT)
    record_bag(tmp_path / "other", BagSettings(SHORT.objects, SHORT.seconds, SHORT.rate, seed=3))
    content = []
    for path in (folder / "bag", tmp_path / "again", tmp_path / "other"):
        with BagReader(path) as reader:
            content.append([(m.topic, m.time, reader_bytes(m)) for m in reader.messages()])
    assert content[0] == content[1]
    assert content[0] != content[2]


def reader_bytes(item):
    return repr(item.message)


@requires_egl
def test_the_command_writes_a_bag_and_says_what_it_did(tmp_path):
    arguments = ["--bag", tmp_path / "bag", "--seconds", 1.6, "--rate", 3, "--object", "061_foam_brick", "--no-depth"]
    arguments += ["--image", "raw", "--storage", "sqlite3", "--preview", tmp_path / "sheet.png"]
    result = CliRunner().invoke(app, ["synthesize", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "5 frames" in " ".join(result.output.split())  # lines break where the folder's name makes them
    with BagReader(tmp_path / "bag") as reader:
        frames = list(reader.frames())
    assert len(frames) == 5
    assert frames[0].frame.depth is None
    again = CliRunner().invoke(app, ["synthesize", "--bag", str(tmp_path / "bag")])
    assert isinstance(again.exception, BagError)


@requires_egl
def test_the_object_commands_list_describe_and_draw(tmp_path):
    listed = CliRunner().invoke(app, ["objects", "list"])
    assert listed.exit_code == 0
    assert "006_mustard_bottle" in listed.output
    described = CliRunner().invoke(app, ["objects", "info", "003_cracker_box"])
    assert "watertight: true" in described.output
    drawn = CliRunner().invoke(app, ["objects", "render", str(tmp_path / "o.png"), "--object", "011_banana"])
    assert drawn.exit_code == 0, drawn.output
    assert cv2.imread(str(tmp_path / "o.png")).shape == (288, 768, 3)
    assert isinstance(CliRunner().invoke(app, ["objects", "info", "nothing"]).exception, MeshError)


def test_what_can_not_be_played_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidInputError, match=r"1\.5 s"):
        record_bag(tmp_path / "a", BagSettings(seconds=2.0))
    with pytest.raises(MeshError, match="catalogue has"):
        record_bag(tmp_path / "b", BagSettings(objects=("spoon",)))
    assert list(tmp_path.iterdir()) == []
