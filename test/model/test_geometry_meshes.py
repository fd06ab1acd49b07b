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

"""Mesh arrays: normals, boundaries, caps and samples, against shapes whose answers are known."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import meshes

SPHERE = trimesh.creation.icosphere(3, 0.05)
CUBE = trimesh.creation.box((0.1, 0.1, 0.1))


def test_normals_of_a_sphere_point_away_from_its_middle():
    normals = meshes.vertex_normals(SPHERE.vertices, SPHERE.faces)
    assert (normals * SPHERE.vertices / 0.05).sum(1).min() > 0.999


def test_corners_of_a_box_are_the_boxes_own_vertices():
    box = trimesh.creation.box((0.1, 0.2, 0.3), np.array([[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, -0.4], [0, 0, 0, 1]]))
    corners = meshes.box_corners(box.sample(5000, seed=0).tolist() + box.vertices.tolist())
    np.testing.assert_allclose(corners, np.array(sorted(box.vertices.tolist())), atol=1e-12)


def test_face_normals_are_twice_the_area_long():
    lengths = np.linalg.norm(meshes.face_normals(CUBE.vertices, CUBE.faces), axis=1)
    np.testing.assert_allclose(lengths, 0.01)


def test_corners_are_smooth_on_a_sphere_and_sharp_on_a_cube():
    smooth = meshes.corner_normals(SPHERE.vertices, SPHERE.faces, crease=0.6)
    np.testing.assert_allclose(smooth, meshes.vertex_normals(SPHERE.vertices, SPHERE.faces)[SPHERE.faces], atol=0.05)
    sharp = meshes.corner_normals(CUBE.vertices, CUBE.faces, crease=0.6)
    np.testing.assert_allclose(sharp, CUBE.face_normals[:, None].repeat(3, 1), atol=1e-12)


def test_a_tube_has_two_boundaries_and_is_closed_by_capping():
    tube = trimesh.creation.cylinder(0.02, 0.1, sections=24)
    wall = tube.faces[np.abs(tube.face_normals[:, 2]) < 0.5]
    loops = meshes.boundary_loops(wall)
    assert sorted(len(loop) for loop in loops) == [24, 24]
    assert {float(np.ptp(tube.vertices[loop][:, 2])) for loop in loops} == {0.0}
    vertices, faces = meshes.capped(tube.vertices, wall)
    closed = trimesh.Trimesh(vertices, faces)
    assert closed.is_watertight
    assert closed.is_winding_consistent
    assert closed.volume == pytest.approx(tube.volume)


def test_a_closed_mesh_has_no_boundary_and_capping_changes_nothing():
    assert meshes.boundary_loops(SPHERE.faces) == []
    vertices, faces = meshes.capped(SPHERE.vertices, SPHERE.faces)
    assert len(vertices) == len(SPHERE.vertices)
    np.testing.assert_array_equal(faces, SPHERE.faces)


def test_two_sheets_that_meet_in_a_point_are_refused():
    faces = np.array([[0, 1, 2], [0, 3, 4]])
    with pytest.raises(InvalidInputError, match="vertex 0"):
        meshes.boundary_loops(faces)


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_samples_lie_on_the_surface_evenly(seed):
    points = meshes.sample_surface(CUBE.vertices, CUBE.faces, 3000, np.random.default_rng(seed))
    assert points.shape == (3000, 3)
    np.testing.assert_allclose(np.abs(points).max(1), 0.05, atol=1e-12)
    side = np.abs(points).argmax(1) * 2 + (points[np.arange(3000), np.abs(points).argmax(1)] > 0)
    assert np.abs(np.bincount(side, minlength=6) / 3000 - 1 / 6).max() < 0.04
