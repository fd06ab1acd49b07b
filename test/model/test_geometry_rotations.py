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

"""Rotations against scipy, and what a mirror does to them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoisdf_model.geometry import rotations

MIRROR = np.diag([-1.0, 1.0, 1.0])


def random_vectors(seed: int, shape: tuple[int, ...] = (4, 5)) -> np.ndarray:
    return Rotation.random(int(np.prod(shape)), rng=seed).as_rotvec().reshape(*shape, 3)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_torch_and_numpy_conversions_equal_scipy(seed: int):
    vectors = random_vectors(seed)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(4, 5, 3, 3)
    np.testing.assert_allclose(rotations.axis_angle_to_matrix(torch.from_numpy(vectors)).numpy(), matrices, atol=1e-12)
    np.testing.assert_allclose(rotations.rotation_matrices(vectors), matrices, atol=1e-12)
    np.testing.assert_allclose(rotations.matrix_to_axis_angle(torch.from_numpy(matrices)).numpy(), vectors, atol=1e-6)
    np.testing.assert_allclose(rotations.rotation_vectors(matrices), vectors, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conversions_are_exact_at_and_near_no_rotation(dtype: torch.dtype):
    small = torch.tensor([[0.0, 0, 0], [1e-7, 0, 0], [0, 1e-4, 0]], dtype=dtype)
    back = rotations.matrix_to_axis_angle(rotations.axis_angle_to_matrix(small))
    torch.testing.assert_close(back, small, atol=1e-6, rtol=0)


def test_six_d_gives_the_rotation_its_columns_came_from():
    matrices = torch.from_numpy(Rotation.random(20, rng=3).as_matrix())
    six_d = torch.cat([matrices[..., 0], matrices[..., 1]], -1)
    torch.testing.assert_close(rotations.six_d_to_matrix(six_d), matrices)


def test_six_d_of_any_numbers_is_a_rotation():
    matrices = rotations.six_d_to_matrix(torch.randn(50, 6, dtype=torch.float64, generator=torch.manual_seed(0)))
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3, dtype=torch.float64).expand(50, 3, 3))
    assert (torch.linalg.det(matrices) > 0.999).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_mirrored_rotation_turns_mirrored_points_to_the_mirrored_place(seed: int):
    vector = random_vectors(seed, (1,))[0]
    matrix = Rotation.from_rotvec(vector).as_matrix()
    point = np.random.default_rng(seed).normal(size=3)
    mirrored = rotations.mirror_matrix(matrix)
    np.testing.assert_allclose(mirrored @ (MIRROR @ point), MIRROR @ (matrix @ point), atol=1e-12)
    np.testing.assert_allclose(rotations.rotation_matrices(rotations.mirror_axis_angle(vector)), mirrored, atol=1e-12)


def test_nearest_rotation_of_turns_about_one_axis_is_their_middle():
    turns = rotations.axis_angle_to_matrix(torch.tensor([[0.0, 0, 0.2], [0, 0, 0.6], [0, 0, 0.4]]))
    nearest = rotations.nearest_rotation(turns.mean(0))
    torch.testing.assert_close(rotations.matrix_to_axis_angle(nearest), torch.tensor([0, 0, 0.4]), atol=1e-5, rtol=0)


def test_nearest_rotation_can_be_trained_after_inference():
    with torch.inference_mode():
        rotations.nearest_rotation(torch.eye(3)[None])
    matrix = (torch.eye(3) + 0.1 * torch.rand(3, 3, generator=torch.Generator().manual_seed(0))).requires_grad_()
    rotations.nearest_rotation(matrix)[0, 1].backward()
    assert matrix.grad.abs().sum() > 0
