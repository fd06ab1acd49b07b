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

"""Named hand poses, for pictures, tests and initial values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand.joints import MANO_FINGER_BASE, NUM_ROTATIONS
from hoisdf_model.hand.limits import joint_limits
from hoisdf_model.hand.model_file import HandModelLike

# degrees: flexion of the three joints and abduction of the first; the thumb also twists
_Angles = dict[str, tuple[float, ...]]
_POSES: dict[str, _Angles] = {
    "flat": {},
    "relaxed": {
        "index": (15, 25, 12, 0), "middle": (20, 30, 15, 0), "ring": (24, 33, 16, 0), "little": (26, 34, 16, 0),
        "thumb": (8, 8, 12, 18, 10),
    },
    "grasp": {
        "index": (42, 48, 26, 2), "middle": (48, 50, 28, 0), "ring": (52, 50, 28, 2), "little": (54, 46, 28, 4),
        "thumb": (8, 20, 18, 42, 58),
    },
    "fist": {
        "index": (80, 98, 58, -7), "middle": (82, 100, 60, -1), "ring": (84, 100, 60, -4), "little": (86, 96, 60, -9),
        "thumb": (16, 31, 65, 18, 53),
    },
    "pinch": {
        "index": (54, 60, 15, 0), "middle": (30, 34, 18, 0), "ring": (22, 28, 15, 2), "little": (16, 24, 12, 4),
        "thumb": (3, 42, 17, 26, 69),
    },
    "point": {
        "index": (4, 4, 2, 0), "middle": (80, 100, 58, -1), "ring": (82, 100, 58, -4), "little": (84, 96, 58, -9),
        "thumb": (15, 41, 52, 22, 56),
    },
}  # fmt: skip
POSE_NAMES = tuple(_POSES)


def named_pose(model: HandModelLike, name: str) -> NDArray[np.float64]:
    """Named pose of the hand.

    (16, 3) axis-angle in radians, MANO's order, without global rotation, mean pose included.

    Raises:
        InvalidInputError: there is no pose of this name.
    """
    if name not in _POSES:
        raise InvalidInputError(f"unknown pose {name!r}, use one of {', '.join(POSE_NAMES)}")
    flexion, abduction, twist = (np.zeros(NUM_ROTATIONS) for _ in range(3))
    for finger, angles in _POSES[name].items():
        first = MANO_FINGER_BASE[finger]
        flexion[first : first + 3] = angles[:3]
        abduction[first] = angles[3]
        twist[first] = angles[4] if len(angles) > 4 else 0.0
    return joint_limits(model).pose(np.deg2rad(flexion), np.deg2rad(abduction), np.deg2rad(twist))
