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

"""Playback clock of a recording: rate, pause, stop.

Without ROS and without files.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Pacer:
    """Mapping from a recording's time to the steady clock.

    ``start`` anchors a recorded time at now; from there recorded time runs ``rate`` times as fast as the steady clock
    and stands still while paused. All methods may be called from any thread.

    Args:
        rate: recorded seconds per real second, positive.
        clock: the steady clock in seconds; another one only in tests.
    """

    def __init__(self, rate: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._changed = threading.Condition()
        self._anchor_recorded = 0  # nanoseconds
        self._anchor_real = clock()
        self._paused = self._stopped = False

    @property
    def paused(self) -> bool:
        """Whether the recording's time is paused."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped

    def start(self, recorded: int) -> None:
        """Start the clock at ``recorded`` (nanoseconds of the recording)."""
        with self._changed:
            self._anchor_recorded, self._anchor_real = recorded, self._clock()
            self._changed.notify_all()

    def now(self) -> int:
        """Recording's time that is due now, nanoseconds."""
        with self._changed:
            return self._now()

    def pause(self) -> None:
        """Pause the recording's time."""
        with self._changed:
            if not self._paused:
                self._anchor_recorded, self._anchor_real = self._now(), self._clock()
                self._paused = True

    def resume(self) -> None:
        """Resume the recording's time where it was paused."""
        with self._changed:
            if self._paused:
                self._anchor_real, self._paused = self._clock(), False
                self._changed.notify_all()

    def stop(self) -> None:
        """End every wait, now and later."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait_until(self, recorded: int) -> float | None:
        """Sleep until ``recorded`` (nanoseconds) is due.

        Returns:
            How late it is already, seconds, 0 or more; None when stopped.
        """
        with self._changed:
            while not self._stopped:
                if self._paused:
                    self._changed.wait()
                    continue
                early = self._anchor_real + (recorded - self._anchor_recorded) * 1e-9 / self._rate - self._clock()
                if early <= 0:
                    return -early
                self._changed.wait(early)
            return None

    def _now(self) -> int:
        if self._paused:
            return self._anchor_recorded
        return self._anchor_recorded + round((self._clock() - self._anchor_real) * self._rate * 1e9)


class ReadAhead(Iterator[T]):
    """Prefetching iterator with its own thread.

    Reading and unpacking don't delay the player.

    An exception of the iterator is raised by ``next`` in its place. A context manager: leaving it ends
    the thread.

    Args:
        items: the iterator; it is used by the thread only.
        depth: how many items are kept ready.
    """

    _END = object()

    def __init__(self, items: Iterator[T], depth: int = 16) -> None:
        self._items = items
        self._ready: queue.Queue[object] = queue.Queue(depth)
        self._closed, self._first_there = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._fetch, name="read_ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> ReadAhead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def wait_ready(self) -> None:
        """Wait for the first item, the end, or an error.

        Fetching it with ``next`` then takes no time.
        """
        self._first_there.wait()

    def __next__(self) -> T:
        item = self._ready.get()
        if item is self._END:
            self._ready.put(item)
            raise StopIteration
        if isinstance(item, _Failure):
            self._ready.put(self._END)
            raise item.error
        return item  # type: ignore[return-value]

    def _fetch(self) -> None:
        try:
            for item in self._items:
                if not self._offer(item):
                    return
            self._offer(self._END)
        except Exception as error:  # whatever it is, it belongs to the consumer
            self._offer(_Failure(error))

    def _offer(self, item: object) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            self._first_there.set()
            return True
        return False


class _Failure:
    """An exception on its way from the reading thread to the player."""

    def __init__(self, error: Exception) -> None:
        self.error = error
