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

"""Videos as files, written picture by picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError, InvalidInputError

SLOWEST, FASTEST = 1.0, 240.0  # frames per second


class VideoFile:
    """MP4 writer; the file is complete once it is closed.

    Args:
        path: of the file; an older one is written over.
        rate: frames per second, held between ``SLOWEST`` and ``FASTEST``.

    Attributes:
        path: as given.
        count: pictures written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.count = path, 0
        self._rate = float(np.clip(rate, SLOWEST, FASTEST))
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, ...] = ()

    def write(self, image: NDArray[np.uint8]) -> bool:
        """Add an image (H, W, 3) uint8 RGB.

        Of the first one's size; an odd last row or column is left out.

        Returns:
            False: this OpenCV can't write MP4, and nothing was written.

        Raises:
            ImageError: not such a picture.
            InvalidInputError: its folder can't be written.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or min(image.shape[:2]) < 2:
            raise ImageError(f"a video takes pictures (H, W, 3) uint8 of 2x2 pixels or more, got {image.shape}")
        if self._shape and image.shape != self._shape:
            raise ImageError(f"a video has pictures of one size: its first is {self._shape}, got {image.shape}")
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        if self._writer is None:
            self._open(even.shape[1], even.shape[0])
            self._shape = image.shape
        assert self._writer is not None
        if not self._writer.isOpened():
            return False
        self._writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
        self.count += 1
        return True

    def close(self) -> bool:
        """Finish the file.

        Returns:
            Whether it can be read again, which is only known by trying; a file that can't is removed.
        """
        if self._writer is None:
            return False
        self._writer.release()
        reader = cv2.VideoCapture(str(self.path.absolute()))
        readable = bool(reader.isOpened() and reader.read()[0])
        reader.release()
        if not readable:
            self.path.unlink(missing_ok=True)
        return readable

    def _open(self, width: int, height: int) -> None:
        try:
            with self.path.open("ab"):  # OpenCV doesn't say why it can't
                pass
        except OSError as error:
            raise InvalidInputError(f"{self.path} can't be written: {error.strerror or error}") from error
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self.path.absolute()), code, self._rate, (width, height))
