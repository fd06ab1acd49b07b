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

"""Pictures of data sets read from files.

Pillow reads them, since OpenCV gives a truncated JPEG back as if nothing were missing. It goes by the content, not by
the name, and hands some kinds (PostScript) to other programs, so that only two kinds are let in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hoisdf_model.errors import DatasetError

FORMATS = ("PNG", "JPEG")
MILLIMETRE = np.float32(0.001)


def read_rgb(path: Path, width: int | None = None, height: int | None = None) -> NDArray[np.uint8]:
    """RGB image (H, W, 3) uint8 from a file.

    Args:
        path: of a PNG or JPEG file.
        width, height: what the size must be, where it matters.

    Raises:
        DatasetError: the file is missing, damaged or truncated, of another kind or size; the message names it.
    """
    return np.asarray(_read(path, "the image", width, height, lambda picture: picture.convert("RGB")), np.uint8)


def read_depth(path: Path, width: int | None = None, height: int | None = None) -> NDArray[np.float32]:
    """Depth (H, W) in metres from a 16-bit millimetre PNG.

    0 where nothing was measured.

    Raises:
        DatasetError: as for :func:`read_rgb`, or it doesn't have 16 bits.
    """
    depth = _read(path, "the depth image", width, height, lambda picture: picture)
    if depth.ndim != 2 or depth.dtype.kind not in "iu" or depth.dtype.itemsize < 2:
        raise DatasetError(f"the depth image {path} must have one channel of 16 bits, got {depth.dtype} {depth.shape}")
    return depth.astype(np.float32) * MILLIMETRE


def _read(
    path: Path, what: str, width: int | None, height: int | None, convert: Callable[[Image.Image], Image.Image]
) -> NDArray[Any]:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            picture.verify()  # checksums of a PNG file, which decoding passes over
        with Image.open(path, formats=FORMATS) as picture:
            image = np.array(convert(picture))
    except FileNotFoundError as error:
        raise DatasetError(f"{what} {path} is missing") from error
    except Exception as error:  # Pillow's decoders raise almost any type on damaged input
        raise DatasetError(f"{what} {path} can't be read: {error}") from error
    if width is not None and height is not None and image.shape[:2] != (height, width):
        raise DatasetError(f"{what} {path} is {image.shape[1]}x{image.shape[0]} pixels, expected {width}x{height}")
    return image
