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

"""Pixel layouts of image encodings, and their conversion to RGB.

The result is (H, W, 3) uint8.

The encodings are those of ``sensor_msgs/image_encodings``; conversions are OpenCV's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_OPENCV_TYPE = re.compile(r"(8|16)UC([134]?)")  # also without a number: one channel
_BITS = (8, 10, 12)  # that cameras give in 16; a picture with no more is one of theirs


@dataclass(frozen=True)
class Layout:
    """Layout of one pixel.

    ``channels`` numbers of ``dtype``, and OpenCV's code that makes RGB of it.

    ``pair``: two neighbours share their colour, so that the width must be even.
    """

    dtype: str
    channels: int
    conversion: int | None
    pair: bool = False


@dataclass(frozen=True)
class SemiPlanar:
    """Semi-planar YUV layout.

    A plane of brightness, and one of colour pairs that ``shared`` x ``shared`` pixels have in common.

    ``conversion``: OpenCV's code for pairs that 2 x 2 pixels share.
    """

    conversion: int
    shared: int

    def to_rgb(self, bright: NDArray[np.uint8], pairs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB image (H, W, 3) from both planes.

        (H, W) and (H / shared, W / shared, 2).
        """
        if self.shared == 1:  # OpenCV has no code for it: with every pixel four times it is the other kind
            return self._converted(bright.repeat(2, 0).repeat(2, 1), pairs)[::2, ::2]
        return self._converted(bright, pairs)

    def _converted(self, bright: NDArray[np.uint8], pairs: NDArray[np.uint8]) -> NDArray[np.uint8]:
        planes = np.concatenate([bright, pairs.reshape(len(pairs), -1)])
        return np.asarray(cv2.cvtColor(planes, self.conversion), np.uint8)


BAYER = {
    "bayer_rggb": cv2.COLOR_BayerRGGB2RGB,
    "bayer_bggr": cv2.COLOR_BayerBGGR2RGB,
    "bayer_gbrg": cv2.COLOR_BayerGBRG2RGB,
    "bayer_grbg": cv2.COLOR_BayerGRBG2RGB,
}
_CHANNELS: dict[str, tuple[int, int | None]] = {
    "rgb": (3, None),
    "bgr": (3, cv2.COLOR_BGR2RGB),
    "rgba": (4, cv2.COLOR_RGBA2RGB),
    "bgra": (4, cv2.COLOR_BGRA2RGB),
    "mono": (1, cv2.COLOR_GRAY2RGB),
    **{name: (1, code) for name, code in BAYER.items()},
}
COLOUR = {
    f"{name}{bits}": Layout(f"u{bits // 8}", channels, code)
    for bits in (8, 16)
    for name, (channels, code) in _CHANNELS.items()
} | {
    "yuv422": Layout("u1", 2, cv2.COLOR_YUV2RGB_UYVY, pair=True),
    "uyvy": Layout("u1", 2, cv2.COLOR_YUV2RGB_UYVY, pair=True),
    "yuv422_yuy2": Layout("u1", 2, cv2.COLOR_YUV2RGB_YUY2, pair=True),
    "yuyv": Layout("u1", 2, cv2.COLOR_YUV2RGB_YUY2, pair=True),
}
SEMI_PLANAR = {
    "nv12": SemiPlanar(cv2.COLOR_YUV2RGB_NV12, 2),
    "nv21": SemiPlanar(cv2.COLOR_YUV2RGB_NV21, 2),
    "nv24": SemiPlanar(cv2.COLOR_YUV2RGB_NV12, 1),
}
_OF_TYPE = {"8": {1: "mono8", 3: "bgr8", 4: "bgra8"}, "16": {3: "bgr16", 4: "bgra16"}}  # 16UC1 is depth (REP 118)


def named_layout(encoding: str) -> Layout | None:
    """Layout of a packed encoding, or None if without colour.

    Also of OpenCV's types (blue first).
    """
    kind = _OPENCV_TYPE.fullmatch(encoding)
    name = encoding.lower() if kind is None else _OF_TYPE[kind[1]].get(int(kind[2] or 1), "")
    return COLOUR.get(name)


def to_rgb(pixels: NDArray[Any], conversion: int | None) -> NDArray[np.uint8]:
    """RGB image (H, W, 3) uint8 from 8 or 16-bit pixels.

    By OpenCV's ``conversion`` (None: they are RGB).
    """
    if conversion is not None:
        pixels = np.asarray(cv2.cvtColor(pixels, conversion))
    return pixels if pixels.dtype == np.uint8 else eight_bits(pixels)


def eight_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Upper eight of the bits in use.

    8, 10 or 12 where nothing is brighter, else all 16.
    """
    brightest = int(pixels.max())
    used = next((bits for bits in _BITS if brightest < 1 << bits), 16)
    return (pixels >> (used - 8)).astype(np.uint8)
