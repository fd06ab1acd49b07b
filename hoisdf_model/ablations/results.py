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

"""Comparison of rows, with intervals and published numbers.

Errors, and differences from the paper's choice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from hoisdf_model.ablations.plan import Plan
from hoisdf_model.ablations.row_runs import INFORMED, MEAN, NETWORK, HeldOutFrames
from hoisdf_model.ablations.table import PAPER, AblationRow, AblationTable
from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation import METRICS, Figure, Record
from hoisdf_model.evaluation.reports.comparison import Difference, difference_of
from hoisdf_model.evaluation.reports.summary import figure_of
from hoisdf_model.network.shipped import NAME as SHIPPED


@dataclass(frozen=True)
class RowResult:
    """Errors of one row.

    Attributes:
        name: of the row, or of a baseline.
        figures: by the table's metric, as far as the network gives it.
        differences: from the chosen row, frame by frame; none for itself and for baselines.
        published: the paper's, by metric.
        note: of the row.
    """

    name: str
    figures: Mapping[str, Figure]
    differences: Mapping[str, Difference]
    published: Mapping[str, float]
    note: str = ""


def results_of(
    table: AblationTable, records: Mapping[str, Sequence[Record]], baselines: Sequence[Record] = ()
) -> list[RowResult]:
    """Results of the rows with records, and of the baselines.

    In the table's order.

    Args:
        table: which rows there are.
        records: by row; all of the same frames.
        baselines: records of the means.
    """
    columns = {name: _columns(table, table.row(name), records[name]) for name in records}
    chosen = columns.get(table.chosen, {})
    results = []
    for row in table.rows:
        if row.name in columns:
            own = columns[row.name]
            differences = {
                metric: found
                for metric in own
                if row.name != table.chosen and (found := _difference(metric, chosen.get(metric, {}), own[metric]))
            }
            published = {m: v for m, v in zip(table.metrics, row.published, strict=False) if v is not None}
            results.append(RowResult(row.name, _figures(own), differences, published, row.note))
    for name in (MEAN, INFORMED):
        errors = {metric: _errors(baselines, name, metric) for metric in table.metrics}
        if any(errors.values()):
            results.append(RowResult(name, _figures(errors), {}, {}))
    return results


def remark(plan: Plan, test: HeldOutFrames) -> str:
    """Description of the rows' training and its limits."""
    begun = {
        (SHIPPED, True): "image part and fields are the shipped weights' and held, what is behind them is trained",
        (SHIPPED, False): "image part and fields begin with the shipped weights, and everything is trained",
    }.get((plan.start, plan.hold), "everything is trained from nothing")
    synthetic = "benchmark" in test.about or "synthetic" in test.about
    return (
        f"Ours: {plan.steps} training steps a row, one seed; {begun}. Evaluated on {len(test.numbers)} "
        f"{'synthetic ' if synthetic else ''}frames under the paper's protocol. Intervals are of these frames: how "
        "far rows differ by luck, other seeds say (--set seed=1). The published numbers are of DexYCB and of whole "
        "trainings."
    )


def rich_table(table: AblationTable, results: Sequence[RowResult]) -> Table:
    """Table for the terminal.

    Mean with its 95 % interval, and the paper's number below it where there is one.
    """
    printed = Table(title=f"{table.name}: {table.title}", title_justify="left", pad_edge=False, box=box.SIMPLE_HEAD)
    printed.add_column("", no_wrap=True)
    for metric in table.metrics:
        printed.add_column(f"{metric}, {METRICS[metric].unit}", justify="right", no_wrap=True)
    for result in results:
        chosen = " *" if result.name == table.chosen else ""
        printed.add_row(result.name + chosen, *(_cell(result.figures.get(metric)) for metric in table.metrics))
        if result.published:
            numbers = [_number(result.published.get(metric)) for metric in table.metrics]
            printed.add_row("  paper, DexYCB", *numbers, style="dim")
    return printed


def markdown(table: AblationTable, results: Sequence[RowResult], remarks: Sequence[str] = ()) -> str:
    """The table, the differences from the chosen row, and remarks."""
    heads = [f"{metric}, {METRICS[metric].unit}" for metric in table.metrics]
    paper = any(result.published for result in results)
    lines = [f"# {table.name}: {table.title}", "", *(f"{remark}\n" for remark in remarks)]
    if table.note:
        lines += [table.note, ""]
    lines += _head(["", *heads, *([f"paper: {metric}" for metric in table.metrics] if paper else [])])
    for result in results:
        name = f"**{result.name}**" if result.name == table.chosen else result.name
        cells = [_cell(result.figures.get(metric)) for metric in table.metrics]
        numbers = [_number(result.published.get(metric)) for metric in table.metrics] if paper else []
        lines.append(_line([name, *cells, *numbers]))
    lines += [
        "",
        f"Bold: the paper's choice. Means with 95 % intervals (bootstrap over frames). Paper: {PAPER}, {table.source}.",
    ]
    differing = [result for result in results if result.differences]
    if differing:
        lines += ["", f"Difference from {table.chosen!r}, frame by frame, with 95 % intervals:", ""]
        lines += _head(["", *heads])
        for result in differing:
            cells = [_change(result.differences.get(metric)) for metric in table.metrics]
            lines.append(_line([result.name, *cells]))
    notes = [f"- {result.name}: {result.note}" for result in results if result.note]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def write_results(
    folder: Path, table: AblationTable, results: Sequence[RowResult], chart: bytes, about: Mapping[str, Any],
    remarks: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write NAME.md, NAME.json and NAME.png.

    Raises:
        EvaluationError: a file can't be written.
    """
    content = {
        "table": table.name, "title": table.title, "chosen": table.chosen, "source": f"{PAPER}, {table.source}",
        "about": dict(about), "rows": [asdict(result) for result in results],
    }  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{table.name}.md").write_text(markdown(table, results, remarks))
        (folder / f"{table.name}.json").write_text(json.dumps(content, indent=1))
        (folder / f"{table.name}.png").write_bytes(chart)
    except OSError as error:
        raise EvaluationError(f"can't write to {folder}: {error.strerror or error}") from error


def _columns(table: AblationTable, row: AblationRow, records: Sequence[Record]) -> dict[str, dict[int, float]]:
    return {metric: _errors(records, NETWORK, row.measured.get(metric, metric)) for metric in table.metrics}


def _errors(records: Sequence[Record], method: str, metric: str) -> dict[int, float]:
    """Frame -> error, where there is one."""
    return {
        record.frame: result.errors[metric]
        for record in records
        if (result := record.results.get(method)) is not None and metric in result.errors
    }


def _figures(columns: Mapping[str, Mapping[int, float]]) -> dict[str, Figure]:
    return {metric: figure_of(np.array(list(errors.values()))) for metric, errors in columns.items() if errors}


def _difference(metric: str, first: Mapping[int, float], other: Mapping[int, float]) -> Difference | None:
    common = sorted(first.keys() & other.keys())
    if not common:
        return None
    before, now = (np.array([errors[frame] for frame in common]) for errors in (first, other))
    return difference_of(before, now, METRICS[metric].falling)


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.mean:.1f} ({figure.low:.1f} – {figure.high:.1f})"


def _change(found: Difference | None) -> str:
    return "" if found is None else f"{found.mean - found.first:+.1f} ({found.low:+.1f} to {found.high:+.1f})"


def _number(value: float | None) -> str:
    """As the paper prints it: 11.0, 6.05."""
    return "" if value is None else f"{value:.1f}" if value == round(value, 1) else f"{value:g}"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), _line(["---", *["---:"] * (len(names) - 1)])]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
