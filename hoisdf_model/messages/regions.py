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

"""``hoisdf/Regions`` <-> :class:`hoisdf_model.estimates.Regions`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import HandRegion, ObjectRegion, Regions, Side
from hoisdf_model.geometry import boxes
from hoisdf_model.messages.items import Refused, read_items
from hoisdf_model.messages.types import MessageTypes, make_point, read_numbers

# SIDE_UNKNOWN, SIDE_RIGHT, SIDE_LEFT of hoisdf/Region and hoisdf/HandJoints
SIDES: tuple[Side | None, ...] = (None, "right", "left")
_UNKNOWN_POINT = (math.nan, math.nan, math.nan)


def regions_to_message(regions: Regions, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/Regions`` with that ``std_msgs/Header`` of the same class set."""
    return types.create(
        "hoisdf/msg/Regions",
        header=header,
        hands=[_region(types, h.box, SIDES.index(h.side), "", h.score, h.root) for h in regions.hands],
        objects=[_region(types, o.box, 0, o.name, o.score, o.center) for o in regions.objects],
    )


def _region(
    types: MessageTypes,
    box: NDArray[np.float64],
    side: int,
    name: str,
    score: float,
    root: NDArray[np.float64] | None,
) -> Any:
    x0, y0, x1, y1 = (float(value) for value in box)
    point = make_point(types, _UNKNOWN_POINT if root is None else root)
    return types.create(
        "hoisdf/msg/Region", x0=x0, y0=y0, x1=x1, y1=y1, side=side, name=name, score=float(score), root=point
    )


def message_to_regions(message: Any, refused: Refused | None = None) -> Regions:
    """:class:`Regions` from ``hoisdf/Regions``.

    Args:
        message: the regions.
        refused: called with each region that is wrong, and the others are taken; None: it is raised.

    Raises:
        InvalidInputError: a box isn't four finite numbers with x0 < x1 and y0 < y1, a score isn't a number, or a side
            isn't a ``SIDE_*``, or a root isn't in front of the camera; says which region. With ``refused`` only where
            no hand, or no object, is left of some.
    """
    hands = read_items(message.hands, _hand_region, "hands", refused)
    objects = read_items(message.objects, _object_region, "objects", refused)
    return Regions(tuple(hands.values()), tuple(objects.values()))


def _hand_region(region: Any, what: str) -> HandRegion:
    what = f"{what} of the regions"
    return HandRegion(_box(region, what), side_of(region, what), _score(region, what), _root(region, what))


def _object_region(region: Any, what: str) -> ObjectRegion:
    what = f"{what} of the regions"
    return ObjectRegion(_box(region, what), str(region.name), _score(region, what), _root(region, what))


def _score(region: Any, what: str) -> float:
    if not math.isfinite(region.score):
        raise InvalidInputError(f"the score of {what} must be a number, got {region.score}")
    return float(region.score)


def side_of(message: Any, what: str) -> Side | None:
    """The side in ``message.side``; None where it is unknown.

    Raises:
        InvalidInputError: the number isn't one of the ``SIDE_*`` constants.
    """
    if not 0 <= message.side < len(SIDES):
        raise InvalidInputError(f"side of {what} must be 0 (unknown), 1 (right) or 2 (left), got {message.side}")
    return SIDES[message.side]


def _box(region: Any, what: str) -> NDArray[np.float64]:
    return boxes.validated([region.x0, region.y0, region.x1, region.y1], f"the box of {what}")


def _root(region: Any, what: str) -> NDArray[np.float64] | None:
    """None where all three numbers are NaN."""
    place = [region.root.x, region.root.y, region.root.z]
    point = read_numbers(place, np.float64, (3,), f"root of {what}", "all")
    if point[2] <= 0:
        raise InvalidInputError(f"root of {what} must lie in front of the camera, got {place}")
    return None if np.isnan(point).any() else point
