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

"""Left hands as mirror images of right ones.

Objects keep their true shape and print.

All is planned with right hands. A mirror with the normal x makes left ones of them, and of every object another one,
which exists only where its shape has a mirror plane. Two ways around that are used, and both give hands that fit:

- A play is planned with the mirrored objects; its mirror image then has the objects themselves (``plays.left_hands``).
- A grasp of a library was found with the object itself. Where the object has a mirror plane, it is put where the mirror
  shows it (``stills.left_hand_scenes``); where it has none, there is no left hand.

Mirroring a pose: ``M T S`` is a rigid motion that puts the object's points where the mirror ``M`` shows those of the
object in the pose ``T``, if the reflection ``S`` of its own frame leaves the object's shape as it is.
"""

from __future__ import annotations

from hoisdf_model.geometry import poses, rotations
from hoisdf_model.synthesis.grasps.posing import PosedHands


def mirrored_hands(posed: PosedHands) -> PosedHands:
    """Hands of the other side; vertices keep their numbers."""
    return PosedHands(
        posed.joints * poses.MIRROR_SIGNS, posed.vertices * poses.MIRROR_SIGNS, rotations.mirror_matrix(posed.rotations)
    )
