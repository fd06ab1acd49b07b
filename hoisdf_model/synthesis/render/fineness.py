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

"""Rendering quality of stills: cost, not content."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import InvalidInputError


@dataclass(frozen=True)
class Fineness:
    """Rendering quality, by default just sufficient for the network.

    A network which sees crops of 160 pixels can't distinguish it from more.

    Attributes:
        drawn: pixels, edge of the square around hand and object as it is drawn.
        kept: pixels, edge to which that square is shrunk, at most ``drawn``.
        samples: of each drawn pixel; 0: one, and colour, depth and masks come out of one pass.
        shadow_map: pixels, edge of the map of what the first light reaches.
        sleeve: rings along a sleeve, and corners of each.
        field_samples: of each surface in each frame; samples draw from these, so it takes as many as a recipe's
            ``hand_field_points``.
        exact: sum the winding numbers of field samples over all faces.
        noises: fields of noise that all pictures share, turned and shifted; 0: each draws its own.
    """

    drawn: int = 288
    kept: int = 224
    samples: int = 0
    shadow_map: int = 512
    sleeve: tuple[int, int] = (24, 24)
    field_samples: int = 1000
    exact: bool = False
    noises: int = 48

    def __post_init__(self) -> None:
        if not 32 <= self.kept <= self.drawn or self.shadow_map < 16 or min(self.sleeve) < 3 or self.field_samples < 1:
            raise InvalidInputError(
                f"fineness: kept must be from 32 to drawn, shadow_map at least 16, a sleeve has at least 3 rings of 3 "
                f"corners and a frame one field sample: {self}"
            )


# what there was before one could choose; the benchmark is drawn so
FULL = Fineness(drawn=320, kept=320, samples=4, shadow_map=1536, sleeve=(64, 48), field_samples=2000, exact=True,
                noises=0)  # fmt: skip
