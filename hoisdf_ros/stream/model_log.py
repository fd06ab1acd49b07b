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

"""Log messages of ``hoisdf_model`` in the log of a node."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _ToRos(logging.Handler):
    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger, self._thread = logger, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread:  # of another node of this process
            return
        text = self.format(record)
        if record.levelno >= logging.ERROR:  # a line of its own each: rclpy refuses another severity from the same one
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)


@contextmanager
def model_log_to(logger: Any) -> Iterator[None]:
    """Context in which the package's log goes to a node's ``logger``.

    It thereby reaches /rosout, instead of standard error.
    """
    source, handler = logging.getLogger("hoisdf_model"), _ToRos(logger)
    source.addHandler(handler)
    try:
        yield
    finally:
        source.removeHandler(handler)
