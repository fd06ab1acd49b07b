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

"""Object box from the network's masks, beside the hand."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import boxes

LIKELY = 0.5  # probability from which on a pixel of a mask counts
SMALLEST = 0.01  # of the hand's box, the least area of an object
REACH = 0.15  # of the hand's longest edge: an object this far from the hand's pixels is held by it
MARGIN = 1.05  # of the box around the visible part


def object_box_in(
    masks: NDArray[np.float64], hand_box: NDArray[np.float64], crop_size: int
) -> NDArray[np.float64] | None:
    """Box of the held object, or None without one.

    Args:
        masks: (2, h, w) probability of hand and object in the crop.
        hand_box: (4,) pixels of the crop.
        crop_size: its edge, pixels.

    Returns:
        (4,) pixels of the crop, around the parts of the object's mask that touch the hand.
    """
    hand, thing = masks
    scale = crop_size / hand.shape[1]
    edge = float((hand_box[2:] - hand_box[:2]).max()) / scale
    area = float((hand_box[2:] - hand_box[:2]).prod()) / scale**2
    reach = 2 * max(1, round(REACH * edge)) + 1
    near = cv2.dilate((hand >= LIKELY).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    inside = np.zeros_like(near)
    x0, y0, x1, y1 = np.round(boxes.clipped(hand_box / scale, hand.shape[1], hand.shape[0])).astype(int)
    inside[y0 : y1 + 1, x0 : x1 + 1] = True
    number, labels, statistics, _ = cv2.connectedComponentsWithStats((thing >= LIKELY).astype(np.uint8))
    touching = np.unique(
        labels[near & cv2.dilate(inside.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)]
    )
    held = [k for k in range(1, number) if k in touching and statistics[k, cv2.CC_STAT_AREA] >= SMALLEST * area]
    if not held:
        return None
    low = statistics[held, :2].min(0)
    high = (statistics[held, :2] + statistics[held, 2:4]).max(0)
    return boxes.scaled(np.concatenate([low, high]).astype(np.float64) * scale, MARGIN)
