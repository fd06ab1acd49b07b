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

"""Hand tracker: palm detection for new hands, landmarks for tracked ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import Picture, boxes
from hoisdf_model.hand_tracking.looking import SeenHand, Window, look
from hoisdf_model.hand_tracking.palms import closer_windows, find_palms, whole_image
from hoisdf_model.hand_tracking.weights import TrackerNetworks

Floats = NDArray[np.float64]

PRESENT = 0.5  # presence from which on a window shows a hand
SAME_HAND = 0.4  # overlap of boxes from which on two hands are one
SEARCH_EVERY = 15  # frames between searches for further hands, while some are followed
MEMORY = 0.8  # share of the former mean in the running mean of presence
SIDE_MEMORY = 20  # frames that the mean of the side is over: hands don't change it, but may look so for a while
INSIDE = 0.25  # at least this part of a hand's box must lie in the image


@dataclass(frozen=True)
class TrackedHand:
    """A hand that is followed.

    Attributes:
        seen: in the last image.
        right: probability that it is a right hand, over time. score: presence over time, 0 to 1.
        number: its own, as long as it is followed. frames: in how many it has been seen.
    """

    seen: SeenHand
    right: float
    score: float
    number: int
    frames: int = 1

    @property
    def side(self) -> Literal["right", "left"]:
        """The more probable one."""
        return "right" if self.right >= 0.5 else "left"

    def again(self, now: SeenHand) -> TrackedHand:
        """The same hand in the next image."""
        frames = self.frames + 1
        right = self.right + (now.right - self.right) / min(frames, SIDE_MEMORY)
        return TrackedHand(now, right, MEMORY * self.score + (1 - MEMORY) * now.presence, self.number, frames)


class HandTracker:
    """Finds hands and follows them.

    A palm detector looks at the whole image while no hand is followed, and closer where that finds nothing; now and
    then while fewer than ``most`` are. A followed hand is looked for in the window that its last landmarks say, moved
    on by half of its last motion.

    Args:
        networks: the palm detector and the landmark network.
        most: hands that are followed at once.
    """

    def __init__(self, networks: TrackerNetworks, most: int = 2) -> None:
        self.networks, self.most = networks, most
        self.reset()

    def reset(self) -> None:
        """Clear all tracks."""
        self._hands: tuple[TrackedHand, ...] = ()
        self._motion: dict[int, Floats] = {}
        self._frame, self._count = 0, 0

    def __call__(self, image: Picture) -> tuple[TrackedHand, ...]:
        """The hands in the next image, (H, W, 3) uint8 RGB, surest first."""
        followed = self._followed(image)
        search = not followed or (len(followed) < self.most and self._frame % SEARCH_EVERY == 0)
        if search:
            followed += self._found(image, followed)
        self._frame += 1
        self._hands = tuple(sorted(followed, key=lambda hand: -hand.score)[: self.most])
        return self._hands

    def _followed(self, image: Picture) -> list[TrackedHand]:
        windows = []
        for hand in self._hands:
            window = hand.seen.window()
            windows.append(replace(window, center=window.center + self._motion.get(hand.number, np.zeros(2)) / 2))
        seen = look(self.networks.landmarks, image, windows)
        kept: list[TrackedHand] = []
        for hand, now in sorted(zip(self._hands, seen, strict=True), key=lambda pair: -pair[1].presence):
            if now.presence < PRESENT or not _inside(now, image) or _is_one_of(now, kept):
                continue
            self._motion[hand.number] = now.box.reshape(2, 2).mean(0) - hand.seen.box.reshape(2, 2).mean(0)
            kept.append(hand.again(now))
        return kept

    def _found(self, image: Picture, known: list[TrackedHand]) -> list[TrackedHand]:
        height, width = image.shape[:2]
        found = self._verified(image, [whole_image(width, height)], known)
        if not found and not known:
            found = self._verified(image, closer_windows(width, height), known)
        return found

    def _verified(self, image: Picture, windows: list[Window], known: list[TrackedHand]) -> list[TrackedHand]:
        palms = find_palms(self.networks.palm, image, windows)[: 2 * self.most]
        seen = look(self.networks.landmarks, image, [palm.window() for palm in palms])
        # a second look, from where the landmarks say, is what following does too
        sure = [hand for hand in seen if hand.presence >= PRESENT and _inside(hand, image)]
        again = look(self.networks.landmarks, image, [hand.window() for hand in sure])
        found: list[TrackedHand] = []
        for hand in sorted(again, key=lambda hand: -hand.presence):
            if hand.presence >= PRESENT and _inside(hand, image) and not _is_one_of(hand, [*known, *found]):
                found.append(self._new(hand, [*known, *found]))
        return found

    def _new(self, hand: SeenHand, known: list[TrackedHand]) -> TrackedHand:
        """A found hand: that which was followed here until this image, or else another one."""
        for lost in self._hands:
            if lost.number not in {one.number for one in known} and boxes.overlap(hand.box, lost.seen.box) > SAME_HAND:
                return lost.again(hand)
        self._count += 1
        return TrackedHand(hand, hand.right, hand.presence, self._count)


def _is_one_of(hand: SeenHand, others: list[TrackedHand]) -> bool:
    return any(boxes.overlap(hand.box, other.seen.box) > SAME_HAND for other in others)


def _inside(hand: SeenHand, image: Picture) -> bool:
    inside = boxes.clipped(hand.box, image.shape[1], image.shape[0])
    edges = inside[2:] - inside[:2]
    return bool((edges > 0).all() and edges.prod() >= INSIDE * (hand.box[2:] - hand.box[:2]).prod())
