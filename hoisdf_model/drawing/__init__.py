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

"""Drawing of hands, objects and estimates into pictures: colours, shading, skeletons, overlay."""

from hoisdf_model.drawing.estimate_surfaces import drawable, hand_surface
from hoisdf_model.drawing.overlay import draw_overlay
from hoisdf_model.drawing.palette import (
    AXIS_COLOURS,
    AXIS_LENGTH,
    HAND_COLOURS,
    JOINT_COLOURS,
    OBJECT_COLOUR,
    Colour,
)
from hoisdf_model.drawing.pen import FONT, Pen
from hoisdf_model.drawing.shading import Surface, paint

__all__ = [
    "AXIS_COLOURS",
    "AXIS_LENGTH",
    "FONT",
    "HAND_COLOURS",
    "JOINT_COLOURS",
    "OBJECT_COLOUR",
    "Colour",
    "Pen",
    "Surface",
    "draw_overlay",
    "drawable",
    "hand_surface",
    "paint",
]
