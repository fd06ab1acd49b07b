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

"""Smoothed estimates: less noise, a lag as stated, on rotations too, and hands that fit together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import ConfigError
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.estimation import Smoother
from hoisdf_model.estimation.smoothing import GAP, SLOW, SLOW_TURN
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandLayer, load_hand_model

MODEL = load_hand_model()
TIME = 0.1


def thing(place, turn=(0, 0, 0), side="right", name="mug"):
    rotation = Rotation.from_rotvec(turn).as_matrix()
    return ObjectEstimate(name, 1.0, rotation, np.array(place, float), np.zeros((6, 6)), side)


def hand(root=(0.0, 0.0, 0.5), pose=None, shape=None, side="right"):
    pose = np.zeros((16, 3)) if pose is None else pose
    shape = np.zeros(10) if shape is None else shape
    layer = HandLayer(MODEL if side == "right" else MODEL.mirrored())
    with torch.inference_mode():
        mesh = layer(
            torch.tensor(rotations.rotation_matrices(pose), dtype=torch.float32)[None],
            torch.tensor(shape, dtype=torch.float32)[None],
        )
    joints, vertices = (points[0].numpy() + np.float32(root) for points in (mesh.joints, mesh.vertices))
    return HandEstimate(
        side, 1.0, joints, np.ones(21, np.float32), vertices, np.float32(pose), np.float32(shape),
        np.eye(3), "monocular", MODEL.info,
    )  # fmt: skip


def smoothed(stamps, things):
    smoother = Smoother(MODEL, TIME)
    return [smoother(t, Estimate(objects=(one,))).objects[0] for t, one in zip(stamps, things, strict=True)]


@pytest.mark.parametrize("speed", [0.02, 0.5, 3.0])
def test_what_moves_lags_by_what_is_stated_whatever_the_stamps(speed):
    stamps = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.08, 200))
    last = smoothed(stamps, [thing((speed * t, 0, 0.5)) for t in stamps])[-1]
    lag = speed * stamps[-1] - last.translation[0]
    assert lag == pytest.approx(speed * TIME / (1 + speed / SLOW), rel=1e-3)
    assert lag < TIME * SLOW


@pytest.mark.parametrize("speed", [0.1, 4.0])
def test_what_turns_lags_by_what_is_stated_through_half_turns(speed):
    axis = np.array([0.6, 0.0, 0.8])
    stamps = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.05, 300))
    last = smoothed(stamps, [thing((0, 0, 0.5), axis * speed * t) for t in stamps])[-1]
    apart = Rotation.from_matrix(last.rotation).inv() * Rotation.from_rotvec(axis * speed * stamps[-1])
    np.testing.assert_allclose(apart.as_rotvec(), axis * speed * TIME / (1 + speed / SLOW_TURN), rtol=2e-3, atol=1e-9)


def test_noise_of_what_stands_still_falls_as_an_exponential_filters():
    """Variance of white noise behind one with share a of each new value: a / (2 - a)."""
    rng, step = np.random.default_rng(2), 1 / 30
    noise = rng.normal(0, 1e-5, (1500, 3))
    out = np.array([one.translation for one in smoothed(step * np.arange(1, 1501), map(thing, noise + 0.5))])
    share, errors = step / (step + TIME), 3 * 0.03  # three standard errors of so many values that hang together
    assert np.std(out[100:] - 0.5) / 1e-5 == pytest.approx(np.sqrt(share / (2 - share)), rel=errors)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_hands_joints_mesh_pose_and_shape_fit_together(side):
    rng, smoother = np.random.default_rng(3), Smoother(MODEL, TIME)
    for k in range(4):
        seen = hand(rng.normal((0, 0, 0.5), 0.02), rng.normal(0, 0.4, (16, 3)), rng.normal(0, 0.5, 10), side)
        (out,) = smoother(0.05 * k, Estimate((seen,))).hands
    assert np.abs(out.joints - seen.joints).max() > 1e-3
    again = hand(out.joints[0], out.pose, out.shape, side)
    np.testing.assert_allclose(out.joints, again.joints, atol=1e-6)
    np.testing.assert_allclose(out.vertices, again.vertices, atol=1e-6)


def test_the_first_frame_and_one_after_a_gap_or_a_jump_back_are_as_they_are():
    for stamps in ([1.0], [1.0, 1.1 + GAP], [5.0, 1.0], [1.0, 1.0]):
        smoother = Smoother(MODEL, TIME)
        for k, stamp in enumerate(stamps):
            seen = Estimate((hand((0.1 * k, 0, 0.5)),), (thing((0.1 * k, 0, 0.5)),))
            out = smoother(stamp, seen)
        np.testing.assert_array_equal(out.hands[0].joints, seen.hands[0].joints)
        np.testing.assert_array_equal(out.objects[0].translation, seen.objects[0].translation)
    smoother(1.05, seen)
    smoother.reset()
    assert smoother(1.1, Estimate((hand(),))).hands[0].joints[0, 0] == 0


def test_hands_and_objects_of_different_sides_and_names_dont_mix_in_whatever_order():
    smoother = Smoother(MODEL, TIME)
    right, left = hand((0.2, 0, 0.5)), hand((-0.2, 0, 0.5), side="left")
    things = thing((0.2, 0, 0.5)), thing((-0.2, 0, 0.5), side="left"), thing((0, 0, 0.9), side=None, name="")
    for k in range(6):
        order = slice(None, None, 1 if k % 2 else -1)
        out = smoother(0.05 * k, Estimate((right, left)[order], things[order]))
        for seen, one in zip((right, left)[order], out.hands, strict=True):
            np.testing.assert_allclose(one.joints, seen.joints, atol=1e-6)
        for seen, one in zip(things[order], out.objects, strict=True):
            np.testing.assert_allclose(one.translation, seen.translation, atol=1e-9)


def test_numbers_that_arent_finite_pass_and_leave_nothing_behind():
    smoother = Smoother(MODEL, TIME)
    for k in range(3):
        seen = hand((0.01 * k, 0, 0.5))
        broken = replace(seen, pose=np.full((16, 3), np.nan, np.float32)) if k == 1 else seen
        out = smoother(0.05 * k, Estimate((broken,), (thing((np.nan if k == 1 else 0.01 * k, 0, 0.5)),)))
    np.testing.assert_array_equal(out.hands[0].joints, seen.joints)
    assert out.objects[0].translation[0] == 0.02


def test_a_hand_without_a_mesh_keeps_none():
    smoother = Smoother(MODEL, TIME)
    for k in range(2):
        bare = replace(hand((0.01 * k, 0, 0.5)), vertices=np.empty((0, 3), np.float32))
        (out,) = smoother(0.05 * k, Estimate((bare,))).hands
    assert out.vertices.shape == (0, 3)
    assert out.joints[0, 0] < 0.01


@pytest.mark.parametrize("time", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_constant_that_is_none_is_refused(time):
    with pytest.raises(ConfigError, match="positive number of seconds"):
        Smoother(MODEL, time)
