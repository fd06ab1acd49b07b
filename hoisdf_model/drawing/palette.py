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

"""Colours of hands, fingers, objects and axes, RGB.

In every picture and display.
"""

from __future__ import annotations

from hoisdf_model.hand import BONES

Colour = tuple[int, int, int]
HAND_COLOURS: dict[str, Colour] = {"right": (120, 170, 235), "left": (235, 150, 120)}
OBJECT_COLOUR: Colour = (235, 200, 90)
# wrist, then thumb, index, middle, ring, little
FINGER_COLOURS: tuple[Colour, ...] = (
    (240, 240, 240), (235, 70, 70), (245, 170, 50), (80, 200, 90), (60, 170, 240), (190, 110, 240),
)  # fmt: skip
AXIS_COLOURS: tuple[Colour, ...] = ((230, 60, 60), (70, 200, 70), (70, 120, 240))
AXIS_LENGTH = 0.06  # metres
JOINT_COLOURS: tuple[Colour, ...] = tuple(FINGER_COLOURS[(joint + 3) // 4] for joint in range(len(BONES) + 1))
EDGE_COLOUR: Colour = (20, 20, 20)  # around lines and discs
