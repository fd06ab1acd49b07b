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

"""Image sequences with their cameras.

From a bag, a webcam, a video, a folder or a stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hoisdf_model.commands.estimate.input_files import assumed_camera, check_one_camera, is_video
from hoisdf_model.errors import CameraError, ImageError
from hoisdf_model.paths import is_litter, named

if TYPE_CHECKING:
    from hoisdf_model.estimates import Frame
    from hoisdf_model.feeds import FrameSource

BAG_FILES = (".mcap", ".db3", ".bag")
SAMPLE = "sample"  # the recording that ships
RATE = 15.0  # frames per second of a folder of pictures, which has none of its own


@dataclass(frozen=True)
class Sequence:
    """A source as it was named.

    Attributes:
        source: a bag's folder or file, ``sample``, or what ``feeds.open_source`` takes.
        camera: its calibration file. fov: degrees across the longer side, assumed. A bag has its own camera.
        rectified: the pictures are rectified.
        report: told in words what was left out.
        depth: folder with a depth picture (16-bit PNG, millimetres, aligned) of the same name for each picture of a
            folder; a bag's depth is found in it.
    """

    source: str
    camera: Path | None
    fov: float | None
    rectified: bool
    report: Callable[[str], None]
    depth: Path | None = None

    @property
    def bag(self) -> Path | None:
        """The bag that it is, None where it is none."""
        from hoisdf_model.data import sample_recording

        path = named(self.source)
        if path.is_dir():
            names = [one.name for one in path.iterdir() if not is_litter(Path(one.name))]
            return path if any(name == "metadata.yaml" or name.endswith(BAG_FILES) for name in names) else None
        if path.is_file():
            return path if path.suffix in BAG_FILES else None
        return sample_recording() if self.source == SAMPLE else None

    def frames(self) -> Iterator[tuple[float, Frame]]:
        """Frames with their time on the source's clock, seconds.

        A bag's with its depth image where there is one.

        A single picture that can't be used is reported, and the next ones come.

        Raises:
            CameraError: no camera is known or assumed, or it can't be the source's.
            CaptureError: the source can't be opened, or stopped.
            BagError: the bag is damaged, or lacks what is needed.
        """
        bag = self.bag
        if bag is None:
            check_one_camera(self.camera, self.fov)
            return self._pictures() if self.depth is None else self._with_depth(self.depth)
        if self.camera is not None or self.fov is not None:
            raise CameraError(f"{bag} is a recording that has its own camera: leave out --camera and --fov")
        if self.depth is not None:
            raise ImageError(f"{bag} is a recording that has its own depth images, if any: leave out --depth")
        return self._recorded(bag)

    def _recorded(self, path: Path) -> Iterator[tuple[float, Frame]]:
        from hoisdf_model.data import BagReader

        with BagReader(path) as bag:
            for item in bag.frames(rectified=self.rectified, on_problem=lambda problem: self.report(str(problem))):
                yield item.stamp * 1e-9, item.frame

    def _pictures(self) -> Iterator[tuple[float, Frame]]:
        from hoisdf_model.estimates import Frame
        from hoisdf_model.feeds import VideoSource
        from hoisdf_model.geometry import read_camera

        known = None if self.camera is None else read_camera(self.camera, rectified=self.rectified)
        source = self._opened()
        try:
            camera = known or assumed_camera(*source.size, self.fov or 0.0)
            count = 0
            while True:
                try:
                    picture = source.read()
                except ImageError as error:
                    self.report(str(error))
                    continue
                if picture is None:
                    return
                if source.live:
                    seconds = time.monotonic()
                else:
                    seconds = source.seconds if isinstance(source, VideoSource) else count / RATE
                count += 1
                yield seconds, Frame(picture, camera)
        finally:
            source.close()

    def _with_depth(self, depths: Path) -> Iterator[tuple[float, Frame]]:
        from hoisdf_model.estimates import Frame
        from hoisdf_model.geometry import read_camera
        from hoisdf_model.messages import pictures_in, read_depth, read_image

        known = None if self.camera is None else read_camera(self.camera, rectified=self.rectified)
        folder = named(self.source)
        for one in (folder, depths):
            if not one.is_dir():
                raise ImageError(f"--depth is for a folder of pictures beside one of depth pictures: no folder {one}")
        for count, path in enumerate(pictures_in(folder)):
            try:
                image, depth = read_image(path), read_depth(depths / f"{path.stem}.png")
                camera = known or assumed_camera(image.shape[1], image.shape[0], self.fov or 0.0)
                frame = Frame(image, camera, depth)
            except ImageError as error:
                self.report(f"{path}: {error}")
                continue
            yield count / RATE, frame

    def _opened(self) -> FrameSource:
        from hoisdf_model.feeds import open_source, open_video

        path = named(self.source)
        if path.is_file() and is_video(path):
            return open_video(path, upright=self.camera is None)  # as `hoisdf estimate` does
        return open_source(self.source)
