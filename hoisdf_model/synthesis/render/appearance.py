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

"""Appearance of stills: skin, light, background, camera quality."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Appearance:
    """Appearance settings of stills.

    Chosen so that a network trained on photographs of hands finds those of stills; see docs/synthesis.md.

    Attributes:
        flesh: 0 to 1, how much light goes through the skin: redder, and softly red where light turns into shade.
        light: factor on all lights.
        own_pictures: share of the backdrops that are the user's pictures, where there are any.
        exposure, balance: standard deviations of the logarithm of the picture's and of each channel's brightness.
        saturation: the least and the most.
        shot, read: largest noise of the light (variance of white) and of the sensor (deviation).
        spectrum: share of the pictures whose amplitude spectra are mixed with those of noise.
    """

    flesh: float = 1.0
    light: float = 1.3
    own_pictures: float = 0.9
    exposure: float = 0.15
    balance: float = 0.05
    saturation: tuple[float, float] = (0.8, 1.3)
    shot: float = 0.0006
    read: float = 0.004
    spectrum: float = 0.03


# what there was before one could choose; the benchmark looks so
PLAIN = Appearance(0.0, 1.0, 0.7, 0.22, 0.07, (0.55, 1.3), 0.0012, 0.006, 0.1)
