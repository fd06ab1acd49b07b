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

"""Pictures of a demo run: overlay video and contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data import BagFrame
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import Estimate
from hoisdf_model.feeds import VideoFile
from hoisdf_model.geometry import Pinhole

Image = NDArray[np.uint8]
Draw = Callable[[Image, Estimate, Pinhole], Image]
NANOSECONDS = 1_000_000_000
SLOWEST, FASTEST = 1.0, 30.0  # frames per second of a video
GIF_WIDTH = 320
SHEET_FRAMES = 4


@dataclass(frozen=True)
class Picture:
    """Processed frame with its overlays.

    Seconds since the first image, overlay of the estimate, overlay of the ground truth or None.
    """

    seconds: float
    estimate: Image
    truth: Image | None


def draw_pictures(frames: Iterable[BagFrame], estimates: Mapping[int, Estimate], draw: Draw) -> list[Picture]:
    """Draw each frame that has an estimate.

    Args:
        frames: of the recording.
        estimates: stamp -> estimate.
        draw: image (H, W, 3) uint8 RGB, estimate and camera -> image.
    """
    pictures: list[Picture] = []
    first: int | None = None
    for item in frames:
        first = item.stamp if first is None else first
        if item.stamp not in estimates:
            continue
        image, camera = item.frame.image, item.frame.intrinsics
        pictures.append(
            Picture(
                seconds=(item.stamp - first) / NANOSECONDS,
                estimate=draw(image, estimates[item.stamp], camera),
                truth=None if item.truth is None else draw(image, item.truth, camera),
            )
        )
    return pictures


def write_video(path: Path, pictures: Sequence[Picture]) -> Path:
    """Write the overlays as a video, or as a GIF without codec.

    The rate is that at which the estimates came.

    Args:
        path: without suffix.

    Returns:
        The file: ``.mp4`` or ``.gif``.

    Raises:
        InvalidInputError: no pictures.
    """
    if not pictures:
        raise InvalidInputError("a video needs at least one picture")
    images = [picture.estimate for picture in pictures]
    span = pictures[-1].seconds - pictures[0].seconds
    rate = float(np.clip((len(pictures) - 1) / span if span > 0 else SLOWEST, SLOWEST, FASTEST))
    video = path.with_suffix(".mp4")
    if _write_mp4(video, images, rate):
        return video
    return _write_gif(path.with_suffix(".gif"), images, rate)


def _write_mp4(path: Path, images: Sequence[Image], rate: float) -> bool:
    """Whether this OpenCV could write it."""
    video = VideoFile(path, rate)
    written = all(video.write(image) for image in images)
    return video.close() and written


def _write_gif(path: Path, images: Sequence[Image], rate: float) -> Path:
    from PIL import Image as PillowImage

    scale = min(1.0, GIF_WIDTH / images[0].shape[1])
    small = [cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for image in images]
    frames = [PillowImage.fromarray(image) for image in small]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(1000 / rate), loop=0, optimize=True)
    return path


def write_contact_sheet(path: Path, pictures: Sequence[Picture], title: str) -> Path:
    """Write a PNG with frames of the whole run.

    The estimate is above, the ground truth below where there is one.

    Raises:
        InvalidInputError: no pictures.
    """
    if not pictures:
        raise InvalidInputError("a contact sheet needs at least one picture")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = [pictures[i] for i in sorted(set(np.linspace(0, len(pictures) - 1, SHEET_FRAMES).round().astype(int)))]
    with_truth = any(picture.truth is not None for picture in chosen)
    columns = len(chosen) if with_truth else (len(chosen) + 1) // 2
    height, width = chosen[0].estimate.shape[:2]
    figure = Figure(figsize=(4.4 * columns, 2 * (4.4 * height / width + 0.3) + 0.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13)
    axes = figure.subplots(2, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for i, picture in enumerate(chosen):
        axis = axes[0, i] if with_truth else axes[i // columns, i % columns]
        axis.imshow(picture.estimate)
        axis.set_title(f"estimate at {picture.seconds:.1f} s", fontsize=10)
        if picture.truth is not None:
            axes[1, i].imshow(picture.truth)
            axes[1, i].set_title(f"ground truth at {picture.seconds:.1f} s", fontsize=10)
    figure.savefig(path)
    return path
