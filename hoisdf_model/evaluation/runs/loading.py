"""Frames on their way to an evaluation: drawn or read, cropped and collated, by other processes where wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hoisdf_model.data.labelled_frames import Floats, FrameSource, LabelledFrame
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.labelled_views import right_handed
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import Sample, collate, single
from hoisdf_model.estimates import Frame
from hoisdf_model.geometry import poses
from hoisdf_model.network import NetworkConfig

SEED = 0  # of field samples, which nothing here looks at


@dataclass(frozen=True)
class FrameBatch:
    """B frames.

    Attributes:
        numbers: of the frames in their source. sample: what networks are given and compared with.
        names: of the objects, empty where there is none.
        reflections: (4, 4) of the object frame where the frame was mirrored for the network, else None.
        frames: images with their cameras, as taken; empty unless wanted.
        wrist_known: whether ``hand_root`` is a wrist, also where nothing else is known of the hand.
        vertices: (778, 3) of the hand, metres, relative to the wrist, mirrored as the sample is, where the source has
            a method ``true_vertices(number)`` (metres, camera frame) and knows them; else None.
    """

    numbers: tuple[int, ...]
    sample: Sample
    names: tuple[str, ...]
    reflections: tuple[Floats | None, ...]
    frames: tuple[Frame, ...] = ()
    wrist_known: tuple[bool, ...] = ()
    vertices: tuple[Floats | None, ...] = ()

    def __len__(self) -> int:
        """How many frames."""
        return len(self.numbers)


class EvaluatedFrames(Dataset[FrameBatch]):
    """Frames of a source by their position in ``numbers``, each a batch of one.

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
        """How many frames."""
        return len(self.numbers)

    def __getitem__(self, position: int) -> FrameBatch:
        """One frame.

        Raises:
            DatasetError, InvalidInputError: it is damaged, or shows nothing that is known.
        """
        number = self.numbers[position]
        frame = self.source.frame(number)
        thing, mirrored = frame.object, frame.hand is not None and frame.hand.side == "left"
        return FrameBatch(
            (number,),
            collate([prepare(frame, self.preparation, SEED, number)]),
            ("" if thing is None else thing.name,),
            (right_handed(frame).object.reflection if thing is not None and mirrored else None,),  # type: ignore[union-attr]
            (Frame(frame.image, frame.camera),) if self.images else (),
            (frame.hand is not None,),
            (self._vertices(number, frame),),
        )

    def _vertices(self, number: int, frame: LabelledFrame) -> Floats | None:
        known: Callable[[int], Floats | None] | None = getattr(self.source, "true_vertices", None)
        vertices = None if known is None or frame.hand is None else known(number)
        if vertices is None or frame.hand is None:
            return None
        return (vertices - frame.hand.joints[0]) * (poses.MIRROR_SIGNS if frame.hand.side == "left" else (1, 1, 1))


def preparation_for(network: NetworkConfig, base: PreparationConfig | None = None) -> PreparationConfig:
    """How frames are shown to a network under the paper's protocol: true wrist and boxes, nothing random.

    Args:
        network: its configuration.
        base: protocol and box sizes; None: ours.
    """
    return replace(
        base or PreparationConfig(),
        image_size=network.image_size,
        object_center_depth=network.object_center_depth,
        hand_field_points=1,
        object_field_points=1,
        hand_start_points=1,
        object_start_points=1,
        start_distance=np.inf,
        augmentation=AugmentationConfig(),
    )


def loader_of(frames: EvaluatedFrames, batch_size: int, workers: int) -> DataLoader[FrameBatch]:
    """Batches in order.

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
        worker_init_fn=_alone,
    )


def joined(parts: Sequence[FrameBatch]) -> FrameBatch:
    """Batches put together."""
    samples = [single(part.sample, k) for part in parts for k in range(len(part))]
    return FrameBatch(
        tuple(n for part in parts for n in part.numbers),
        collate(samples),
        tuple(n for part in parts for n in part.names),
        tuple(r for part in parts for r in part.reflections),
        tuple(f for part in parts for f in part.frames),
        tuple(w for part in parts for w in part.wrist_known),
        tuple(v for part in parts for v in part.vertices),
    )


def _alone(worker: int) -> None:
    """There is a worker for every core already."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
