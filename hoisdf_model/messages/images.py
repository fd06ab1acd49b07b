"""Image messages -> numpy arrays: colour as (H, W, 3) uint8 RGB, depth as (H, W) float32 metres.

The one place where ``sensor_msgs/Image`` and ``sensor_msgs/CompressedImage`` are decoded. It needs no cv_bridge, checks
the layout before it touches the pixels, and copies only where it must: rgb8 and 32FC1 come out as views of the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError
from hoisdf_model.messages import compressed

MILLIMETRE = np.float32(0.001)


@dataclass(frozen=True)
class _Layout:
    """How one pixel lies in memory: ``channels`` numbers of ``dtype``, and OpenCV's code that makes RGB of it."""

    dtype: str
    channels: int
    conversion: int | None


def _layouts() -> dict[str, _Layout]:
    table = {
        "rgb8": _Layout("u1", 3, None),
        "bgr8": _Layout("u1", 3, cv2.COLOR_BGR2RGB),
        "rgba8": _Layout("u1", 4, cv2.COLOR_RGBA2RGB),
        "bgra8": _Layout("u1", 4, cv2.COLOR_BGRA2RGB),
        "mono8": _Layout("u1", 1, cv2.COLOR_GRAY2RGB),
        "yuv422": _Layout("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
        "uyvy": _Layout("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
        "yuv422_yuy2": _Layout("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
        "yuyv": _Layout("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
        "rgb16": _Layout("u2", 3, None),
        "bgr16": _Layout("u2", 3, cv2.COLOR_BGR2RGB),
        "mono16": _Layout("u2", 1, cv2.COLOR_GRAY2RGB),
    }
    patterns = {
        "bayer_rggb": cv2.COLOR_BayerRGGB2RGB,
        "bayer_bggr": cv2.COLOR_BayerBGGR2RGB,
        "bayer_gbrg": cv2.COLOR_BayerGBRG2RGB,
        "bayer_grbg": cv2.COLOR_BayerGRBG2RGB,
    }
    for name, code in patterns.items():
        table[f"{name}8"] = _Layout("u1", 1, code)
        table[f"{name}16"] = _Layout("u2", 1, code)
    return table


_COLOUR = _layouts()
_DEPTH = {"16UC1": _Layout("u2", 1, None), "mono16": _Layout("u2", 1, None), "32FC1": _Layout("f4", 1, None)}
RAW_ENCODINGS = tuple(_COLOUR)
DEPTH_ENCODINGS = tuple(_DEPTH)


def decode_image(message: Any) -> NDArray[np.uint8]:
    """A colour image from ``sensor_msgs/Image`` or ``CompressedImage`` (JPEG or PNG).

    Returns:
        (H, W, 3) uint8 RGB; for rgb8 a view of the message, which may be read-only and have padded rows. 16-bit
        encodings keep their upper eight bits. EXIF orientation is ignored: intrinsics know nothing of it.

    Raises:
        ImageError: empty, unknown encoding, ``step`` or length of ``data`` that don't fit, truncated or damaged file.
    """
    if hasattr(message, "format"):
        return compressed.decode_colour(_bytes(message), str(message.format))
    layout = _layout(message, _COLOUR, "colour image")
    pixels = _pixels(message, layout)
    if layout.dtype == "u2":
        pixels = (pixels >> 8).astype(np.uint8)
    if layout.conversion is None:
        return pixels
    if layout.channels == 2 and message.width % 2:
        raise ImageError(f"encoding {message.encoding!r} needs an even width, got {message.width}")
    return np.asarray(cv2.cvtColor(pixels, layout.conversion), np.uint8)


def decode_depth(message: Any) -> NDArray[np.float32]:
    """A depth image from ``sensor_msgs/Image`` (32FC1 metres, 16UC1 millimetres) or ``CompressedImage`` (16-bit PNG).

    Returns:
        (H, W) float32 metres, 0 or NaN where unknown; for 32FC1 a view of the message, which may be read-only.

    Raises:
        ImageError: as for :func:`decode_image`.
    """
    if hasattr(message, "format"):
        return compressed.decode_depth(_bytes(message), str(message.format))
    layout = _layout(message, _DEPTH, "depth image")
    pixels = _pixels(message, layout)
    return pixels if layout.dtype == "f4" else pixels.astype(np.float32) * MILLIMETRE


def _layout(message: Any, known: dict[str, _Layout], what: str) -> _Layout:
    try:
        return known[message.encoding]
    except KeyError:
        raise ImageError(f"unknown encoding {message.encoding!r} of a {what}, use one of {', '.join(known)}") from None


def _pixels(message: Any, layout: _Layout) -> NDArray[Any]:
    """(H, W) or (H, W, C) in native byte order, a view where the message's byte order is the machine's."""
    width, height, step = int(message.width), int(message.height), int(message.step)
    size = np.dtype(layout.dtype).itemsize
    row = width * layout.channels * size
    data = _bytes(message)
    if width == 0 or height == 0:
        raise ImageError(f"the image is empty: {width}x{height} pixels")
    if step < row:
        raise ImageError(
            f"step must be at least {row} bytes ({width} pixels of {message.encoding}, {row // width} bytes each), "
            f"got {step}"
        )
    if data.size != step * height:
        raise ImageError(f"data must have step x height = {step} x {height} = {step * height} bytes, got {data.size}")
    dtype = np.dtype(layout.dtype).newbyteorder(">" if message.is_bigendian else "<")
    shape: tuple[int, ...] = (height, width, layout.channels)
    strides: tuple[int, ...] = (step, layout.channels * size, size)
    if layout.channels == 1:
        shape, strides = shape[:2], strides[:2]
    view: NDArray[Any] = np.ndarray(shape, dtype, data, strides=strides)
    native = view.astype(dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements="A")  # OpenCV and torch refuse unaligned numbers


def _bytes(message: Any) -> NDArray[np.uint8]:
    """The field ``data`` as (N,) uint8 without copying ``array.array``, ``bytes`` or numpy arrays."""
    data = message.data
    return data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
