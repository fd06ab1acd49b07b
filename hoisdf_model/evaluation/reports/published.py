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

"""Published results beside own figures.

``assets/published.yaml`` names the source of each number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from rich import box
from rich.table import Table

from hoisdf_model.evaluation.metrics.frame_errors import METRICS
from hoisdf_model.evaluation.reports.summary import ALL, Figure, Summary

ASSET = "published.yaml"
MEAN, OURS = "Mean", "this evaluation"


@dataclass(frozen=True)
class PublishedTable:
    """One published table.

    Attributes:
        title: the data set. source: where it stands. note: what to know of it, or nothing.
        data: which evaluations it belongs to: kind of the data set and, of DexYCB, its subset.
        metrics: our names of its columns, in our units.
        rows: method -> values, None where there is none; where ``methods`` are named object -> the values of the first
            method, then of the next.
        methods: of a table of objects.
    """

    title: str
    source: str
    note: str
    data: str
    metrics: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilledTable:
    """Published table with own figures in it, as text.

    ``heads`` of the columns, ``rows``, and the numbers of the rows that are ``own``.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    own: frozenset[int]


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """All tables that come with the package."""
    content = yaml.safe_load((resources.files("hoisdf_model") / "assets" / ASSET).read_text())
    tables = []
    for table in content["tables"]:
        metrics, methods = tuple(table["metrics"]), tuple(table.get("methods", ()))
        rows = {row["name"]: tuple(row["values"]) for row in table["rows"]}
        assert all(metric in METRICS for metric in metrics)
        assert all(len(values) == len(metrics) * max(1, len(methods)) for values in rows.values())
        source = f"{content['source']}, {table['source']}"
        tables.append(
            PublishedTable(table["title"], source, table.get("note", ""), table["data"], metrics, rows, methods)
        )
    return tuple(tables)


def tables_of(about: Mapping[str, Any]) -> tuple[PublishedTable, ...]:
    """Published tables of the evaluated data; none for synthetic data.

    Args:
        about: what was evaluated, as records have it.
    """
    data = about["data"]
    if "synthetic" in data:
        return ()
    named = " ".join(str(data[key]) for key in ("kind", "subset") if key in data)
    return tuple(table for table in published_tables() if table.data == named)


def filled_table(table: PublishedTable, summary: Summary, own: str, everything: bool = True) -> FilledTable | None:
    """Published table with own means and their confidence intervals.

    None where none of its metrics was evaluated.

    Args:
        table: the published one.
        summary: own figures.
        own: the method that they are of.
        everything: whether objects that weren't seen here stay in the table.
    """
    if not any(metric in summary.figures[ALL].get(own, {}) for metric in table.metrics):
        return None
    if not table.methods:
        figures = summary.figures[ALL].get(own, {})
        rows = [(name, *_texts(values)) for name, values in table.rows.items()]
        rows.append((OURS, *(_own(figures.get(metric), metric) for metric in table.metrics)))
        return FilledTable(("", *map(_head, table.metrics)), tuple(rows), frozenset({len(rows) - 1}))
    heads = [f"{_head(metric)} {who}" for metric in table.metrics for who in (OURS, *table.methods)]
    rows = []
    for name, values in table.rows.items():
        found = summary.figures.get(ALL if name == MEAN else name, {}).get(own, {})
        if not found and not everything:
            continue
        cells = []
        for k, metric in enumerate(table.metrics):
            cells += [_own(found.get(metric), metric), *_texts(values)[k :: len(table.metrics)]]
        rows.append((name, *cells))
    return FilledTable(("", *heads), tuple(rows), frozenset())


def published_table(table: PublishedTable, found: FilledTable) -> Table:
    """Published table with own figures, to print."""
    title = f"{table.title} ({table.source})" + (f"\n{table.note}" if table.note else "")
    drawn = Table(title=title, title_justify="left", pad_edge=False, box=box.SIMPLE_HEAD, show_lines=False)
    for position, head in enumerate(found.heads):
        drawn.add_column(head.replace(" ", "\n", 1), justify="right" if position else "left", no_wrap=True)
    for number, row in enumerate(found.rows):
        drawn.add_row(*row, style="bold" if number in found.own else None)
    return drawn


def _texts(values: tuple[float | None, ...]) -> list[str]:
    return ["" if value is None else f"{value:.1f}" if value == round(value, 1) else f"{value:g}" for value in values]


def _own(figure: Figure | None, metric: str) -> str:
    if figure is None:
        return ""
    text = METRICS[metric].text
    return text(figure.mean) + (f" ({text(figure.low)}–{text(figure.high)})" if figure.low == figure.low else "")


def _head(metric: str) -> str:
    unit = METRICS[metric].unit
    return metric if unit == "mm" else f"{metric}, {unit}"
