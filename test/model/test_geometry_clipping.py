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

"""Triangles cut by planes, beside trimesh's way of cutting."""

import numpy as np
import pytest
import trimesh
from trimesh.intersections import slice_mesh_plane

from hoisdf_model.geometry import clipping


def corners(mesh):
    return columns(np.asarray(mesh.triangles, np.float64))


def columns(triangles):
    """(T, 3, 3) corners and their coordinates <-> (3, 3, T) coordinates and corners."""
    return triangles.transpose(2, 1, 0)


def vector_area(triangles):
    """(3,) sum of normals by area: twice, one for area, one for direction."""
    triangles = columns(triangles)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
    return np.concatenate([[np.linalg.norm(normals, axis=1).sum()], normals.sum(0)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [1, -1])
def test_what_is_left_is_what_trimesh_leaves(axis, side):
    rng = np.random.default_rng(axis)
    for _ in range(4):
        mesh = trimesh.creation.torus(0.04, 0.015, major_sections=24, minor_sections=12)
        mesh.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
        limit = rng.uniform(-0.02, 0.02)
        left, source = clipping.clipped(corners(mesh), axis, side, limit)
        normal = -side * np.eye(3)[axis]
        reference = corners(slice_mesh_plane(mesh, normal, np.eye(3)[axis] * limit))
        assert np.allclose(vector_area(left), vector_area(reference), atol=1e-12)
        assert np.allclose(left.min((1, 2)), reference.min((1, 2)), atol=1e-12)
        assert np.allclose(left.max((1, 2)), reference.max((1, 2)), atol=1e-12)
        assert (side * (left[axis] - limit)).max() <= 1e-12
        # each part lies in the plane of what it was cut from
        left, whole = columns(left), columns(corners(mesh))[source]
        normals = np.cross(whole[:, 1] - whole[:, 0], whole[:, 2] - whole[:, 0])
        assert np.abs(np.einsum("tkc,tc->tk", left - whole[:, :1], normals)).max() < 1e-12


def test_faces_in_the_plane_stay_where_they_bound_what_is_kept():
    cube = corners(trimesh.creation.box((2.0, 2.0, 2.0)))
    assert clipping.clipped(cube, 2, 1, 1.0)[0].shape[2] == 12  # all of it
    assert clipping.clipped(cube, 2, 1, -1.0)[0].shape[2] == 0  # only its bottom touches
    assert clipping.clipped(cube, 2, -1, -1.0)[0].shape[2] == 12
    assert clipping.clipped(cube[:, :, :0], 2, 1, 0.0)[0].shape[2] == 0


def test_cut_at_all_six_sides_leaves_the_surface_within_a_box():
    """A sphere of radius 1 in a box that reaches 0.6 along x and everything else: a zone of height 1.2."""
    triangles = corners(trimesh.creation.icosphere(5, 1.0))
    for axis, limit in ((0, 0.6), (1, 2.0), (2, 2.0)):
        for side in (1, -1):
            triangles, _ = clipping.clipped(triangles, axis, side, side * limit)
    area = vector_area(triangles)[0]
    assert area == pytest.approx(2 * np.pi * 1.2, rel=2e-3)  # Archimedes
