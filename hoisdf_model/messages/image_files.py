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

"""Image files: listing of a folder, and decoding.

Pixels are as a camera stored them.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hoisdf_model.errors import ImageError
from hoisdf_model.messages.compressed import decode_colour, decode_depth, kind_of_file
from hoisdf_model.paths import is_litter, stand_in

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_CONVERTIBLE = (".heic", ".heif", ".avif")  # not read; reading says how to convert them
_ORIENTATION = 0x0112  # Exif's tag
_HEAD = 16  # bytes that tell a kind of file


def pictures_in(folder: Path) -> list[Path]:
    """Image files of a folder, by their endings.

    ``frame_2`` before ``frame_10``; hidden files are left out.

    Those of kinds that can't be read are among them, so that they aren't passed over silently.
    """
    suffixes = (*IMAGE_SUFFIXES, *_CONVERTIBLE)
    found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file()]
    return sorted((path for path in found if not is_litter(Path(path.name))), key=natural_order)


def natural_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``frame_2`` before ``frame_10``."""
    parts = re.split(r"(\d+)", path.name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def is_image_file(path: Path) -> bool:
    """Whether a file is an image, by ending or first bytes."""
    if path.suffix.lower() in (*IMAGE_SUFFIXES, *_CONVERTIBLE):
        return True
    try:
        with path.open("rb") as file:
            return bool(kind_of_file(file.read(_HEAD)))
    except OSError:
        return False


def read_image(path: Path, upright: bool = False) -> NDArray[np.uint8]:
    """Image file as (H, W, 3) uint8 RGB.

    JPEG, PNG, WebP, TIFF or BMP by content, whatever the file's ending.

    Args:
        path: of the file.
        upright: turn it as its Exif data say. A camera's calibration knows nothing of these turns, so that it comes as
            it was stored where this isn't asked for.

    Raises:
        ImageError: missing, empty, truncated, damaged, or no such picture.
    """
    return decode_colour(_bytes(path), path.suffix, upright)


def read_depth(path: Path) -> NDArray[np.float32]:
    """Depth (H, W) in metres of a 16-bit millimetre PNG.

    0 where unknown.

    Raises:
        ImageError: missing, damaged, or no such picture.
    """
    return decode_depth(_bytes(path), "16UC1; png")


def exif_orientation(path: Path) -> int:
    """Exif orientation of an image, 1 if absent.

    1 upright, 3 upside down, 6 and 8 on a side, ...

    Raises:
        ImageError: the file can't be read.
    """
    try:
        with Image.open(io.BytesIO(_bytes(path).tobytes()), formats=("JPEG", "PNG", "WEBP", "TIFF")) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))
    except ImageError:
        raise
    except Exception:  # Pillow's parsers raise almost any type on damaged Exif data, which then say nothing
        return 1


def _bytes(path: Path) -> NDArray[np.uint8]:
    if why := stand_in(path):
        raise ImageError(why)
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise ImageError(f"can't be read: {error.strerror or error}") from error
