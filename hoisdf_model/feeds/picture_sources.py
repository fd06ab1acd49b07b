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

"""Image sources: webcams, video files, streams, folders of images.

Every source hands out (H, W, 3) uint8 RGB arrays of one size.
"""

from __future__ import annotations

import glob
import logging
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import HoisdfError, ImageError
from hoisdf_model.messages import (
    IMAGE_SUFFIXES,
    exif_orientation,
    is_image_file,
    natural_order,
    pictures_in,
    read_image,
)
from hoisdf_model.paths import named, stand_in

_LOG = logging.getLogger(__name__)
_STREAM = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class CaptureError(HoisdfError, OSError):
    """A camera, video or folder can't be opened, or stopped giving pictures."""


class FrameSource(Protocol):
    """A stream of pictures.

    Attributes:
        description: what it is, for logs.
        size: (width, height) in pixels.
        rate: the source's own frames per second; 0 where pictures come when they come.
        live: True for a device or network stream, which sets its own pace and can't be rewound.
    """

    description: str
    size: tuple[int, int]
    rate: float
    live: bool

    def read(self) -> NDArray[np.uint8] | None:
        """Return the next picture, (H, W, 3) RGB; None at the end.

        Raises:
            ImageError: this one picture is unusable; the next may be fine.
            CaptureError: nothing more will come.
        """

    def rewind(self) -> None:
        """Restart at the first picture; no effect on a live source."""

    def close(self) -> None:
        """Release the device or file."""


class VideoSource:
    """A webcam, a video file or a network stream, through OpenCV.

    Args:
        source: device index, or the path or URL of a file or stream.
        live: whether the source sets its own pace.
        size: wanted (width, height); 0 leaves the device's own. Ignored by files.
        rate: wanted frames per second of a device; 0 leaves its own.
        upright: turn a file's pictures as it says that they are to be shown; else they come as they were recorded.

    Raises:
        CaptureError: it can't be opened, gives no picture, or can't give the wanted size.

    Attributes:
        announced: how many pictures a file says that it holds; 0: it doesn't say.
        turn: degrees by which a file says that its pictures are to be turned, clockwise.
    """

    def __init__(
        self,
        source: int | str,
        *,
        live: bool,
        size: tuple[int, int] = (0, 0),
        rate: float = 0.0,
        upright: bool = False,
    ) -> None:
        self.live = live
        self._source, self._upright = source, upright
        self._capture = self._opened()
        kind = f"camera {source}" if live else f"video {source}"
        if not self._capture.isOpened():
            raise CaptureError(f"{kind} can't be opened: {self._why_not()}")
        if live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # an older picture than the newest only adds latency
            for key, value in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), size, strict=True):
                if value:
                    self._capture.set(key, value)
            if rate:
                self._capture.set(cv2.CAP_PROP_FPS, rate)
        self._first: NDArray[np.uint8] | None = self._grab()
        if self._first is None:
            self.close()
            raise CaptureError(
                f"{kind} opens but gives no picture: another program may hold it, or the file is damaged"
            )
        self.size = (self._first.shape[1], self._first.shape[0])
        if live and all(size) and self.size != tuple(size):
            self.close()
            raise CaptureError(f"{kind} doesn't do {size[0]}x{size[1]}, it gives {self.size[0]}x{self.size[1]}")
        reported = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = reported if 0 < reported < 1000 and not live else 0.0
        self.announced = 0 if live else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.turn = 0 if live else int(self._capture.get(cv2.CAP_PROP_ORIENTATION_META))
        self.description = f"{kind}, {self.size[0]}x{self.size[1]}"

    def read(self) -> NDArray[np.uint8] | None:
        """See ``FrameSource.read``."""
        picture, self._first = (self._first, None) if self._first is not None else (self._grab(), None)
        if picture is None and self.live:
            raise CaptureError(f"{self.description} stopped giving pictures: unplugged, or the stream ended")
        return picture

    @property
    def seconds(self) -> float:
        """Display time of the last read image, from the file's start."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def rewind(self) -> None:
        """See ``FrameSource.rewind``."""
        if not self.live:  # seeking to frame 0 is inexact with some codecs; opening again never is
            self._capture.release()
            self._capture = self._opened()
            self._first = None

    def close(self) -> None:
        """See ``FrameSource.close``."""
        self._capture.release()

    def _opened(self) -> cv2.VideoCapture:
        """As it was recorded where not asked otherwise: a calibration is of the sensor, not of a phone's turns."""
        capture = cv2.VideoCapture(self._source)
        if not self.live:
            capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, int(self._upright))
        return capture

    def _grab(self) -> NDArray[np.uint8] | None:
        good, picture = self._capture.read()
        if not good or picture is None:
            return None
        return _rgb(picture)

    def _why_not(self) -> str:
        if not self.live:
            return (
                "it isn't a video that this OpenCV can decode, or it is damaged: of an MP4 that was cut off nothing "
                "can be read, for its table of contents comes last"
            )
        devices = sorted(glob.glob("/dev/video*"))
        listed = f"devices here: {', '.join(devices)}" if devices else "no /dev/video* on this machine"
        return f"{listed}; check the number, the cable and that you may read it (group 'video')"


class ImageFiles:
    """Image files, one after the other, all of the first one's size.

    Args:
        paths: the files in the order in which they are shown.
        description: what they are, for logs.

    Raises:
        ImageError: the first file isn't an image.
    """

    live = False
    rate = 0.0

    def __init__(self, paths: Sequence[Path], description: str) -> None:
        self._paths, self._next, self._turn_told = list(paths), 0, False
        first = self._load(self._paths[0])
        self.size = (first.shape[1], first.shape[0])
        self.description = f"{description}, {len(self._paths)} images of {self.size[0]}x{self.size[1]}"

    def read(self) -> NDArray[np.uint8] | None:
        """See ``FrameSource.read``."""
        if self._next >= len(self._paths):
            return None
        path = self._paths[self._next]
        self._next += 1
        picture = self._load(path)
        if (picture.shape[1], picture.shape[0]) != self.size:
            raise ImageError(
                f"{path} is {picture.shape[1]}x{picture.shape[0]}, the first image is {self.size[0]}x{self.size[1]}: "
                "one camera has one size"
            )
        return picture

    def rewind(self) -> None:
        """See ``FrameSource.rewind``."""
        self._next = 0

    def close(self) -> None:
        """See ``FrameSource.close``."""

    def _load(self, path: Path) -> NDArray[np.uint8]:
        try:
            picture = read_image(path)
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error
        if not self._turn_told and (orientation := exif_orientation(path)) != 1:
            self._turn_told = True
            _LOG.warning(
                "%s: its Exif orientation %d isn't applied, for a calibration is of the sensor; turn the picture "
                "itself where it is to be upright", path, orientation,
            )  # fmt: skip
        return picture


def _rgb(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """OpenCV's BGR or grey picture as RGB."""
    code = cv2.COLOR_BGR2RGB if picture.ndim == 3 else cv2.COLOR_GRAY2RGB
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def open_video(path: Path, upright: bool = False) -> VideoSource:
    """Open a video file.

    Args:
        path: of the file, whatever its name.
        upright: see :class:`VideoSource`.

    Raises:
        CaptureError: there is no such file, or it is no video that can be decoded.
    """
    if not path.is_file():
        raise CaptureError(f"no such file: {path}")
    if why := stand_in(path):
        raise CaptureError(f"video {path} can't be opened: {why}")
    # ffmpeg takes "a:b.mp4" for a protocol, "/a:b.mp4" not
    return VideoSource(str(path.absolute()), live=False, upright=upright)


def open_source(source: str, size: tuple[int, int] = (0, 0), rate: float = 0.0) -> FrameSource:
    """Open what ``source`` names.

    Args:
        source: a camera's index (``0``), its device file, the URL of a stream, a video file, an image, a folder of
            images, or a pattern such as ``shots/*.png``. What exists as a file or folder is that, whatever its name.
        size: wanted (width, height) of a camera, pixels; 0 leaves its own.
        rate: wanted frames per second of a camera; 0 leaves its own.

    Raises:
        CaptureError: there is no such thing, or it can't be opened; the message says why.
        ImageError: the first image of a folder isn't an image.
    """
    path = named(source)
    if path.is_dir():
        files = pictures_in(path)
        if not files:
            raise CaptureError(f"no images in the folder {path}: looked for {', '.join(IMAGE_SUFFIXES)}")
        return ImageFiles(files, f"folder {path}")
    if path.is_file():
        if is_image_file(path):
            return ImageFiles([path], f"image {path}")
        return open_video(path)
    if path.exists() and stat.S_ISCHR(path.stat().st_mode):
        return VideoSource(str(path), live=True, size=size, rate=rate)
    if source.isdigit():
        return VideoSource(int(source), live=True, size=size, rate=rate)
    if source.startswith("/dev/"):
        raise CaptureError(f"no camera at {source}: devices here: {sorted(glob.glob('/dev/video*')) or 'none'}")
    if _STREAM.match(source):
        return VideoSource(source, live=True, size=size, rate=rate)
    if glob.has_magic(source):
        files = [Path(name) for name in glob.glob(str(path)) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        if not files:
            raise CaptureError(f"no images match {source}: looked for {', '.join(IMAGE_SUFFIXES)}")
        return ImageFiles(sorted(files, key=natural_order), f"pattern {source}")
    raise CaptureError(
        f"no camera, video or folder {source!r}: give a camera's number such as 0, a video file, "
        "a folder of images, or a stream's URL"
    )
