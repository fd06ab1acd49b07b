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

"""Chart of differences from the paper's choice, per cent.

Ours as bars, the paper's as diamonds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hoisdf_model.ablations.results import RowResult
from hoisdf_model.ablations.table import AblationTable
from hoisdf_model.evaluation import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

WIDTH, ROW = 2.5, 0.42  # inches of a panel, of a bar


def chart_png(table: AblationTable, results: Sequence[RowResult]) -> bytes:
    """The chart as a PNG file."""
    return png(chart(table, results))


def chart(table: AblationTable, results: Sequence[RowResult]) -> Drawing:
    """Bar chart with a panel per metric.

    A bar for each row but the chosen one with the 95 % interval of its difference.
    """
    from matplotlib.figure import Figure as Drawing

    rows = [result for result in results if result.differences]
    chosen = next((result for result in results if result.name == table.chosen), None)
    height = 1.5 + ROW * max(len(rows), 1)
    drawing = Drawing(figsize=(1.8 + WIDTH * len(table.metrics), height), layout="constrained")
    axes: list[Axes] = list(drawing.subplots(1, len(table.metrics), sharey=True, squeeze=False)[0])
    places = np.arange(len(rows))[::-1]
    for axis, metric in zip(axes, table.metrics, strict=True):
        for place, row in zip(places, rows, strict=True):
            found = row.differences.get(metric)
            if found and found.first > 0:
                change, low, high = (100 * x / found.first for x in (found.mean - found.first, found.low, found.high))
                reach = np.nan_to_num([[change - low], [high - change]])
                axis.barh(place, change, 0.6, xerr=reach, color="tab:blue", alpha=0.75, error_kw={"lw": 1})
            base = chosen.published.get(metric) if chosen else None
            if base and metric in row.published:
                axis.plot(100 * (row.published[metric] / base - 1), place, "D", color="tab:orange", ms=6, mec="k")
        axis.axvline(0, color="k", lw=0.8)
        axis.set_title(metric, fontsize=10)
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].set_yticks(places, [row.name for row in rows], fontsize=9)
    paper = "; diamonds: the paper, on DexYCB" if any(row.published for row in rows) else ""
    drawing.suptitle(f"{table.title}: against '{table.chosen}', %{paper}", fontsize=10)
    return drawing
