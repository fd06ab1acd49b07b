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

"""Loading of frames for an evaluation: drawn or read, cropped, collated.

By other processes where wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hoisdf_model.data.bags.export import LabelReader
from hoisdf_model.data.labelled_frames import Floats, FrameSource, LabelledFrame
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import Sample, collate, single
from hoisdf_model.estimates import Estimate, Frame
from hoisdf_model.geometry import poses
from hoisdf_model.network import NetworkConfig

SEED = 0  # of field samples, which nothing here reads


@dataclass(frozen=True)
class FrameBatch:
    """B labelled frames, prepared for a network.

    Attributes:
        numbers: of the frames in their source. sample: what networks are given.
        truths: the labels, of at most one hand and one object; camera frame, nothing mirrored. Joints that aren't known
            are NaN, but for the wrist. Vertices are there where the source has a method ``true_vertices(number)`` and
            knows them, see ``truth.truths_of``.
        reflections: (4, 4) of the object frame where the frame was mirrored for the network, else None.
        frames: images with their cameras, as taken; empty unless wanted.
    """

    numbers: tuple[int, ...]
    sample: Sample
    truths: tuple[Estimate, ...]
    reflections: tuple[Floats | None, ...]
    frames: tuple[Frame, ...] = ()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the objects; empty where there is none."""
        return tuple(truth.objects[0].name if truth.objects else "" for truth in self.truths)

    @property
    def axes(self) -> Floats:
        """Axes (B, 3, 3) of the crops, orthogonal matrices.

        They take points of the camera frame to the crop's: the mirror of left hands, then the turn that makes a hand
        upright. ``points @ axes[k]`` brings points back.
        """
        return self.sample.axes.double().numpy()


class EvaluatedFrames(Dataset[FrameBatch]):
    """Frames of a source, each a batch of one.

    By their position in ``numbers``.

    Args:
        source: where they come from; is sent to other processes.
        numbers: which.
        preparation: see :func:`preparation_for`.
        images: whether images as taken come along.
    """

    def __init__(
        self, source: FrameSource, numbers: Sequence[int], preparation: PreparationConfig, images: bool = False
    ) -> None:
        self.source, self.numbers, self.preparation, self.images = source, list(numbers), preparation, images

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.numbers)

    def __getitem__(self, position: int) -> FrameBatch:
        """One frame.

        Raises:
            DatasetError, InvalidInputError: it is damaged, or shows nothing that is known.
        """
        number = self.numbers[position]
        frame = self.source.frame(number)
        known: Callable[[int], Floats | None] | None = getattr(self.source, "true_vertices", None)
        vertices = None if known is None or frame.hand is None else known(number)
        return FrameBatch(
            (number,),
            collate([prepare(frame, self.preparation, SEED, number)]),
            (LabelReader({}).truth(str(number), frame, vertices),),
            (self._reflection(frame),),
            (Frame(frame.image, frame.camera),) if self.images else (),
        )

    def _reflection(self, frame: LabelledFrame) -> Floats | None:
        """Of the object's frame, as :func:`prepare` took it."""
        if frame.object is None or frame.hand is None or frame.hand.side == "right":
            return None
        return poses.MIRROR if self.preparation.protocol == "official" else frame.object.reflection


def preparation_for(network: NetworkConfig, base: PreparationConfig | None = None) -> PreparationConfig:
    """Preparation of frames under the paper's protocol.

    True wrist and boxes, nothing random.

    Args:
        network: its configuration.
        base: protocol and box sizes; None: ours.
    """
    return replace(
        base or PreparationConfig(),
        image_size=network.image_size,
        object_center_depth=network.object_center_depth,
        upright=network.upright,
        hand_field_points=1,
        object_field_points=1,
        hand_start_points=1,
        object_start_points=1,
        start_distance=np.inf,
        augmentation=AugmentationConfig(),
    )


def loader_of(frames: EvaluatedFrames, batch_size: int, workers: int) -> DataLoader[FrameBatch]:
    """Data loader with batches in order.

    Args:
        frames: what to load.
        batch_size: frames in a batch.
        workers: processes that draw or read; 0: this one.
    """
    return DataLoader(
        frames,
        batch_size=batch_size,
        collate_fn=joined,
        num_workers=workers,
        # sources may draw, and neither OpenGL nor CUDA survives a fork
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_single_threaded,
    )


def joined(parts: Sequence[FrameBatch]) -> FrameBatch:
    """Concatenation of batches."""
    samples = [single(part.sample, k) for part in parts for k in range(len(part))]
    return FrameBatch(
        tuple(n for part in parts for n in part.numbers),
        collate(samples),
        tuple(t for part in parts for t in part.truths),
        tuple(r for part in parts for r in part.reflections),
        tuple(f for part in parts for f in part.frames),
    )


def _single_threaded(worker: int) -> None:
    """One thread: there is a worker for every core already."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
