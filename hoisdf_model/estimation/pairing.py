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

"""Assignment of detected objects to hands, as priors."""

from __future__ import annotations

import numpy as np

from hoisdf_model.estimates import HandRegion, ObjectRegion, Prior, Regions
from hoisdf_model.geometry import boxes

REACH = 1.0  # an object farther from the hand's box than this many of the box's diagonals isn't held by it


def priors_from_regions(regions: Regions) -> tuple[Prior, ...]:
    """One prior per hand with its most likely object.

    Best first.

    Pairs are taken greedily, those that overlap first (by overlap times the object's score), then the nearest ones;
    each object goes to one hand at most. A hand without an object in reach gets none. Objects without a hand are left
    out: the network knows objects only as held ones.
    """
    pairs = [
        (_overlap(hand, thing), -_gap(hand, thing), i, j)
        for i, hand in enumerate(regions.hands)
        for j, thing in enumerate(regions.objects)
        if _gap(hand, thing) <= REACH
    ]
    held: dict[int, int] = {}
    for _, _, i, j in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
        if i not in held and j not in held.values():
            held[i] = j
    return tuple(_prior(hand, regions.objects[held[i]] if i in held else None) for i, hand in enumerate(regions.hands))


def _prior(hand: HandRegion, thing: ObjectRegion | None) -> Prior:
    return Prior(
        hand_box=hand.box,
        object_box=None if thing is None else thing.box,
        root=hand.root,
        object_center=None if thing is None else thing.center,
        side=hand.side,
        object_name=None if thing is None else thing.name,
        score=hand.score,
    )


def _overlap(hand: HandRegion, thing: ObjectRegion) -> float:
    return float(boxes.overlap(hand.box, thing.box)) * thing.score


def _gap(hand: HandRegion, thing: ObjectRegion) -> float:
    """Distance between the two boxes, in diagonals of the hand's; 0 where they touch."""
    h, o = np.asarray(hand.box, np.float64), np.asarray(thing.box, np.float64)
    gap = np.maximum(np.maximum(h[:2] - o[2:], o[:2] - h[2:]), 0)
    return float(np.linalg.norm(gap) / np.linalg.norm(h[2:] - h[:2]))
