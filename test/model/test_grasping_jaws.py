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

"""Jaws that close on solids of known shape, and collisions between meshes of known distance."""

import numpy as np
import pytest
import trimesh
from grasping_solids import box, cylinder, small_gripper, sphere
from scipy.spatial.transform import Rotation

from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping.box_solids import Solid, box_distance, box_mesh
from hoisdf_model.grasping.candidates import tool_frame
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.jaws import centred, close_jaws
from hoisdf_model.grasping.trials import take

X, Y, Z = np.eye(3)
GRIPPER = small_gripper()


def closed(thing, pose):
    return close_jaws(thing, pose[None], GRIPPER)[0]


def taken(thing, pose):
    return take(thing, pose[None], GRIPPER, GraspSettings())[0]


def clearance(solid, boxes, pose, least=0.0):
    return solid.clearance(boxes[None], pose[None], least)[0]


def meets(solid, boxes, pose):
    return solid.meets(boxes[None], pose[None])[0]


def test_width_of_a_box_is_its_edge_and_pads_lie_flat():
    contact = closed(box(0.03, 0.05, 0.2), tool_frame(X, -Z, np.zeros(3)))
    assert contact.width == pytest.approx(0.03, abs=1e-9)
    assert contact.antipodality == pytest.approx(1.0, abs=1e-9)
    assert np.allclose(contact.normals, [[0, 1, 0], [0, -1, 0]])


@pytest.mark.parametrize("degrees", [5, 20, 40])
def test_antipodality_is_the_cosine_of_the_angle_between_jaw_axis_and_normal(degrees):
    angle = np.radians(degrees)
    # a long bar, so that both pads press on the same pair of faces
    contact = closed(box(0.03, 1.0, 1.0), tool_frame(np.cos(angle) * X + np.sin(angle) * Y, -Z, np.zeros(3)))
    assert contact.antipodality == pytest.approx(np.cos(angle), abs=1e-6)


def test_width_of_a_cylinder_is_its_diameter_from_any_side():
    for angle in np.linspace(0, np.pi, 7):
        axis = np.cos(angle) * X + np.sin(angle) * Y
        contact = closed(cylinder(0.033, 0.12), tool_frame(axis, -Z, np.zeros(3)))
        assert contact.width == pytest.approx(0.066, abs=0.066 * (1 - np.cos(np.pi / 96)))
        assert contact.antipodality > np.cos(np.radians(2))


def test_width_of_a_sphere_off_its_middle_is_the_widest_place_that_the_pads_reach():
    radius, off = 0.04, 0.02
    contact = closed(sphere(radius), rigid(np.eye(3), np.array([0, 0, off])))
    nearest = off - GRIPPER.pad_length / 2
    assert contact.width == pytest.approx(2 * np.sqrt(radius**2 - nearest**2), abs=2e-4)


def test_many_poses_at_once_find_what_each_finds_alone():
    rng = np.random.default_rng(0)
    thing = cylinder(0.03, 0.1)
    turns = Rotation.random(40, rng=rng).as_matrix()
    poses = np.stack([rigid(turn, rng.uniform(-0.05, 0.05, 3)) for turn in turns])
    together = close_jaws(thing, poses, GRIPPER)
    assert 10 < sum(contact is not None for contact in together) < 40
    for pose, contact in zip(poses, together, strict=True):
        alone = closed(thing, pose)
        assert (alone is None) == (contact is None)
        if alone is not None:
            assert contact.width == pytest.approx(alone.width, abs=1e-12)
            assert np.allclose(contact.normals, alone.normals, atol=1e-9)


def test_pose_is_centred_between_the_pads():
    shifted = tool_frame(X, -Z, np.array([0.007, 0, 0]))
    contact = closed(box(0.03, 0.05, 0.2), shifted)
    assert np.allclose(centred(shifted, contact)[:3, 3], 0, atol=1e-9)


def test_jaws_that_close_on_nothing_or_on_an_edge_hold_nothing():
    assert closed(box(0.03, 0.03, 0.03), rigid(np.eye(3), np.array([0.2, 0, 0]))) is None
    corner = tool_frame(X + Y, -Z, np.zeros(3))
    assert taken(box(0.03, 0.03, 0.2), corner) == "not_antipodal"


def test_too_wide_and_blocked_are_told_apart():
    assert taken(box(0.12, 0.05, 0.05), tool_frame(X, -Z, np.zeros(3))) == "too_wide"
    # 41 mm from the middle of the pads to the palm's face, so a column of 100 mm hits it
    deep = tool_frame(X, -Z, np.zeros(3))
    assert taken(box(0.03, 0.05, 0.1), deep) == "in_collision"
    assert not isinstance(taken(box(0.03, 0.05, 0.07), deep), str)


@pytest.mark.parametrize("seed", range(8))
def test_clearance_of_boxes_at_any_pose_is_the_distance_to_a_sphere(seed):
    rng = np.random.default_rng(seed)
    ball = trimesh.creation.icosphere(5, 0.05)
    solid = Solid(np.asarray(ball.vertices), np.asarray(ball.faces))
    boxes = np.array([[[-0.01, -0.02, -0.03], [0.02, 0.01, 0.03]], [[0.03, 0.0, 0.0], [0.05, 0.01, 0.02]]])
    pose = rigid(Rotation.random(rng=rng).as_matrix(), rng.uniform(-0.12, 0.12, 3))
    center = (-pose[:3, 3]) @ pose[:3, :3]
    expected = max(0.0, float(box_distance(center[:, None], boxes)) - 0.05)
    assert clearance(solid, boxes, pose) == pytest.approx(expected, abs=1e-4)
    assert meets(solid, boxes, pose) == (expected == 0)


def test_below_the_least_clearance_that_matters_the_number_is_still_below_it():
    ball = trimesh.creation.icosphere(3, 0.05)
    solid = Solid(np.asarray(ball.vertices), np.asarray(ball.faces))
    cube = np.array([[[-0.01] * 3, [0.01] * 3]])
    for away in np.linspace(0.0, 0.121, 12):
        pose = rigid(np.eye(3), np.array([away, 0.0, 0.0]))
        exact = clearance(solid, cube, pose)
        assert (clearance(solid, cube, pose, 0.02) < 0.02) == (exact < 0.02)
        if exact >= 0.02:
            assert clearance(solid, cube, pose, 0.02) == exact


def test_one_solid_wholly_inside_the_other_meets_it():
    cube = trimesh.creation.box((0.1, 0.1, 0.1))
    solid = Solid(np.asarray(cube.vertices), np.asarray(cube.faces))
    assert meets(solid, np.array([[[-0.01] * 3, [0.01] * 3]]), np.eye(4))
    assert meets(solid, np.array([[[-0.3] * 3, [0.3] * 3]]), np.eye(4))
    assert not meets(solid, np.array([[[-0.01] * 3, [0.01] * 3]]), rigid(np.eye(3), np.array([0.07, 0, 0])))


def test_box_mesh_is_closed_and_faces_outwards():
    vertices, faces = box_mesh(np.array([[[0, 0, 0], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]]], float))
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(7.0)
