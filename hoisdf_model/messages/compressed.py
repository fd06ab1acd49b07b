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

"""Decoding of compressed images.

Bytes as ``sensor_msgs/CompressedImage`` carries them and as they lie on disk -> pixels.

Told by their content. OpenCV fills the missing part of a truncated file with grey and says nothing, so completeness is
checked here first.
"""

from __future__ import annotations

import math
import struct
from binascii import crc32
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError
from hoisdf_model.messages.pixels import BAYER, to_rgb

_COMPRESSED_DEPTH_HEADER = struct.Struct("<iff")  # compressed_depth_image_transport: enum, then two depth parameters
_ANY = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def decode_colour(data: NDArray[np.uint8], format_: str, upright: bool = False) -> NDArray[np.uint8]:
    """Bytes (N,) of an image file -> (H, W, 3) uint8 RGB.

    Args:
        data: a JPEG, PNG, WebP, TIFF or BMP file.
        format_: of the message: ``<encoding of the original>; <kind> compressed <order of the channels>``, or the
            kind alone. A mosaic is demosaiced, and channels that the encoder took for others are put right.
        upright: turn the picture as its Exif data say, else it comes as it was stored.

    Raises:
        ImageError: empty, another kind of file, truncated or damaged, or depth.
    """
    original, _, rest = (part.strip().lower() for part in format_.partition(";"))
    if "compresseddepth" in rest:
        raise ImageError(f"format {format_!r} is a depth image, a colour image is wanted: which topic is it?")
    _check_complete(data, format_)
    mosaic = BAYER.get(original.rstrip("0123456789")) if rest else None
    if mosaic is not None:
        pixels = _imdecode(data, cv2.IMREAD_GRAYSCALE | _ANY, format_)
        return to_rgb(pixels, mosaic)
    orientation = 0 if upright else cv2.IMREAD_IGNORE_ORIENTATION
    pixels = _imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | orientation, format_)
    # OpenCV's encoder takes what it is given for BGR: given RGB it wrote blue for red, and the format says so
    return to_rgb(pixels, None if "compressed rgb" in rest else cv2.COLOR_BGR2RGB)


def decode_depth(data: NDArray[np.uint8], format_: str) -> NDArray[np.float32]:
    """Compressed depth image as (H, W) float32 metres.

    Bytes (N,) of a 16-bit PNG in millimetres, or of image_transport's ``compressedDepth``.

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
            if not (math.isfinite(a) and math.isfinite(b) and a > 0):
                raise ImageError(
                    f"compressedDepth data must start with depth parameters, the first above 0, got {a}, {b}"
                )
            quantisation = (a, b)
    _check_complete(data, format_, formats=("png",))
    pixels = _imdecode(data, cv2.IMREAD_UNCHANGED, format_)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise ImageError(f"a compressed depth image must be a 16-bit grey PNG, got {pixels.dtype} {pixels.shape}")
    if quantisation is None:
        return pixels.astype(np.float32) * np.float32(0.001)
    a, b = quantisation  # inverse depth: stored = a / depth + b, 0 where unknown
    inverse = pixels.astype(np.float32) - np.float32(b)
    known = (pixels > 0) & (inverse > 0)
    return np.where(known, np.float32(a) / np.where(known, inverse, 1), np.nan).astype(np.float32)


def _imdecode(data: NDArray[np.uint8], flags: int, format_: str) -> NDArray[Any]:
    try:
        pixels = cv2.imdecode(data, flags)
    except cv2.error as error:
        raise ImageError(f"a compressed image (format {format_!r}) can't be decoded: {error.err}") from error
    if pixels is None:
        raise ImageError(f"a compressed image (format {format_!r}, {data.size} bytes) is damaged and can't be decoded")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"an image must have 8 or 16 bits, format {format_!r} has {pixels.dtype}")
    return np.asarray(pixels)


def _check_complete(data: NDArray[np.uint8], format_: str, formats: tuple[str, ...] = ()) -> None:
    content = data.tobytes()
    if not content:
        raise ImageError(f"a compressed image (format {format_!r}) has no data")
    kind = kind_of_file(content)
    if kind not in (formats or _COMPLETE):
        wanted = " or ".join(f.upper() for f in formats or ("jpeg", "png"))
        hint = _HINTS.get(kind) or (" (WebP, TIFF and BMP are read, too)" if not formats else "")
        raise ImageError(
            f"a compressed image must be {wanted}{hint}, format {format_!r} starts with the bytes "
            f"{content[:4].hex(' ')}"
        )
    if not _COMPLETE[kind](content):
        raise ImageError(f"a compressed image (format {format_!r}) is truncated after {len(content)} bytes")


def kind_of_file(content: bytes) -> str:
    """Image format from the first bytes, else empty.

    ``jpeg``, ``png``, ``webp``, ``tiff``, ``bmp``, ``heic`` or ``avif``.
    """
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return "avif" if brand in (b"avif", b"avis") else "heic" if brand in _HEIC else ""
    if content[:4] == b"RIFF":
        return "webp" if content[8:12] == b"WEBP" else ""
    return next((kind for start, kind in _STARTS.items() if content.startswith(start)), "")


def _jpeg_is_complete(content: bytes) -> bool:
    """Whether an end marker follows the start of the scan; thumbnails in the segments before it have their own."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xDA:
            return content.find(b"\xff\xd9", at) >= 0
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big") if marker != 0xFF else 1
    return False


def _png_is_complete(content: bytes) -> bool:
    """Whether the chunks follow each other up to the last.

    Raises:
        ImageError: one hasn't the checksum that it says.
    """
    at = 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            return False
        if crc32(memoryview(content)[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise ImageError(f"a PNG image is damaged: the checksum of its {content[at + 4 : at + 8]!r} doesn't fit")
        if content[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"BM": "bmp",
}
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_HINTS = {
    "heic": ", this is HEIC: convert it, with 'heif-convert in.heic out.jpg' (libheif) or 'magick in.heic out.png'",
    "avif": ", this is AVIF: convert it, with 'avifdec in.avif out.png' (libavif) or 'magick in.avif out.png'",
}
_COMPLETE: dict[str, Callable[[bytes], bool]] = {
    "jpeg": _jpeg_is_complete,
    "png": _png_is_complete,
    "webp": lambda content: len(content) >= 8 + int.from_bytes(content[4:8], "little"),
    "bmp": lambda content: len(content) >= int.from_bytes(content[2:6], "little"),
    "tiff": lambda content: True,  # its decoder notices by itself
}
