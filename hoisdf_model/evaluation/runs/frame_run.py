"""An evaluation: frames in, records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.errors import HoisdfError, as_raised
from hoisdf_model.evaluation.metrics.alignment import Floats, similarity_aligned
from hoisdf_model.evaluation.metrics.frame_errors import (
    Errors,
    Hands,
    Things,
    hand_errors,
    joint_distances,
    object_errors,
)
from hoisdf_model.evaluation.metrics.hands import mean_distance
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, FrameBatch, loader_of
from hoisdf_model.evaluation.runs.measures import Measure
from hoisdf_model.evaluation.runs.methods import Estimates, Method
from hoisdf_model.evaluation.runs.occlusion import level_tags
from hoisdf_model.evaluation.runs.records import Record, RecordFile, Result, pose_of
from hoisdf_model.evaluation.runs.tracked_frames import TrackedFrames
from hoisdf_model.evaluation.runs.truth import mesh_known, object_known, truth_of
from hoisdf_model.hand import HandLayer

DIGITS = 4
Rows = NDArray[np.bool_]
Tags = Callable[[int], tuple[str, ...]]


@dataclass(frozen=True)
class Contender:
    """A method that takes part.

    Attributes:
        method: gives estimates.
        frames: it only takes part in frames with a smaller number than this; None: in all.
        kept: whether its poses are kept with its errors.
        measures: what else is taken of its estimates.
        compared: whether its estimates are compared with the truth; where not, there are the measures only.
    """

    method: Method
    frames: int | None = None
    kept: bool = False
    measures: Sequence[Measure] = ()
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
    """Evaluate what isn't in the records yet; results are written batch by batch.

    Args:
        source: labelled frames.
        numbers: which of them.
        contenders: by name.
        records: where results go.
        preparation: how frames are cropped, see ``loading.preparation_for``.
        models: objects by name.
        hand_layer: the hand that the frames' poses and shapes are of.
        tags: what a frame is told apart by, besides how much of its hand and its object is hidden.
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
        levels = level_tags(batch, *truth_of(batch, hand_layer), models, hand_layer.model.faces)
        records.append(
            Record(number, name, (*tags(number), *level), row)
            for number, name, level, row in zip(batch.numbers, batch.names, levels, results, strict=True)
        )
        yield len(batch)


def _results(contender: Contender, batch: FrameBatch, models: Models, hand_layer: HandLayer) -> list[Result]:
    estimates = contender.method(batch)
    if contender.compared:
        results = results_of(estimates, batch, models, hand_layer, contender.kept)
    else:
        found = zip(estimates.hand_found.tolist(), estimates.thing_found.tolist(), strict=True)
        results = [Result({}, both) for both in found]
    for measure in contender.measures:
        for result, figures in zip(results, measure(batch, estimates), strict=True):
            result.errors.update({name: round(value, DIGITS) for name, value in figures.items()})
    return results


def batches_of(frames: EvaluatedFrames, batch_size: int, workers: int) -> Iterator[FrameBatch]:
    """Frames in batches, in order; an error in another process is raised as what it is."""
    try:
        yield from loader_of(frames, batch_size, workers)
    except HoisdfError as error:
        raise as_raised(error) from error


def results_of(
    estimates: Estimates, batch: FrameBatch, models: Models, hand_layer: HandLayer, kept: bool = False
) -> list[Result]:
    """Compare estimates with the truth.

    Args:
        estimates: of the batch.
        batch: with its labels.
        models: objects by name.
        hand_layer: the hand that the batch's poses and shapes are of.
        kept: whether to keep the poses.
    """
    sample = batch.sample
    hand_known = sample.hand_known.numpy() & _finite(estimates.hands.joints) & _finite(estimates.hands.wrist)
    thing_known = object_known(batch) & _finite(estimates.things.rotation) & _finite(estimates.things.translation)
    true_hands, true_things = truth_of(batch, hand_layer)
    apart = np.full((len(batch), 21), np.nan)
    rows: list[dict[str, float]] = [{} for _ in batch.numbers]
    posed = mesh_known(batch)
    for known, with_mesh in ((hand_known & posed, True), (hand_known & ~posed, False)):
        if not known.any():
            continue
        own, true = _hands(estimates.hands, known), _hands(true_hands, known, with_mesh)
        errors = hand_errors(own, true)
        if estimates.aligned_joints is not None:
            aligned = similarity_aligned(estimates.aligned_joints[known], true.joints)
            errors["PA-MJE"] = mean_distance(aligned, true.joints) * 1e3
        apart[known] = joint_distances(own, true)
        _fill(rows, known, errors)
    if thing_known.any():
        shapes = [models(batch.names[k], batch.reflections[k]) for k in np.flatnonzero(thing_known)]
        own_things, true_ = _things(estimates.things, thing_known), _things(true_things, thing_known)
        _fill(rows, thing_known, object_errors(own_things, true_, shapes))
    return [
        Result(
            row,
            (bool(estimates.hand_found[k]), bool(estimates.thing_found[k])),
            tuple(np.round(apart[k], 2).tolist()) if hand_known[k] else (),
            _pose(estimates, k, bool(hand_known[k]), bool(thing_known[k])) if kept else {},
        )
        for k, row in enumerate(rows)
    ]


def _hands(hands: Hands, rows: Rows, vertices: bool = True) -> Hands:
    def part(array: Floats | None) -> Floats | None:
        return None if array is None else array[rows]

    return Hands(hands.joints[rows], hands.wrist[rows], part(hands.vertices) if vertices else None, part(hands.voted))


def _things(things: Things, rows: Rows) -> Things:
    return Things(things.rotation[rows], things.translation[rows])


def _fill(rows: list[dict[str, float]], known: Rows, errors: Errors) -> None:
    for position, k in enumerate(np.flatnonzero(known)):
        rows[k] |= {name: round(float(values[position]), DIGITS) for name, values in errors.items()}


def _finite(array: Floats) -> Rows:
    return np.asarray(np.isfinite(array.reshape(len(array), -1)).all(1), bool)


def _pose(estimates: Estimates, k: int, hand: bool, thing: bool) -> dict[str, Any]:
    joints = estimates.hands.joints[k] + estimates.hands.wrist[k] if hand else None
    turn, place = (estimates.things.rotation[k], estimates.things.translation[k]) if thing else (None, None)
    return pose_of(joints, turn, place)
