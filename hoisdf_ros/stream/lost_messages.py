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

"""Counter of published images that never arrived.

The middleware doesn't report messages that it overwrites.

Plain Python on stamps in nanoseconds.
"""

from __future__ import annotations

from collections import deque

import numpy as np

KEPT = 60  # stamps of each topic
ENOUGH = 10  # intervals that tell a camera's pace
SHORT = 20  # percentile of the intervals that is taken for the pace: most of the others have gaps in them
GAP = 1.5  # of the pace


class Losses:
    """Estimate of lost images from ``camera_info`` without image.

    Without these, from gaps between images' stamps.

    Args:
        slop: largest difference of stamps of an image and its ``camera_info``, nanoseconds.
    """

    def __init__(self, slop: int = 0) -> None:
        self._slop = slop
        self.restart()

    def restart(self) -> None:
        """Reset after a jump in time."""
        self._images: deque[int] = deque(maxlen=KEPT)
        self._infos: deque[int] = deque(maxlen=KEPT)
        self._intervals: deque[int] = deque(maxlen=KEPT)
        self._met = 0  # images with a camera_info of their own among the last ones, see ENOUGH

    def info(self, stamp: int) -> None:
        """Record a received ``camera_info``."""
        self._infos.append(stamp)

    def image(self, stamp: int) -> int:
        """Record a received image; the number of newly known losses."""
        previous = self._images[-1] if self._images else None
        self._images.append(stamp)
        if previous is None or stamp <= previous:
            return 0
        self._intervals.append(stamp - previous)
        # those up to the image before: what belongs to this one may still be on its way
        due = [info for info in self._infos if info <= previous + self._slop]
        own = [info for info in due if self._has_image(info)]
        alone = [info for info in due if info not in own and info > self._images[0]]
        self._met = min(ENOUGH, self._met + len(own)) if own else max(0, self._met - 1)
        for info in due:
            self._infos.remove(info)
        return len(alone) if self._met else self._in_gap(stamp - previous)

    def _has_image(self, info: int) -> bool:
        return any(abs(info - image) <= self._slop for image in self._images)

    def _in_gap(self, interval: int) -> int:
        if len(self._intervals) < ENOUGH:
            return 0
        pace = float(np.percentile(self._intervals, SHORT))
        return round(interval / pace) - 1 if interval > GAP * pace else 0
