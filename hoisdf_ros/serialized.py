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

"""Serialised messages whose changing numbers are overwritten in place.

Building thousands of ``geometry_msgs/Point`` objects for one marker costs more than a network. So a message of the
right structure is built and serialised once with recognisable numbers in the places that change; the places are found
by looking for those numbers, which needs no knowledge of the layout of any message.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rclpy.serialization import serialize_message

from hoisdf_model.errors import InvalidInputError


def mark(index: int) -> float:
    """Placeholder float64 that occurs in no real message, for ``index``."""
    return -(1.0 + index) * 1.2345678901234567e-290


def stamp_mark() -> tuple[int, int]:
    """Placeholder seconds and nanoseconds of a stamp."""
    return 0x6A5B4C3D, 0x2A1B0C0D


class SerializedMessage:
    """Serialised message with fields to fill.

    Args:
        message: any ROS message; stamps to be filled hold ``stamp_mark()``, and each run of float64 to be filled begins
            with a ``mark`` of its own.
        runs: index of the mark -> how many float64 follow it, itself included.
        constants: index of a mark -> numbers that are written once and stay.

    Raises:
        InvalidInputError: a mark isn't in the message exactly once.
    """

    def __init__(self, message: Any, runs: Mapping[int, int], constants: Mapping[int, ArrayLike]) -> None:
        self._template = np.frombuffer(serialize_message(message), np.uint8).copy()
        content = self._template.tobytes()
        self._runs = {}
        for index, count in runs.items():
            pattern = struct.pack("=d", mark(index))
            if content.count(pattern) != 1:
                raise InvalidInputError(f"mark {index} must be in the message once, is {content.count(pattern)} times")
            start = content.find(pattern)
            self._runs[index] = slice(start, start + 8 * count)
        self._stamps = []
        pattern, at = struct.pack("=iI", *stamp_mark()), -1
        while (at := content.find(pattern, at + 1)) >= 0:
            self._stamps.append(slice(at, at + 8))
        self._write(self._template, constants)

    def filled(self, stamp: tuple[int, int], runs: Mapping[int, ArrayLike]) -> bytes:
        """The bytes to publish.

        Args:
            stamp: seconds and nanoseconds, written into every marked stamp.
            runs: index of the mark -> the numbers, as many as were announced.
        """
        data = self._template.copy()
        seconds_and_nanoseconds = np.frombuffer(struct.pack("=iI", *stamp), np.uint8)
        for place in self._stamps:
            data[place] = seconds_and_nanoseconds
        self._write(data, runs)
        return bytes(data.data)

    def _write(self, data: NDArray[np.uint8], runs: Mapping[int, ArrayLike]) -> None:
        for index, values in runs.items():
            data[self._runs[index]] = np.ascontiguousarray(values, np.float64).reshape(-1).view(np.uint8)
