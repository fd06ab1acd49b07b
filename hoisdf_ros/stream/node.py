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

"""Lifecycle node that processes a message stream, newest first.

The executor's thread only receives; a worker's thread takes the newest message, and older ones are dropped and counted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from hoisdf_ros.node_parameters import SyncParameters
from hoisdf_ros.stream.inference_thread import InferenceThread
from hoisdf_ros.stream.inputs import Inputs, InputSet
from hoisdf_ros.stream.managed import STOP_TIMEOUT, ManagedNode, Parameters


class StreamNode(ManagedNode[Parameters]):
    """Stream-processing node; ``on_activate`` calls ``_listen``.

    Arguments: those of :class:`ManagedNode`.
    """

    def __init__(self, name: str, kind: type[Parameters], stream: str, **arguments: Any) -> None:
        self._inputs: Inputs | None = None
        self._worker: InferenceThread[InputSet] | None = None
        super().__init__(name, kind, stream, **arguments)

    @property
    def has_next(self) -> bool:
        """Whether the next message waits for the worker, from any thread."""
        worker = self._worker
        return worker is not None and not worker.mailbox.is_empty

    @abstractmethod
    def _forget(self) -> None:
        """Time has jumped back: forget what was seen; what is being computed isn't published any more."""

    def _stopped(self) -> None:
        """Nothing is listened to: take away what is on display, and let nothing that is still computed be published."""

    def _listen(
        self, process: Callable[[InputSet], None], topics: Mapping[str, str], reliability: str, sync: SyncParameters
    ) -> None:
        """Subscribe, and have a worker ``process`` what comes; see ``Inputs``."""
        self._worker = InferenceThread(process)
        self._inputs = Inputs(self, topics, reliability, sync, self._monitor, self._deliver, self._time_jumped)

    def _publisher_counts(self) -> dict[str, int]:
        return self._inputs.publishers() if self._inputs is not None else {}

    def _deliver(self, item: InputSet) -> None:
        if self._worker is not None and self._worker.mailbox.put(item) is not None:
            self._monitor.dropped({"superseded": 1})

    def _time_jumped(self) -> None:
        if self._worker is not None:
            self._forget()
            if self._worker.mailbox.clear() is not None:
                self._monitor.dropped({"time_jump": 1})
            self.get_logger().info("time jumped back: starting anew")

    def _stop(self, timeout: float = STOP_TIMEOUT) -> None:
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if self._worker is not None:
            if not self._worker.stop(timeout) and timeout == STOP_TIMEOUT:
                self.get_logger().warning(f"a message is still being worked on after {timeout:.0f} s")
            self._worker = None
            self._stopped()

    def _tick(self) -> None:
        if self._inputs is not None:
            self._inputs.follow_publishers()
        super()._tick()
