"""Bytes of JPEG and PNG files, as ``sensor_msgs/CompressedImage`` carries them -> pixels.

OpenCV fills the missing part of a truncated file with grey and says nothing, so completeness is checked here first.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xae\x42\x60\x82"
_COMPRESSED_DEPTH_HEADER = struct.Struct("<iff")  # compressed_depth_image_transport: enum, then two depth parameters


def decode_colour(data: NDArray[np.uint8], format_: str) -> NDArray[np.uint8]:
    """Bytes (N,) of a JPEG or PNG file -> (H, W, 3) uint8 RGB; ``format_`` only serves the error message.

    Raises:
        ImageError: empty, neither JPEG nor PNG, truncated or damaged.
    """
    _check_complete(data, format_)
    pixels = _imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, format_)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def decode_depth(data: NDArray[np.uint8], format_: str) -> NDArray[np.float32]:
    """Bytes (N,) of a 16-bit PNG in millimetres, or of image_transport's ``compressedDepth`` -> (H, W) float32 metres.

    Raises:
        ImageError: empty, not a 16-bit PNG, truncated or damaged.
    """
    quantisation: tuple[float, float] | None = None
    if "compressedDepth" in format_:
        header, data = data[: _COMPRESSED_DEPTH_HEADER.size], data[_COMPRESSED_DEPTH_HEADER.size :]
        if header.size < _COMPRESSED_DEPTH_HEADER.size:
            raise ImageError(f"compressedDepth data must start with a header of 12 bytes, got {header.size}")
        if format_.startswith("32FC1"):
            _, a, b = _COMPRESSED_DEPTH_HEADER.unpack(header.tobytes())
            quantisation = (a, b)
    _check_complete(data, format_, formats=("png",))
    pixels = _imdecode(data, cv2.IMREAD_UNCHANGED, format_)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise ImageError(f"a compressed depth image must be a 16-bit grey PNG, got {pixels.dtype} {pixels.shape}")
    if quantisation is None:
        return pixels.astype(np.float32) * np.float32(0.001)
    a, b = quantisation  # inverse depth: stored = a / depth + b, 0 where unknown
    known = pixels > 0
    inverse = np.where(known, pixels.astype(np.float32) - b, 1.0)
    return np.where(known, a / np.where(inverse == 0, 1.0, inverse), np.nan).astype(np.float32)


def _imdecode(data: NDArray[np.uint8], flags: int, format_: str) -> NDArray[Any]:
    try:
        pixels = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise ImageError(f"a compressed image (format {format_!r}) can't be decoded: {error.err}") from error
    if pixels is None:
        raise ImageError(f"a compressed image (format {format_!r}, {data.size} bytes) is damaged and can't be decoded")
    return np.asarray(pixels)


def _check_complete(data: NDArray[np.uint8], format_: str, formats: tuple[str, ...] = ("jpeg", "png")) -> None:
    content = data.tobytes()
    if not content:
        raise ImageError(f"a compressed image (format {format_!r}) has no data")
    if "jpeg" in formats and content.startswith(_JPEG):
        complete = _jpeg_is_complete(content)
    elif content.startswith(_PNG):
        complete = _PNG_END in content
    else:
        raise ImageError(
            f"a compressed image must be {' or '.join(f.upper() for f in formats)}, "
            f"format {format_!r} starts with the bytes {content[:4].hex(' ')}"
        )
    if not complete:
        raise ImageError(f"a compressed image (format {format_!r}) is truncated after {len(content)} bytes")


def _jpeg_is_complete(content: bytes) -> bool:
    """Whether an end marker follows the start of the scan; thumbnails in the segments before it have their own."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xDA:
            return content.find(b"\xff\xd9", at) >= 0
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big") if marker != 0xFF else 1
    return False
