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

"""Image messages as numpy arrays.

Colour as (H, W, 3) uint8 RGB, depth as (H, W) float32 metres.

The one place where ``sensor_msgs/Image`` and ``sensor_msgs/CompressedImage`` are decoded. It needs no cv_bridge, checks
the layout before it touches the pixels, and copies only where it must: rgb8 and 32FC1 come out as views of the message.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError
from hoisdf_model.messages import compressed
from hoisdf_model.messages.pixels import COLOUR, SEMI_PLANAR, Layout, SemiPlanar, named_layout, to_rgb

MILLIMETRE = np.float32(0.001)
_DEPTH = {"16UC1": Layout("u2", 1, None), "mono16": Layout("u2", 1, None), "32FC1": Layout("f4", 1, None)}
RAW_ENCODINGS = (*COLOUR, *SEMI_PLANAR)
DEPTH_ENCODINGS = tuple(_DEPTH)


def decode_image(message: Any) -> NDArray[np.uint8]:
    """Colour image from ``sensor_msgs/Image`` or ``CompressedImage``.

    JPEG, PNG, WebP, TIFF or BMP.

    Every encoding of ``sensor_msgs/image_encodings`` that holds colour or grey is known; OpenCV's type names
    (``8UC3``) are taken in OpenCV's order, blue first. What a compressed message's ``format`` says about the original
    is heeded: a mosaic (``bayer_rggb8; jpeg compressed``) is demosaiced, channels in the wrong order are put right.

    Returns:
        (H, W, 3) uint8 RGB; for rgb8 a view of the message, which may be read-only and have padded rows. Of 16-bit
        encodings the upper eight of the bits in use are kept: a 12-bit camera's pictures aren't dark. EXIF orientation
        is ignored: intrinsics know nothing of it.

    Raises:
        ImageError: empty, unknown encoding, ``step`` or length of ``data`` that don't fit, truncated or damaged file.
    """
    if hasattr(message, "format"):
        return compressed.decode_colour(_bytes(message), str(message.format))
    planes = SEMI_PLANAR.get(str(message.encoding).lower())
    if planes is not None:
        return _from_planes(message, planes)
    layout = named_layout(str(message.encoding))
    if layout is None:
        hint = ": it is for depth, a grey image says mono16 or mono8" if message.encoding in _DEPTH else ""
        raise ImageError(
            f"unknown encoding {message.encoding!r} of a colour image, use one of {', '.join(RAW_ENCODINGS)}{hint}"
        )
    if layout.pair and message.width % 2:
        raise ImageError(f"encoding {message.encoding!r} needs an even width, got {message.width}")
    return to_rgb(_pixels(message, layout), layout.conversion)


def decode_depth(message: Any) -> NDArray[np.float32]:
    """Depth image from ``sensor_msgs/Image`` or ``CompressedImage``.

    32FC1 metres, 16UC1 millimetres, or a 16-bit PNG.

    Returns:
        (H, W) float32 metres, 0 or NaN where unknown; for 32FC1 a view of the message, which may be read-only.

    Raises:
        ImageError: as for :func:`decode_image`.
    """
    if hasattr(message, "format"):
        return compressed.decode_depth(_bytes(message), str(message.format))
    layout = _DEPTH.get(message.encoding)
    if layout is None:
        raise ImageError(f"unknown encoding {message.encoding!r} of a depth image, use one of {', '.join(_DEPTH)}")
    pixels = _pixels(message, layout)
    return pixels if layout.dtype == "f4" else pixels.astype(np.float32) * MILLIMETRE


def _from_planes(message: Any, planes: SemiPlanar) -> NDArray[np.uint8]:
    """A plane of brightness and one of colour pairs below it: rows of the second have ``2 / shared`` of the step."""
    width, height, step = int(message.width), int(message.height), int(message.step)
    shared, data = planes.shared, _bytes(message)
    _not_empty(width, height)
    if width % shared or height % shared:
        raise ImageError(f"encoding {message.encoding!r} needs an even width and height, got {width}x{height}")
    below = height * 2 // shared**2  # rows of the first plane's step that the second takes
    wanted = step * (height + below)
    if step < width or data.size != wanted:
        step, wanted = width, width * (height + below)  # a step that counts both planes: they lie without padding
    if data.size != wanted:
        raise ImageError(
            f"data of a {message.encoding} image of {width}x{height} must have {wanted} bytes (with padded rows step x "
            f"{height + below}), got {data.size} and the step {message.step}"
        )
    bright = data[: step * height].reshape(height, step)[:, :width]
    pairs = data[step * height :].reshape(height // shared, -1)[:, : 2 * width // shared]
    return planes.to_rgb(bright, pairs.reshape(height // shared, width // shared, 2))


def _not_empty(width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise ImageError(f"the image is empty: {width}x{height} pixels")


def _pixels(message: Any, layout: Layout) -> NDArray[Any]:
    """(H, W) or (H, W, C) in native byte order, a view where the message's byte order is the machine's."""
    width, height, step = int(message.width), int(message.height), int(message.step)
    size = np.dtype(layout.dtype).itemsize
    row = width * layout.channels * size
    data = _bytes(message)
    _not_empty(width, height)
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
