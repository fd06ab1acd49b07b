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

"""Signed distances equal the analytic ones, inside and outside, also where signs are hard to tell."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances

SPHERE = trimesh.creation.icosphere(5, 0.05)
BOX = trimesh.creation.box((0.06, 0.16, 0.21))


def box_distance(points):
    beyond = np.abs(points) - np.array([0.03, 0.08, 0.105])
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_sphere_and_box_are_analytic(seed):
    points = np.random.default_rng(seed).normal(0, 0.07, (400, 3))
    sphere = distances.signed_distance(points, SPHERE.vertices, SPHERE.faces)
    np.testing.assert_allclose(sphere, np.linalg.norm(points, axis=1) - 0.05, atol=3e-5)
    np.testing.assert_allclose(
        distances.signed_distance(points, BOX.vertices, BOX.faces), box_distance(points), atol=1e-9
    )


def test_the_wall_of_a_thin_cup_is_inside_and_its_hollow_is_outside():
    cup = trimesh.creation.annulus(0.039, 0.040, 0.1)
    points = np.array([[0.0395, 0, 0], [0.0, 0, 0], [0.038, 0, 0], [0.041, 0, 0]])
    signed = distances.signed_distance(points, np.asarray(cup.vertices), np.asarray(cup.faces))
    assert signed[0] < 0
    assert (signed[1:] > 0).all()
    np.testing.assert_allclose(signed[2], 0.001, atol=1.5e-4)


def test_closest_points_lie_on_the_faces_named():
    points = np.random.default_rng(0).normal(0, 0.2, (50, 3))
    distance, face, nearest = distances.closest_points(points, BOX.vertices, BOX.faces)
    np.testing.assert_allclose(np.linalg.norm(points - nearest, axis=1), distance, atol=1e-12)
    on_plane = ((nearest - BOX.triangles[face][:, 0]) * BOX.face_normals[face]).sum(1)
    np.testing.assert_allclose(on_plane, 0, atol=1e-12)


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((2, 2)), np.full((1, 3), np.nan)])
def test_malformed_points_are_named(points):
    with pytest.raises(InvalidInputError, match="points"):
        distances.signed_distance(points, BOX.vertices, BOX.faces)
