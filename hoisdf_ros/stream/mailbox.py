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

"""One-slot mailbox between the receiving and the inference thread."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Mailbox that keeps the newest item only.

    A slow consumer never works through a queue of old ones.

    Any number of threads may put; one takes.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> Item | None:
        """Store ``item`` and return the one it replaced, if any.

        A closed mailbox refuses the item itself.
        """
        with self._changed:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self) -> Item | None:
        """Wait for an item and take it; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is not None)
            if self._closed:
                return None
            item, self._item = self._item, None
            return item

    @property
    def is_empty(self) -> bool:
        """Whether no item waits."""
        return self._item is None

    def clear(self) -> Item | None:
        """Empty the slot; the removed item, if any."""
        with self._changed:
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Wake waiting threads and refuse all further items."""
        with self._changed:
            self._closed, self._item = True, None
            self._changed.notify_all()
