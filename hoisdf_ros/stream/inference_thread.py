"""Worker thread of a node, beside the receiving executor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hoisdf_ros.stream.mailbox import Mailbox

Item = TypeVar("Item")


class InferenceThread(Generic[Item]):
    """Worker thread that processes the newest item of its mailbox.

    Args:
        process: called for each item in this thread; must not raise.
    """

    def __init__(self, process: Callable[[Item], None]) -> None:
        self.mailbox: Mailbox[Item] = Mailbox()
        self._process = process
        self._thread = threading.Thread(target=self._run, name="hoisdf-inference", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finish the current item and end; whether it ended within ``timeout`` seconds."""
        self.mailbox.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self.mailbox.take()) is not None:
            self._process(item)
