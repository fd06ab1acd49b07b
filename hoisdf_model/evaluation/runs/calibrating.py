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

"""Errors of a network per axis, for the calibration in its weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.object_metrics import rotation_difference
from hoisdf_model.evaluation.runs.frame_run import batches_of
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, FrameBatch
from hoisdf_model.evaluation.runs.methods import Answer, Method
from hoisdf_model.evaluation.runs.tracked_frames import TrackedFrames
from hoisdf_model.network import Calibration

FEWEST = 10  # frames: a root mean square of ten is right to a quarter


@dataclass(frozen=True)
class Deviations:
    """Errors of N hands and objects, camera frame, one a frame.

    Attributes:
        object_rotation: (N, 3) rotation vectors, radians, from the nearest rotation that is equivalent to the
            true one.
        object_position: (N, 3) metres, of the object's origin, the wrist being given.
        joints: (N, 20, 3) metres, of the joints besides the wrist, relative to it.
    """

    object_rotation: Floats
    object_position: Floats
    joints: Floats

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.object_rotation)

    def half(self, odd: bool) -> Deviations:
        """Every second frame."""
        return Deviations(*(part[int(odd) :: 2] for part in vars(self).values()))

    def calibration(self, data: str) -> Calibration:
        """Root mean squares per axis.

        Args:
            data: what frames, in words.

        Raises:
            EvaluationError: too few.
            CheckpointError: errors that can't be meant, such as metres.
        """
        if len(self) < FEWEST:
            raise EvaluationError(
                f"{len(self)} frames have a hand and an object that are labelled and were found: at least {FEWEST} "
                "are needed, and some hundreds to say much"
            )
        means = {name: float(np.sqrt((part**2).mean())) for name, part in vars(self).items()}
        return Calibration(frames=len(self), data=data, **means)

    def coverage(self) -> dict[str, tuple[float, float]]:
        """Fraction of frames within one and two standard deviations, by name.

        Mean of the axes.

        Each half of the frames is judged by the calibration of the other half.
        """
        first, second = self.half(False), self.half(True)
        result = {}
        for name, own in vars(first).items():
            other = vars(second)[name]
            off = [np.abs(a).ravel() / np.sqrt((b**2).mean()) for a, b in ((own, other), (other, own))]
            result[name] = tuple(float((np.concatenate(off) <= sigma).mean()) for sigma in (1, 2))
        return result  # type: ignore[return-value]


def deviations(
    source: FrameSource,
    numbers: Sequence[int],
    method: Method,
    preparation: PreparationConfig,
    models: Models,
    batch_size: int = 8,
    workers: int = 0,
) -> Iterator[tuple[int, Deviations]]:
    """Errors of a method on labelled frames, batch by batch.

    Args:
        source, numbers, preparation, models, batch_size, workers: as for :func:`frame_run.evaluate`.
        method: gives estimates.

    Yields:
        After each batch, how many frames were in it, and the errors of those whose hand and object are known and were
        found: what isn't found isn't published.

    Raises:
        DatasetError, InvalidInputError: a frame is damaged or shows nothing that is known.
    """
    shown = TrackedFrames(source) if getattr(method, "uses_landmarks", False) else source
    for batch in batches_of(EvaluatedFrames(shown, numbers, preparation), batch_size, workers):
        yield len(batch), _of_batch(method(batch), batch, models)


def joined_deviations(parts: Sequence[Deviations]) -> Deviations:
    """Concatenation of several parts.

    Raises:
        EvaluationError: there are none.
    """
    if not parts:
        raise EvaluationError("there are no frames to calibrate on")
    return Deviations(*(np.concatenate(arrays) for arrays in zip(*(vars(p).values() for p in parts), strict=True)))


def _of_batch(answers: Sequence[Answer], batch: FrameBatch, models: Models) -> Deviations:
    turns, places, joints = [], [], []
    for k, (answer, truth) in enumerate(zip(answers, batch.truths, strict=True)):
        hand, obj, name = answer.hand, answer.object, batch.names[k]
        if hand is None or obj is None or not all(answer.sure) or not name or not bool(batch.sample.hand_known[k]):
            continue
        if not all(np.isfinite(part).all() for part in (hand.joints, obj.rotation, obj.translation)):
            continue
        true, held, reflection = truth.hands[0], truth.objects[0], batch.reflections[k]
        symmetries = models(name).symmetries[None]
        turns.append(rotation_difference(obj.rotation[None], held.rotation[None], symmetries)[0])
        # of the point where the network has the object's origin: decoding moves the covariance from there
        origin = np.zeros(3) if reflection is None else reflection[:3, 3]
        places.append(obj.translation - held.translation + (obj.rotation - held.rotation) @ origin)
        joints.append((hand.joints - hand.joints[:1]) - (true.joints - true.joints[:1]))
    return Deviations(
        np.reshape(turns, (-1, 3)).astype(np.float64),
        np.reshape(places, (-1, 3)).astype(np.float64),
        np.reshape(joints, (-1, 21, 3)).astype(np.float64)[:, 1:],
    )
