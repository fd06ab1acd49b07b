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

"""Hands of known, measured size."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.errors import ConfigError
from hoisdf_model.hand import HandLayer
from hoisdf_model.hand.joints import JOINT_NAMES, NUM_SHAPES

SMALLEST, LARGEST = 0.1, 0.26  # metres; of small children, of very large hands
TIP = JOINT_NAMES.index("middle_tip")
STEPS = 3  # the length is nearly linear in the shape: after these it is right to a micrometre

Floats = NDArray[np.float64]


class HandSize:
    """Length of the flat hand, wrist to middle fingertip.

    Args:
        layer: of the right hand.
        metres: that distance.

    Raises:
        ConfigError: no hand is of that size.
    """

    def __init__(self, layer: HandLayer, metres: float) -> None:
        if not SMALLEST <= metres <= LARGEST:
            raise ConfigError(
                f"a hand's size must be {SMALLEST:g} to {LARGEST:g} metres from the wrist to the tip of the middle "
                f"finger, got {metres:g}: centimetres?"
            )
        self.metres = metres
        units = torch.cat([torch.zeros(1, NUM_SHAPES), torch.eye(NUM_SHAPES)]).to(layer.v_template)
        with torch.inference_mode():
            tips = layer.rest_joints(units)[:, TIP].double().numpy()
        self._tip, self._tip_by_shape = tips[0], (tips[1:] - tips[0]).T  # (3,), (3, 10): rest joints are linear in it

    def of(self, shape: Floats) -> float:
        """Metres, the size of a hand of that shape (10,)."""
        return float(np.linalg.norm(self._tip + self._tip_by_shape @ shape))

    def given_to(self, shape: Floats) -> Floats:
        """The shape (10,) of this size that is nearest to another."""
        result = np.array(shape, np.float64)
        for _ in range(STEPS):
            tip = self._tip + self._tip_by_shape @ result
            length = float(np.linalg.norm(tip))
            slope = tip @ self._tip_by_shape / length
            result += slope * (self.metres - length) / (slope @ slope)
        return result
