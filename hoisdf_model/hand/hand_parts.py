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

"""Hand parts of vertices: palm or phalanx of a finger."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.hand.joints import FINGERS, MANO_FINGER_BASE
from hoisdf_model.hand.model_file import HandModel

PHALANGES = ("proximal", "middle", "distal")
# of MANO's 16 joints the part that each moves
PARTS = ("palm", *(f"{finger}_{phalanx}" for finger in MANO_FINGER_BASE for phalanx in PHALANGES))
REGIONS = ("palm", *FINGERS)  # the palm, then the fingers in the order of ``hand.joints``


@lru_cache(maxsize=4)
def parts(model: HandModel) -> NDArray[np.int64]:
    """Hand part (``PARTS``) of each vertex, (778,).

    That of the joint with the largest skinning weight.
    """
    return model.weights.argmax(1)


@lru_cache(maxsize=1)
def region_of_part() -> NDArray[np.int64]:
    """Region index (16,) of each of ``PARTS``."""
    return np.array([REGIONS.index(part.split("_")[0]) for part in PARTS])


@lru_cache(maxsize=1)
def phalanx_of_part() -> NDArray[np.int64]:
    """Phalanx index (16,) of each of ``PARTS``.

    Into ("palm", *``PHALANGES``), whichever the finger.
    """
    return np.array([1 + PHALANGES.index(part.split("_")[1]) if "_" in part else 0 for part in PARTS])
