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

"""The files of a finished evaluation: report, table of frames, summary, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.reports.curves import bar_groups, bars, curves, png
from hoisdf_model.evaluation.reports.descriptions import columns_of, facts_of, notes_of, title_of
from hoisdf_model.evaluation.reports.evaluation_report import Content, write_report
from hoisdf_model.evaluation.reports.summary import ALL, Summary, summarise
from hoisdf_model.evaluation.reports.tables import object_groups, sections_of, write_csv
from hoisdf_model.evaluation.runs.crop_pictures import Pixels
from hoisdf_model.evaluation.runs.online import OnlineFigures
from hoisdf_model.evaluation.runs.records import Record


@dataclass(frozen=True)
class Finished:
    """A finished evaluation.

    Attributes:
        about: what was evaluated on what.
        records: frame by frame.
        summary: of the records.
        own: the method that the report is about.
        beside: methods that bars show beside it, where there are any.
        pace: frames a second; None: nothing was done anew.
        facts, notes: for the top of the report, beside those of ``about``.
        counts: what else goes into summary.json.
    """

    about: Mapping[str, Any]
    records: Sequence[Record]
    summary: Summary
    own: str
    beside: Sequence[str] = ()
    pace: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)


def finished_stream(
    about: Mapping[str, Any], records: Sequence[Record], own: str, figures: OnlineFigures, facts: Mapping[str, str],
    counts: Mapping[str, Any], pace: float | None = None,
) -> Finished:  # fmt: skip
    """Finished evaluation of a stream of estimates, with its counts.

    Args:
        about, records, own, facts, pace: as of :class:`Finished`.
        figures: of the stream. counts: what else goes into summary.json.
    """
    counted = {"counts": figures.to_json(), **counts}
    return Finished(about, records, summarise(records), own, (), pace, facts, figures.sentences(), counted)


def write_results(folder: str | Path, finished: Finished, sheet: Pixels | None, fields: Pixels | None = None) -> None:
    """Write report.html, frames.csv, summary.json, curves.png, bars.png, sheet.jpg and fields.jpg.

    Args:
        folder: where to; there is one.
        finished: what.
        sheet: (H, W, 3) uint8 RGB, the best, middling and worst frames; None: there are no pictures.
        fields: (H, W, 3) uint8 RGB, surfaces of the distance fields; None: they weren't looked at.

    Raises:
        EvaluationError: a file can't be written.
    """
    folder, about, summary, found = Path(folder), finished.about, finished.summary, finished.records
    objects = object_groups(found)
    shown = [method for method in (finished.own, *finished.beside) if method in summary.figures[ALL]]
    drawn = {
        "Share of joints and frames by error": png(curves(found)),
        "Means by kind of frame and object": png(bars(summary, bar_groups(summary, objects), shown)),
    }
    facts = facts_of(about, len(found), finished.pace) | dict(finished.facts)
    wanted = {"Best, middling and worst frames": sheet, "Surfaces of the distance fields": fields}
    seen = {caption: picture for caption, picture in wanted.items() if picture is not None}
    content = Content(
        title=title_of(about, len(found)), facts=facts, notes=(*notes_of(about), *finished.notes),
        summary=summary, groups=[group for group in summary.figures if group not in objects], objects=objects,
        metrics=columns_of(about), own=finished.own, pictures={**drawn, **seen},
        sections=sections_of(summary),
    )  # fmt: skip
    write_csv(found, folder / "frames.csv")
    write_report(content, folder / "report.html")
    result = {
        "about": about, "frames": len(found), "frames_per_second": finished.pace, "groups": summary.to_json(),
        **finished.counts,
    }  # fmt: skip
    try:
        (folder / "summary.json").write_text(json.dumps(result, indent=1))
        for name, drawing in zip(("curves.png", "bars.png"), drawn.values(), strict=True):
            (folder / name).write_bytes(drawing)
        for name, picture in (("sheet.jpg", sheet), ("fields.jpg", fields)):
            if picture is not None:
                (folder / name).write_bytes(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())
    except OSError as error:
        raise EvaluationError(f"can't write to {folder}: {error.strerror or error}") from error
