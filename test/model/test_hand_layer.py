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

"""The hand layer equals the official one, and does what a hand does in mirrors, batches and gradients.

``hand_layer_reference.npz`` comes from the official HOISDF code (manopth) with the made-up ``fake_mano_right.npz``:
numbers only; of the vertices every third.
"""

from pathlib import Path

import numpy as np
import pytest
import roma
import torch

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry.rotations import axis_angle_to_matrix, mirror_matrix
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.hand.joints import FINGERS, TIP_VERTICES

DATA = Path(__file__).parents[1] / "data"


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


def random_input(batch: int, seed: int = 0, dtype=torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    turns = 0.6 * torch.randn(batch, 16, 3, generator=generator, dtype=dtype)
    return axis_angle_to_matrix(turns), torch.randn(batch, 10, generator=generator, dtype=dtype)


def test_joints_and_vertices_equal_the_official_layer(fake, reference):
    rotations = axis_angle_to_matrix(reference["mano_pose"].view(-1, 16, 3))
    mesh = fake(rotations, reference["mano_betas"])
    assert mesh.joints.numpy() == pytest.approx(reference["mano_joints_mm"].numpy() / 1e3, abs=1e-6)
    assert mesh.vertices[:, ::3].numpy() == pytest.approx(reference["mano_verts_mm"].numpy() / 1e3, abs=1e-6)


def test_the_flat_mean_hand_equals_the_official_layer(fake, reference):
    mesh = fake(torch.eye(3).expand(1, 16, 3, 3), torch.zeros(1, 10))
    assert mesh.joints.numpy() == pytest.approx(reference["mano_zero_joints_mm"].numpy() / 1e3, abs=1e-6)
    assert mesh.vertices[:, ::3].numpy() == pytest.approx(reference["mano_zero_verts_mm"].numpy() / 1e3, abs=1e-6)
    assert fake.rest_joints(torch.zeros(1, 10)).numpy() == pytest.approx(mesh.joints.numpy(), abs=1e-7)


def test_joints_at_rest_are_those_of_the_layer_that_turns_nothing(open_hand):
    shape = torch.randn(5, 10, generator=torch.Generator().manual_seed(8))
    posed = open_hand(torch.eye(3).expand(5, 16, 3, 3), shape).joints
    assert open_hand.rest_joints(shape).numpy() == pytest.approx(posed.numpy(), abs=1e-7)


def test_fingertips_are_vertices_of_the_mesh(fake):
    mesh = fake(*random_input(3))
    for finger, name in enumerate(FINGERS):
        assert torch.equal(mesh.joints[:, 4 * finger + 4], mesh.vertices[:, TIP_VERTICES[name]])


def test_the_wrist_is_the_origin_and_the_global_rotation_turns_everything(open_hand):
    rotations, shape = random_input(4)
    turned = rotations.clone()
    turned[:, 0] = roma.random_rotmat(4)
    mesh, other = open_hand(rotations, shape), open_hand(turned, shape)
    assert mesh.joints[:, 0].abs().max() == 0
    between = turned[:, 0] @ rotations[:, 0].mT
    assert other.vertices.numpy() == pytest.approx((mesh.vertices @ between.mT).numpy(), abs=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_a_batch_is_its_samples_one_by_one(open_hand, batch):
    rotations, shape = random_input(batch)
    together = open_hand(rotations, shape)
    for i in range(batch):
        alone = open_hand(rotations[i : i + 1], shape[i : i + 1])
        assert together.vertices[i].numpy() == pytest.approx(alone.vertices[0].numpy(), abs=1e-6)


def test_an_empty_batch_is_allowed(open_hand):
    mesh = open_hand(torch.zeros(0, 16, 3, 3), torch.zeros(0, 10))
    assert mesh.joints.shape == (0, 21, 3)
    assert mesh.vertices.shape == (0, 778, 3)


def test_a_mirrored_pose_of_the_left_hand_is_the_mirror_image_of_the_right(open_hand):
    rotations, shape = random_input(3)
    left = HandLayer(load_hand_model(side="left"))
    mirrored = torch.tensor(mirror_matrix(rotations.numpy()), dtype=torch.float32)
    right_mesh, left_mesh = open_hand(rotations, shape), left(mirrored, shape)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    assert left_mesh.vertices.numpy() == pytest.approx((right_mesh.vertices * flip).numpy(), abs=1e-6)
    assert left_mesh.joints.numpy() == pytest.approx((right_mesh.joints * flip).numpy(), abs=1e-6)


def test_gradients_are_exact(fake):
    layer = HandLayer(fake.model).double()
    rotations, shape = random_input(1, dtype=torch.float64)

    def joints(r: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        mesh = layer(r, s)
        return torch.cat([mesh.joints.flatten(1), mesh.vertices[:, ::97].flatten(1)], 1)

    assert torch.autograd.gradcheck(joints, (rotations.requires_grad_(), shape.requires_grad_()))


def test_checkpoints_do_not_carry_the_hand_model(open_hand):
    assert not open_hand.state_dict()
    assert not list(open_hand.parameters())


def test_half_precision_around_the_layer_does_not_reach_it(open_hand):
    rotations, shape = random_input(2)
    exact = open_hand(rotations, shape).vertices
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(open_hand(rotations, shape).vertices, exact)
        rounded = open_hand(rotations.bfloat16(), shape.bfloat16()).vertices
    assert rounded.dtype == torch.float32


def test_building_a_layer_prints_nothing(capfd):
    HandLayer(load_hand_model())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("rotations", "shape"),
    [((2, 15, 3, 3), (2, 10)), ((2, 16, 3, 3), (1, 10)), ((2, 16, 3), (2, 10)), ((2, 16, 3, 3), (2, 11))],
)
def test_other_shapes_are_refused(open_hand, rotations, shape):
    with pytest.raises(InvalidInputError, match=r"rotations \(B, 16, 3, 3\)"):
        open_hand(torch.zeros(rotations), torch.zeros(shape))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_layer_follows_to_the_gpu(open_hand):
    rotations, shape = random_input(3)
    layer = HandLayer(open_hand.model).cuda()
    mesh = layer(rotations.cuda(), shape.cuda())
    assert mesh.vertices.is_cuda
    assert mesh.vertices.cpu().numpy() == pytest.approx(open_hand(rotations, shape).vertices.numpy(), abs=1e-5)
