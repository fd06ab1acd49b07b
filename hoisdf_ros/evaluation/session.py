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

"""One evaluation, from the first pair to the report; without ROS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hoisdf_model.errors import EvaluationError
from hoisdf_model.estimates import Estimate
from hoisdf_model.evaluation import (
    EstimateErrors,
    Models,
    OnlineEvaluation,
    RecordFile,
    StampPairs,
    finished_stream,
    read_records,
    write_results,
)
from hoisdf_model.objects import CatalogueObject

METHOD = "network"  # as hoisdf evaluate calls it, so that hoisdf compare takes both


class EvaluationSession:
    """Evaluation that pairs, compares and records until the report is written.

    Args:
        output: folder of the report; None: there is none.
        topics: full names of the estimates' and the ground truth's topic.
        find: objects by name.
        depth: queue size of each kind of message without a partner.

    Attributes:
        evaluation: what was compared so far. pairs: what was paired so far.

    Raises:
        EvaluationError: the folder holds another evaluation, or can't be written.
    """

    def __init__(
        self, output: Path | None, topics: tuple[str, str], find: Callable[[str], CatalogueObject], depth: int
    ) -> None:
        estimates, truth = topics
        self._output = output
        self._about = {"estimates": estimates, "protocol": "live", "data": {"ground truth": truth}}
        self._file = None if output is None else RecordFile(output, self._about)
        self.pairs = StampPairs(depth)
        self.evaluation = OnlineEvaluation(EstimateErrors(Models(find)), METHOD, self._file)

    def begin(self) -> None:
        """Remove the records of a previous run.

        Raises:
            EvaluationError: they can't be removed.
        """
        if self._file is not None:
            self._file.restart()

    def compare(self, stamp: int, estimate: Estimate, truth: Estimate) -> None:
        """Compare one pair of estimate and ground truth.

        Raises:
            EvaluationError: the disk is full.
        """
        self.evaluation.add(stamp, estimate, truth)

    def write_report(self) -> str:
        """Write the report so far and describe its location.

        Raises:
            EvaluationError: there is no folder for it, nothing was compared, or it can't be written.
        """
        if self._output is None:
            raise EvaluationError("there is no folder for a report: set the parameter output")
        figures = self.evaluation.figures
        if not figures.hands:
            raise EvaluationError("nothing to report: no estimate and ground truth of the same stamp with a true hand")
        records = read_records(self._output)
        facts = {"pairs": ", ".join(f"{count} {name}" for name, count in self.pair_counts().items())}
        finished = finished_stream(self._about, records, METHOD, figures, facts, {"pairs": self.pair_counts()})
        write_results(self._output, finished, None)
        return f"wrote the report of {figures.frames} frames to {self._output / 'report.html'}"

    def pair_counts(self) -> dict[str, int]:
        """Numbers of paired stamps and of dropped messages."""
        pairs = self.pairs
        return {
            "compared": pairs.paired,
            "estimates without ground truth": pairs.unmatched["estimate"],
            "ground truth without estimate": pairs.unmatched["truth"],
            "estimates of a stamp that had one": pairs.repeated,
        }
