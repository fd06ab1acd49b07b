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

"""Rigid poses, their inverses and mirrors, against scipy's rotations and numpy's general inverse."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoisdf_model.geometry import poses

RNG = np.random.default_rng(3)


@pytest.fixture
def pose():
    return poses.rigid(Rotation.random(random_state=5).as_matrix(), RNG.normal(size=3))


def test_a_pose_turns_and_then_moves_points():
    turn, place, points = Rotation.random(random_state=1), np.array([0.1, -0.2, 0.7]), RNG.normal(size=(9, 3))
    pose = poses.rigid(turn.as_matrix(), place)
    moved = np.pad(points, ((0, 0), (0, 1)), constant_values=1) @ pose.T
    np.testing.assert_allclose(moved[:, :3], turn.apply(points) + place, atol=1e-12)
    np.testing.assert_array_equal(moved[:, 3], 1)


def test_what_is_not_given_neither_turns_nor_moves():
    np.testing.assert_array_equal(poses.rigid(), np.eye(4))
    np.testing.assert_array_equal(poses.rigid(translation=(1, 2, 3))[:3, :3], np.eye(3))
    np.testing.assert_array_equal(poses.rigid(np.diag([1.0, -1, -1]))[:3, 3], 0)


def test_the_inverse_of_a_rigid_pose_is_that_of_the_matrix(pose):
    np.testing.assert_allclose(poses.inverse(pose), np.linalg.inv(pose), atol=1e-12)


def test_the_mirror_turns_right_handed_frames_into_left_handed_ones_and_back(pose):
    assert np.linalg.det(poses.MIRROR) == -1
    np.testing.assert_array_equal(poses.MIRROR @ poses.MIRROR, np.eye(4))
    points = RNG.normal(size=(5, 3))
    np.testing.assert_array_equal(points * poses.MIRROR_SIGNS, points @ poses.MIRROR[:3, :3])
    with pytest.raises(ValueError, match="read-only"):
        poses.MIRROR[0, 0] = 1


@pytest.mark.parametrize("size", [3, 6])
def test_an_unknown_covariance_begins_with_minus_one(size):
    covariance = poses.unknown_covariance(size)
    assert covariance.shape == (size, size)
    assert covariance[0, 0] == -1
    assert np.count_nonzero(covariance) == 1
