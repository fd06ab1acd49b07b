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

"""Pairs of estimate and ground truth with equal stamps.

In whichever order they arrive.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

Kind = Literal["estimate", "truth"]
OTHER: dict[Kind, Kind] = {"estimate": "truth", "truth": "estimate"}


class StampPairs:
    """Pairing by equal stamps.

    Nothing is superseded: each stamp is given once, and every pair counts.

    Args:
        depth: of each kind, so many wait for their partner; then the oldest is given up.

    Attributes:
        unmatched: by kind, how many were given up.
        repeated: how many estimates came of a stamp that had one already, as from a recording that loops.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: dict[Kind, dict[int, Any]] = {"estimate": {}, "truth": {}}
        self._done: set[int] = set()
        self.unmatched: Counter[Kind] = Counter()
        self.repeated = 0

    @property
    def paired(self) -> int:
        """Number of pairs so far."""
        return len(self._done)

    def add(self, kind: Kind, stamp: int, item: Any) -> tuple[Any, Any] | None:
        """Pair (estimate, truth) that a new item completes, or None.

        Args:
            kind: what it is.
            stamp: nanoseconds.
            item: anything.
        """
        if stamp in self._done:
            self.repeated += kind == "estimate"
            return None
        partners = self._waiting[OTHER[kind]]
        if stamp in partners:
            other = partners.pop(stamp)
            self._done.add(stamp)
            return (item, other) if kind == "estimate" else (other, item)
        waiting = self._waiting[kind]
        self.repeated += kind == "estimate" and stamp in waiting
        waiting[stamp] = item
        if len(waiting) > self._depth:
            del waiting[next(iter(waiting))]
            self.unmatched[kind] += 1
        return None

    def waiting(self, kind: Kind) -> int:
        """Number of items of a kind without a partner yet."""
        return len(self._waiting[kind])

    def give_up(self) -> None:
        """Give up all waiting items, at the end or a jump back."""
        for kind, waiting in self._waiting.items():
            self.unmatched[kind] += len(waiting)
            waiting.clear()
