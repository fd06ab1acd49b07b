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

"""Design of a look-alike: solid, print and symmetry, in the upright frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hoisdf_model.objects.artwork import Canvas
from hoisdf_model.objects.solids import Solid

Axis = tuple[float, float, float]
AXIS: Axis = (0.0, 0.0, 1.0)
HALF_TURN: tuple[Axis, int] = ((1.0, 0.0, 0.0), 2)
BOX_TURNS: tuple[tuple[Axis, int], ...] = (HALF_TURN, (AXIS, 2))
QUARTER_TURNS: tuple[tuple[Axis, int], ...] = (HALF_TURN, (AXIS, 4))


@dataclass(frozen=True)
class Design:
    """One look-alike before it is scaled and placed.

    Attributes:
        solid: the closed shape.
        painter: fills the panel of that name.
        rolled: the print is rolled around z, else it lies on the six sides of a box.
        round: the shape doesn't change when turned about ``axis`` by any angle.
        axis: of ``round``.
        turns: (axis, fold) of discrete symmetries; for a round shape any entry means it may stand upside down.
        looks_symmetric: the print has the same symmetry.
        shininess: strength of the highlight, 0 to 1.
    """

    solid: Solid
    painter: Callable[[str, Canvas], None]
    rolled: bool = False
    round: bool = False
    axis: Axis = AXIS
    turns: tuple[tuple[Axis, int], ...] = ()
    looks_symmetric: bool = False
    shininess: float = 0.12
