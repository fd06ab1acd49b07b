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

"""Rotations of any batch shape, on roma.

Matrices turn column vectors: ``v' = R v``. Axis-angle vectors are in radians. torch and roma take seconds to import and
nodes and commands without a network don't need them, so the functions on tensors import them when they are called.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.geometry.poses import MIRROR_SIGNS

if TYPE_CHECKING:
    import torch


def axis_angle_to_matrix(axis_angle: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (..., 3, 3) from axis-angle (..., 3) radians."""
    import roma

    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: torch.Tensor) -> torch.Tensor:
    """Axis-angle vectors (..., 3) from rotation matrices.

    (..., 3, 3) -> (..., 3) radians, the angle in [0, pi].
    """
    import roma

    return roma.rotmat_to_rotvec(matrix)


def nearest_rotation(matrix: torch.Tensor) -> torch.Tensor:
    """Nearest rotation matrix in the Frobenius norm (orthogonal Procrustes).

    (..., 3, 3) -> (..., 3, 3).

    Of a mean of rotation matrices this is their chordal mean (Hartley et al. 2013, section 5.3).
    """
    import roma

    _prepare(matrix.device)
    return roma.special_procrustes(matrix)


def six_d_to_matrix(six_d: torch.Tensor) -> torch.Tensor:
    """Rotation matrix from the 6D representation.

    (..., 6) -> (..., 3, 3): two raw columns, orthonormalised by Gram-Schmidt (Zhou et al. 2019, section 4.2).
    """
    import roma
    import torch

    return roma.special_gramschmidt(torch.stack([six_d[..., :3], six_d[..., 3:]], -1))


@cache
def _prepare(device: torch.device) -> None:
    """Let roma make a constant outside of inference mode.

    It keeps it for good; made in inference mode (by a validation pass, say) it would fail the next training step.
    """
    import roma
    import torch

    with torch.inference_mode(False), torch.no_grad():
        roma.special_procrustes(torch.eye(3, device=device))


def rotation_vectors(matrices: ArrayLike) -> NDArray[np.float64]:
    """Axis-angle vectors of rotation matrices, for numpy arrays.

    (..., 3, 3) -> (..., 3) in radians.
    """
    m = np.asarray(matrices, np.float64)
    return Rotation.from_matrix(m.reshape(-1, 3, 3)).as_rotvec().reshape(m.shape[:-1])


def rotation_matrices(axis_angle: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrices from axis-angle vectors, for numpy arrays.

    (..., 3) in radians -> (..., 3, 3).
    """
    a = np.asarray(axis_angle, np.float64)
    return Rotation.from_rotvec(a.reshape(-1, 3)).as_matrix().reshape(*a.shape, 3)


def mirror_axis_angle(axis_angle: ArrayLike) -> NDArray[np.float64]:
    """Axis-angle rotation mirrored at the plane x = 0.

    (..., 3): ``(x, y, z) -> (x, -y, -z)``.
    """
    return np.asarray(axis_angle, np.float64) * np.array([1.0, -1.0, -1.0])


def mirror_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    """Rotation matrix mirrored at the plane x = 0.

    (..., 3, 3): ``M R M`` with ``M = diag(-1, 1, 1)``.
    """
    return np.asarray(matrix, np.float64) * MIRROR_SIGNS[:, None] * MIRROR_SIGNS
