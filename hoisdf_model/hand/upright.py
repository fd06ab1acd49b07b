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

"""Direction of a hand in an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import rotations

Floats = NDArray[np.float64]

LEAST_PRESENCE = 0.3  # below it landmarks count for nothing; from it on nine in ten hands point where they say
_WRIST, _INDEX, _MIDDLE, _RING = 0, 6, 10, 14  # the wrist, and the fingers' middle joints


def finger_direction(pixels: Floats) -> float:
    """Direction from wrist to fingers, radians clockwise from image-up.

    Args:
        pixels: (21, 2) joints in the image.
    """
    along = (pixels[_MIDDLE] * 2 + pixels[_INDEX] + pixels[_RING]) / 4 - pixels[_WRIST]
    return float(np.arctan2(along[0], -along[1]))


def upright_turn(pixels: Floats, presence: float, matrix: Floats) -> Floats:
    """Rotation (3, 3) about the optical axis that makes fingers point up.

    Args:
        pixels: (21, 2) landmarks in the image.
        presence: how sure they are; below ``LEAST_PRESENCE`` nothing is turned, and this is the identity.
        matrix: (3, 3) of the camera without distortion, whose pixels needn't be square.
    """
    if presence < LEAST_PRESENCE:
        return np.eye(3)
    return rotations.rotation_matrices([0.0, 0.0, -finger_direction(pixels / [matrix[0, 0], matrix[1, 1]])])
