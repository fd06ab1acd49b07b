"""Log messages of ``hoisdf_model`` in the log of a node."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _ToRos(logging.Handler):
    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
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
