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

"""Estimates and ground truth of a bag, without images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from hoisdf_model.data.bags.reader import BagMessage, BagProblem, BagReader
from hoisdf_model.errors import BagError, InvalidInputError
from hoisdf_model.estimates import Estimate
from hoisdf_model.messages import hand_object_to_estimate, stamp_of

HAND_OBJECT = "hoisdf/msg/HandObject"


@dataclass(frozen=True)
class BagEstimate:
    """A message of the type ``hoisdf/HandObject``.

    Attributes:
        topic: where it was. time: when it was recorded, nanoseconds since the epoch.
        stamp: of the image that it is of, nanoseconds since the epoch.
        estimate: its content.
    """

    topic: str
    time: int
    stamp: int
    estimate: Estimate


def _tell(on_problem: Callable[[BagProblem], None], item: BagMessage, error: InvalidInputError) -> None:
    on_problem(BagProblem(item.topic, item.time, error))


def estimates_of(
    bag: BagReader, topics: Sequence[str], on_problem: Callable[[BagProblem], None]
) -> Iterator[BagEstimate]:
    """The messages of topics in the order in which they were recorded.

    Args:
        bag: open.
        topics: of the type ``hoisdf/HandObject``.
        on_problem: called with each message that can't be read; the iteration goes on without it.

    Raises:
        BagError: no such topic, or it is of another type; or the bag is damaged.
    """
    for name in topics:
        topic = bag.topic(name)
        if topic.type != HAND_OBJECT:
            raise BagError(f"topic {topic.name} of {bag.path} is a {topic.type}, estimates are {HAND_OBJECT}")
    for item in bag.messages(topics, on_problem=on_problem):
        try:
            estimate = hand_object_to_estimate(item.message, partial(_tell, on_problem, item))
        except InvalidInputError as error:
            on_problem(BagProblem(item.topic, item.time, error))
            continue
        yield BagEstimate(item.topic, item.time, stamp_of(item.message), estimate)
