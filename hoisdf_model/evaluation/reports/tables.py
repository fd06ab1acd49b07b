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

"""Summaries as tables to print, and per-frame results as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.metrics.frame_errors import METRICS
from hoisdf_model.evaluation.reports.comparison import Difference
from hoisdf_model.evaluation.reports.summary import ALL, Figure, Summary, groups_of, methods_with
from hoisdf_model.evaluation.runs.records import Record, exact_seconds

SHOWN = ("MJE", "PA-MJE", "OCE", "MCE", "ADD-S", "rotation")
LIVE = ("camera MJE", "wrist")
# what else may have been measured: heading -> metrics
SECTIONS: dict[str, tuple[str, ...]] = {
    "Touch and overlap of hand and object": ("penetration", "intersection", "contact", "overlap"),
    "Surface of the hand's distance field": tuple(name for name in METRICS if name.startswith("hand ")),
    "Surface of the object's distance field": tuple(name for name in METRICS if name.startswith("object ")),
    "Sampled hand points, to the true surface": tuple(name for name in METRICS if name.startswith("points ")),
    "True joints, to the nearest sampled hand point": tuple(name for name in METRICS if name.endswith(" to points")),
}
WIDE = 12  # characters of a column's head, from which on it is broken


def summary_table(
    summary: Summary,
    groups: Sequence[str],
    metrics: Sequence[str] = SHOWN,
    title: str | None = None,
    baseline: str | None = None,
) -> Table:
    """Table of mean / median, for each group one line a method.

    In brackets the number of frames, where it is smaller than ``n``.

    Under the first method stand its means' 95 % confidence intervals and how far its means are below those of the
    baseline.
    """
    table = Table(title=title, title_justify="left", pad_edge=False, box=box.SIMPLE_HEAD, show_lines=False)
    table.add_column("frames", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for metric in metrics:
        head = "\n".join(metric.rsplit(" ", 1)) if len(metric) >= WIDE else metric
        table.add_column(f"{head}\n{METRICS[metric].unit}", justify="right", no_wrap=True)
    for group in groups:
        for position, (method, figures) in enumerate(methods_with(summary, group, metrics).items()):
            shown = [figures.get(metric) for metric in metrics]
            count = max(figure.count for figure in shown if figure)
            cells = (_cell(f, m, count) for f, m in zip(shown, metrics, strict=True))
            table.add_row(group if not position else "", method, str(count), *cells)
            if not position:
                table.add_row("", "  95 % interval", "", *map(_interval, shown, metrics), style="dim")
                others = summary.figures[group].get(baseline or "", {})
                if others:
                    compared = [_change(own, others.get(m)) for own, m in zip(shown, metrics, strict=True)]
                    table.add_row("", f"  against {baseline}", "", *compared, style="dim")
        table.add_section()
    return table


def object_groups(records: Sequence[Record]) -> list[str]:
    """Names of the groups that are single objects."""
    return [name for name in groups_of(records) if name not in groups_of(records, objects=False)]


def sections_of(summary: Summary) -> dict[str, tuple[str, ...]]:
    """Evaluated sections of ``SECTIONS``, with the metrics that there are."""
    measured = {metric for figures in summary.figures[ALL].values() for metric in figures}
    found = {heading: tuple(m for m in metrics if m in measured) for heading, metrics in SECTIONS.items()}
    return {heading: metrics for heading, metrics in found.items() if metrics}


def write_csv(records: Sequence[Record], path: str | Path) -> None:
    """Write one CSV line for each frame and method.

    Cells are empty where a metric doesn't apply.

    Raises:
        EvaluationError: it can't be written.
    """
    used = {m for record in records for result in record.results.values() for m in result.errors}
    metrics = [metric for metric in METRICS if metric in used]
    try:
        with Path(path).open("w", newline="") as file:
            writer = csv.writer(file)
            heads = [f"{metric} ({METRICS[metric].unit})" for metric in metrics]
            stamped = any(record.stamp is not None for record in records)
            stamp = ["stamp (s)"] if stamped else []
            writer.writerow(["frame", *stamp, "object", "tags", "method", "hand_found", "object_found", *heads])
            for record in records:
                for method, result in record.results.items():
                    about = [record.frame, *([exact_seconds(record.stamp)] if stamped else []), record.object]
                    about += [";".join(record.tags), method, *map(int, result.found)]
                    writer.writerow([*about, *(result.errors.get(metric, "") for metric in metrics)])
    except OSError as error:
        raise EvaluationError(f"can't write {path}: {error.strerror or error}") from error


def _cell(figure: Figure | None, metric: str, count: int) -> str:
    if figure is None:
        return ""
    fewer = f" ({figure.count})" if figure.count < count else ""
    number = METRICS[metric].text
    return f"{number(figure.mean)} / {number(figure.median)}{fewer}"


def _change(figure: Figure | None, other: Figure | None) -> str:
    if figure is None or other is None or other.mean == 0:
        return ""
    return f"{100 * (figure.mean / other.mean - 1):+.0f} %"


def _interval(figure: Figure | None, metric: str) -> str:
    number = METRICS[metric].text
    return "" if figure is None or figure.low != figure.low else f"{number(figure.low)} – {number(figure.high)}"


def comparison_table(differences: Mapping[str, Difference], title: str | None = None) -> Table:
    """Table of paired differences, metric by metric.

    Means, their difference with its interval, the test, the fraction of frames that improved.
    """
    table = Table(title=title, title_justify="left", pad_edge=False, box=box.SIMPLE_HEAD)
    for name in ("metric", "n", "first", "this", "difference", "95 % interval", "p", "better in"):
        table.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    for metric, d in differences.items():
        table.add_row(
            f"{metric}, {METRICS[metric].unit}", str(d.count), f"{d.first:.2f}", f"{d.mean:.2f}",
            f"{d.mean - d.first:+.2f}", f"{d.low:+.2f} – {d.high:+.2f}" if d.low == d.low else "",
            "" if d.p != d.p else f"{d.p:.1g}", f"{d.better:.0%}",
        )  # fmt: skip
    return table
