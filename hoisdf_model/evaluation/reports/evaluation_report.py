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

"""Report of an evaluation as one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.metrics.frame_errors import METRICS
from hoisdf_model.evaluation.reports.published import filled_table, published_tables
from hoisdf_model.evaluation.reports.summary import Figure, Summary, methods_with

JPEG_QUALITY = 88
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } caption { text-align: left; color: #666 }
th, td { padding: .15em .7em; text-align: right; white-space: nowrap }
th { border-bottom: 1px solid #999; white-space: normal; vertical-align: bottom }
th:first-child, td:first-child, td.words { text-align: left }
td.facts { text-align: left; white-space: normal; overflow-wrap: anywhere }
tr.own { font-weight: 600 }
tr.first td { border-top: 1px solid #ddd }
small { color: #777; font-weight: normal } img { max-width: 100% } .scroll { overflow-x: auto } .note { color: #666 }
"""
_HOW_TO_READ = (
    "mean / median, in brackets of how many frames if fewer than n; in small print the 95 % confidence interval of the "
    "mean (bootstrap over frames)"
)


@dataclass(frozen=True)
class Content:
    """Content of a report.

    Attributes:
        title: in a line.
        facts: what was evaluated, on what, how.
        notes: sentences that a reader must not miss, such as that the data are synthetic.
        summary: figures. groups, objects: which of its groups to show, and which of them are single objects.
        metrics: columns. own: the method that the report is about.
        pictures: caption -> a PNG file's content or (H, W, 3) uint8 RGB.
        sections: heading -> columns of further tables of all groups.
    """

    title: str
    facts: Mapping[str, str]
    notes: Sequence[str]
    summary: Summary
    groups: Sequence[str]
    objects: Sequence[str]
    metrics: Sequence[str]
    own: str
    pictures: Mapping[str, bytes | NDArray[np.uint8]]
    sections: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_report(content: Content, path: str | Path) -> None:
    """Write the report's file.

    Raises:
        EvaluationError: it can't be written.
    """
    parts = [f"<h1>{escape(content.title)}</h1>", _facts(content.facts)]
    parts += [f'<p class="note">{escape(note)}</p>' for note in content.notes]
    parts += [
        "<h2>Errors</h2>",
        f'<p class="note">{_HOW_TO_READ}</p>',
        _figures(content, content.groups, content.metrics),
    ]
    for heading, metrics in content.sections.items():
        parts += [f"<h2>{escape(heading)}</h2>", _figures(content, content.groups, metrics)]
    if content.objects:
        parts += ["<h2>Objects</h2>", _figures(content, content.objects, content.metrics)]
    for caption, picture in content.pictures.items():
        parts += [f"<h2>{escape(caption)}</h2>", f'<img alt="{escape(caption)}" src="{_embedded(picture)}">']
    parts += ["<h2>Beside published results</h2>", _published(content), "<h2>Metrics</h2>", _metrics()]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(content.title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"can't write {path}: {error.strerror or error}") from error


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td class=facts>{escape(value)}</td></tr>" for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def _figures(content: Content, groups: Sequence[str], metrics: Sequence[str]) -> str:
    heads = "".join(f"<th>{escape(metric)}, {METRICS[metric].unit}</th>" for metric in metrics)
    rows = []
    for group in groups:
        for position, (method, figures) in enumerate(methods_with(content.summary, group, metrics).items()):
            found = [figures.get(metric) for metric in metrics]
            count = max(figure.count for figure in found if figure)
            kind = " ".join((["own"] if method == content.own else []) + ([] if position else ["first"]))
            cells = "".join(
                f"<td>{_cell(figure, metric, count, method == content.own)}</td>"
                for metric, figure in zip(metrics, found, strict=True)
            )
            name = escape(group) if not position else ""
            rows.append(
                f'<tr class="{kind}"><td>{name}</td><td class=words>{escape(method)}</td><td>{count}</td>{cells}</tr>'
            )
    head = f"<tr><th>frames</th><th></th><th>n</th>{heads}</tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _cell(figure: Figure | None, metric: str, count: int, interval: bool) -> str:
    if figure is None:
        return ""
    number = METRICS[metric].text
    text = f"{number(figure.mean)} / {number(figure.median)}"
    if figure.count < count:
        text += f" ({figure.count})"
    if interval and np.isfinite(figure.low):
        text += f"<br><small>{number(figure.low)} – {number(figure.high)}</small>"
    return text


def _published(content: Content) -> str:
    parts = []
    for table in published_tables():
        found = filled_table(table, content.summary, content.own)
        if found is None:
            continue
        heads = "".join(f"<th>{escape(head)}</th>" for head in found.heads)
        rows = ""
        for number, row in enumerate(found.rows):
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
            rows += f"<tr class={'own' if number in found.own else 'theirs'}>{cells}</tr>"
        caption = f"<caption>{escape(f'{table.title} ({table.source})' + (table.note and f': {table.note}'))}</caption>"
        parts.append(f'<div class="scroll"><table>{caption}<tr>{heads}</tr>{rows}</table></div><br>')
    return "".join(parts)


def _metrics() -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{metric.unit}</td><td class=words>{escape(metric.meaning)}</td></tr>"
        for name, metric in METRICS.items()
    )
    return f"<table>{rows}</table>"


def _embedded(picture: bytes | NDArray[np.uint8]) -> str:
    kind, data = "png", picture
    if not isinstance(picture, bytes):
        bgr = np.ascontiguousarray(picture[..., ::-1])
        kind = "jpeg"
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    return f"data:image/{kind};base64,{base64.b64encode(bytes(data)).decode()}"
