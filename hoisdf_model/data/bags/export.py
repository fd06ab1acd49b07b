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

"""Export of labelled sequences as rosbags.

Image, camera, depth, true boxes, ground truth and its transforms.

The topics are those of :class:`FrameRecorder`. Data sets have no clock: frame 0 has the stamp ``FIRST_STAMP``, the
others follow at ``RATE``, and what is left out leaves a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.bags.frame_assembly import BagFrame
from hoisdf_model.data.bags.frame_recorder import FIRST_STAMP, FRAME_ID, FrameRecorder, ImageFormat
from hoisdf_model.data.bags.writer import BagWriter
from hoisdf_model.data.hand_fields import HandFields
from hoisdf_model.data.labelled_frames import Floats, HandLabel, LabelledFrame
from hoisdf_model.data.samples.label_boxes import hand_box, object_box
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.errors import DatasetError, HoisdfError
from hoisdf_model.estimates import (
    Estimate,
    Frame,
    HandEstimate,
    HandModelInfo,
    HandRegion,
    ObjectEstimate,
    ObjectRegion,
    Regions,
)
from hoisdf_model.geometry import boxes, rotations
from hoisdf_model.hand import HandModel
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_ROTATIONS, NUM_SHAPES

RATE = 30.0  # frames a second: of the cameras that DexYCB and HO-3D were recorded with
SOURCE = "hoisdf.source"  # in a bag's metadata: the data set and sequence that it was made of
_UNKNOWN = HandModelInfo("", "")
_GIVEN = PreparationConfig()  # the boxes given to networks


class Film(Protocol):
    """Image sequence of one camera, such as :class:`DexYcbFrames` of a film.

    Where it has a method ``true_vertices(index)`` the hand's mesh is asked of that.
    """

    def __len__(self) -> int:
        """How many frames."""

    def name(self, index: int) -> str:
        """``.../<number>``, the number counting images from the film's start."""

    def frame(self, index: int) -> LabelledFrame:
        """Image, camera and labels of one frame.

        With neither hand nor object where nothing is known.
        """

    def depth(self, index: int) -> NDArray[np.float32]:
        """Depth image (H, W), metres."""


@dataclass(frozen=True)
class BagFormat:
    """Storage and image format of a bag.

    Attributes:
        storage: ``mcap`` (zstd-compressed) or ``sqlite3``.
        image_format: ``jpeg``, ``png`` or ``raw``; JPEG loses a little.
        quality: JPEG's, 1 to 100.
        depth: write depth images.
    """

    storage: Literal["mcap", "sqlite3"] = "mcap"
    image_format: ImageFormat = "jpeg"
    quality: int = 95
    depth: bool = True

    def writer(self, path: str | Path, about: Mapping[str, str] | None = None) -> BagWriter:
        """A new bag; ``about`` as :class:`BagWriter` takes it.

        Raises:
            BagError: the folder exists or can't be made.
        """
        return BagWriter(path, self.storage, "zstd" if self.storage == "mcap" else "none", about)

    def recorder(self, writer: BagWriter) -> FrameRecorder:
        """Frame recorder for a bag of this format.

        Raises:
            InvalidInputError: there is no such image format or quality.
        """
        return FrameRecorder(writer, self.image_format, self.quality)


@dataclass(frozen=True)
class ExportReport:
    """Summary of an export.

    Frames, those with a hand, those left out, those without their depth image, bytes.
    """

    frames: int
    hands: int
    left_out: int
    without_depth: int
    size: int


def export_film(
    path: str | Path,
    film: Film,
    hand_models: Mapping[str, HandModel],
    form: BagFormat | None = None,
    every: int = 1,
    frames: int | None = None,
    about: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    problem: Callable[[str], None] = lambda text: None,
) -> ExportReport:
    """Write a bag.

    Args:
        path: the bag's folder, which must not exist yet.
        film: what to write.
        hand_models: by side, those that the labels are of.
        form: how; the default of :class:`BagFormat` where not given.
        every: take only images whose number is a multiple of this.
        frames: take the first n of them.
        about: notes for the bag's metadata, such as ``SOURCE`` and ``bags.SYNTHETIC``.
        progress: called with frames done and frames in all.
        problem: called with each frame that is left out, and of each without its depth image.

    Raises:
        BagError: the folder exists or can't be written.
        DatasetError: no frame could be read, or the hands were labelled with another hand model.
    """
    form = form or BagFormat()
    numbers = {index: int(film.name(index).rpartition("/")[2]) for index in range(len(film))}
    chosen = [index for index, number in numbers.items() if number % every == 0][:frames]
    if not chosen:
        raise DatasetError(f"none of {len(numbers)} frames has a number that is a multiple of {every}")
    label = LabelReader(hand_models)
    hands = left_out = without_depth = 0
    with form.writer(path, about) as writer:
        recorder = form.recorder(writer)
        for done, index in enumerate(chosen, 1):
            try:
                seen = film.frame(index)
            except HoisdfError as error:
                left_out += 1
                problem(f"left out {film.name(index)}: {error}")
                continue
            depth = None
            if form.depth:
                try:
                    depth = film.depth(index)
                except HoisdfError as error:
                    without_depth += 1
                    problem(f"{film.name(index)} has no depth: {error}")
            known: Callable[[int], Floats | None] | None = getattr(film, "true_vertices", None)
            truth = label.truth(film.name(index), seen, None if known is None else known(index))
            stamp = FIRST_STAMP + round(numbers[index] / RATE * 1e9)
            frame = Frame(seen.image, seen.camera, depth)
            recorder.write(BagFrame(frame, stamp, FRAME_ID, true_regions(seen), truth))
            hands += bool(truth.hands)
            progress(done, len(chosen))
        if left_out == len(chosen):
            raise DatasetError(f"none of {left_out} frames could be read, so that there is no bag {path}")
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    return ExportReport(len(chosen) - left_out, hands, left_out, without_depth, size)


def true_regions(frame: LabelledFrame) -> Regions:
    """Regions of the true labels, within the image; without positions."""
    hands: tuple[HandRegion, ...] = ()
    things: tuple[ObjectRegion, ...] = ()
    hand, thing = frame.hand, frame.object
    if hand is not None:
        box = _within(hand_box(hand, frame.camera, _GIVEN.hand_box), frame)
        hands = () if box is None else (HandRegion(box, hand.side),)
    if thing is not None:
        box = _within(object_box(thing, frame.camera, _GIVEN.object_box), frame)
        things = () if box is None else (ObjectRegion(box, thing.name),)
    return Regions(hands, things)


def _within(box: Floats, frame: LabelledFrame) -> Floats | None:
    """The part of a box that is in the image; None where there is none."""
    height, width = frame.image.shape[:2]
    cut = boxes.clipped(box, width, height)
    return cut if np.isfinite(cut).all() and (cut[2:] > cut[:2]).all() else None


class LabelReader:
    """Labels in the form of a perfect estimator's output.

    Args:
        hand_models: by side, those that the labels are of.
    """

    def __init__(self, hand_models: Mapping[str, HandModel]) -> None:
        self._meshes = {side: HandFields(model, 0) for side, model in hand_models.items()}

    def truth(self, name: str, frame: LabelledFrame, vertices: Floats | None = None) -> Estimate:
        """Ground truth of hand and object.

        Joints, pose and shape that aren't known are NaN; without a wrist there is no hand.

        Args:
            name: the frame's, for messages.
            frame: its labels.
            vertices: (778, 3) metres, camera frame, where the data set gives the mesh.

        Raises:
            DatasetError: the labels were made with another hand model.
        """
        hand, thing = frame.hand, frame.object
        hands = () if hand is None or not np.isfinite(hand.joints[0]).all() else (self._hand(name, hand, vertices),)
        if thing is None:
            return Estimate(hands)
        pose, side = thing.pose, hands[0].side if hands else None
        return Estimate(hands, (ObjectEstimate(thing.name, 1.0, pose[:3, :3], pose[:3, 3], np.zeros((6, 6)), side),))

    def _hand(self, name: str, hand: HandLabel, vertices: Floats | None) -> HandEstimate:
        pose, shape, model = np.full((NUM_ROTATIONS, 3), np.nan), np.full(NUM_SHAPES, np.nan), _UNKNOWN
        if hand.rotations is not None and hand.shape is not None and hand.side in self._meshes:
            meshes = self._meshes[hand.side]
            pose, shape, model = rotations.rotation_vectors(hand.rotations), hand.shape, meshes.model.info
            if vertices is None:
                vertices = meshes.vertices(name, hand.rotations, hand.shape, hand.joints)
        return HandEstimate(
            side=hand.side,
            score=1.0,
            joints=hand.joints.astype(np.float32),
            joint_scores=np.ones(NUM_JOINTS, np.float32),
            vertices=np.zeros((0, 3), np.float32) if vertices is None else vertices.astype(np.float32),
            pose=pose.astype(np.float32),
            shape=shape.astype(np.float32),
            root_covariance=np.zeros((3, 3)),
            root_source="given",
            model=model,
        )
