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

"""Targets: completed priors of one hand with its object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Landmarks, RootSource, Side


@dataclass(frozen=True)
class Target:
    """Completed :class:`Prior`.

    Camera frame in metres, boxes in pixels of the rectified image.

    Attributes:
        side: which hand.
        hand_box, object_box: (4,).
        root: (3,) wrist joint.
        root_covariance: (3, 3) square metres; unknown: first element -1.
        root_source: where ``root`` comes from.
        object_center: (3,) the point that the object's translation is predicted from.
        object_name: empty where unknown.
        object_known: whether anyone said that there is an object, and not merely that there may be one.
        score: confidence of whoever made the boxes.
        landmarks: of the hand in the rectified image, unmirrored; None: there are none.
    """

    side: Side
    hand_box: NDArray[np.float64]
    object_box: NDArray[np.float64]
    root: NDArray[np.float64]
    root_covariance: NDArray[np.float64]
    root_source: RootSource
    object_center: NDArray[np.float64]
    object_name: str
    object_known: bool
    score: float
    landmarks: Landmarks | None = None
