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

"""Estimation on videos.

A line of JSON for each frame, and the frames with everything drawn in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hoisdf_model.commands.estimate.work import Work
from hoisdf_model.errors import DependencyError, ImageError

if TYPE_CHECKING:
    from hoisdf_model.feeds import VideoFile, VideoSource

MISSING = 0.02  # share of the announced frames: some containers know their number from their length alone
NO_CODEC = "this OpenCV can't write MP4: --no-video leaves the annotated video out, opencv-python's wheels can write it"


@dataclass(frozen=True)
class VideoTally:
    """Counts of a processed video.

    Attributes:
        read: frames. announced: how many there should have been; 0: the file doesn't say.
        estimated: frames of these. with_hands: of these, those with a hand. seconds: that it took.
    """

    read: int
    announced: int
    estimated: int
    with_hands: int
    seconds: float

    def __str__(self) -> str:
        """In words."""
        pace = self.estimated / self.seconds if self.seconds > 0 else 0.0
        other = self.announced not in (0, self.read)
        read = f"{self.read} frames ({self.announced} announced)" if other else f"{self.read} frames"
        return f"{self.estimated} of {read} estimated, {self.with_hands} with a hand, {pace:.1f} frames/s"


def turned_video(source: VideoSource) -> str:
    """Hint about a video's rotation and camera; empty if upright."""
    if source.turn == 0:
        return ""
    return f"its rotation by {source.turn} degrees isn't applied, for a calibration is of the sensor"


def estimate_video(
    source: VideoSource,
    name: str,
    stem: Path,
    work: Work,
    every: int,
    annotated: bool,
    meshes: bool,
    advance: Callable[[int], None],
) -> VideoTally:
    """Estimate, following the hands through the frames, and write ``<stem>.jsonl`` and ``<stem>_overlay.mp4``.

    Args:
        source: the video at its start.
        name: of the video, for the lines.
        stem: folder and beginning of the names.
        work: how frames are worked on.
        every: estimate only every n-th frame.
        annotated: whether a video is written. meshes: whether each frame's meshes are.
        advance: called with the number of frames read so far.

    Raises:
        ImageError: the video ended long before the length that it announces; what was read is written.
        HoisdfError: a frame can't be used; what was read until then is written.
    """
    from hoisdf_model.estimation import write_meshes

    began, read, estimated, with_hands = time.perf_counter(), 0, 0, 0
    work.estimator.reset()
    lines = stem.with_name(f"{stem.name}.jsonl")
    picture = source.read()
    turned = "" if work.camera is None or picture is None else turned_video(source)
    try:
        with lines.open("w", encoding="utf-8") as file, drawing(stem, source.rate / every, annotated) as video:
            while picture is not None:
                if read % every == 0:
                    frame = work.frame(picture, turned)
                    found = work.estimator(frame, work.prior)
                    about = {"video": name, "frame": read, "time": round(source.seconds, 6)}
                    file.write(json.dumps(work.written(about, frame, found)) + "\n")
                    file.flush()  # whoever interrupts has what was estimated
                    estimated, with_hands = estimated + 1, with_hands + bool(found.hands)
                    if video is not None and not video.write(work.drawn(frame, found)):
                        raise DependencyError(NO_CODEC)
                    if meshes:
                        write_meshes(
                            stem.with_name(f"{stem.name}_{read:06d}"), found, work.estimator.hand_model, work.catalogue
                        )
                read += 1
                advance(read)
                picture = source.read()
    finally:
        if not estimated:
            lines.unlink(missing_ok=True)
    if source.announced - read > max(1, MISSING * source.announced):
        raise ImageError(
            f"ended after {read} of {source.announced} frames: cut off or damaged; what was read is in {lines}"
        )
    return VideoTally(read, source.announced, estimated, with_hands, time.perf_counter() - began)


@contextmanager
def drawing(stem: Path, rate: float, wanted: bool) -> Iterator[VideoFile | None]:
    """Writer of ``<stem>_overlay.mp4``, or None.

    The file is complete whatever happens while it is written.

    Raises:
        DependencyError: it can't be read again.
    """
    from hoisdf_model.feeds import VideoFile

    video = VideoFile(stem.with_name(f"{stem.name}_overlay.mp4"), rate) if wanted else None
    try:
        yield video
    except BaseException:
        if video is not None:
            video.close()
        raise
    if video is not None and video.count and not video.close():
        raise DependencyError(NO_CODEC)
