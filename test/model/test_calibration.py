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

"""What weights say about their own errors: measured on estimates that are off by a known amount, and read safely."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from labelled_frames import BOX, TURNS_OF_BOX, Frames, frame
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from scipy.spatial.transform import Rotation
from tiny_network import tiny_network
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.errors import CheckpointError, EvaluationError
from hoisdf_model.estimates import Estimate
from hoisdf_model.estimation import Estimator
from hoisdf_model.evaluation import Models, preparation_for
from hoisdf_model.evaluation.metrics.object_metrics import rotation_difference, rotation_error
from hoisdf_model.evaluation.runs.calibrating import Deviations, deviations, joined_deviations
from hoisdf_model.evaluation.runs.data_folder import DataFolder
from hoisdf_model.evaluation.runs.methods import Answer
from hoisdf_model.network import Calibration, load_network, optimised, read_weights, save_network, write_weights
from hoisdf_model.objects.symmetry import Symmetry

KNOWN = Calibration(object_rotation=0.8, object_position=0.03, joints=0.025, frames=500, data="synthetic benchmark 1")
TURN, SHIFT, MOVE = (0.3, -0.1, 0.2), (0.003, -0.004, 0.012), (0.01, 0.02, -0.02)


def box_of(name, **_):
    return SimpleNamespace(mesh=BOX, symmetry=Symmetry(np.zeros(3), TURNS_OF_BOX[:, :3, :3]))


class Off:
    """Says the truth, with objects turned and shifted and joints moved by known amounts, in some frames not at all."""

    def __init__(self, *_, lost=(), looks_alike=False):
        self.lost, self.looks_alike = lost, looks_alike

    def __call__(self, batch):
        return [
            Answer(
                Estimate(tuple(map(self.hand, truth.hands)), tuple(map(self.thing, truth.objects))),
                (True, number not in self.lost),
            )
            for number, truth in zip(batch.numbers, batch.truths, strict=True)
        ]

    def hand(self, true):
        return replace(true, joints=true.joints + np.repeat([[0], [1]], [1, 20], 0) * MOVE)

    def thing(self, true):
        rotation = Rotation.from_rotvec(TURN).as_matrix() @ true.rotation
        if self.looks_alike:
            rotation = rotation @ TURNS_OF_BOX[1, :3, :3]
        return replace(true, rotation=rotation, translation=true.translation + SHIFT)


def measured(method, source, count):
    preparation = preparation_for(tiny_network().config)
    steps = deviations(source, range(count), method, preparation, Models(box_of), batch_size=4)
    counts, parts = zip(*steps, strict=True)
    assert sum(counts) == count
    return joined_deviations(parts)


@pytest.fixture(scope="module")
def frames():
    return Frames(12, 200)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file without a calibration, as they all were."""
    path, network = tmp_path_factory.mktemp("weights") / "tiny.safetensors", tiny_network()
    save_network(network, network.config, path, half=True, keep_hand_model=True)
    return path


def rewritten(source, target, text):
    with safe_open(source, "pt") as file:
        save_file(load_file(source), target, file.metadata() | {"hoisdf.calibration": text})
    return target


# Measuring


@pytest.mark.parametrize("looks_alike", [False, True], ids=["as it is", "as it looks"])
def test_known_errors_are_found_as_root_mean_squares_per_axis(frames, looks_alike):
    found = measured(Off(lost=(3,), looks_alike=looks_alike), frames, 12)
    assert len(found) == 11  # what isn't found isn't published
    np.testing.assert_allclose(found.object_rotation, np.tile(TURN, (11, 1)), atol=1e-4)
    calibration = found.calibration("boxes")
    assert (calibration.frames, calibration.data) == (11, "boxes")
    assert calibration.object_rotation == pytest.approx(np.sqrt(0.14 / 3), rel=1e-3)
    assert calibration.object_position == pytest.approx(0.013 / np.sqrt(3), rel=1e-3)
    assert calibration.joints == pytest.approx(0.03 / np.sqrt(3), rel=1e-3)


def test_frames_without_object_or_hand_are_not_counted():
    class Mixed:
        def __len__(self):
            return 3

        def frame(self, number):
            return frame(number, 200, hand=number != 0, thing=number != 1)

    assert len(measured(Off(), Mixed(), 3)) == 1


def test_a_handful_of_frames_is_no_calibration(frames):
    with pytest.raises(EvaluationError, match=r"3 frames .* at least 10"):
        measured(Off(), frames, 3).calibration("boxes")
    with pytest.raises(EvaluationError, match="no frames"):
        joined_deviations([])


def test_of_normal_errors_as_many_lie_within_as_the_normal_distribution_says():
    rng = np.random.default_rng(0)
    drawn = Deviations(rng.normal(0, 0.4, (4000, 3)), rng.normal(0, 0.02, (4000, 3)), rng.normal(0, 1, (4000, 20, 3)))
    assert drawn.calibration("x").object_rotation == pytest.approx(0.4, rel=0.03)  # 12,000 numbers: 0.6 %
    for within in drawn.coverage().values():
        np.testing.assert_allclose(within, (0.6827, 0.9545), atol=0.02)


def test_each_half_is_judged_by_the_other():
    small, large = np.full((10, 3), 0.1), np.full((10, 3), 0.15)
    mixed = np.stack([small, large], 1).reshape(20, 3)
    shares = Deviations(mixed, mixed, mixed[:, None]).coverage()
    assert shares["object_rotation"] == (0.5, 1.0)  # 0.1 is within 0.15, and 0.15 isn't within 0.1


def test_the_rotation_difference_is_the_turn_of_the_rotation_error():
    estimate, truth = (Rotation.random(20, random_state=k).as_matrix() for k in (1, 2))
    symmetries = np.broadcast_to(TURNS_OF_BOX[:, :3, :3], (20, 4, 3, 3))
    turn = rotation_difference(estimate, truth, symmetries)
    np.testing.assert_allclose(np.linalg.norm(turn, axis=1), rotation_error(estimate, truth, symmetries), atol=1e-9)
    back = Rotation.from_rotvec(-turn).as_matrix() @ estimate
    np.testing.assert_allclose(rotation_error(back, truth, symmetries), 0, atol=1e-6)


# In files


def test_a_calibration_comes_back_with_its_weights_and_goes_on_with_them(weights, tmp_path):
    path, again = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_weights(replace(read_weights(weights), calibration=KNOWN), path)
    assert read_weights(path).calibration == KNOWN
    network, config = load_network(path)
    assert network.calibration == KNOWN
    assert optimised(network).calibration == KNOWN
    save_network(network, config, again)
    assert read_weights(again).calibration == KNOWN
    assert Estimator.load(path, device="cpu").calibration == KNOWN


def test_a_file_from_before_there_were_calibrations_has_none(weights):
    assert read_weights(weights).calibration is None
    assert Estimator.load(weights, device="cpu").calibration is None


WRONG = {
    "NaN": ("object_rotation", float("nan")),
    "infinite": ("object_position", float("inf")),
    "negative": ("joints", -0.02),
    "zero": ("object_rotation", 0.0),
    "more than half a turn": ("object_rotation", 2.0),
    "huge": ("object_position", 1e300),
    "a huge integer": ("object_position", 10**400),
    "text": ("joints", "0.02"),
    "true": ("object_rotation", True),
    "nothing": ("object_position", None),
    "half a frame": ("frames", 1.5),
    "no frame": ("frames", 0),
    "endless": ("data", "x" * 1000),
    "control characters": ("data", "a\x1b[2Jb"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_calibration_that_cannot_be_is_refused_by_name(weights, tmp_path, wrong):
    name, value = WRONG[wrong]
    text = json.dumps(json.loads(KNOWN.to_json()) | {name: value})
    with pytest.raises(CheckpointError, match=rf"the calibration in .*a\.safetensors can't be read: {name} must"):
        load_network(rewritten(weights, tmp_path / "a.safetensors", text))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "[" * 1500, "[" * 100_000, '{"frames": 1' + "0" * 5000])
def test_what_is_no_calibration_is_refused(weights, tmp_path, text):
    with pytest.raises(CheckpointError, match=r"the calibration in .* can't be read"):
        load_network(rewritten(weights, tmp_path / "a.safetensors", text))


# The command


def calibrated(*arguments):
    return CliRunner().invoke(app, ["calibrate", "--workers", "0", "--device", "cpu", *map(str, arguments)])


def test_the_command_copies_the_tensors_and_adds_what_it_measured(weights, frames, tmp_path, monkeypatch):
    about = {"folder": "/somewhere/private/boxes"}
    opened = DataFolder(frames, PreparationConfig(), about, None, "boxes")
    monkeypatch.setattr("hoisdf_model.commands.calibrate.data_at", lambda *_: opened)
    monkeypatch.setattr("hoisdf_model.evaluation.PaperProtocol", Off)
    monkeypatch.setattr("hoisdf_model.objects.find_object", box_of)
    out = tmp_path / "out.safetensors"
    ran = calibrated("-w", weights, "--data", "/somewhere/private/boxes", "--frames", 11, "-o", out)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    before, after = load_file(weights), load_file(out)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype, name
        assert torch.equal(tensor, after[name]), name
    with safe_open(weights, "pt") as old, safe_open(out, "pt") as new:
        assert new.metadata().items() >= old.metadata().items()
        assert new.metadata().keys() - old.metadata().keys() == {"hoisdf.calibration"}
    found = read_weights(out).calibration
    assert (found.frames, found.data) == (11, "boxes")  # and not where they lie
    assert found.object_position == pytest.approx(0.013 / np.sqrt(3), rel=1e-3)
    assert "12.4 degrees" in ran.output  # sqrt(0.14 / 3) radians
    assert "7.5 mm" in ran.output


def test_the_command_says_what_is_wrong(weights, tmp_path):
    out = tmp_path / "out.safetensors"
    ran = calibrated("-w", weights, "-o", weights)
    assert "exists already" in str(ran.exception)
    ran = calibrated("-w", weights, "-o", tmp_path / "none" / "out.safetensors")
    assert "there is no folder" in str(ran.exception)
    ran = calibrated("-w", tmp_path / "none.safetensors", "-o", out)
    assert "there is no weights file" in str(ran.exception)
    ran = calibrated("-w", "untrained:compact", "-o", out)
    assert "random weights" in str(ran.exception)
    torch.save({"network": {}}, tmp_path / "snapshot.pth.tar")
    ran = calibrated("-w", tmp_path / "snapshot.pth.tar", "-o", out)
    assert "hoisdf convert" in str(ran.exception)
    ran = calibrated("-w", weights, "--data", tmp_path / "nowhere", "-o", out)
    assert "nowhere" in str(ran.exception)
    ran = calibrated("-w", weights, "--frames", 3, "-o", out)
    assert ran.exit_code == 2
    assert not out.exists()
