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

"""Memory of found grasps from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.grasping.candidates import Mode
from hoisdf_model.grasping.hands import HandShape
from hoisdf_model.grasping.trials import Found

MOVED = 0.008  # metres, mean over the joints, in the object's frame: a hand that moved farther has other grasps
FRAMES = 10  # for which the grasps of one search serve: better ones may have come free meanwhile

Floats = NDArray[np.float64]


@dataclass
class _Search:
    about: tuple[object, ...]
    joints: Floats  # (21, 3) of the hand, object frame
    found: list[Found]
    frames: int = 0


class GraspMemory:
    """Memory of the grasps that one hand and its object had.

    Whether a gripper meets the object doesn't hang on the hand, so grasps that were found once needn't be tried again
    while the hand stays where it is; how much room it leaves, and how like its own they are, does.
    """

    def __init__(self) -> None:
        self._searches: dict[Mode, _Search] = {}

    def recall(self, mode: Mode, hand: HandShape, *about: object) -> list[Found]:
        """Grasps of the last search, for one more frame.

        Empty where the hand has moved by more than ``MOVED`` since, after ``FRAMES`` frames, and where the search was
        about something else.

        Args:
            mode: which grasps.
            hand: in the object's frame.
            about: objects that the search hung on, such as the object's shape and the gripper.
        """
        last = self._searches.get(mode)
        if last is None or last.frames >= FRAMES or len(about) != len(last.about):
            return []
        if not all(one is other for one, other in zip(about, last.about, strict=True)):
            return []
        last.frames += 1
        moved = float(np.linalg.norm(hand.joints - last.joints, axis=1).mean())
        return last.found if moved <= MOVED else []

    def keep(self, mode: Mode, hand: HandShape, found: list[Found], *about: object) -> None:
        """Keep what a search found; arguments are those of :meth:`recall`."""
        self._searches[mode] = _Search(about, hand.joints, found)
