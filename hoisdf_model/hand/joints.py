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

"""Tables of the 21 hand joints: names, bones and other orders.

Our order ("simple" in the official code, and DexYCB's and MediaPipe's): wrist, then thumb, index, middle, ring, little,
each from the base to the tip.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError

FINGERS = ("thumb", "index", "middle", "ring", "little")
JOINT_NAMES = (
    "wrist",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "little_mcp", "little_pip", "little_dip", "little_tip",
)  # fmt: skip
NUM_JOINTS = len(JOINT_NAMES)
PARENTS = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)
BONES = tuple((parent, child) for child, parent in enumerate(PARENTS) if parent >= 0)

# MANO: 16 rotations: global, index (1-3), middle (4-6), little (7-9), ring (10-12), thumb (13-15), then five tips
MANO_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
MANO_FINGER_BASE = {"index": 1, "middle": 4, "little": 7, "ring": 10, "thumb": 13}
TIP_VERTICES = {"thumb": 745, "index": 317, "middle": 444, "ring": 556, "little": 673}
NUM_VERTICES, NUM_FACES, NUM_ROTATIONS, NUM_SHAPES = 778, 1538, 16, 10

# For each of our joints its index in MANO's 16 joints followed by the tips thumb..little (manopth, manolayer.py:261)
FROM_MANO = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)

JointOrder = Literal["hoisdf", "mano", "ho3d", "dexycb", "mediapipe"]
_TO_OURS: dict[str, tuple[int, ...]] = {
    "hoisdf": tuple(range(21)),
    "dexycb": tuple(range(21)),
    "mediapipe": tuple(range(21)),
    "mano": FROM_MANO,
    "ho3d": FROM_MANO,
}


def reorder(joints: NDArray[np.floating], source: JointOrder, target: JointOrder = "hoisdf") -> NDArray[np.floating]:
    """Joints (..., 21, D) reordered from ``source`` to ``target`` order.

    Raises:
        InvalidInputError: the order is unknown or there aren't 21 joints.
    """
    for order in (source, target):
        if order not in _TO_OURS:
            raise InvalidInputError(f"unknown joint order {order!r}, use one of {sorted(_TO_OURS)}")
    if joints.ndim < 2 or joints.shape[-2] != NUM_JOINTS:
        raise InvalidInputError(f"joints must be (..., 21, D), got {joints.shape}")
    return joints[..., _TO_OURS[source], :][..., np.argsort(_TO_OURS[target]), :]
