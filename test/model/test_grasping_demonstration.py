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

"""A demonstration gives one grasp: fusing, outliers, symmetric objects, files, and the command."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from grasping_solids import held, small_gripper
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import sample_recording
from hoisdf_model.errors import GraspError, InvalidInputError
from hoisdf_model.estimates import Estimate
from hoisdf_model.estimation import estimate_to_json, write_json
from hoisdf_model.estimation.reading import read_estimate
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.geometry.rotations import rotation_vectors
from hoisdf_model.grasping import Demonstration, GraspPlanner, fuse_poses, read_grasp, write_grasp
from hoisdf_model.grasping.candidates import TURNED, alike
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue, symmetry
from hoisdf_model.synthesis import BenchmarkStills, PosableHand

TRUTH = rigid(Rotation.from_euler("xyz", [0.3, -0.5, 1.0]).as_matrix(), np.array([0.03, -0.02, 0.05]))
NONE = symmetry.none()
RUN = CliRunner()


def noisy(count: int, position: float, angle: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(rng.normal(0, angle, (count, 3))).as_matrix()
    shifts = rng.normal(0, position, (count, 3))
    return np.stack([rigid(t @ TRUTH[:3, :3], TRUTH[:3, 3] + s) for t, s in zip(turns, shifts, strict=True)])


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def library(model):
    return BenchmarkStills(model).library


@pytest.fixture(scope="module")
def planner(model):
    return GraspPlanner(small_gripper(), model, load_catalogue())


@pytest.fixture(scope="module")
def bottle(library):
    return int(np.flatnonzero(library.object == library.objects.index("006_mustard_bottle"))[0])


@pytest.fixture(scope="module")
def demonstration(planner, library, model, bottle):
    """Six frames of a bottle that is carried about, one of them with the hand somewhere else, one empty."""
    result = Demonstration(planner)
    for k in range(6):
        turn = Rotation.from_rotvec([0.1 * k, -0.2 * k, 0.3 * k]).as_matrix()
        result.add(held(library, bottle, model, turn, (0.02 * k, 0.0, 0.5 + 0.05 * k)))
    wrong = held(library, bottle, model)
    result.add(replace(wrong, objects=(replace(wrong.objects[0], translation=wrong.objects[0].translation + 0.3),)))
    result.add(Estimate())
    return result


def test_mean_and_spread_of_noise_without_outliers():
    fused = fuse_poses(noisy(400, 0.002, 0.02), NONE)
    assert fused.used.mean() > 0.97
    assert np.allclose(fused.pose[:3, 3], TRUTH[:3, 3], atol=4 * 0.002 / 20)
    assert np.allclose(fused.position_spread, 0.002, rtol=0.15)
    assert np.allclose(fused.rotation_spread, 0.02, rtol=0.15)


def test_outliers_are_left_out():
    poses = noisy(40, 0.001, 0.01)
    poses[::4, :3, 3] += np.array([0.06, 0, 0])
    poses[1::4, :3, :3] = Rotation.from_euler("x", 70, degrees=True).as_matrix() @ poses[1::4, :3, :3]
    fused = fuse_poses(poses, NONE)
    assert not fused.used[::4].any()
    assert not fused.used[1::4].any()
    assert fused.used[2::4].all()
    assert alike(fused.pose, TRUTH, 0.001, 0.01)


def test_swapped_fingers_and_symmetric_poses_are_the_same_grasp():
    poses = noisy(30, 0.0005, 0.005)
    poses[::2] = poses[::2] @ TURNED
    around = symmetry.continuous((0.01, 0.0, 0.0), (0, 0, 1), flip=True)
    images = around.transforms(50)
    poses = np.stack([images[(7 * k) % len(images)] @ pose for k, pose in enumerate(poses)])
    fused = fuse_poses(poses, around)
    assert fused.used.all()
    assert any(alike(image @ fused.pose, TRUTH, 0.001, 0.07) for image in images)  # images are 7.2 degrees apart
    assert fused.position_spread.max() < 0.001
    assert fused.rotation_spread.max() < 0.01


def test_frames_that_do_not_agree_are_refused():
    rng = np.random.default_rng(1)
    turns = Rotation.random(30, rng=rng).as_matrix()
    poses = np.stack([rigid(t, rng.uniform(-0.1, 0.1, 3)) for t in turns])
    with pytest.raises(GraspError, match="agree"):
        fuse_poses(poses, NONE)
    with pytest.raises(GraspError, match="at least 3"):
        fuse_poses(noisy(2, 0.001, 0.01), NONE)


def test_a_demonstration_gives_the_grasp_of_its_frames(demonstration, planner, library, model, bottle):
    grasp = demonstration.fuse()
    single = planner.plan(held(library, bottle, model), ["imitate"]).candidates[0]
    assert alike(grasp.pose, single.pose_in_object, 1e-3, 1e-2)
    assert grasp.width == pytest.approx(single.width, abs=1e-3)
    assert (grasp.frames, grasp.used, demonstration.frames) == (6, 6, 8)
    assert demonstration.refusals == {"no_contact": 1, "no_hand": 1}
    assert demonstration.maps["006_mustard_bottle"].frames == 6
    assert "thumb" in grasp.contacts
    with pytest.raises(GraspError, match="003_cracker_box"):
        demonstration.fuse("003_cracker_box")


def test_a_recorded_grasp_goes_where_the_object_is(demonstration, library, model, bottle):
    grasp = replace(demonstration.fuse(), position_spread=np.array([1e-3, 2e-3, 3e-3]))
    turn = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    seen = held(library, bottle, model, turn, (0.2, 0.1, 0.8)).objects[0]
    placed = grasp.place(seen)
    assert np.allclose(placed.pose, rigid(turn, np.array([0.2, 0.1, 0.8])) @ grasp.pose)
    assert placed.covariance[0, 0] == pytest.approx(4e-6, rel=0.05)  # the object's y is the camera's x
    with pytest.raises(InvalidInputError, match="006_mustard_bottle"):
        grasp.place(replace(seen, name="025_mug"))


def test_files_give_back_what_was_written(demonstration, tmp_path):
    grasp = demonstration.fuse()
    path = tmp_path / "deep" / "grasp.yaml"
    write_grasp(path, grasp)
    again = read_grasp(path)
    assert np.allclose(again.pose, grasp.pose, atol=1e-6)
    assert again.contacts.keys() == grasp.contacts.keys()
    for name in ("object_name", "gripper", "mode", "frames", "used"):
        assert getattr(again, name) == getattr(grasp, name)
    for name in ("width", "width_spread", "position_spread", "rotation_spread"):
        assert getattr(again, name) == pytest.approx(getattr(grasp, name), abs=1e-6)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", "other", "format"), ("mode", "hand_only", "mode"), ("position", [1, 2], "position"),
        ("position", [1, 2, float("nan")], "position"), ("orientation", [0, 0, 0, 2], "length 1"),
        ("width", "wide", "width"), ("spread", None, "spread"), ("frames", 3, "frames"), ("contacts", [1], "contacts"),
        ("object", ..., "lacks object"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_with_what_is_wrong(demonstration, tmp_path, key, value, words):
    path = tmp_path / "grasp.yaml"
    write_grasp(path, demonstration.fuse())
    content = yaml.safe_load(path.read_text())
    content[key] = value
    if value is ...:
        del content[key]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(GraspError, match=words):
        read_grasp(path)


def estimated(library, model, bottle) -> Estimate:
    """The bottle's grasp with the pose that its mesh belongs to."""
    hand = PosableHand(model, library.shape[bottle])
    rotation, wrist, _ = library.placement(bottle)
    pose = rotation_vectors(hand.pose(library.postures(bottle)[1], rotation[None], wrist[None]).rotations[0])
    good = held(library, bottle, model)
    return replace(good, hands=(replace(good.hands[0], pose=pose.astype(np.float32)),))


def test_estimates_come_back_from_their_files_with_their_meshes(library, model, bottle, tmp_path):
    good = estimated(library, model, bottle)
    write_json(tmp_path / "a.json", estimate_to_json(good))
    again = read_estimate(tmp_path / "a.json", model)
    assert np.abs(again.hands[0].vertices - good.hands[0].vertices).max() < 1e-5
    assert np.allclose(again.objects[0].rotation, good.objects[0].rotation)
    assert np.allclose(again.objects[0].covariance, good.objects[0].covariance)
    for text, words in (("{}", "format"), ("[", "can't be read"), ('{"format": "hoisdf-estimate/1"}', "lacks 'hands'")):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InvalidInputError, match=words):
            read_estimate(tmp_path / "bad.json", model)
    other = replace(model, name="other", v_template=model.v_template * 1.01)
    with pytest.raises(InvalidInputError, match="hand model"):
        read_estimate(tmp_path / "a.json", other)


def test_record_and_show_on_the_sample_recording(tmp_path):
    out, picture = tmp_path / "grasp.yaml", tmp_path / "grasp.jpg"
    arguments = ["grasp", "record", str(sample_recording()), "-o", str(out), "--every", "6", "--gripper", "franka_hand"]
    done = RUN.invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    grasp = read_grasp(out)
    assert grasp.gripper == "franka_hand"
    assert 3 <= grasp.used <= grasp.frames
    assert 0 < grasp.width < 0.08
    shown = RUN.invoke(app, ["grasp", "show", str(out), "--picture", str(picture)], catch_exceptions=False)
    assert grasp.object_name in shown.output
    assert picture.stat().st_size > 5000


def test_record_reads_the_files_of_estimate(library, model, bottle, planner, tmp_path):
    for k in range(3):
        write_json(tmp_path / f"{k}.json", estimate_to_json(estimated(library, model, bottle)))
    done = RUN.invoke(app, ["grasp", "record", str(tmp_path), "-o", str(tmp_path / "g.yaml")], catch_exceptions=False)
    assert "3 of 3 frames agree" in done.output
    single = planner.plan(held(library, bottle, model), ["imitate"]).candidates[0]
    assert alike(read_grasp(tmp_path / "g.yaml").pose, single.pose_in_object, 1e-3, 1e-2)


def test_record_says_what_is_wrong_with_its_source(tmp_path):
    for source, words in ((tmp_path / "none", "nothing at"), (tmp_path, "neither")):
        done = RUN.invoke(app, ["grasp", "record", str(source)])
        assert done.exit_code == 1
        assert words in str(done.exception)
    wrong = RUN.invoke(app, ["grasp", "record", str(sample_recording()), "--topic", "camera_info"])
    assert "HandObject" in str(wrong.exception)
