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

"""Inverse kinematics: equal to the reference where that is right, and right where it isn't.

The reference adds 1e-7 to lengths of a few centimetres before it takes an arc cosine in float32, so it bends straight
fingers by up to 5 mrad; hence the tolerance on rotations. See ``test_hand_layer`` for where the numbers come from.
"""

from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry.rotations import axis_angle_to_matrix
from hoisdf_model.hand import HandLayer, inverse_kinematics, joint_limits, load_hand_model
from hoisdf_model.hand.inverse_kinematics import shortest_rotation

DATA = Path(__file__).parents[1] / "data"
BIAS = 5e-3


@pytest.fixture(scope="module")
def reference() -> dict:
    with np.load(DATA / "hand_layer_reference.npz") as archive:
        return {key: torch.tensor(archive[key]) for key in archive.files}


@pytest.fixture(scope="module")
def fake() -> HandLayer:
    return HandLayer(load_hand_model(DATA / "fake_mano_right.npz"))


@pytest.fixture(scope="module")
def open_hand() -> HandLayer:
    return HandLayer(load_hand_model())


def angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return roma.rotmat_geodesic_distance(a, b)


def test_equal_to_the_reference_where_it_answers(fake, reference):
    right = reference["ik_vis"][:, 0] == 1
    assert right.sum() == 6
    joints, shape = reference["ik_in_joints"][right], reference["ik_in_shape"][right]
    rotations, valid = inverse_kinematics(fake, joints, shape)
    assert valid.all()
    expected = axis_angle_to_matrix(reference["ik_pose"][right].view(-1, 16, 3))
    assert angles(rotations, expected).max() < BIAS
    mesh = fake(rotations, shape)
    wrist = joints[:, :1]
    assert (mesh.joints + wrist).numpy() == pytest.approx(reference["ik_joints"][right].numpy(), abs=2e-5)
    assert (mesh.vertices[:, ::3] + wrist).numpy() == pytest.approx(reference["ik_verts"][right].numpy(), abs=2e-5)


def test_equal_to_the_reference_without_shape(fake, reference):
    right = reference["ik_vis"][:, 0] == 1
    rotations, _ = inverse_kinematics(fake, reference["ik_in_joints"][right], torch.zeros(6, 10))
    expected = axis_angle_to_matrix(reference["ik_noshape_pose"][right].view(-1, 16, 3))
    assert angles(rotations, expected).max() < BIAS


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_batches_of_three_are_like_any_other(fake, reference, batch):
    """The reference takes a cross product along the batch axis when there are exactly three samples."""
    joints, shape = reference["ik_in_joints"], reference["ik_in_shape"]
    together, _ = inverse_kinematics(fake, joints, shape)
    part, _ = inverse_kinematics(fake, joints[:batch], shape[:batch])
    assert part.numpy() == pytest.approx(together[:batch].numpy(), abs=1e-5)
    if batch == 3:
        wrong = axis_angle_to_matrix(reference["ik_batch3_pose"].view(-1, 16, 3))
        assert angles(part, wrong).max() > 0.5


def test_reflected_palms_get_the_best_rotation(fake, reference):
    """Where the best orthogonal fit is a reflection the reference gives up; the best rotation still fits the palm."""
    refused = reference["ik_vis"][:, 0] == 0
    joints, shape = reference["ik_in_joints"][refused], reference["ik_in_shape"][refused]
    rotations, valid = inverse_kinematics(fake, joints, shape)
    assert valid.all()
    assert torch.linalg.det(rotations).numpy() == pytest.approx(np.ones((2, 16)), abs=1e-5)
    palm = [1, 5, 9, 13, 17]
    rest, target = fake.rest_joints(shape)[:, palm], (joints - joints[:, :1])[:, palm]

    def misfit(rotation: torch.Tensor) -> torch.Tensor:
        return (rest @ rotation.mT - target).square().sum((-1, -2))

    assert (misfit(roma.random_rotmat(2000)[:, None]) >= misfit(rotations[:, 0]) - 1e-9).all()


def bent(layer: HandLayer, seed: int, batch: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Hands bent about their own flexion axes, turned and moved anywhere."""
    rng = np.random.default_rng(seed)
    limits = joint_limits(layer.model)
    flexion = rng.uniform(limits.flexion[:, 0], limits.flexion[:, 1], (batch, 16))
    rotations = axis_angle_to_matrix(torch.tensor(np.stack([limits.pose(f) for f in flexion]), dtype=torch.float32))
    rotations[:, 0] = roma.random_rotmat(batch)
    return rotations, torch.tensor(rng.standard_normal((batch, 10)), dtype=torch.float32)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_joints_of_a_posed_hand_are_met_again(open_hand, seed):
    rotations, shape = bent(open_hand, seed)
    joints = open_hand(rotations, shape).joints
    found, valid = inverse_kinematics(open_hand, joints + torch.tensor([0.1, -0.2, 0.7]), shape)
    assert valid.all()
    # the tips are skin, which pose correctives and blending move a little against the bone
    bones = [i for i in range(21) if i == 0 or i % 4 != 0]
    met = open_hand(found, shape).joints
    assert (met - joints)[:, bones].norm(dim=-1).max() < 1e-5
    assert (met - joints).norm(dim=-1).max() < 2.5e-3


def test_turning_the_joints_turns_only_the_global_rotation(open_hand):
    rotations, shape = bent(open_hand, 1)
    joints = open_hand(rotations, shape).joints
    turn = roma.random_rotmat(4)
    before, _ = inverse_kinematics(open_hand, joints, shape)
    after, _ = inverse_kinematics(open_hand, joints @ turn.mT, shape)
    assert after[:, 0].numpy() == pytest.approx((turn @ before[:, 0]).numpy(), abs=1e-4)
    assert after[:, 1:].numpy() == pytest.approx(before[:, 1:].numpy(), abs=1e-4)


def test_one_bad_sample_leaves_the_others_alone(open_hand):
    rotations, shape = bent(open_hand, 2)
    joints = open_hand(rotations, shape).joints
    expected, _ = inverse_kinematics(open_hand, joints, shape)
    joints[1, 6] = torch.nan
    joints[3] = 0
    found, valid = inverse_kinematics(open_hand, joints, shape)
    assert valid.tolist() == [True, False, True, False]
    assert torch.equal(found[~valid], torch.eye(3).expand(2, 16, 3, 3))
    assert found[valid].numpy() == pytest.approx(expected[valid].numpy(), abs=1e-6)


def test_palms_on_one_line_are_refused(open_hand):
    line = torch.linspace(0, 0.2, 21)[None, :, None] * torch.tensor([1.0, 2.0, -1.0])
    assert not inverse_kinematics(open_hand, line, torch.zeros(1, 10))[1].any()


def test_other_shapes_are_refused(open_hand):
    with pytest.raises(InvalidInputError, match=r"joints \(B, 21, 3\)"):
        inverse_kinematics(open_hand, torch.zeros(2, 20, 3), torch.zeros(2, 10))


def test_gradients_are_finite(open_hand):
    rotations, shape = bent(open_hand, 3)
    joints = (open_hand(rotations, shape).joints + 0.002 * torch.randn(4, 21, 3)).requires_grad_()
    inverse_kinematics(open_hand, joints, shape)[0].square().sum().backward()
    assert joints.grad is not None
    assert joints.grad.isfinite().all()


vectors = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 1e-2)


@settings(max_examples=200, deadline=None)
@given(vectors, vectors)
def test_the_shortest_rotation_turns_one_direction_into_the_other(a, b):
    source, target = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    rotation = shortest_rotation(source, target)
    assert torch.linalg.det(rotation) == pytest.approx(1, abs=1e-6)
    assert (rotation @ source / source.norm()).numpy() == pytest.approx((target / target.norm()).numpy(), abs=5e-3)
    angle = torch.arccos(torch.nn.functional.cosine_similarity(source, target, dim=0).clamp(-1, 1))
    assert roma.rotmat_geodesic_distance(rotation, torch.eye(3, dtype=torch.float64)) == pytest.approx(
        angle.item(), abs=5e-3
    )


@pytest.mark.parametrize("axis", [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.6, -0.8, 0]])
def test_opposite_directions_take_half_a_turn(axis):
    source = torch.tensor(axis)
    rotation = shortest_rotation(source, -2 * source)
    assert (rotation @ source).numpy() == pytest.approx((-source).numpy(), abs=1e-6)
    assert torch.linalg.det(rotation) == pytest.approx(1, abs=1e-6)


def test_vectors_without_direction_are_left_alone():
    assert torch.equal(shortest_rotation(torch.zeros(3), torch.ones(3)), torch.eye(3))
