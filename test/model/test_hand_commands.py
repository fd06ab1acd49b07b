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

"""``hoisdf hand-model``: the commands write what they say, refuse what they can't, and the pictures show a hand."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hand_pickles import python2_pickle
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.errors import UnsafeFileError
from hoisdf_model.hand import load_hand_model
from hoisdf_model.hand.hand_sheet import contact_sheet, shaded

FAKE = Path(__file__).parents[1] / "data" / "fake_mano_right.npz"


def run(*arguments: object):
    return CliRunner().invoke(app, ["hand-model", *map(str, arguments)])


def test_convert_writes_an_npz_of_the_same_model(tmp_path):
    source = tmp_path / "MANO_RIGHT.pkl"
    with np.load(FAKE) as archive:
        source.write_bytes(python2_pickle(dict(archive)))
    result = run("convert", source)
    assert result.exit_code == 0, result.output
    converted = load_hand_model(tmp_path / "MANO_RIGHT.npz")
    assert converted.hash == load_hand_model(FAKE).hash
    assert converted.hash in result.output


def test_convert_keeps_the_side_of_a_left_hand(tmp_path):
    source = tmp_path / "MANO_LEFT.npz"
    source.write_bytes(FAKE.read_bytes())
    assert run("convert", source, "-o", tmp_path / "converted.npz").exit_code == 0
    converted = load_hand_model(tmp_path / "converted.npz", side=None)
    assert converted.side == "left"
    assert np.array_equal(converted.v_template, load_hand_model(FAKE).v_template)


def test_convert_refuses_to_replace_and_to_run(tmp_path):
    target = tmp_path / "there.npz"
    target.write_bytes(b"kept")
    result = run("convert", FAKE, "-o", target)
    assert result.exit_code != 0
    assert "--overwrite" in result.output
    assert target.read_bytes() == b"kept"
    assert run("convert", FAKE, "-o", target, "--overwrite").exit_code == 0

    evil = tmp_path / "MANO_RIGHT.pkl"
    evil.write_bytes(f"cos\nsystem\n(Vtouch {tmp_path / 'ran'}\ntR.".encode())
    result = run("convert", evil)
    assert isinstance(result.exception, UnsafeFileError)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "MANO_RIGHT.npz").exists()


def test_info_of_the_open_hand():
    figures = json.loads(run("info", "--json").output)
    assert (figures["name"], figures["side"], figures["hash"]) == ("open_hand", "right", load_hand_model().hash)
    assert (figures["vertices"], figures["faces"], figures["open_edges"]) == (778, 1538, 16)
    assert 165 < figures["wrist_to_middle_tip_mm"] < 211
    assert 250 < figures["volume_ml"] < 450
    text = run("info").output
    assert load_hand_model().hash in text


def test_render_writes_the_sheet(tmp_path):
    target = tmp_path / "hand.png"
    result = run("render", "-o", target, "--pose", "flat", "--pose", "fist", "--size", 96)
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(target)).shape == (192, 384, 3)


def test_render_says_which_poses_there_are(tmp_path):
    result = run("render", "-o", tmp_path / "hand.png", "--pose", "wave")
    assert "flat" in str(result.exception)


def drawn(picture: np.ndarray) -> np.ndarray:
    """Pixels of skin: redder than blue."""
    return picture[..., 0].astype(int) - picture[..., 2] > 12


def test_a_mirrored_hand_gives_the_mirrored_silhouette():
    right = contact_sheet(load_hand_model(), ["flat"], 128)[:112]  # without the label
    left = contact_sheet(load_hand_model(side="left"), ["flat"], 128)[:112]
    palm_right, palm_left = drawn(right[:, :128]), drawn(left[:, :128])
    assert (palm_right[:, ::-1] != palm_left).mean() < 0.01
    assert (palm_right != palm_left).mean() > 0.03


def test_a_square_is_drawn_where_it_is_and_hides_what_is_behind():
    near = np.array([[-0.5, -0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, 0.5], [-0.5, 0.5, 0.5]])
    far = near * np.array([0.5, 0.5, -1.0])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    alone = shaded(near, faces, 40)
    assert drawn(alone)[10:30, 10:30].all()
    assert drawn(alone).sum() == 400
    both = shaded(np.concatenate([far, near]), np.concatenate([faces, faces + 4]), 40)
    assert np.array_equal(alone, both)


@pytest.mark.parametrize("inside_out", [False, True])
def test_the_inside_has_another_colour(inside_out):
    corners = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    faces = np.array([[0, 2, 1]] if inside_out else [[0, 1, 2]])
    assert (shaded(corners, faces, 20)[12, 10, 0] < 130) == inside_out
