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

"""Contacts resist what they resist: known cases, and agreement with the support function of the wrenches' hull."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.synthesis.grasps.force_closure import closure_quality, contact_patches, wrenches

ZERO = np.zeros(3)


def ring(count, height=0.0):
    angle = 2 * np.pi * np.arange(count) / count
    points = np.stack([np.cos(angle), np.sin(angle), np.full(count, height)], 1)
    return points, points * [1, 1, 0]


def test_three_fingers_around_a_disc_hold_it_and_none_of_them_may_leave():
    points, normals = ring(3)
    assert closure_quality(points, normals, ZERO, 1.0) > 0.05
    assert closure_quality(points[:2], normals[:2], ZERO, 1.0) == 0


def test_pressing_from_one_side_holds_nothing():
    points = np.random.default_rng(0).uniform(-1, 1, (5, 3)) * [1, 1, 0]
    assert closure_quality(points, np.tile([0, 0, 1.0], (5, 1)), ZERO, 1.0) == 0


def test_without_friction_a_disc_turns_under_any_fingers():
    points, normals = ring(5)
    assert closure_quality(points, normals, ZERO, 1.0, friction=1e-6) < 1e-4


def test_more_friction_and_more_fingers_never_hold_worse():
    points, normals = ring(4)
    slippery, rough = (closure_quality(points, normals, ZERO, 1.0, friction) for friction in (0.3, 0.8))
    assert rough > slippery > 0
    more = np.concatenate([points, [[0, 0, 1]]]), np.concatenate([normals, [[0, 0, 1]]])
    assert closure_quality(*more, ZERO, 1.0, 0.8) >= rough - 1e-6


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_direction_is_resisted_less_than_the_quality_says(seed):
    """The hull's support in a direction is the largest wrench along it: never below the radius of an inscribed ball."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(6, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    quality = closure_quality(normals, normals, ZERO, 1.0)
    directions = rng.normal(size=(4000, 6))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    support = (wrenches(normals, normals, ZERO, 1.0) @ directions.T).max(0).min()
    assert quality <= max(support, 0) + 1e-6


def test_torques_count_relative_to_the_reach():
    forces = wrenches(*ring(3), ZERO, 2.0)
    np.testing.assert_allclose(np.linalg.norm(forces[:, :3], axis=1), 1)
    np.testing.assert_allclose(forces[:, 3:], np.cross(np.repeat(ring(3)[0], 6, 0), forces[:, :3]) / 2)


def test_patches_are_one_for_each_touching_link_the_largest_first():
    vertices = np.arange(18.0).reshape(6, 3)
    normals = np.tile([0, 0, 2.0], (6, 1))
    points, unit = contact_patches(vertices, normals, np.array([1, 1, 4, 4, 4, 7]), np.array([1, 1, 1, 1, 1, 0], bool))
    np.testing.assert_allclose(points, [vertices[2:5].mean(0), vertices[:2].mean(0)])
    np.testing.assert_allclose(unit, [[0, 0, 1], [0, 0, 1]])
    assert contact_patches(vertices, normals, np.zeros(6, int), np.zeros(6, bool))[0].shape == (0, 3)


def test_contacts_in_one_point_hold_nothing():
    assert closure_quality(np.zeros((4, 3)), np.tile([1.0, 0, 0], (4, 1)), ZERO, 1.0) == pytest.approx(0)
