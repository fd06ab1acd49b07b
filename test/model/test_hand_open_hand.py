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

"""The open hand: MANO's layout, a sound mesh, anatomy that holds, flesh that stays, a generator that makes it anew."""

import igl
import numpy as np
import pytest
import torch
import trimesh
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.geometry.meshes import boundary_loops, capped
from hoisdf_model.geometry.rotations import rotation_matrices
from hoisdf_model.hand import HandLayer, HandModel, joint_limits, load_hand_model, named_pose
from hoisdf_model.hand.joints import MANO_FINGER_BASE, TIP_VERTICES
from hoisdf_model.hand.open_hand.anatomy import BONE_LENGTHS, Proportions, skeleton
from hoisdf_model.hand.open_hand.surface import hand_distance, hand_gradient

FOUR = ("index", "middle", "ring", "little")


@pytest.fixture(scope="module")
def hand() -> HandModel:
    return load_hand_model()


def posed(hand: HandModel, axis_angle: np.ndarray, shape: np.ndarray | None = None) -> np.ndarray:
    rotations = torch.tensor(rotation_matrices(axis_angle), dtype=torch.float32)[None]
    betas = torch.zeros(1, 10) if shape is None else torch.tensor(shape, dtype=torch.float32)[None]
    return HandLayer(hand)(rotations, betas).vertices[0].numpy().astype(np.float64)


def crossing_faces(vertices: np.ndarray, faces: np.ndarray) -> int:
    """Pairs of faces without a common corner that cut each other, by libigl's triangle test."""
    tree = trimesh.Trimesh(vertices, faces, process=False).triangles_tree
    corners = [vertices[faces][:, k].reshape(-1, 1, 3) for k in range(3)]
    boxes = np.concatenate([vertices[faces].min(1), vertices[faces].max(1)], 1)
    count = 0
    for i, box in enumerate(boxes):
        for j in tree.intersection(box):
            if j > i and not set(faces[i].tolist()) & set(faces[j].tolist()):
                count += bool(igl.tri_tri_intersection_test_3d(*(c[i] for c in corners), *(c[j] for c in corners))[0])
    return count


def test_the_mesh_is_one_sound_surface_open_at_the_wrist(hand):
    assert igl.is_edge_manifold(hand.faces)
    assert len(np.unique(hand.faces)) == 778
    (rim,) = boundary_loops(hand.faces)
    assert len(rim) == 16
    mesh = trimesh.Trimesh(*capped(hand.v_template, hand.faces), process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.euler_number == 2
    assert 250e-6 < mesh.volume < 450e-6  # cubic metres; positive: faces look outwards
    assert np.ptp(hand.v_template[rim, 0]) < 1e-6


def test_triangles_are_well_shaped(hand):
    mesh = trimesh.Trimesh(hand.v_template, hand.faces, process=False)
    smallest = np.degrees(mesh.face_angles.min(1))
    assert smallest.min() > 12
    assert np.percentile(smallest, 5) > 28
    assert mesh.edges_unique_length.min() > 0.0015


def test_the_crossing_test_finds_crossings(hand):
    shut = hand.v_template.astype(np.float64).copy()
    shut[:, 2] *= 0.05
    shut[:, 1] *= -1 + 2 * (np.arange(778) % 2)
    assert crossing_faces(shut, hand.faces) > 10


def test_nothing_crosses_at_rest_nor_in_other_shapes(hand):
    assert crossing_faces(hand.v_template.astype(np.float64), hand.faces) == 0
    rng = np.random.default_rng(0)
    for shape in rng.standard_normal((3, 10)):
        assert crossing_faces(posed(hand, np.zeros((16, 3)), shape), hand.faces) == 0


def test_bones_have_the_published_lengths(hand):
    joints = hand.joints.astype(np.float64)
    for finger, base in MANO_FINGER_BASE.items():
        chain = np.stack([*joints[base : base + 3], hand.v_template[TIP_VERTICES[finger]]])
        first, second, third, flesh = BONE_LENGTHS[finger]
        assert np.linalg.norm(np.diff(chain, axis=0), axis=1) == pytest.approx([first, second, third + flesh], abs=1e-3)


def test_the_hand_is_as_large_as_an_adults(hand):
    """Between the 5th percentile of women and the 95th of men (Greiner 1991)."""
    tip = hand.v_template[TIP_VERTICES["middle"]] - hand.joints[0]
    assert 0.165 < np.linalg.norm(tip) < 0.211
    knuckles = np.abs(hand.v_template[:, 0] - hand.joints[MANO_FINGER_BASE["middle"], 0]) < 0.012
    assert 0.073 < np.ptp(hand.v_template[knuckles & (hand.v_template[:, 2] < 0.05), 2]) < 0.098


def test_tip_vertices_are_the_ends_of_the_fingers(hand):
    for finger, base in MANO_FINGER_BASE.items():
        along = hand.v_template[TIP_VERTICES[finger]] - hand.joints[base + 2]
        own = hand.weights[:, base + 2] > 0.5
        reach = (hand.v_template[own] - hand.joints[base + 2]) @ along / np.linalg.norm(along)
        assert reach.max() - np.linalg.norm(along) < 0.001


def test_weights_are_local_smooth_and_complete(hand):
    assert hand.weights.sum(1) == pytest.approx(np.ones(778), abs=1e-5)
    assert hand.weights.min() >= 0
    assert (hand.weights > 0).sum(1).max() <= 6
    for finger, base in MANO_FINGER_BASE.items():
        assert hand.weights[TIP_VERTICES[finger], base + 2] == pytest.approx(1)
    (rim,) = boundary_loops(hand.faces)
    assert hand.weights[rim, 0] == pytest.approx(np.ones(16), abs=1e-3)
    edges = trimesh.Trimesh(hand.v_template, hand.faces, process=False).edges_unique
    assert np.abs(hand.weights[edges[:, 0]] - hand.weights[edges[:, 1]]).max() < 0.75


def test_joints_are_averages_of_skin_around_them(hand):
    assert hand.joint_regressor.min() >= 0
    assert hand.joint_regressor.sum(1) == pytest.approx(np.ones(16), abs=1e-5)
    solid = trimesh.Trimesh(*capped(hand.v_template, hand.faces), process=False)
    assert solid.contains(hand.joints).all()
    assert hand.joints == pytest.approx(skeleton().joints, abs=1e-4)


def finger_section(hand: HandModel, finger: str) -> np.ndarray:
    """Faces of the finger beyond the middle of its first phalanx."""
    base = MANO_FINGER_BASE[finger]
    start, end = hand.joints[base], hand.joints[base + 1]
    along = (hand.v_template - start) @ (end - start) / ((end - start) @ (end - start))
    own = (hand.weights[:, base : base + 3].sum(1) > 0.6) & (along > 0.5)
    return hand.faces[own[hand.faces].all(1)]


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    used, faces = np.unique(faces, return_inverse=True)
    mesh = trimesh.Trimesh(*capped(vertices[used], faces.reshape(-1, 3)), process=False)
    assert mesh.is_watertight
    return mesh.volume


@pytest.mark.parametrize("finger", FOUR)
def test_a_finger_bent_by_90_degrees_loses_less_than_a_tenth(hand, finger):
    faces, angles = finger_section(hand, finger), np.zeros(16)
    straight = volume(posed(hand, np.zeros((16, 3))), faces)
    angles[MANO_FINGER_BASE[finger] + 1] = np.pi / 2
    bent = volume(posed(hand, joint_limits(hand).pose(angles)), faces)
    assert 0.93 < bent / straight < 1.02


@pytest.mark.parametrize("pose", ["grasp", "fist", "pinch", "point"])
def test_the_hand_keeps_its_volume_in_named_poses(hand, pose):
    straight = volume(posed(hand, np.zeros((16, 3))), hand.faces)
    assert volume(posed(hand, named_pose(hand, pose)), hand.faces) / straight == pytest.approx(1, abs=0.04)


def test_a_twisted_joint_does_not_wring(hand):
    """Half a turn about the finger would shrink blended skin to a point; a quarter turn to 0.7 of its width."""
    base = MANO_FINGER_BASE["index"]
    axis = hand.v_template[TIP_VERTICES["index"]] - hand.joints[base]
    turn = np.zeros((16, 3))
    turn[base + 1] = axis / np.linalg.norm(axis) * np.pi / 2
    faces = finger_section(hand, "index")
    assert volume(posed(hand, turn), faces) / volume(posed(hand, np.zeros((16, 3))), faces) > 0.95


def test_correctives_vanish_at_rest_and_stay_near_their_joint(hand):
    per_joint = np.abs(hand.posedirs.reshape(778, 3, 15, 9)).max((1, 3))
    for joint in range(1, 16):
        far = np.linalg.norm(hand.v_template - hand.joints[joint], axis=1) > 0.045
        assert per_joint[far, joint - 1].max() < 1e-4
    assert per_joint.max() < 0.01


def test_shapes_are_uncorrelated_and_ordered(hand):
    flat = hand.shapedirs.reshape(-1, 10).astype(np.float64)
    size = np.linalg.norm(flat, axis=0)
    assert (np.diff(size) < 0).all()
    gram = (flat / size).T @ (flat / size)
    assert gram == pytest.approx(np.eye(10), abs=1e-3)


def test_the_first_shape_makes_the_hand_larger(hand):
    bigger = posed(hand, np.zeros((16, 3)), np.eye(10)[0])
    assert np.ptp(bigger, axis=0)[0] > 1.02 * np.ptp(hand.v_template, axis=0)[0]


@pytest.mark.parametrize("change", [{"size": 1.5}, {"palm_width": 1.0, "thumb_length": -1.0}, {"ulnar_length": 1.0}])
def test_shapes_reach_hands_of_other_proportions(hand, change):
    """The ten shapes that fit another person's joints best leave less than a millimetre, on the skin too."""
    person = skeleton(Proportions(**change))
    directions = np.einsum("jv,vkb->jkb", hand.joint_regressor, hand.shapedirs).reshape(-1, 10).astype(np.float64)
    shape = np.linalg.lstsq(directions, (person.joints - hand.joints).ravel(), rcond=None)[0]
    found = hand.joints + (directions @ shape).reshape(16, 3)
    assert found == pytest.approx(person.joints, abs=1e-3)
    skin = (hand.v_template + hand.shapedirs @ shape).astype(np.float64)
    assert np.median(np.abs(hand_distance(skin, person))) < 1e-3
    assert np.median(np.abs(hand_distance(hand.v_template.astype(np.float64), person))) > 2e-4


def test_the_surface_function_is_a_distance_near_the_skin(hand):
    points = hand.v_template.astype(np.float64)
    value, gradient = hand_gradient(points, skeleton())
    assert np.abs(value).max() < 0.0012
    assert 0.6 < np.median(np.linalg.norm(gradient, axis=1)) < 1.3
    outside = points + 0.001 * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    assert (hand_distance(outside, skeleton()) > value).all()


def test_the_generator_makes_the_shipped_hand_again(hand, tmp_path):
    """Up to where the vertices lie on the skin, which may differ between versions of the libraries."""
    target = tmp_path / "open_hand_right.npz"
    result = CliRunner().invoke(app, ["hand-model", "generate", "-o", str(target)])
    assert result.exit_code == 0, result.output
    assert target.stat().st_size < 400_000
    made = load_hand_model(target)
    assert made.hash in result.output
    assert made.joints == pytest.approx(hand.joints, abs=1e-4)
    squared, *_ = igl.point_mesh_squared_distance(
        made.v_template.astype(np.float64), hand.v_template.astype(np.float64), hand.faces
    )
    assert np.sqrt(squared).max() < 2e-3
    assert np.sqrt(squared).mean() < 3e-4
    assert igl.is_edge_manifold(made.faces)
