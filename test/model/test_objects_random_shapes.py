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

"""Random shapes: closed, of hand size, different from each other, functions of their numbers, truly symmetric."""

import numpy as np
import pytest

from hoisdf_model.geometry import distances
from hoisdf_model.objects import random_shape
from hoisdf_model.objects.random_shapes import KINDS, shape_kind

NUMBERS = range(60)
SHAPES = {number: random_shape(number) for number in NUMBERS}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_shape_is_one_closed_solid_of_hand_size(number):
    mesh = SHAPES[number].mesh
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 1e-6
    assert mesh.body_count == 1
    assert 0.03 < SHAPES[number].diameter < 0.33
    np.testing.assert_allclose(mesh.bounds.mean(0), 0, atol=1e-9)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_shape_can_be_taken_between_thumb_and_fingers(number):
    """Some chord through the surface, against its normal, is no longer than a hand opens."""
    mesh = SHAPES[number].mesh
    points, faces = mesh.sample(200, return_index=True, seed=0)
    inwards = -mesh.face_normals[faces]
    steps = np.arange(0.004, 0.09, 0.003)
    along = (points[:, None] + inwards[:, None] * steps[None, :, None]).reshape(-1, 3)
    outside = distances.signed_distance(along, np.asarray(mesh.vertices), np.asarray(mesh.faces)) > 0
    assert outside.reshape(200, -1).any(1).any()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_drawn_surface_is_the_mesh_with_a_print(number):
    surface, mesh = SHAPES[number].surface, SHAPES[number].mesh
    assert len(surface.vertices) == 3 * len(mesh.faces)
    np.testing.assert_allclose(surface.vertices, mesh.vertices[mesh.faces].reshape(-1, 3), atol=1e-6)
    assert surface.uv.min() >= 0
    assert surface.uv.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_declared_symmetry_maps_the_shape_onto_itself(number):
    item = SHAPES[number]
    vertices, faces = np.asarray(item.mesh.vertices), np.asarray(item.mesh.faces)
    for transform in item.symmetry.transforms(7):
        moved = vertices @ transform[:3, :3].T + transform[:3, 3]
        assert np.abs(distances.signed_distance(moved, vertices, faces)).max() < 0.01 * item.diameter


def test_equal_numbers_give_equal_shapes_and_others_differ():
    again = random_shape(3)
    np.testing.assert_array_equal(again.mesh.vertices, SHAPES[3].mesh.vertices)
    np.testing.assert_array_equal(again.surface.texture, SHAPES[3].surface.texture)
    assert len({round(item.mesh.volume, 12) for item in SHAPES.values()}) == len(SHAPES)
    assert len({item.name for item in SHAPES.values()}) == len(SHAPES)


def test_all_kinds_come_up():
    assert {shape_kind(number) for number in NUMBERS} == set(KINDS)
