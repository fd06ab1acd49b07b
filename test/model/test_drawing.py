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

"""The overlay: what is drawn lies where the camera sees it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial.transform import Rotation

from hoisdf_model.drawing import Surface, draw_overlay, paint
from hoisdf_model.errors import ImageError
from hoisdf_model.estimates import (
    Estimate,
    HandEstimate,
    HandModelInfo,
    HandRegion,
    ObjectEstimate,
    ObjectRegion,
    Regions,
)
from hoisdf_model.geometry import Pinhole, simplified
from hoisdf_model.hand import BONES, HandLayer, load_hand_model
from hoisdf_model.objects import load_catalogue

CAMERA = Pinhole(600, 610, 322, 243, 640, 480)
BENT = replace(CAMERA, distortion=(-0.3, 0.1, 0.001, -0.0005, 0.0))


def a_hand(side: str = "right", root: tuple = (0.0, 0.05, 0.6)) -> HandEstimate:
    model = load_hand_model()
    pose = np.zeros((16, 3))
    pose[0] = [-np.pi / 2, 0, 0.3]
    rotations = Rotation.from_rotvec(pose).as_matrix()[None]
    mesh = HandLayer(model)(torch.tensor(rotations, dtype=torch.float32), torch.zeros(1, 10))
    mirror = np.array([-1.0 if side == "left" else 1.0, 1, 1])
    joints, vertices = (part[0].numpy() * mirror + np.array(root) for part in mesh)
    return HandEstimate(
        side, 0.9, joints.astype(np.float32), np.full(21, 0.9, np.float32), vertices.astype(np.float32),
        pose.astype(np.float32), np.zeros(10, np.float32), np.eye(3) * 1e-4, "given", model.info,
    )  # fmt: skip


def a_mug(name: str = "025_mug") -> ObjectEstimate:
    return ObjectEstimate(name, 0.8, np.eye(3), np.array([0.05, 0.0, 0.6]), np.eye(6))


def changed(image: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    return (image.astype(int) - drawn.astype(int) != 0).any(2)


@pytest.fixture
def image() -> np.ndarray:
    return np.full((480, 640, 3), 128, np.uint8)


def test_the_image_is_not_changed_and_an_empty_estimate_draws_only_words(image: np.ndarray):
    drawn = draw_overlay(image, Estimate(timing={"network": 0.02}), CAMERA)
    assert (image == 128).all()
    assert changed(image, drawn)[450:].any()
    assert not changed(image, drawn)[:450].any()


@pytest.mark.parametrize("camera", [CAMERA, BENT], ids=["rectified", "distorted"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_joints_are_drawn_where_opencv_projects_them(image: np.ndarray, camera: Pinhole, side: str):
    hand = a_hand(side, (0.13, 0.05, 0.6))
    drawn = draw_overlay(image, Estimate((hand,)), camera)
    pixels, _ = cv2.projectPoints(
        hand.joints.astype(float), np.zeros(3), np.zeros(3), camera.matrix, np.array(camera.distortion or (0.0,) * 4)
    )
    wrist = pixels[0, 0].round().astype(int)
    assert drawn[wrist[1], wrist[0]].min() > 200  # the wrist's white disc
    for parent, child in BONES:
        x, y = pixels[[parent, child], 0].mean(0).round().astype(int)
        patch = drawn[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
        assert (patch.max(1) - patch.min(1)).max() > 90  # colourful, as no skin is


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_hands_surface_covers_its_outline(image: np.ndarray, side: str):
    hand = a_hand(side)
    painted = image.copy()
    model = load_hand_model(side=side)
    paint(painted, [Surface(hand.vertices, model.faces, (255, 0, 0))], CAMERA)
    expected = np.zeros(image.shape[:2], np.uint8)
    pixels = CAMERA.project(hand.vertices)
    for face in model.faces:
        cv2.fillConvexPoly(expected, np.round(pixels[face]).astype(np.int32), 1)
    painted_mask = changed(image, painted)
    overlap = (painted_mask & (expected > 0)).sum() / (painted_mask | (expected > 0)).sum()
    assert overlap > 0.97
    np.testing.assert_array_equal(draw_overlay(image, Estimate((hand,)), CAMERA)[~painted_mask][:100], 128)


def test_the_nearer_surface_hides_the_farther_one(image: np.ndarray):
    square = np.array([[-0.1, -0.1, 0], [-0.1, 0.1, 0], [0.1, 0.1, 0], [0.1, -0.1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    ahead = np.array([0, 0, 1.0])
    near = Surface(square + 0.5 * ahead, faces, (255, 0, 0))
    far = Surface(square + 0.7 * ahead, faces, (0, 255, 0))
    for order in ([near, far], [far, near]):
        painted = image.copy()
        paint(painted, order, CAMERA, opacity=1.0)
        middle = painted[243, 322].astype(int)
        assert middle[0] > 60
        assert middle[1] == 0


def test_backs_of_faces_and_what_lies_behind_the_camera_are_not_drawn(image: np.ndarray):
    square = np.array([[-0.1, -0.1, 0.5], [-0.1, 0.1, 0.5], [0.1, 0.1, 0.5], [0.1, -0.1, 0.5]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    for surface in (Surface(square, faces[:, ::-1], (255, 0, 0)), Surface(-square, faces, (255, 0, 0))):
        painted = image.copy()
        paint(painted, [surface], CAMERA)
        np.testing.assert_array_equal(painted, image)


def test_a_known_object_is_drawn_as_its_mesh_and_an_unknown_one_as_axes(image: np.ndarray):
    catalogue = load_catalogue()
    mug = draw_overlay(image, Estimate(objects=(a_mug(),)), CAMERA, catalogue)
    center = CAMERA.project(catalogue.mesh("025_mug").vertices + a_mug().translation).mean(0).astype(int)
    assert changed(image, mug)[center[1] - 5 : center[1] + 5, center[0] - 5 : center[0] + 5].all()
    axes = draw_overlay(image, Estimate(objects=(a_mug("my_thing"),)), CAMERA, catalogue)
    x_axis = CAMERA.project(a_mug().translation + np.array([0.03, 0, 0])).round().astype(int)
    red, green, blue = axes[x_axis[1], x_axis[0]].astype(int)
    assert red > 180 > green + blue


def test_boxes_are_drawn_on_their_edges(image: np.ndarray):
    regions = Regions(
        (HandRegion(np.array([100.0, 100, 200, 180])),), (ObjectRegion(np.array([300.0, 100, 360, 170])),)
    )
    drawn = changed(image, draw_overlay(image, Estimate(regions=regions), CAMERA))
    assert drawn[100, 105:195].all()
    assert drawn[105:175, 200].all()
    assert drawn[170, 305:355].all()
    assert not drawn[110:170, 110:190].any()


def test_a_hand_of_an_unknown_model_is_drawn_without_surface(image: np.ndarray):
    hand = a_hand()
    other = replace(hand, model=HandModelInfo("other", "0123"))
    with_surface = changed(image, draw_overlay(image, Estimate((hand,)), CAMERA)).sum()
    without = changed(image, draw_overlay(image, Estimate((other,)), CAMERA)).sum()
    assert without < 0.6 * with_surface
    empty = replace(hand, vertices=np.zeros((0, 3), np.float32))
    assert changed(image, draw_overlay(image, Estimate((empty,)), CAMERA)).sum() == without


@pytest.mark.parametrize("root", [(5.0, 0, 0.6), (0, 0, -0.5), (0, 0, 0.0), (0, 0, 1e-6), (0, 0, 500.0)])
def test_estimates_outside_of_the_image_do_no_harm(image: np.ndarray, root: tuple):
    thing = replace(a_mug(), translation=np.array(root))
    drawn = draw_overlay(image, Estimate((a_hand(root=root),), (thing,)), CAMERA, load_catalogue())
    assert drawn.shape == image.shape


@pytest.mark.parametrize("shape", [(1, 1, 3), (9, 700, 3), (700, 9, 3)])
def test_tiny_images_can_be_drawn_into(shape: tuple):
    estimate = Estimate((a_hand(),), (a_mug(),), timing={"network": 0.1})
    assert draw_overlay(np.zeros(shape, np.uint8), estimate, CAMERA).shape == shape


def test_images_that_are_not_rgb_are_refused():
    with pytest.raises(ImageError, match="uint8"):
        draw_overlay(np.zeros((48, 64), np.uint8), Estimate(), CAMERA)


def test_large_meshes_are_simplified_without_moving_them():
    sphere = trimesh.creation.icosphere(6, 0.1)
    assert len(sphere.faces) > 50_000
    vertices, faces = simplified(sphere.vertices, sphere.faces)
    assert 200 < len(faces) <= 2000
    radius = np.linalg.norm(vertices, axis=1)
    assert radius.min() > 0.09
    assert radius.max() < 0.101
    small = trimesh.creation.box()
    np.testing.assert_array_equal(simplified(small.vertices, small.faces)[1], small.faces)


def test_words_leave_a_small_picture_to_be_seen():
    """Of 160x120 pixels four lines of words would hide a third; a large picture has them all."""
    hand, mug = a_hand(root=(0.0, 0.05, 0.6)), a_mug()
    for scale, most in ((4, 0.06), (8, 0.12)):
        camera = Pinhole(600 / scale, 610 / scale, 322 / scale, 243 / scale, 640 // scale, 480 // scale)
        blank = np.full((480 // scale, 640 // scale, 3), 120, np.uint8)
        drawn = draw_overlay(blank, Estimate((hand,), (mug,), timing={"network": 0.1}), camera, load_catalogue())
        assert (drawn == 120 // 3).all(2).mean() < most  # the words' ground
