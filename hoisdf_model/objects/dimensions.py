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

"""Sizes and model frames of DexYCB's and HO-3D's YCB objects.

Measured on the PoseCNN / YCB-Video models (Calli et al. 2015; Xiang et al. 2018), whose frames a pose refers to.
Millimetres and degrees here, because that is how such tables are read and checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dimensions:
    """One row of the table.

    Attributes:
        name: the YCB name.
        id: DexYCB's id, 1 to 21.
        extents: size along the model's x, y, z, millimetres.
        center: middle of the bounding box in the model frame, millimetres.
        footprint: edges of the smallest rectangle around the object in the xy plane, millimetres.
        yaw: angle from the x axis to the footprint's first edge, degrees.
    """

    name: str
    id: int
    extents: tuple[float, float, float]
    center: tuple[float, float, float]
    footprint: tuple[float, float]
    yaw: float = 0.0

    @property
    def extents_metres(self) -> NDArray[np.float64]:
        """Extents (3,) along the model's axes, metres."""
        return np.array(self.extents) / 1000

    @property
    def center_metres(self) -> NDArray[np.float64]:
        """Centre (3,) in the model frame, metres."""
        return np.array(self.center) / 1000


# The mustard bottle's footprint is the superellipse whose widths agree with extents and footprint alike; the mug's
# handle points along x and the pitcher's along -x -y, which is what their extents and box centres leave possible. The
# measured scissors lie askew in their smallest rectangle; their look-alike is an even pair along y instead.
YCB = tuple(
    Dimensions(*row)
    for row in (
        ("002_master_chef_can", 1, (102.0, 102.2, 140.0), (-1.3, 0.5, -3.5), (102.1, 102.1)),
        ("003_cracker_box", 2, (71.7, 163.7, 213.4), (-0.6, -1.7, -4.8), (163.5, 71.7), 90),
        ("004_sugar_box", 3, (49.3, 94.0, 175.9), (1.0, -1.5, -4.4), (93.1, 47.8), 88),
        ("005_tomato_soup_can", 4, (67.1, 67.4, 101.6), (0.0, 1.5, -8.4), (67.2, 67.2)),
        ("006_mustard_bottle", 5, (97.0, 66.4, 191.2), (-1.3, -2.5, 11.8), (93.8, 50.9), -16.8),
        ("007_tuna_fish_can", 6, (85.0, 85.1, 33.2), (0.2, -0.1, -4.3), (85.0, 85.0)),
        ("008_pudding_box", 7, (137.6, 127.8, 38.7), (-1.2, 4.2, -3.1), (112.6, 89.5), 28),
        ("009_gelatin_box", 8, (88.9, 100.8, 30.0), (-1.4, 0.6, -3.6), (73.0, 88.7), 13),
        ("010_potted_meat_can", 9, (101.5, 59.2, 83.3), (-2.4, -0.3, -8.1), (101.3, 57.0), 3),
        ("011_banana", 10, (108.6, 178.3, 36.6), (18.7, -12.2, 1.5), (196.8, 68.4), 66),
        ("019_pitcher_base", 11, (148.8, 144.0, 242.3), (-5.3, -5.9, -25.6), (148.5, 143.7)),
        ("021_bleach_cleanser", 12, (102.1, 67.6, 250.5), (-4.9, 2.5, 13.3), (102.1, 67.6)),
        ("024_bowl", 13, (160.5, 159.9, 54.8), (0.2, -0.8, 3.0), (160.2, 160.2)),
        ("025_mug", 14, (116.0, 92.9, 81.2), (8.5, 0.7, 1.6), (116.0, 92.9)),
        ("035_power_drill", 15, (184.0, 187.0, 57.0), (-9.1, -20.9, 2.1), (184.0, 187.0)),
        ("036_wood_block", 16, (103.7, 103.3, 205.7), (-1.4, 2.5, -17.2), (89.1, 90.4), 78),
        ("037_scissors", 17, (96.0, 201.3, 15.4), (-7.1, 28.1, 0.0), (201.3, 96.0), 90),
        ("040_large_marker", 18, (21.0, 120.7, 18.8), (0.0, 2.1, -0.4), (120.6, 18.7), 91),
        ("051_large_clamp", 19, (119.7, 170.8, 38.9), (-10.5, 2.0, 0.5), (121.1, 164.8), 9),
        ("052_extra_large_clamp", 20, (209.4, 163.9, 36.1), (0.4, 10.4, -0.2), (201.6, 165.0), 7),
        ("061_foam_brick", 21, (52.3, 77.7, 51.0), (0.1, -0.1, 8.2), (77.4, 51.8), 89),
    )
)
