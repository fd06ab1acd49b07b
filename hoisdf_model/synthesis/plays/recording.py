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

"""Synthetic rosbags: rendered table sequences with ground truth.

And detector-like boxes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.data import BagFrame, BagWriter, FrameRecorder
from hoisdf_model.data.bags.frame_recorder import FIRST_STAMP, FRAME_ID
from hoisdf_model.data.bags.reader import SYNTHETIC
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.plays.filming import CAMERA, Shot, Studio
from hoisdf_model.synthesis.plays.left_hands import mirrored_object, mirrored_play
from hoisdf_model.synthesis.plays.sequences import plan_sequence
from hoisdf_model.synthesis.render.renderer import Renderer

MAKER = "hoisdf synthesize"  # in the bags' metadata
SAMPLE_OBJECTS = ("006_mustard_bottle", "003_cracker_box", "005_tomato_soup_can")
SHAPE_SPREAD = 0.6  # standard deviation of the hand's betas
SHEET_COLUMNS, SHEET_ROWS, SHEET_WIDTH = 5, 4, 384


@dataclass(frozen=True)
class BagSettings:
    """Settings of a synthetic recording.

    Attributes:
        objects: names in the order in which the hand takes them.
        seconds: length.
        rate: frames per second.
        seed: decides everything else.
        storage: ``mcap`` (zstd-compressed) or ``sqlite3``.
        image_format: ``jpeg``, ``png`` or ``raw``.
        quality: JPEG's, 1 to 100.
        depth: record depth images.
        side: of the hand that plays.
    """

    objects: tuple[str, ...] = SAMPLE_OBJECTS
    seconds: float = 10.0
    rate: float = 15.0
    seed: int = 0
    storage: Literal["mcap", "sqlite3"] = "mcap"
    image_format: Literal["jpeg", "png", "raw"] = "jpeg"
    quality: int = 90
    depth: bool = True
    side: Literal["right", "left"] = "right"

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.rate)


@dataclass(frozen=True)
class BagReport:
    """Summary of a synthetic recording.

    Frames, size in bytes, seconds for planning and for filming, and on what it was rendered.
    """

    frames: int
    size: int
    planning_seconds: float
    filming_seconds: float
    device: str


def prepare(
    settings: BagSettings, catalogue: Catalogue | None = None, hand_model: HandModelLike | None = None
) -> Studio:
    """Planned sequence with its appearance, without rendering.

    Raises:
        MeshError: an object isn't in the catalogue.
        InvalidInputError: too little time for the objects, or no grasp found.
    """
    planning, looks = (np.random.default_rng(s) for s in np.random.SeedSequence(settings.seed).spawn(2))
    known = catalogue or load_catalogue()
    things = [known.get(name) for name in settings.objects]
    with one_thread():
        hand = PosableHand(as_hand_model(hand_model), planning.normal(0, SHAPE_SPREAD, 10))
        if settings.side == "right":
            return Studio(plan_sequence(hand, things, settings.seconds, settings.rate, planning), looks)
        seen = [mirrored_object(thing) for thing in things]
        play = plan_sequence(hand, seen, settings.seconds, settings.rate, planning)
        return Studio(mirrored_play(play, things), looks)


@contextmanager
def one_thread() -> Iterator[None]:
    """Context with one torch thread.

    Posing a few hands is too little work to share, and sums keep their order on every machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def record_bag(
    path: str | Path,
    settings: BagSettings,
    catalogue: Catalogue | None = None,
    hand_model: HandModelLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    preview: str | Path | None = None,
) -> BagReport:
    """Write a bag; equal settings give equal content on the same renderer.

    Args:
        path: the bag's folder, which must not exist yet.
        settings: what to record.
        catalogue: the look-alikes where not given.
        hand_model: the open hand where not given.
        progress: called with frames done and frames in all.
        preview: PNG file for a contact sheet.

    Raises:
        BagError: the folder exists or can't be written.
        DependencyError: nothing to render with.
        MeshError: an object isn't in the catalogue.
        InvalidInputError: too little time for the objects, or no grasp found.
    """
    compression: Literal["none", "zstd"] = "zstd" if settings.storage == "mcap" else "none"
    with BagWriter(path, settings.storage, compression, {SYNTHETIC: MAKER}) as writer:
        began = time.monotonic()
        studio = prepare(settings, catalogue, hand_model)
        planned = time.monotonic()
        recorder = FrameRecorder(writer, settings.image_format, settings.quality)
        renderer = Renderer(CAMERA.width, CAMERA.height)
        sheet_every = max(1, settings.frames // (SHEET_COLUMNS * SHEET_ROWS))
        sheet: list[Shot] = []
        try:
            for index, shot in enumerate(studio.film(renderer)):
                recorder.write(bag_frame(shot, settings.depth))
                if preview is not None and index % sheet_every == 0:
                    sheet.append(shot)
                if progress is not None:
                    progress(index + 1, settings.frames)
        finally:
            renderer.close()
        filmed = time.monotonic()
    if preview is not None:
        write_sheet(preview, [labelled(shot) for shot in sheet[: SHEET_COLUMNS * SHEET_ROWS]])
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    return BagReport(settings.frames, size, planned - began, filmed - planned, renderer.device)


def labelled(shot: Shot) -> NDArray[np.uint8]:
    """Image (H, W, 3) RGB with drawn boxes, joints and time."""
    image = shot.frame.image.copy()
    for box, colour in (
        *((region.box, (255, 220, 60)) for region in shot.regions.hands),
        *((region.box, (90, 200, 255)) for region in shot.regions.objects),
    ):
        x0, y0, x1, y1 = (int(v) for v in np.round(box))
        cv2.rectangle(image, (x0, y0), (x1, y1), colour, 2)
    for hand in shot.truth.hands:
        for x, y in np.round(shot.frame.intrinsics.project(hand.joints)).astype(int).tolist():
            cv2.circle(image, (x, y), 3, (60, 255, 90), -1, cv2.LINE_AA)
    cv2.putText(image, f"{shot.time:.2f} s", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, f"{shot.time:.2f} s", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA)
    return image


def write_sheet(path: str | Path, images: Sequence[NDArray[np.uint8]], columns: int = SHEET_COLUMNS) -> None:
    """A contact sheet of images of one size, as PNG.

    Raises:
        InvalidInputError: there are no images, or the file can't be written.
    """
    if not images:
        raise InvalidInputError("a contact sheet needs at least one image")
    height = round(SHEET_WIDTH * images[0].shape[0] / images[0].shape[1])
    small = [cv2.resize(image, (SHEET_WIDTH, height), interpolation=cv2.INTER_AREA) for image in images]
    small += [np.zeros_like(small[0])] * (-len(small) % columns)
    rows = [np.hstack(small[i : i + columns]) for i in range(0, len(small), columns)]
    write_picture(path, np.vstack(rows))


def write_picture(path: str | Path, image: NDArray[np.uint8]) -> None:
    """Write an image (H, W, 3) RGB as PNG or JPEG.

    By its name.

    Raises:
        InvalidInputError: the file can't be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        done = cv2.imwrite(str(target), np.ascontiguousarray(image[..., ::-1]))
    except (OSError, cv2.error):
        done = False
    if not done:
        raise InvalidInputError(
            f"can't write the picture {target}: give a name that ends in .png in a folder that can be written to"
        )


def bag_frame(shot: Shot, depth: bool = True) -> BagFrame:
    """Bag frame of a shot, with or without depth image."""
    frame = shot.frame if depth else type(shot.frame)(shot.frame.image, shot.frame.intrinsics)
    return BagFrame(frame, FIRST_STAMP + round(shot.time * 1e9), FRAME_ID, shot.regions, shot.truth)
