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

"""Rate limit by stamps."""

from __future__ import annotations

import math
from typing import Any

from hoisdf_model.messages import nanoseconds_of


class Pace:
    """Rate limit of a stream, by its stamps.

    Up to a quarter of a period early is in time: a camera at the very rate loses nothing to the jitter of its stamps.
    """

    def __init__(self) -> None:
        self._due, self._last = 0.0, math.inf  # nanoseconds

    def is_due(self, stamp: Any, rate: float) -> bool:
        """Whether the item with this stamp is chosen.

        Args:
            stamp: ``builtin_interfaces/Time``.
            rate: hertz; 0: every item.
        """
        if rate == 0:
            return True
        now, period = nanoseconds_of(stamp), 1e9 / rate
        if now <= self._last:  # the first, time jumped back, or it stands still
            self._due = now
        if now < self._due - period / 4:
            return False
        self._due, self._last = max(self._due + period, now + period / 4), now
        return True
