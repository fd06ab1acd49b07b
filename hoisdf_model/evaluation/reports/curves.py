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

"""Curves and bars of an evaluation, drawn with matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.frame_errors import METRICS
from hoisdf_model.evaluation.metrics.hand_metrics import area_under_curve, fraction_within
from hoisdf_model.evaluation.reports.summary import ALL, Summary, methods_of
from hoisdf_model.evaluation.runs.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

JOINTS = "joints"
# what is drawn up to where: the joints' distances of all frames, and errors of frames
PANELS: dict[str, float] = {JOINTS: 50.0, "PA-MJE": 30.0, "OCE": 150.0, "ADD-S": 100.0, "rotation": 180.0}
BARS = ("MJE", "OCE", "ADD-S")
STEPS, DOTS = 200, 110


def curves(records: Sequence[Record]) -> Drawing:
    """PCK and accuracy curves of each method.

    The fractions of joints and of frames with at most some error.
    """
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(3.6 * len(PANELS), 3.4), layout="constrained")
    axes: list[Axes] = list(drawing.subplots(1, len(PANELS)))
    for axis, (name, limit) in zip(axes, PANELS.items(), strict=True):
        thresholds = np.linspace(0, limit, STEPS)
        unit = "mm" if name == JOINTS else METRICS[name].unit
        for method in methods_of(records):
            errors = _errors(records, method, name)
            if len(errors):
                area = area_under_curve(errors, limit)
                axis.plot(thresholds, 100 * fraction_within(errors, thresholds), label=f"{method} ({100 * area:.0f} %)")
        axis.set(title=_title(name), xlabel=f"at most, {unit}", xlim=(0, limit), ylim=(0, 100))
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=7, title="area", title_fontsize=7)
    axes[0].set_ylabel("share, %")
    return drawing


def bars(summary: Summary, groups: Sequence[str], methods: Sequence[str]) -> Drawing:
    """Means with their confidence intervals, group by group.

    Args:
        summary: of all groups.
        groups: which, from left to right.
        methods: side by side in each group.
    """
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(max(6.0, 0.5 * len(groups) + 2), 2.6 * len(BARS)), layout="constrained")
    axes: list[Axes] = list(drawing.subplots(len(BARS), 1, sharex=True))
    places, width = np.arange(len(groups)), 0.8 / max(len(methods), 1)
    for axis, metric in zip(axes, BARS, strict=True):
        for k, method in enumerate(methods):
            found = [summary.figures[group].get(method, {}).get(metric) for group in groups]
            means = np.array([f.mean if f else np.nan for f in found])
            reach = np.array([[f.mean - f.low, f.high - f.mean] if f else [np.nan] * 2 for f in found]).T
            reach = np.maximum(np.nan_to_num(reach), 0)  # of equal errors the bootstrap's rounding goes either way
            shift = (k - (len(methods) - 1) / 2) * width
            axis.bar(places + shift, means, width, label=method, yerr=reach, error_kw={"lw": 0.7})
        axis.set_ylabel(f"{metric}, {METRICS[metric].unit}")
        axis.grid(axis="y", alpha=0.3)
        axis.margins(x=0.01)
    axes[0].legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=max(len(methods), 1), frameon=False)
    axes[-1].set_xticks(places, groups, rotation=60, ha="right", fontsize=8)
    return drawing


def png(drawing: Drawing) -> bytes:
    """A drawing as the content of a PNG file."""
    file = io.BytesIO()
    drawing.savefig(file, format="png", dpi=DOTS)
    return file.getvalue()


def bar_groups(summary: Summary, objects: Sequence[str]) -> list[str]:
    """Groups of the bars: all frames, each tag, each object."""
    kinds = [group for group in summary.figures if group not in objects and group != ALL]
    return [ALL, *kinds, *objects]


def _errors(records: Sequence[Record], method: str, name: str) -> NDArray[np.float64]:
    results = [record.results[method] for record in records if method in record.results]
    if name == JOINTS:
        return np.array([value for result in results for value in result.joint_errors], np.float64)
    return np.array([result.errors[name] for result in results if name in result.errors], np.float64)


def _title(name: str) -> str:
    return "joints, relative to the wrist" if name == JOINTS else f"frames by {name}"
