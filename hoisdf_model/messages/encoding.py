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

"""Numpy arrays -> image messages, for any set of message classes."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError
from hoisdf_model.messages.types import MessageTypes


def encode_image(
    image: NDArray[np.uint8], header: Any, types: MessageTypes, encoding: Literal["rgb8", "bgr8", "mono8"] = "rgb8"
) -> Any:
    """``sensor_msgs/Image`` of that encoding from (H, W, 3) uint8 RGB.

    Raises:
        ImageError: another shape or type, or empty.
    """
    _check_colour(image)
    if encoding != "rgb8":
        code = cv2.COLOR_RGB2BGR if encoding == "bgr8" else cv2.COLOR_RGB2GRAY
        image = np.asarray(cv2.cvtColor(image, code), np.uint8)
    return _raw(image, encoding, header, types)


def encode_depth(
    depth: NDArray[np.float32], header: Any, types: MessageTypes, encoding: Literal["32FC1", "16UC1"] = "32FC1"
) -> Any:
    """Depth message ``sensor_msgs/Image`` from (H, W) float32 metres.

    32FC1 keeps the numbers, 16UC1 rounds to millimetres.

    With 16UC1 depths that aren't finite, negative or beyond 65.535 m become 0, which stands for unknown.

    Raises:
        ImageError: another shape, or empty.
    """
    if depth.ndim != 2 or depth.size == 0:
        raise ImageError(f"a depth image must be (H, W) and not empty, got {depth.shape}")
    if encoding == "32FC1":
        return _raw(depth.astype(np.float32, copy=False), encoding, header, types)
    millimetres = np.round(np.nan_to_num(depth.astype(np.float64), nan=0, posinf=0, neginf=0) * 1000)
    valid = (millimetres > 0) & (millimetres <= np.iinfo(np.uint16).max)
    return _raw(np.where(valid, millimetres, 0).astype(np.uint16), encoding, header, types)


def encode_compressed(
    image: NDArray[np.uint8],
    header: Any,
    types: MessageTypes,
    format: Literal["jpeg", "png"] = "jpeg",
    quality: int = 90,
) -> Any:
    """``sensor_msgs/CompressedImage`` from (H, W, 3) uint8 RGB.

    ``quality`` 1 to 100 is JPEG's.

    Raises:
        ImageError: another shape or type, or empty.
    """
    _check_colour(image)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if format == "jpeg" else []
    _, data = cv2.imencode(f".{format}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return types.create(
        "sensor_msgs/msg/CompressedImage",
        header=header,
        format=f"rgb8; {format} compressed bgr8",  # image_transport's way to name it
        data=types.sequence(data.reshape(-1)),
    )


def _check_colour(image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(f"an image must be (H, W, 3) uint8 RGB and not empty, got {image.shape} {image.dtype}")


def _raw(pixels: NDArray[Any], encoding: str, header: Any, types: MessageTypes) -> Any:
    little = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False))
    return types.create(
        "sensor_msgs/msg/Image",
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=little.strides[0],
        data=types.sequence(little.reshape(-1).view(np.uint8)),
    )
