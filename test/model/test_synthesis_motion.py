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

"""Smooth motion: at rest at its stops, through the poses between, and a camera that looks where it should."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.synthesis.motion import Track, handheld_camera, looking_at, minimum_jerk


def test_minimum_jerk_starts_and_ends_without_speed_or_acceleration():
    t = np.array([0.0, 1e-4, 2e-4, 0.5, 1 - 2e-4, 1 - 1e-4, 1.0])
    s = minimum_jerk(t)
    assert (s[0], s[-1]) == (0, 1)
    assert s[3] == pytest.approx(0.5)
    assert s[1] < 1e-10
    assert 1 - s[-2] < 1e-10
    assert (np.diff(minimum_jerk(np.linspace(0, 1, 200))) > 0).all()


@given(st.integers(0, 2**31))
@example(1102)  # the last pose's share of the way rounds to less than 1
@settings(max_examples=15, deadline=None)
def test_a_track_passes_its_poses_and_rests_at_its_stops(seed):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.3, 1.0, 6))
    rotations, positions = Rotation.random(6, rng).as_matrix(), rng.normal(size=(6, 3))
    stops = np.array([True, False, True, False, False, True])
    track = Track(times, rotations, positions, stops)
    turned, moved = track.at(times[stops])
    np.testing.assert_allclose(turned, rotations[stops], atol=1e-9)
    np.testing.assert_allclose(moved, positions[stops], atol=1e-9)
    h = 1e-4
    for time in times[stops]:
        before, after = track.at([time - h])[1][0], track.at([time + h])[1][0]
        assert np.linalg.norm(after - before) / (2 * h) < 1e-3
    dense = np.linspace(times[0], times[-1], 20000)
    turned, moved = track.at(dense)
    for k in np.flatnonzero(~stops):  # passed on the way, without stopping
        nearest = np.linalg.norm(moved - positions[k], axis=1).argmin()
        np.testing.assert_allclose(moved[nearest], positions[k], atol=2e-3)
        assert Rotation.from_matrix(turned[nearest].T @ rotations[k]).magnitude() < 0.01
        assert np.linalg.norm(moved[nearest + 1] - moved[nearest - 1]) / (dense[2] - dense[0]) > 0.05
    np.testing.assert_allclose(track.at([times[0] - 5, times[-1] + 5])[1], positions[[0, -1]], atol=1e-9)


def test_a_track_needs_increasing_times():
    with pytest.raises(InvalidInputError, match="increasing"):
        Track(np.array([0.0, 0.0]), np.stack([np.eye(3)] * 2), np.zeros((2, 3)), np.ones(2, bool))


def test_a_camera_has_its_target_in_the_middle_and_up_is_up():
    eye, target = np.array([0.3, -0.6, 0.5]), np.array([0.0, 0.1, 0.05])
    view = looking_at(eye, target)
    np.testing.assert_allclose(view @ [*eye, 1], [0, 0, 0, 1], atol=1e-12)
    x, y, z, _ = view @ [*target, 1]
    np.testing.assert_allclose([x, y, z], [0, 0, np.linalg.norm(target - eye)], atol=1e-12)
    above = target + np.array([0, 0, 0.1])
    assert (view @ [*above, 1])[1] < 0  # y points down
    assert np.linalg.det(view[:3, :3]) == pytest.approx(1)


def test_a_handheld_camera_sways_a_little_and_smoothly():
    times = np.arange(150) / 15
    views = handheld_camera(times, [0, -0.6, 0.5], np.zeros(3), np.random.default_rng(0), sway=0.02)
    eyes = -np.einsum("tji,tj->ti", views[:, :3, :3], views[:, :3, 3])
    away = np.linalg.norm(eyes - [0, -0.6, 0.5], axis=1)
    assert 0.003 < away.max() < 0.04
    assert np.linalg.norm(np.diff(eyes, axis=0), axis=1).max() < 0.006
