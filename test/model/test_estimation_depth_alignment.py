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

"""A posed hand is brought onto the depth image that shows it, whatever else the image shows."""

import cv2
import numpy as np
import pytest
import torch

from hoisdf_model.estimation.depth_alignment import aligned
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import HandLayer, load_hand_model

CAMERA = Pinhole(600.0, 600.0, 320.0, 240.0, 640, 480)
COVARIANCE = np.diag([0.01, 0.01, 0.05]) ** 2
WALL = 1.2


@pytest.fixture(scope="module")
def hand():
    """Vertices (778, 3) half a metre away, its back to the camera, and faces."""
    model = load_hand_model()
    mesh = HandLayer(model)(torch.eye(3).expand(1, 16, 3, 3), torch.zeros(1, 10))
    vertices = mesh.vertices[0].double().numpy()
    vertices = vertices - vertices.mean(0)
    flat = np.linalg.svd(vertices, full_matrices=False)[2]
    turn = np.stack([flat[0], flat[1], np.cross(flat[0], flat[1])])
    return vertices @ turn.T + [0.02, -0.01, 0.5], model.faces


def painted(vertices, faces):
    """Depth image of a mesh before a wall: triangles from the farthest to the nearest, each at its middle's depth."""
    depth = np.full((480, 640), WALL, np.float32)
    pixels = CAMERA.project(vertices)
    middles = vertices[faces][..., 2].mean(1)
    for face in np.argsort(-middles):
        cv2.fillConvexPoly(depth, np.rint(pixels[faces[face]]).astype(np.int32), float(middles[face]))
    return depth


@pytest.mark.parametrize("error", [(0.0, 0.0, 0.04), (0.004, -0.004, -0.05), (-0.006, 0.003, 0.02)])
def test_a_displaced_hand_comes_back(hand, error):
    vertices, faces = hand
    found = aligned(vertices + error, faces, CAMERA, painted(*hand), COVARIANCE)
    np.testing.assert_allclose(found.shift[2], -error[2], atol=0.003)
    assert np.linalg.norm(found.shift + error) < 0.6 * np.linalg.norm(error)
    distance = (found.shift + error) @ np.linalg.solve(found.covariance, found.shift + error)
    assert distance < 7.81  # the 95 % quantile of three dimensions


def test_something_before_a_third_of_the_hand_does_not_pull_it(hand):
    vertices, faces = hand
    depth = painted(*hand)
    columns = CAMERA.project(vertices)[:, 0]
    depth[:, : int(np.quantile(columns, 0.3))] = 0.35
    found = aligned(vertices + np.array((0.0, 0.0, 0.03)), faces, CAMERA, depth, COVARIANCE)
    np.testing.assert_allclose(found.shift[2], -0.03, atol=0.004)


def test_missing_depths_are_not_read_as_zero(hand):
    vertices, faces = hand
    depth = painted(*hand)
    depth[::2] = 0.0
    depth[:, ::3] = np.nan
    found = aligned(vertices + np.array((0.0, 0.0, 0.03)), faces, CAMERA, depth, COVARIANCE)
    np.testing.assert_allclose(found.shift[2], -0.03, atol=0.003)


def test_a_picture_of_something_else_moves_nothing(hand):
    vertices, faces = hand
    assert aligned(vertices, faces, CAMERA, np.full((480, 640), WALL, np.float32), COVARIANCE) is None
    assert aligned(vertices, faces, CAMERA, np.zeros((480, 640), np.float32), COVARIANCE) is None
    assert aligned(vertices + np.array((3.0, 0.0, 0.0)), faces, CAMERA, painted(*hand), COVARIANCE) is None


def test_a_hand_that_is_posed_wrongly_stays_where_it_is(hand):
    vertices, faces = hand
    middle = vertices.mean(0)
    turned = (vertices - middle) @ np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).T + middle
    assert aligned(turned, faces, CAMERA, painted(*hand), COVARIANCE) is None


def test_the_back_faces_of_a_mesh_are_not_what_the_camera_sees(hand):
    """Faces the wrong way around put the skin of the far side before the depth image: a left hand's must be turned."""
    vertices, faces = hand
    right = aligned(vertices, faces, CAMERA, painted(*hand), COVARIANCE)
    assert abs(right.shift[2]) < 0.003
    wrong = aligned(vertices, faces[:, ::-1], CAMERA, painted(*hand), COVARIANCE)
    assert wrong is None or abs(wrong.shift[2]) > 0.003
