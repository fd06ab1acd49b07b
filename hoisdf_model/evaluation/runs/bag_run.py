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

"""Evaluation of a recording: estimated, as recorded, or with true places.

As the perception node would process it if it never had to drop a frame.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hoisdf_model.data.bags.frame_assembly import PATIENCE, BagFrame
from hoisdf_model.data.bags.labelled_source import BagFrames, Moment, moments_of
from hoisdf_model.data.bags.reader import BagReader
from hoisdf_model.data.bags.recorded_estimates import estimates_of
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import HoisdfError, InvalidInputError
from hoisdf_model.estimation import FrameEstimator, priors_from_regions
from hoisdf_model.evaluation.runs.bag_reading import (
    BagTally,
    Reading,
    frames_of,
    nothing_compared,
    problem_counter,
    truth_topic,
    until_damage,
)
from hoisdf_model.evaluation.runs.online import OnlineEvaluation
from hoisdf_model.evaluation.runs.records import Record
from hoisdf_model.evaluation.runs.stamp_pairs import Kind, StampPairs

Step = tuple[list[Record], tuple[Moment, ...]]


def estimated(
    path: Path, number: int, estimator: FrameEstimator, reading: Reading, evaluation: OnlineEvaluation,
    tally: BagTally, tags: Sequence[str] = (),
) -> Iterator[Step]:  # fmt: skip
    """Estimates of every frame of a bag, compared with ground truth.

    Frames without ground truth are estimated too, since the tracker follows through them. A frame without the regions
    or the depth image that are to be given is left out, as the node leaves it out; so is what can't be read.

    Args:
        path: of the bag.
        number: of the bag, for moments.
        estimator: is reset first, and where time jumps back.
        reading: how to read.
        evaluation: takes estimates and truth.
        tally: takes counts.
        tags: of the records.

    Yields:
        After each compared frame its records and their moments.

    Raises:
        BagError: a topic is missing or ambiguous, or the bag is damaged before anything was compared.
        EvaluationError: there is no ground truth, or nothing could be compared; says why.
    """
    began = time.perf_counter()
    first = before = None
    with BagReader(path) as bag:
        truth = truth_topic(bag, reading.topics)
        for item in frames_of(bag, reading.topics, reading.given, tally):
            if before is None or item.stamp < before or reading.forgetful:
                estimator.reset()
            tally.recorded += 0.0 if before is None else max(0, item.stamp - before) * 1e-9
            before, first = item.stamp, item.stamp if first is None else first
            step = _compared(item, number, estimator, reading, evaluation, tally, tags)
            tally.computed = time.perf_counter() - began
            if step is not None:
                yield step
                if tally.compared == reading.frames:
                    break
        if not tally.compared:
            raise nothing_compared(bag, truth, first, tally)


def recorded(
    path: Path, number: int, topic: str, reading: Reading, evaluation: OnlineEvaluation, tally: BagTally,
    tags: Sequence[str] = (),
) -> Iterator[Step]:  # fmt: skip
    """Recorded estimates of a bag, compared with its ground truth.

    Args:
        topic: of the estimates, ``hoisdf/HandObject``. The rest as for :func:`estimated`.

    Yields:
        For each pair its records and their moments.

    Raises:
        BagError: a topic is missing or of another type, or the bag is damaged before anything was compared.
        EvaluationError: there is no ground truth, or no stamp has both.
    """
    began, pairs, stamps = time.perf_counter(), StampPairs(depth=sys.maxsize), []
    with BagReader(path) as bag:
        truth, own = truth_topic(bag, reading.topics), bag.topic(topic)
        on_problem = problem_counter(tally, {own.name: "estimate", truth.name: "truth"})
        for item in until_damage(estimates_of(bag, [own.name, truth.name], on_problem), tally):
            kind: Kind = "estimate" if item.topic == own.name else "truth"
            pair = pairs.add(kind, item.stamp, item.estimate)
            stamps += [item.stamp] if kind == "estimate" else []
            if pair is not None:
                records = evaluation.add(item.stamp, *pair, tags)
                tally.compared += 1
                tally.recorded, tally.computed = (max(stamps) - min(stamps)) * 1e-9, time.perf_counter() - began
                yield records, moments_of(pair[1], number, item.time - PATIENCE, item.stamp)
                if tally.compared == reading.frames:
                    return
        pairs.give_up()
        tally.leave_out("estimates without ground truth", count=pairs.unmatched["estimate"])
        tally.leave_out("ground truth without estimate", count=pairs.unmatched["truth"])
        if not tally.compared:
            raise nothing_compared(bag, truth, min(stamps, default=None), tally)


def labelled(
    path: Path, number: int, source: BagFrames, reading: Reading, preparation: PreparationConfig, tally: BagTally
) -> Iterator[Moment]:
    """Frames of a bag with true wrist and boxes.

    Args:
        source: makes labelled frames. preparation: and this samples of them. The rest as for :func:`estimated`.

    Raises:
        BagError, EvaluationError: as :func:`estimated`.
    """
    first = None
    with BagReader(path) as bag:
        truth = truth_topic(bag, reading.topics)
        for item in frames_of(bag, reading.topics, (), tally):
            first = item.stamp if first is None else first
            if item.truth is None:
                tally.leave_out("no ground truth")
                continue
            moments = moments_of(item.truth, number, item.time, item.stamp)
            tally.compared += 1
            for moment in moments:
                if not np.isfinite(item.truth.hands[moment.hand].joints).all():
                    tally.leave_out("unknown joints")
                    continue
                try:
                    prepare(source.labelled(item, moment.hand), preparation, 0)
                except InvalidInputError as error:
                    tally.leave_out("not in the image", f"the frame of {item.stamp / 1e9:.3f} s: {error}")
                else:
                    yield moment
            if tally.compared == reading.frames:
                break
        if not tally.compared:
            raise nothing_compared(bag, truth, first, tally)


def _compared(
    item: BagFrame, number: int, estimator: FrameEstimator, reading: Reading, evaluation: OnlineEvaluation,
    tally: BagTally, tags: Sequence[str],
) -> Step | None:  # fmt: skip
    for role, part in (("regions", item.regions), ("depth", item.frame.depth)):
        if role in reading.given and part is None:
            tally.leave_out(f"no {role}")
            return None
    try:
        estimate = estimator(item.frame, None if item.regions is None else priors_from_regions(item.regions))
    except HoisdfError as error:
        tally.leave_out("not estimated", f"the frame of {item.stamp / 1e9:.3f} s: {error}")
        return None
    if item.truth is None:
        tally.leave_out("no ground truth")
        return None
    tally.compared += 1
    return evaluation.add(item.stamp, estimate, item.truth, tags), moments_of(item.truth, number, item.time, item.stamp)
