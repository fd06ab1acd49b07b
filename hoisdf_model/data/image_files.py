"""Pictures of data sets read from files.

Pillow reads them, since OpenCV gives a truncated JPEG back as if nothing were missing. It goes by the content, not by
the name, and hands some kinds (PostScript) to other programs, so that only two kinds are let in.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hoisdf_model.errors import DatasetError

FORMATS = ("PNG", "JPEG")


def read_rgb(path: Path, width: int | None = None, height: int | None = None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Args:
        path: of a PNG or JPEG file.
        width, height: what the size must be, where it matters.

    Raises:
        DatasetError: the file is missing, damaged or truncated, of another kind or size; the message names it.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            image = np.asarray(picture.convert("RGB"), np.uint8)
    except FileNotFoundError as error:
        raise DatasetError(f"the image {path} is missing") from error
    except Exception as error:  # Pillow's decoders raise almost any type on damaged input
        raise DatasetError(f"the image {path} can't be read: {error}") from error
    if width is not None and height is not None and image.shape[:2] != (height, width):
        raise DatasetError(
            f"the image {path} is {image.shape[1]}x{image.shape[0]} pixels, expected {width}x{height}"
        )  # fmt: skip
    return image
