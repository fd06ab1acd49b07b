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

"""The grasp sheet's colours and figures are those of the distances between hand and object."""

import json
from importlib import resources

import cv2
import numpy as np
import pytest
import trimesh
from egl import requires_egl
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis import GraspLibrary, PosableHand, grasp_sheet, load_library, telling_grasps, write_picture
from hoisdf_model.synthesis.render.grasp_sheet import CAPTION, LEGEND, PANEL, depth_colours, measured

MODEL = load_hand_model()
SHIPPED = resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"
PUSHED = 0.004  # metres
SHOWN = 5e-5  # metres, half of the last digit of the sheet's figures


@pytest.fixture(scope="module")
def grasps():
    return load_library(str(SHIPPED))


@pytest.fixture(scope="module")
def pushed(grasps):
    """The same library with every hand pushed on against its approach: a known depth that no kept grasp has."""
    with np.load(str(SHIPPED), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name not in ("about", "checksum")}
        about = json.loads(file["about"].tobytes().decode())
    arrays["wrist"] = arrays["wrist"] - PUSHED * arrays["approach"]
    return GraspLibrary(grasps.settings, about["hand_model"], grasps.objects, arrays)


def palm_grasp(grasps):
    """One in which the palm itself touches, so that pushing it goes straight in."""
    palm = PosableHand(MODEL, np.zeros(10)).link == 0
    held = grasps.touching[:, palm].sum(1) * ~grasps.fingertip
    return int(held.argmax())


def test_colours_are_blue_when_free_green_when_touching_and_red_inside():
    free, touching, inside = depth_colours(np.array([0.010, 0.001, -0.003])).astype(int)
    assert free.argmax() == 2
    assert touching.argmax() == 1
    assert inside.argmax() == 0
    assert inside[0] > 2 * max(inside[1:])
    np.testing.assert_array_equal(depth_colours(np.array([0.5])), depth_colours(np.array([0.012])))


def test_distances_are_those_of_another_library(grasps):
    number = telling_grasps(grasps, 4)[-1]
    hand = PosableHand(MODEL, grasps.shape[number])
    (skin, _, into_object), (solid, _, into_hand), open_ = measured(grasps, hand, number)
    assert open_.shape == skin.shape
    mesh = find_object(grasps.objects[grasps.object[number]]).mesh
    near = np.argsort(np.abs(into_object))[:60]
    expected = -trimesh.proximity.signed_distance(mesh, skin[near])  # trimesh: positive inside
    np.testing.assert_allclose(np.abs(into_object[near]), np.abs(expected), atol=SHOWN)
    shell = trimesh.Trimesh(hand.closed(skin[:778]), hand.closed_faces, process=False)
    near = np.argsort(np.abs(into_hand))[:60]
    _, gap, _ = trimesh.proximity.closest_point(shell, solid[near])
    np.testing.assert_allclose(np.abs(into_hand[near]), gap, atol=SHOWN)
    assert -into_object[:778].min() == pytest.approx(float(grasps.into_object[number]), abs=0.001)


def test_a_pushed_hand_goes_in_as_far_as_it_was_pushed(grasps, pushed):
    number = palm_grasp(grasps)
    hand = PosableHand(MODEL, grasps.shape[number])
    depths = [-measured(library, hand, number)[0][2].min() for library in (grasps, pushed)]
    assert depths[1] - depths[0] == pytest.approx(PUSHED, abs=0.4 * PUSHED)


def red_pixels(sheet):
    """Orange to dark red, below the scale, which has them too."""
    red, green, blue = np.moveaxis(sheet[LEGEND:].astype(int), -1, 0)
    return int(((red > 60) & (red > 1.4 * green) & (red > 1.4 * blue)).sum())


@requires_egl
def test_penetration_is_drawn_red_and_only_penetration(grasps, pushed):
    number = palm_grasp(grasps)
    before, after = (grasp_sheet(library, MODEL, [number]) for library in (grasps, pushed))
    assert before.shape == after.shape
    assert before.shape[0] > LEGEND + PANEL + CAPTION
    assert red_pixels(before) < 10
    assert red_pixels(after) > 60


def test_the_deepest_grasps_are_shown_and_many_objects(grasps):
    chosen = telling_grasps(grasps, 12)
    assert len(set(chosen)) == 12
    assert int(grasps.into_object.argmax()) in chosen
    assert int(grasps.into_hand.argmax()) in chosen
    assert len({int(grasps.object[k]) for k in chosen[:8]}) == 8


@requires_egl
def test_the_command_draws_a_library(tmp_path, monkeypatch):
    from hoisdf_model.commands import synthesize

    monkeypatch.setattr(synthesize, "SHEET_GRASPS", 3)
    result = CliRunner().invoke(app, ["synthesize", "--library", str(SHIPPED), "--preview", str(tmp_path / "s.png")])
    assert result.exit_code == 0, result.output
    assert "3 of" in " ".join(result.output.split())  # the console breaks lines
    picture = cv2.imread(str(tmp_path / "s.png"))
    assert picture.std() > 10


def test_a_picture_that_cant_be_written_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"sheet\.xyz.*\.png"):
        write_picture(tmp_path / "sheet.xyz", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="can't write the picture"):
        write_picture(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), np.uint8))
