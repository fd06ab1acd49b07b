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
