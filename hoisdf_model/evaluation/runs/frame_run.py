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

"""Evaluation of labelled frames: frames in, records out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.errors import HoisdfError, as_raised
from hoisdf_model.evaluation.metrics.alignment import Floats, similarity_aligned
from hoisdf_model.evaluation.metrics.hand_metrics import mean_distance
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.data_folder import Tags
from hoisdf_model.evaluation.runs.estimate_errors import DIGITS, EstimateErrors
from hoisdf_model.evaluation.runs.extra_metrics import BatchMetric
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, FrameBatch, loader_of
from hoisdf_model.evaluation.runs.methods import Answer, Method
from hoisdf_model.evaluation.runs.occlusion import level_tags
from hoisdf_model.evaluation.runs.records import Record, RecordFile, Result
from hoisdf_model.evaluation.runs.tracked_frames import TrackedFrames
from hoisdf_model.evaluation.runs.truth import truths_of
from hoisdf_model.hand import HandLayer


@dataclass(frozen=True)
class Contender:
    """A method in an evaluation.

    Attributes:
        method: gives estimates.
        frames: it only takes part in frames with a smaller number than this; None: in all.
        kept: whether its poses are kept with its errors.
        extra_metrics: further metrics of its estimates.
        compared: whether its estimates are compared with the truth; where not, there are the extra metrics only.
    """

    method: Method
    frames: int | None = None
    kept: bool = False
    extra_metrics: Sequence[BatchMetric] = ()
    compared: bool = True


def evaluate(
    source: FrameSource,
    numbers: Sequence[int],
    contenders: Mapping[str, Contender],
    records: RecordFile,
    preparation: PreparationConfig,
    models: Models,
    hand_layer: HandLayer,
    tags: Tags = lambda number: (),
    batch_size: int = 8,
    workers: int = 0,
    images: bool = False,
) -> Iterator[int]:
    """Evaluation of frames without records; results are written batch by batch.

    Args:
        source: labelled frames.
        numbers: which of them.
        contenders: by name.
        records: where results go.
        preparation: how frames are cropped, see ``loading.preparation_for``.
        models: objects by name.
        hand_layer: the hand that the frames' poses and shapes are of.
        tags: of a frame, besides those of how much of its hand and its object is hidden.
        batch_size: frames at once.
        workers: processes that draw or read frames.
        images: whether a method wants the images as taken.

    Yields:
        After each batch, how many frames were evaluated in it.

    Raises:
        DatasetError, InvalidInputError: a frame is damaged or shows nothing that is known.
        EvaluationError: results can't be written.
    """
    done = records.done()
    left = [number for number in numbers if number not in done]
    tracked = any(getattr(contender.method, "uses_landmarks", False) for contender in contenders.values())
    shown = TrackedFrames(source) if tracked else source
    for batch in batches_of(EvaluatedFrames(shown, left, preparation, images), batch_size, workers):
        batch = replace(batch, truths=truths_of(batch, hand_layer))
        parts = {}
        for name, contender in contenders.items():
            rows = [k for k, n in enumerate(batch.numbers) if contender.frames is None or n < contender.frames]
            if rows:
                parts[name] = (rows, contender)
        results: list[dict[str, Result]] = [{} for _ in batch.numbers]
        for name, (rows, contender) in parts.items():
            # a method that takes part in some frames of a batch only still sees the whole: batches keep their size
            found = _results(contender, batch, models, hand_layer)
            for k in rows:
                results[k][name] = found[k]
        levels = level_tags(batch, models, hand_layer.model.faces)
        records.append(
            Record(number, name, (*tags(number), *level), row)
            for number, name, level, row in zip(batch.numbers, batch.names, levels, results, strict=True)
        )
        yield len(batch)


def _results(contender: Contender, batch: FrameBatch, models: Models, hand_layer: HandLayer) -> list[Result]:
    answers = contender.method(batch)
    if contender.compared:
        results = results_of(answers, batch, models, hand_layer, contender.kept)
    else:
        results = [Result({}, answer.sure) for answer in answers]
    for metric in contender.extra_metrics:
        for result, figures in zip(results, metric(batch, answers), strict=True):
            result.errors.update({name: round(value, DIGITS) for name, value in figures.items()})
    return results


def batches_of(frames: EvaluatedFrames, batch_size: int, workers: int) -> Iterator[FrameBatch]:
    """Frames in batches, in order.

    An error in another process is raised with its own type.
    """
    try:
        yield from loader_of(frames, batch_size, workers)
    except HoisdfError as error:
        raise as_raised(error) from error


def results_of(
    answers: Sequence[Answer], batch: FrameBatch, models: Models, hand_layer: HandLayer, kept: bool = False
) -> list[Result]:
    """Compare answers with the truth.

    Args:
        answers: one for each frame of the batch.
        batch: with its labels.
        models: objects by name.
        hand_layer: the hand that the batch's poses and shapes are of.
        kept: whether to keep the poses.

    Raises:
        MeshError: an object of the batch isn't among the models.
    """
    compare, results = EstimateErrors(models), []
    for k, (answer, truth) in enumerate(zip(answers, truths_of(batch, hand_layer), strict=True)):
        true, held = next(iter(truth.hands), None), truth.objects[0] if batch.names[k] else None
        if held is not None:
            models(held.name)
        reflection = batch.reflections[k]
        # a network has the object's origin where its mirror image has it: OCE is of that point
        origin = None if reflection is None else reflection[:3, 3]
        found = compare.pair(answer.hand, answer.object, true, held, origin).result
        errors = dict(found.errors)
        if true is not None and "MJE" in errors:
            errors |= _further(answer, np.asarray(true.joints - true.joints[:1], np.float64))
        results.append(Result(errors, answer.sure, found.joint_errors, found.pose if kept else {}))
    return results


def _further(answer: Answer, true: Floats) -> dict[str, float]:
    """Errors of voted and aligned joints.

    ``true`` (21, 3) relative to the wrist.
    """
    errors = {}
    if answer.voted is not None:
        errors["MJE voted"] = mean_distance(answer.voted, true)
        errors["PA-MJE voted"] = mean_distance(similarity_aligned(answer.voted, true), true)
    if answer.aligned_joints is not None:
        errors["PA-MJE"] = mean_distance(similarity_aligned(answer.aligned_joints, true), true)
    return {name: round(float(value) * 1e3, DIGITS) for name, value in errors.items()}
