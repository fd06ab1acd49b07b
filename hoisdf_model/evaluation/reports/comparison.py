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

"""Paired comparison of evaluations on their common frames, with significance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, wilcoxon

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.reports.summary import CONFIDENCE, RESAMPLES, SEED
from hoisdf_model.evaluation.runs.records import Record

Frame = tuple[int | str, ...]  # its number, or where it has one its stamp


@dataclass(frozen=True)
class Difference:
    """Difference of one run from the first in one metric.

    Attributes:
        count: frames in which both have the metric.
        first, mean: means over these frames.
        low, high: 95 % confidence interval of the mean difference (percentile bootstrap over frames).
        p: probability of differences as large as these if there were none (Wilcoxon's signed-rank test, two-sided); of
            one comparison, not corrected for several.
        better: share of the frames in which it is nearer the truth than the first.
    """

    count: int
    first: float
    mean: float
    low: float
    high: float
    p: float
    better: float


def compare(
    runs: Mapping[str, Sequence[Record]], metrics: Mapping[str, bool], methods: Mapping[str, str]
) -> dict[str, dict[str, Difference]]:
    """Differences of all runs but the first from the first.

    Args:
        runs: by name, at least two.
        metrics: by name; whether less is better.
        methods: of each run the method that is compared.

    Returns:
        run -> metric -> difference; metrics that a pair doesn't share in any frame are left out.

    Raises:
        EvaluationError: fewer than two runs, a run without its method (named), or no frame in common.
    """
    if len(runs) < 2:
        raise EvaluationError(f"a comparison needs at least two evaluations, got {len(runs)}")
    tables = {name: _by_frame(name, records, methods[name]) for name, records in runs.items()}
    first_name, first = next(iter(tables.items()))
    result: dict[str, dict[str, Difference]] = {}
    for name, other in list(tables.items())[1:]:
        common = [frame for frame in first if frame in other]
        if not common:
            raise EvaluationError(f"{first_name} and {name} have no frame in common")
        result[name] = {}
        for metric, falling in metrics.items():
            pairs = [(first[n][metric], other[n][metric]) for n in common if metric in first[n] and metric in other[n]]
            if pairs:
                before, now = np.array(pairs, np.float64).T
                result[name][metric] = difference_of(before, now, falling)
    return result


def difference_of(first: NDArray[np.float64], other: NDArray[np.float64], falling: bool = True) -> Difference:
    """Paired difference of two methods' errors of the same frames.

    (N,) each.
    """
    change = other - first
    low = high = p = float("nan")
    if len(change) > 1:
        interval = bootstrap(
            (change,), np.mean, n_resamples=RESAMPLES, batch=max(1, 2_000_000 // len(change)), vectorized=True,
            confidence_level=CONFIDENCE, method="percentile", random_state=np.random.default_rng(SEED),
        ).confidence_interval  # fmt: skip
        low, high = float(interval.low), float(interval.high)
        p = float(wilcoxon(change).pvalue) if change.any() else 1.0
    better = change < 0 if falling else change > 0
    return Difference(len(change), float(first.mean()), float(other.mean()), low, high, p, float(better.mean()))


def _by_frame(name: str, records: Sequence[Record], method: str) -> dict[Frame, dict[str, float]]:
    found: dict[Frame, dict[str, float]] = {}
    hands: Counter[Frame] = Counter()
    for record in records:
        if method in record.results:
            frame: Frame = (record.frame,)
            if record.stamp is not None:  # numbers shift where a frame of a recording was left out
                frame = (*record.tags, record.stamp)
                hands[frame] += 1
                frame = (*frame, hands[frame])
            found[frame] = record.results[method].errors
    if not found:
        there = dict.fromkeys(m for record in records for m in record.results)
        raise EvaluationError(f"{name} has no results of {method!r}; it has {', '.join(there) or 'none at all'}")
    return found
