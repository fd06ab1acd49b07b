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

"""Grasp frame between thumb and index finger, without an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.grasping import grasp_scores
from hoisdf_model.grasping.candidates import Reason, tool_frame
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.hands import HandShape
from hoisdf_model.grasping.imitation import approach_of
from hoisdf_model.hand.hand_parts import PARTS

THUMB, INDEX = PARTS.index("thumb_distal"), PARTS.index("index_distal")

Floats = NDArray[np.float64]


def pinch(hand: HandShape, gripper: Gripper) -> tuple[Floats, float, dict[str, float]] | Reason:
    """The gripper in the place of thumb and index finger.

    The jaw axis runs from the middle of the thumb's last phalanx to the index finger's; the width is what these two
    leave free between them along it.

    Args:
        hand: any frame.
        gripper: the gripper.

    Returns:
        Pose (4, 4) tool -> the hand's frame, width in metres, terms of the score; or why there is none.
    """
    thumb, index = (hand.vertices[hand.part == part] for part in (THUMB, INDEX))
    axis = index.mean(0) - thumb.mean(0)
    length = float(np.linalg.norm(axis))
    if length < 1e-3:
        return "degenerate_hand"
    axis /= length
    low, high = float((thumb @ axis).max()), float((index @ axis).min())
    width = max(high - low, 0.0)
    if width > gripper.stroke:
        return "too_wide"
    between = (thumb.mean(0) + index.mean(0)) / 2
    middle = between + axis * ((low + high) / 2 - between @ axis)
    approach = approach_of(hand, middle, axis)
    if approach is None:
        return "degenerate_hand"
    return tool_frame(axis, approach, middle), width, {"stroke": grasp_scores.stroke_term(width, gripper.stroke)}
