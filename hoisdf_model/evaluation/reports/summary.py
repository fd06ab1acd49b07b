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

"""Mean, median and confidence interval of metrics, by group of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.frame_errors import METRICS
from hoisdf_model.evaluation.runs.records import Record

ALL = "all"
CONFIDENCE, RESAMPLES, SEED = 0.95, 2000, 0
BLOCK = 1_000_000  # numbers of the resampling that are held at once


@dataclass(frozen=True)
class Figure:
    """One metric over a group of frames, in the metric's unit.

    Attributes:
        count: frames that it is of.
        mean, median: over these frames.
        low, high: 95 % confidence interval of the mean (percentile bootstrap); NaN for a single frame.
    """

    count: int
    mean: float
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """Figures and detection rates by group and method.

    ``figures``: group -> method -> metric; ``found``: group -> method -> fractions of frames with a hand and with an
    object found.
    """

    figures: dict[str, dict[str, dict[str, Figure]]]
    found: dict[str, dict[str, tuple[float, float]]]

    def to_json(self) -> dict[str, Any]:
        """Content for JSON; numbers that don't exist are null."""
        groups: dict[str, Any] = {}
        for group, methods in self.figures.items():
            groups[group] = {
                method: {
                    "found": dict(zip(("hand", "object"), self.found[group][method], strict=True)),
                    "metrics": {
                        metric: {key: value if np.isfinite(value) else None for key, value in asdict(figure).items()}
                        for metric, figure in figures.items()
                    },
                }
                for method, figures in methods.items()
            }
        return groups


def summarise(records: Sequence[Record], objects: bool = True) -> Summary:
    """Figures for all frames, for each tag, and for each object.

    Args:
        records: frames.
        objects: whether each object is a group of its own; random shapes never are.
    """
    figures: dict[str, dict[str, dict[str, Figure]]] = {}
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for group, members in groups_of(records, objects).items():
        figures[group], found[group] = {}, {}
        for method in methods_of(records):
            part = [record.results[method] for record in members if method in record.results]
            if part:
                columns = {metric: [r.errors[metric] for r in part if metric in r.errors] for metric in METRICS}
                figures[group][method] = figures_of(
                    {metric: np.array(column) for metric, column in columns.items() if column}
                )
                hand, object_ = np.mean([r.found for r in part], 0).tolist()
                found[group][method] = (hand, object_)
    return Summary(figures, found)


def groups_of(records: Sequence[Record], objects: bool = True) -> dict[str, list[Record]]:
    """Records by group: all, each tag, each object of the catalogue."""
    groups = {ALL: list(records)}
    # tags at the same position are of the same kind
    places = range(max((len(record.tags) for record in records), default=0))
    tags = [record.tags[k] for k in places for record in records if k < len(record.tags)]
    for tag in dict.fromkeys(tags):
        groups[tag] = [record for record in records if tag in record.tags]
    if objects:
        for name in sorted({record.object for record in records if record.object}):
            if not name.startswith("shape_"):
                groups[name] = [record for record in records if record.object == name]
    return groups


def methods_of(records: Sequence[Record]) -> list[str]:
    """All methods, in the order of their first appearance."""
    return list(dict.fromkeys(method for record in records for method in record.results))


def methods_with(summary: Summary, group: str, metrics: Sequence[str]) -> dict[str, dict[str, Figure]]:
    """Methods of a group with at least one of the metrics.

    With their figures.
    """
    methods = summary.figures[group].items()
    return {method: figures for method, figures in methods if any(metric in figures for metric in metrics)}


def figure_of(values: NDArray[np.float64]) -> Figure:
    """Mean, median and confidence interval of errors (N,).

    The interval of a single frame is NaN.
    """
    return figures_of({"": values})[""]


def figures_of(columns: dict[str, NDArray[np.float64]]) -> dict[str, Figure]:
    """Figures of several metrics, each of errors (N,); N may differ.

    Those with equally many errors share the resampling, whose memory doesn't grow with N.
    """
    means: dict[str, NDArray[np.float64]] = {}
    for count in sorted({len(values) for values in columns.values()} - {1}):
        names = [name for name, values in columns.items() if len(values) == count]
        resampled = _resampled_means(np.stack([columns[name] for name in names], 1))
        means |= dict(zip(names, resampled.T, strict=True))
    return {name: _figure(values, means.get(name)) for name, values in columns.items()}


def _figure(values: NDArray[np.float64], means: NDArray[np.float64] | None) -> Figure:
    low = high = float("nan")
    if means is not None:
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    return Figure(len(values), float(values.mean()), float(np.median(values)), low, high)


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means (RESAMPLES, M) of errors (N, M) in bootstrap resamples of the N frames."""
    count, rng, done = len(values), np.random.default_rng(SEED), []
    for start in range(0, RESAMPLES, block := max(1, BLOCK // count)):
        drawn = rng.multinomial(count, np.full(count, 1 / count), min(block, RESAMPLES - start))
        done.append(drawn @ values / count)
    return np.concatenate(done)
