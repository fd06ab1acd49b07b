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

"""Fingers bend towards the palm, each in its own plane, on every hand model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry.rotations import mirror_axis_angle, rotation_matrices
from hoisdf_model.hand import POSE_NAMES, HandLayer, HandModel, flexion_axes, joint_limits, load_hand_model, named_pose
from hoisdf_model.hand.joints import JOINT_NAMES, MANO_FINGER_BASE

DATA = Path(__file__).parents[1] / "data"
FOUR = ("index", "middle", "ring", "little")
MODELS = {
    "open hand": lambda: load_hand_model(),
    "left open hand": lambda: load_hand_model(side="left"),
    "made-up model": lambda: load_hand_model(DATA / "fake_mano_right.npz"),
}


@pytest.fixture(params=MODELS)
def model(request) -> HandModel:
    return MODELS[request.param]()


def joints_of(model: HandModel, pose: np.ndarray) -> dict[str, np.ndarray]:
    rotations = torch.tensor(rotation_matrices(pose), dtype=torch.float32)[None]
    joints = HandLayer(model)(rotations, torch.zeros(1, 10)).joints[0].double().numpy()
    return dict(zip(JOINT_NAMES, joints, strict=True))


def palm_normal(joints: dict[str, np.ndarray]) -> np.ndarray:
    """Out of the palm, to the front: where the thumb is."""
    normal = np.cross(joints["index_mcp"], joints["little_mcp"])
    normal /= np.linalg.norm(normal)
    return normal if normal @ joints["thumb_tip"] > 0 else -normal


def bend(model: HandModel, joint: int, degrees: float) -> dict[str, np.ndarray]:
    angles = np.zeros(16)
    angles[joint] = np.deg2rad(degrees)
    return joints_of(model, joint_limits(model).pose(angles))


@pytest.mark.parametrize("finger", FOUR)
@pytest.mark.parametrize("joint", range(3))
def test_positive_flexion_brings_the_tip_before_the_palm(model, finger, joint):
    rest = joints_of(model, np.zeros((16, 3)))
    normal = palm_normal(rest)
    bent = bend(model, MANO_FINGER_BASE[finger] + joint, 60)
    assert (bent[f"{finger}_tip"] - rest[f"{finger}_tip"]) @ normal > 0.012


@pytest.mark.parametrize("finger", FOUR)
def test_a_finger_bends_in_the_plane_of_its_own_direction(model, finger):
    rest = joints_of(model, np.zeros((16, 3)))
    angles = np.zeros(16)
    angles[MANO_FINGER_BASE[finger] : MANO_FINGER_BASE[finger] + 3] = np.deg2rad([80, 90, 60])
    bent = joints_of(model, joint_limits(model).pose(angles))
    axis = flexion_axes(model)[MANO_FINGER_BASE[finger]]
    sideways = (bent[f"{finger}_tip"] - rest[f"{finger}_tip"]) @ axis
    assert abs(sideways) < 0.004


def test_axes_are_unit_and_perpendicular(model):
    limits = joint_limits(model)
    axes = limits.flexion_axes
    assert axes[0].tolist() == [0, 0, 0]
    assert np.linalg.norm(axes[1:], axis=1) == pytest.approx(np.ones(15))
    for finger in FOUR:
        base = MANO_FINGER_BASE[finger]
        assert axes[base] @ limits.abduction_axes[base] == pytest.approx(0, abs=0.05)
    assert (limits.flexion[1:, 0] < 0).all()
    assert (limits.flexion[1:, 1] > 0).all()
    assert np.degrees(limits.flexion).max() <= 110


@pytest.mark.parametrize("finger", FOUR)
def test_positive_abduction_spreads_the_fingers(model, finger):
    rest = joints_of(model, np.zeros((16, 3)))
    angles = np.zeros(16)
    angles[MANO_FINGER_BASE[finger]] = 0.3
    spread = joints_of(model, joint_limits(model).pose(np.zeros(16), angles))
    towards_thumb = rest["index_mcp"] - rest["little_mcp"]
    outward = -towards_thumb if finger in ("ring", "little") else towards_thumb
    assert (spread[f"{finger}_tip"] - rest[f"{finger}_tip"]) @ outward > 0


def test_thumb_abduction_leaves_the_palms_plane_and_flexion_crosses_it(model):
    rest = joints_of(model, np.zeros((16, 3)))
    angles = np.zeros(16)
    angles[13] = 0.6
    front = joints_of(model, joint_limits(model).pose(np.zeros(16), angles))
    assert (front["thumb_tip"] - rest["thumb_tip"]) @ palm_normal(rest) > 0.01
    across = bend(model, 13, 40)
    assert (across["thumb_tip"] - rest["thumb_tip"]) @ (rest["little_mcp"] - rest["index_mcp"]) > 0


def test_angles_beyond_the_range_are_cut(model):
    limits = joint_limits(model)
    assert limits.pose(np.full(16, 9.0)) == pytest.approx(limits.pose(limits.flexion[:, 1]))
    assert limits.pose(np.zeros(16)) == pytest.approx(np.zeros((16, 3)))


def test_left_and_right_are_mirror_images():
    right, left = load_hand_model(), load_hand_model(side="left")
    assert flexion_axes(left) == pytest.approx(mirror_axis_angle(flexion_axes(right)), abs=1e-6)
    for name in POSE_NAMES:
        assert named_pose(left, name) == pytest.approx(mirror_axis_angle(named_pose(right, name)), abs=1e-6)


def test_named_poses_look_like_their_names():
    hand = load_hand_model()
    flat, fist, pinch, point = (joints_of(hand, named_pose(hand, name)) for name in ("flat", "fist", "pinch", "point"))
    for finger in FOUR:
        assert np.linalg.norm(fist[f"{finger}_tip"]) < 0.62 * np.linalg.norm(flat[f"{finger}_tip"])
    assert np.linalg.norm(pinch["thumb_tip"] - pinch["index_tip"]) < 0.015
    assert np.linalg.norm(flat["thumb_tip"] - flat["index_tip"]) > 0.05
    assert np.linalg.norm(point["index_tip"]) > 0.95 * np.linalg.norm(flat["index_tip"])
    assert np.linalg.norm(point["middle_tip"]) < 0.62 * np.linalg.norm(flat["middle_tip"])


def test_fists_do_not_cross_their_fingers():
    hand = load_hand_model()
    fist = joints_of(hand, named_pose(hand, "fist"))
    across = fist["little_mcp"] - fist["index_mcp"]
    for part in ("pip", "dip", "tip"):
        places = [fist[f"{finger}_{part}"] @ across for finger in FOUR]
        assert places == sorted(places)


def test_unknown_poses_are_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError, match=r"'wave'.*flat.*fist"):
        named_pose(load_hand_model(), "wave")
