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

"""Accounting of errors caused by messages.

The error is counted and named on /diagnostics, and the node continues.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from hoisdf_model.errors import HoisdfError
from hoisdf_ros.stream.monitor import Monitor

REFUSED = "refused: {}"  # of lists in messages, counted by cause
Causes = Sequence[tuple[type[Exception], str]]  # the drop cause of each kind of error, the most special first


def account_for(error: Exception, causes: Causes, monitor: Monitor, log: Callable[[str], None]) -> str:
    """Count a dropped message, keep its error, and log it at intervals.

    To be called while the error is being handled. The last of ``causes`` is that of any exception.

    Returns:
        The text: that of an error raised on purpose as it is, any other with its type.
    """
    cause = next(cause for kind, cause in causes if isinstance(error, kind))
    monitor.dropped({cause: 1})
    known = isinstance(error, HoisdfError)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    if monitor.problem(cause, text):
        log(text if known else traceback.format_exc())
    return text


def note_refused(error: Exception | str, cause: str, monitor: Monitor, log: Callable[[str], None]) -> None:
    """Count and name one malformed item of an otherwise used message."""
    monitor.noted(REFUSED.format(cause))
    if monitor.problem(cause, str(error)):
        log(str(error))
