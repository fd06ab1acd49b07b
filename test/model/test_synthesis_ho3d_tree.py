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

"""A synthetic tree in HO-3D's layout, read back, says what the synthesiser knew."""

import json

import numpy as np
import pytest
from egl import requires_egl
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.submission import true_joints
from hoisdf_model.errors import ConfigError, DatasetError, InvalidInputError
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis.render.surfaces import HAND
from hoisdf_model.synthesis.trees import ho3d as ho3d_tree
from hoisdf_model.synthesis.trees.ho3d import ATTENDED, Ho3dTreeReport, Ho3dTreeSettings, write_ho3d_tree

FRAMES = 3


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, shots = tmp_path_factory.mktemp("ho3d") / "tree", {}
    settings = Ho3dTreeSettings(sequences=1, frames=FRAMES, objects=("003_cracker_box",), seed=4)
    done = []
    report = write_ho3d_tree(
        folder, settings, progress=lambda *numbers: done.append(numbers),
        witness=lambda split, frame, shot: shots.setdefault(split, []).append((frame, shot)),
    )  # fmt: skip
    assert (report.train, report.evaluation) == (FRAMES, FRAMES)
    assert done[-1] == (2 * FRAMES, 2 * FRAMES)
    return folder, shots


def source(written, split, **options):
    return Ho3dFrames(written[0], split, "v2", written[0] / "models", **options)


def box_corners(mesh):
    return {tuple(np.round(corner, 6)) for corner in np.stack(np.meshgrid(*mesh.bounds.T), -1).reshape(-1, 3)}


@requires_egl
@pytest.mark.parametrize("split", ["train", "evaluation"])
def test_what_is_read_is_what_was_drawn(written, split):
    frames = source(written, split)
    assert frames.names == tuple(name for name, _ in written[1][split])
    box = box_corners(load_catalogue().mesh("003_cracker_box"))
    for index, (_, shot) in enumerate(written[1][split]):
        frame, hand, thing = frames.frame(index), shot.truth.hands[0], shot.truth.objects[0]
        np.testing.assert_array_equal(frame.image, shot.frame.image)
        np.testing.assert_allclose(frame.camera.matrix, shot.frame.intrinsics.matrix)
        np.testing.assert_allclose(frames.depth(index), shot.frame.depth, atol=1e-4)
        np.testing.assert_allclose(frame.hand.joints, hand.joints, atol=2e-6)  # evaluation: the published ground truth
        assert frame.object.name == "003_cracker_box"
        np.testing.assert_allclose(frame.object.pose[:3, :3], thing.rotation, atol=1e-9)
        np.testing.assert_allclose(frame.object.pose[:3, 3], thing.translation, atol=1e-9)
        assert {tuple(np.round(corner, 6)) for corner in frame.object.corners} == box
        if split == "train":
            np.testing.assert_allclose(frame.hand.rotations, rotations.rotation_matrices(hand.pose), atol=1e-6)
            np.testing.assert_allclose(frame.hand.shape, hand.shape, atol=1e-6)
            # at the masks' resolution, a pixel of them for four of the picture
            np.testing.assert_array_equal(frame.hand_mask[::2, ::2], (shot.identities == HAND)[::2, ::2])
            np.testing.assert_array_equal(frame.object_mask[::2, ::2], (shot.identities == ATTENDED)[::2, ::2])
            assert (frame.hand_mask == np.repeat(np.repeat(frame.hand_mask[::2, ::2], 2, 0), 2, 1)).all()
        else:
            outline = shot.frame.intrinsics.project(hand.joints)
            np.testing.assert_allclose(frame.hand.box, [*outline.min(0), *outline.max(0)], atol=0.51)
            np.testing.assert_allclose(frames.true_vertices(index), hand.vertices, atol=1e-6)


@requires_egl
def test_the_hand_model_that_played_fits_its_labels(written):
    frame = source(written, "train", hand_model=load_hand_model()).frame(FRAMES - 1)
    assert len(frame.hand.samples.distances) == len(frame.object.samples.distances) == 3000
    assert (frame.hand.samples.distances < 0).any()


@requires_egl
def test_without_the_ground_truth_files_evaluation_is_as_it_was_before_they_were_published(written, tmp_path):
    folder, moved = written[0], tmp_path / "evaluation_xyz.json"
    (folder / moved.name).rename(moved)
    try:
        frame = source(written, "evaluation").frame(0)
        assert np.isfinite(frame.hand.joints[0]).all()
        assert np.isnan(frame.hand.joints[1:]).all()
    finally:
        moved.rename(folder / moved.name)
    assert true_joints(folder, FRAMES).shape == (FRAMES, 21, 3)


@requires_egl
def test_the_tree_says_that_it_is_synthetic(written):
    about = json.loads((written[0] / "synthetic.json").read_text())
    assert about["sequences"] == {"Syn1": "003_cracker_box", "SynE1": "003_cracker_box"}
    assert about["hand_model"]["hash"] == load_hand_model().hash


def test_a_quarter_of_the_sequences_is_for_evaluation():
    plan = Ho3dTreeSettings(sequences=8).plan()
    assert [split for split, _, _ in plan] == ["train"] * 8 + ["evaluation"] * 2
    assert "019_pitcher_base" not in {name for split, _, name in plan if split == "train"}  # as in HO-3D


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="isn't an empty folder"):
        write_ho3d_tree(tmp_path, Ho3dTreeSettings())
    with pytest.raises(InvalidInputError, match="at least one sequence"):
        write_ho3d_tree(tmp_path / "new", Ho3dTreeSettings(sequences=0))
    assert not (tmp_path / "new").exists()


def test_the_command_hands_its_options_on(tmp_path, monkeypatch):
    asked = []

    def pretend(folder, settings, catalogue, model, progress, witness):
        asked.append((folder, settings, model.name))
        return Ho3dTreeReport(6, 3, 1_000_000, 2.0, "nothing")

    monkeypatch.setattr(ho3d_tree, "write_ho3d_tree", pretend)
    arguments = ["--ho3d", str(tmp_path), "--sequences", "2", "--frames", "3", "--seed", "5", "--object", "025_mug"]
    result = CliRunner().invoke(app, ["synthesize", *arguments])
    assert result.exit_code == 0, result.output
    assert asked == [(tmp_path, Ho3dTreeSettings(2, 3, ("025_mug",), 5), "open_hand")]
    with pytest.raises(ConfigError, match="give exactly one of --bag"):
        CliRunner().invoke(app, ["synthesize", *arguments, "--bag", str(tmp_path / "bag")], catch_exceptions=False)
