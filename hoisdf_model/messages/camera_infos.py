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

"""Choice of an image's ``camera_info``.

The one of its own stamp, or the last one of its camera.

Drivers send one with every image, one now and then, or a single one that is latched. The rule is the same live and in
recordings.
"""

from __future__ import annotations

from collections import deque
from typing import Any

WINDOW = 5  # images that are looked back on
ENOUGH = 2  # of them that had a camera_info of their own: the driver sends one with each
KEPT = 64  # stamps: images may wait for long


class CameraInfos:
    """Store of received ``camera_info`` messages.

    Used for images without one of their own.

    As long as the driver sends one with each image, a missing one was lost or is on its way, and nothing else will do.
    Else the last one of the image's camera and size holds until another comes.

    Args:
        slop: largest difference of stamps of an image and its own ``camera_info``, nanoseconds.
    """

    def __init__(self, slop: int = 0) -> None:
        self._slop = slop
        self._images: deque[tuple[int, list[bool]]] = deque(maxlen=KEPT)  # stamp, whether it has its own
        self._stamps: deque[int] = deque(maxlen=KEPT)
        self._last: dict[tuple[str, tuple[int, int]], Any] = {}  # the newest at the end

    def add(self, stamp: int, info: Any) -> None:
        """Store a ``sensor_msgs/CameraInfo``."""
        key = (_frame(info), _size(info))
        self._last.pop(key, None)
        self._last[key] = info
        self._stamps.append(stamp)
        for other, own in self._images:
            own[0] = own[0] or abs(other - stamp) <= self._slop

    def add_image(self, stamp: int) -> None:
        """Register an image; repeated ones count once."""
        if all(stamp != other for other, _ in self._images):
            own = any(abs(other - stamp) <= self._slop for other in self._stamps)
            self._images.append((stamp, [own]))

    def sent_with_each(self, stamp: int) -> bool:
        """Whether the images before ``stamp`` had one each."""
        return sum([own for other, (own,) in self._images if other < stamp][-WINDOW:]) >= ENOUGH

    def last_for(self, image: Any) -> Any:
        """Last ``camera_info`` compatible with an image message, or None."""
        return next((info for info in reversed(self._last.values()) if not _misfit(info, image)), None)

    def why_not(self, image: Any) -> str:
        """Reason why no ``camera_info`` fits an image."""
        return next((_misfit(info, image) for info in reversed(self._last.values())), "none has come at all")

    def restart(self) -> None:
        """Time has jumped: forget stamps, not cameras."""
        self._images.clear()
        self._stamps.clear()


def _misfit(info: Any, image: Any) -> str:
    """Why this isn't the image's camera; empty where it can be."""
    frame, wanted = _frame(info), _frame(image)
    if frame and wanted and frame != wanted:
        return f"the last one is of the frame {frame!r}, the image of {wanted!r}"
    size = _size(info)
    if hasattr(image, "width") and all(size) and size != (image.width, image.height):
        return f"the last one is of images of {size[0]}x{size[1]}, this is {image.width}x{image.height}"
    return ""


def _frame(message: Any) -> str:
    return str(message.header.frame_id).lstrip("/")


def _size(info: Any) -> tuple[int, int]:
    """Of the image that is published, pixels."""
    roi = info.roi if info.roi.width and info.roi.height else info
    return roi.width // max(info.binning_x, 1), roi.height // max(info.binning_y, 1)
