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

"""List items of messages, each validated on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hoisdf_model.errors import InvalidInputError

Item = TypeVar("Item")
Refused = Callable[[InvalidInputError], None]


def read_items(
    items: Iterable[Any], read: Callable[[Any, str], Item], what: str, refused: Refused | None
) -> dict[int, Item]:
    """The items that can be read, by their place in the list.

    Args:
        items: the messages.
        read: makes something of one, given how to call it; raises ``InvalidInputError`` if it is wrong.
        what: how to call the list.
        refused: called with each that is wrong; None: the first is raised.

    Raises:
        InvalidInputError: the first wrong item, where ``refused`` is None or no item is left: that is something else
            than an empty list.
    """
    kept: dict[int, Item] = {}
    wrong: list[InvalidInputError] = []
    for i, item in enumerate(items):
        try:
            kept[i] = read(item, f"{what}[{i}]")
        except InvalidInputError as error:
            if refused is None:
                raise
            wrong.append(error)
    if wrong and not kept:
        raise wrong[0]
    if refused is not None:
        for problem in wrong:
            refused(problem)
    return kept
