"""The thread that works while the executor receives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hoisdf_ros.stream.mailbox import Mailbox

Item = TypeVar("Item")


class InferenceThread(Generic[Item]):
    """Takes the newest item out of its mailbox and processes it, one at a time.

    Args:
        process: called for each item in this thread; must not raise.
    """

    def __init__(self, process: Callable[[Item], None]) -> None:
        self.mailbox: Mailbox[Item] = Mailbox()
        self._process = process
        self._thread = threading.Thread(target=self._run, name="hoisdf-inference", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finish what is being processed and end; whether it ended within ``timeout`` seconds."""
        self.mailbox.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self.mailbox.take()) is not None:
            self._process(item)
