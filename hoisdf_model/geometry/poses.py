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

"""Rigid poses as matrices, mirrors, and unknown covariances.

A pose (4, 4) takes points of its own frame to another: ``p' = T p``; metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The mirror with the normal x, which makes left hands of right ones: (4, 4), and its signs (3,) for points.
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
MIRROR_SIGNS = np.array([-1.0, 1.0, 1.0])
MIRROR.setflags(write=False)
MIRROR_SIGNS.setflags(write=False)


def rigid(rotation: ArrayLike | None = None, translation: ArrayLike | None = None) -> NDArray[np.float64]:
    """Rigid transform (4, 4) from rotation and translation.

    (3, 3) and (3,); None: not turned, not moved.
    """
    pose = np.eye(4)
    if rotation is not None:
        pose[:3, :3] = rotation
    if translation is not None:
        pose[:3, 3] = translation
    return pose


def inverse(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of a rigid transform (4, 4)."""
    return rigid(pose[:3, :3].T, -pose[:3, :3].T @ pose[:3, 3])


def unknown_covariance(size: int) -> NDArray[np.float64]:
    """Covariance marked as unknown, as in ROS messages.

    (size, size) zeros with the first element -1.
    """
    covariance = np.zeros((size, size))
    covariance[0, 0] = -1.0
    return covariance
