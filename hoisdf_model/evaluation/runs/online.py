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

"""Evaluation of a stream of estimates, with figures at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hoisdf_model.estimates import Estimate
from hoisdf_model.evaluation.runs.estimate_errors import EstimateErrors, HandComparison
from hoisdf_model.evaluation.runs.records import Record, RecordFile


@dataclass
class OnlineFigures:
    """Counts and running means of a stream.

    Attributes:
        frames: that were compared. empty: those of them without a known true hand.
        hands, hands_found: true hands, and those that a hand was estimated for. other_side: of these, those with the
            wrong side.
        objects, objects_found: objects that true hands hold, and those that an object was estimated for which isn't
            called otherwise. other_name: those that were called otherwise.
        spurious: estimated hands that belong to no true one.
        no_mesh: by name, objects that aren't in the catalogue, so that there are no errors of them.
        counts, sums: by metric, of the hands' and objects' errors.
    """

    frames: int = 0
    empty: int = 0
    hands: int = 0
    hands_found: int = 0
    other_side: int = 0
    objects: int = 0
    objects_found: int = 0
    other_name: int = 0
    spurious: int = 0
    no_mesh: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, float] = field(default_factory=dict)

    def mean(self, metric: str) -> float | None:
        """Mean of a metric; None where there is none yet."""
        return self.sums[metric] / self.counts[metric] if self.counts[metric] else None

    def add(self, hand: HandComparison) -> None:
        """Add one true hand to the counts."""
        self.hands += 1
        self.hands_found += hand.result.found[0]
        self.other_side += hand.side is False
        if hand.object:
            self.objects += 1
            self.objects_found += hand.result.found[1]
            self.other_name += hand.name == "wrong"
        if not hand.mesh:
            self.no_mesh[hand.object] += 1
        for metric, value in hand.result.errors.items():
            self.counts[metric] += 1
            self.sums[metric] = self.sums.get(metric, 0.0) + value

    def to_json(self) -> dict[str, Any]:
        """The counts; means stand with the groups."""
        counted = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return counted | ({"no_mesh": dict(self.no_mesh)} if self.no_mesh else {})

    def sentences(self) -> tuple[str, ...]:
        """Sentences about losses, for a reader of the errors."""
        said = []
        if self.empty:
            said.append(f"{self.empty} of {self.frames} frames have no known true hand.")
        if self.spurious:
            said.append(f"{self.spurious} estimated hands belong to no true hand.")
        if self.other_side:
            said.append(f"{self.other_side} of {self.hands_found} hands were taken for one of the other side.")
        if self.other_name:
            said.append(f"{self.other_name} of {self.objects} objects were called by another name: not compared.")
        for name, count in self.no_mesh.items():
            said.append(f"{count} objects {name!r} are in no catalogue here: no errors of them.")
        return tuple(said)


class OnlineEvaluation:
    """Converter from pairs of estimate and ground truth to records.

    Args:
        compare: how.
        method: the name under which results stand.
        file: that records are appended to; None: they are returned alone.

    Attributes:
        figures: of everything so far.
    """

    def __init__(self, compare: EstimateErrors, method: str, file: RecordFile | None = None) -> None:
        self._compare, self._method, self._file, self._number = compare, method, file, 0
        self.figures = OnlineFigures()

    def add(self, stamp: int, estimate: Estimate, truth: Estimate, tags: Sequence[str] = ()) -> list[Record]:
        """Compare one frame.

        Args:
            stamp: of the image, nanoseconds.
            estimate, truth: camera frame.
            tags: of the frame.

        Returns:
            One record for each known true hand, numbered in the order in which they come.

        Raises:
            EvaluationError: the disk is full.
        """
        comparison = self._compare(estimate, truth)
        self.figures.frames += 1
        self.figures.empty += not comparison.hands
        self.figures.spurious += comparison.spurious
        records = []
        for hand in comparison.hands:
            self.figures.add(hand)
            records.append(Record(self._number, hand.object, tuple(tags), {self._method: hand.result}, stamp))
            self._number += 1
        if self._file is not None:
            self._file.append(records)
        return records
