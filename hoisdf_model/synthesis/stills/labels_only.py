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

"""Labels of stills without rendering, for training statistics.

Thousands of labels a minute.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.stills.source import Stills
from hoisdf_model.synthesis.stills.still import corners

HANDS_KEPT = 200
_NO_SAMPLES = FieldSamples(np.zeros((0, 3)), np.zeros(0))


class LabelOnlyStills:
    """Labels of stills without rendering (``data.sources.FrameSource``).

    Poses, names and cameras; black images, no field samples.

    The camera is that of the whole picture, where a drawn still has the window around hand and object. All hands are
    right ones: left hands are mirrored before a network sees them.

    Args:
        stills: whose scenes.
        hand_model: the hand of the library.
    """

    def __init__(self, stills: Stills, hand_model: HandModelLike) -> None:
        self._stills = stills
        self._corners = lru_cache(None)(lambda name: corners(find_object(name, stills.library.settings.catalogue)))
        self._hand = lru_cache(HANDS_KEPT)(partial(_hand, as_hand_model(hand_model)))

    def __len__(self) -> int:
        """As many as there are stills."""
        return len(self._stills)

    def frame(self, index: int) -> LabelledFrame:
        """Labels of one still before rendering."""
        scene = self._stills.stage.scene(index)
        hand = thing = None
        if scene.mode != "object":
            own = self._hand(tuple(scene.shape.tolist()))
            posed = own.pose(scene.posture, scene.hand_rotation[None], scene.wrist[None])
            turns: NDArray[np.float64] = posed.rotations[0].copy()
            turns[0] = scene.view[:3, :3] @ turns[0]
            joints = posed.joints[0] @ scene.view[:3, :3].T + scene.view[:3, 3]
            hand = HandLabel("right", joints, _NO_SAMPLES, turns, scene.shape)
        if scene.mode != "hand":
            thing = ObjectLabel(scene.name, scene.view @ scene.object_pose, self._corners(scene.name), _NO_SAMPLES)
        black = np.zeros((scene.camera.height, scene.camera.width, 3), np.uint8)
        return LabelledFrame(black, scene.camera, hand, thing)


def _hand(model: HandModel, shape: tuple[float, ...]) -> PosableHand:
    return PosableHand(model, np.array(shape))
