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

"""The size of a hand, measured in depth images that are drawn here of hands whose size is known."""

import re

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.estimates import Landmarks, Prior
from hoisdf_model.estimation import hand_following as following
from hoisdf_model.estimation.hand_measuring import FEWEST, PalmRuler
from hoisdf_model.estimation.hand_sizes import HandSize
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import TIP_VERTICES, HandLayer, load_hand_model

MODEL = load_hand_model()
LAYER = HandLayer(MODEL)
CAMERA = Pinhole(600, 605, 318, 242, 640, 480)
MEAN = LAYER.rest_joints(torch.zeros(1, 10))[0].numpy().astype(float)
SPAN = float(np.linalg.norm(MEAN[12] - MEAN[0]))
RULER = PalmRuler(MEAN, SPAN)


def drawn(shape, turns, root):
    """Joints (21, 3) and the depth image (H, W) of a hand, painted from its farthest face to its nearest."""
    with torch.inference_mode():
        mesh = LAYER(torch.tensor(turns, dtype=torch.float32)[None], torch.tensor(shape, dtype=torch.float32)[None])
    joints, vertices = mesh.joints[0].numpy().astype(float), mesh.vertices[0].numpy().astype(float)
    move = root - joints[0]
    joints, vertices = joints + move, vertices + move
    pixels, depths = CAMERA.project(vertices), vertices[MODEL.faces][..., 2].mean(1)
    image = np.zeros((480, 640), np.float32)
    for face in np.argsort(-depths):
        cv2.fillConvexPoly(image, np.round(pixels[MODEL.faces[face]]).astype(np.int32), float(depths[face]))
    return joints, image


def poses(count, seed):
    """Hands with bent fingers, the palm within 35 degrees of the camera's plane, one side or the other."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        turns = Rotation.from_rotvec(random.normal(0, 0.2, (16, 3))).as_matrix()
        flat = Rotation.from_euler("x", random.choice([90.0, -90.0]), degrees=True)  # y is across the open hand's palm
        tilt = Rotation.from_rotvec(np.radians(random.uniform(-25, 25, 3)))
        spin = Rotation.from_euler("z", random.uniform(0, 360), degrees=True)
        turns[0] = (spin * tilt * flat).as_matrix()
        yield turns, np.array([*random.uniform(-0.08, 0.08, 2), random.uniform(0.35, 0.7)]), random


def measured(shape, count=24, noise=1.0, seed=0):
    ratios = []
    for turns, root, random in poses(count, seed):
        joints, depth = drawn(shape, turns, root)
        noisy = np.where(depth > 0, depth + random.normal(0, 0.002, depth.shape), 0).astype(np.float32)
        pixels = CAMERA.project(joints) + random.normal(0, noise, (21, 2))
        ratio = RULER.ratio(pixels, noisy, CAMERA)
        ratios += [] if ratio is None else [ratio]
    return RULER.size(ratios, count)


@pytest.mark.parametrize("metres", [0.16, 0.187, 0.21])
def test_the_size_of_drawn_hands_is_found(metres):
    shape = HandSize(LAYER, metres).given_to(np.random.default_rng(1).normal(0, 0.4, 10))
    flat = np.tile(np.eye(3), (16, 1, 1))
    with torch.inference_mode():
        mesh = LAYER(torch.tensor(flat, dtype=torch.float32)[None], torch.tensor(shape, dtype=torch.float32)[None])
    tip = np.linalg.norm((mesh.vertices[0, TIP_VERTICES["middle"]] - mesh.joints[0, 0]).numpy())
    found = measured(shape)
    assert tip == pytest.approx(metres, abs=1e-3)
    assert found.metres == pytest.approx(metres, rel=0.05)
    assert found.frames >= FEWEST
    assert 0 < found.uncertainty < 0.02


def test_what_lies_before_the_palm_is_no_part_of_it():
    """A bar over some knuckles, half a span nearer: such frames are left out or hold, but never say another size."""
    for turns, root, _ in poses(6, 3):
        joints, depth = drawn(np.zeros(10), turns, root)
        pixels = CAMERA.project(joints)
        alone = RULER.ratio(pixels, depth, CAMERA)
        covered = depth.copy()
        cv2.circle(covered, tuple(np.round(pixels[[5, 9]].mean(0)).astype(int).tolist()), 30, float(root[2] - 0.1), -1)
        ratio = RULER.ratio(pixels, covered, CAMERA)
        assert ratio is None or alone is None or abs(ratio / alone - 1) < 0.12


def test_frames_that_can_not_tell_are_none():
    joints, depth = drawn(np.zeros(10), next(poses(1, 0))[0], np.array([0.0, 0.0, 0.5]))
    pixels = CAMERA.project(joints)
    assert RULER.ratio(pixels, np.zeros_like(depth), CAMERA) is None
    assert RULER.ratio(pixels, np.full_like(depth, np.nan), CAMERA) is None
    assert RULER.ratio(pixels + 10_000, depth, CAMERA) is None
    assert RULER.ratio(pixels, depth * 10, CAMERA) is None  # no hand is ten times as large


def test_the_command_reads_pictures_with_depth_and_says_what_to_write(tmp_path, monkeypatch):
    """Landmarks are put in the tracker's place; everything else is the command's way."""
    shape = HandSize(LAYER, 0.172).given_to(np.zeros(10))
    landmarks = []
    for folder in ("colour", "depth"):
        (tmp_path / folder).mkdir()
    for k, (turns, root, _) in enumerate(poses(20, 5)):
        joints, depth = drawn(shape, turns, root)
        cv2.imwrite(str(tmp_path / "colour" / f"{k}.png"), np.full((480, 640, 3), 90, np.uint8))
        cv2.imwrite(str(tmp_path / "depth" / f"{k}.png"), np.round(depth * 1000).astype(np.uint16))
        landmarks.append(Landmarks(CAMERA.project(joints), joints - joints[0], 0.9))
    lines = (f"{name}: {getattr(CAMERA, name)}" for name in ("fx", "fy", "cx", "cy", "width", "height"))
    (tmp_path / "camera.yaml").write_text("\n".join(lines))
    seen = iter(landmarks)
    monkeypatch.setattr(following.HandFollower, "locate", lambda self, frame: (Prior(landmarks=next(seen)),))
    given = ["calibrate-hand", str(tmp_path / "colour"), "--camera", str(tmp_path / "camera.yaml")]
    done = CliRunner().invoke(app, [*given, "--depth", str(tmp_path / "depth")])
    assert done.exit_code == 0, done.output
    (metres,) = re.findall(r"^([0-9.]+) m from the wrist", done.stdout)
    assert float(metres) == pytest.approx(0.172, rel=0.05)
    assert re.search(r"measured in \d+ of 20 frames", done.stdout)
    assert f"hand.size: {metres}" in done.stdout
    assert f"--hand-size {metres}" in done.stdout
    with pytest.raises(ImageError, match="none of the 20 frames has a depth image"):
        CliRunner().invoke(app, given, catch_exceptions=False)


def test_too_few_frames_and_frames_that_differ_are_refused():
    with pytest.raises(InvalidInputError, match=f"measured in 3 of 40 frames, {FEWEST} are needed"):
        RULER.size([1.0, 1.0, 1.0], 40)
    with pytest.raises(InvalidInputError, match=r"differ by \d+ %"):
        RULER.size(np.linspace(0.7, 1.3, 30), 30)
    found = RULER.size([0.9] * 20 + [1.5] * 5, 25)  # a few that are wrong don't count
    assert found.metres == pytest.approx(0.9 * SPAN)
