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

"""Hand landmarks in a box without other knowledge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import Picture, boxes
from hoisdf_model.hand_tracking.looking import SeenHand, Window, look, refined
from hoisdf_model.hand_tracking.palms import find_palms
from hoisdf_model.hand_tracking.weights import TrackerNetworks

PALM_WINDOW, HAND_WINDOW = 2.0, 1.5  # longest edges of the box: what palm detector and landmark network look at
PALMS = 3  # of the box's window, the surest that are looked at
PRESENT = 0.5  # presence from which on a palm is a hand's
SAME_HAND = 0.3  # overlap with the box from which on a hand is the one in it
TURNS, LOOKS = 8, 2  # where no palm is found


def look_in_box(networks: TrackerNetworks, image: Picture, box: NDArray[np.float64]) -> SeenHand:
    """Hand landmarks in a box.

    The landmark network wants fingers upwards. A palm says where they point; where none is found in the box, the surest
    of several turns of the box does, at about three times the cost.

    Args:
        networks: the palm detector and the landmark network.
        image: (H, W, 3) uint8 RGB.
        box: (4,) pixels.

    Returns:
        The hand; its presence says whether there is one.
    """
    center, edge = boxes.center(box), float(max((box[2:] - box[:2]).max(), 1.0))
    palms = find_palms(networks.palm, image, [Window(center, edge * PALM_WINDOW)])[:PALMS]
    seen = look(networks.landmarks, image, [palm.window() for palm in palms])
    hands = [hand for hand in seen if hand.presence >= PRESENT and boxes.overlap(hand.box, box) > SAME_HAND]
    if hands:
        best = max(hands, key=lambda hand: hand.presence * float(boxes.overlap(hand.box, box)))
        return refined(networks.landmarks, image, best, 1)
    angles = np.arange(TURNS) * (2 * np.pi / TURNS)
    tried = look(networks.landmarks, image, [Window(center, edge * HAND_WINDOW, float(angle)) for angle in angles])
    return refined(networks.landmarks, image, max(tried, key=lambda hand: hand.presence), LOOKS)
