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

"""Tracking of hands and held objects over frames.

The hand tracker's hands as priors, with their objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame, Landmarks, Prior, Side
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.geometry import boxes
from hoisdf_model.hand.upright import LEAST_PRESENCE
from hoisdf_model.hand_tracking import (
    HandTracker,
    SeenHand,
    TrackedHand,
    TrackerNetworks,
    look,
    look_in_box,
    placed_relative,
)

HAND_MARGIN = 1.1  # of the box around landmarks, which lie inside the skin
SAME_HAND = 0.4  # overlap from which on a given box holds the hand of the frame before


class HandFollower:
    """Default localiser: hand tracker with remembered object boxes.

    Args:
        networks: of the hand tracker.
        most: hands at once.
    """

    def __init__(self, networks: TrackerNetworks, most: int = 2) -> None:
        self.networks = networks
        self._tracker = HandTracker(networks, most)
        self.reset()

    def reset(self) -> None:
        """Reset all tracks."""
        self._tracker.reset()
        self._objects: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []  # boxes of a hand and what it held
        self._given: list[SeenHand] = []

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        """Priors of the hands in a rectified frame, best first.

        Empty: no hand is seen.
        """
        return tuple(self._prior(hand, frame) for hand in self._tracker(frame.picture))

    def landmarks_in(self, frame: Frame, box: NDArray[np.float64]) -> tuple[Landmarks | None, Side]:
        """Landmarks and side of the hand in a box.

        (4,) of a rectified frame.
        """
        network = self.networks.landmarks
        known = [hand for hand in self._given if boxes.overlap(hand.box, box) > SAME_HAND]
        seen = None
        if known:
            best = max(known, key=lambda hand: float(boxes.overlap(hand.box, box)))
            seen = look(network, frame.picture, [best.window()])[0]
        if seen is None or seen.presence < LEAST_PRESENCE or boxes.overlap(seen.box, box) < SAME_HAND:
            seen = look_in_box(self.networks, frame.picture, box)
        if seen.presence < LEAST_PRESENCE:
            return None, "right"
        self._given = [hand for hand in self._given if hand not in known] + [seen]
        return _landmarks(seen, frame), "right" if seen.right >= 0.5 else "left"

    def update(self, seen: Sequence[Target]) -> None:
        """Update the tracks with the targets of the last frame."""
        self._objects = [(target.hand_box, target.object_box) for target in seen if target.object_known]
        self._given = self._given[-len(seen) :] if seen else []

    def _prior(self, hand: TrackedHand, frame: Frame) -> Prior:
        box = boxes.scaled(hand.seen.box, HAND_MARGIN)
        return Prior(hand_box=box, side=hand.side, score=hand.score, landmarks=_landmarks(hand.seen, frame))

    def window_of(self, hand_box: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Object box of the previous frame, moved with its hand.

        Of the object that the hand in that box held.
        """
        for hand, thing in self._objects:
            if boxes.overlap(hand, hand_box) > SAME_HAND:
                return thing + np.tile(boxes.center(hand_box) - boxes.center(hand), 2)
        return None


def _landmarks(seen: SeenHand, frame: Frame) -> Landmarks:
    return Landmarks(seen.pixels, placed_relative(seen, frame.intrinsics.matrix), seen.presence)
