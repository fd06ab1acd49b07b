"""The files of a finished evaluation: report, table of frames, summary, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.curves import bar_groups, bars, curves, png
from hoisdf_model.evaluation.pictures import Pixels
from hoisdf_model.evaluation.records import Record
from hoisdf_model.evaluation.report import Content, write_report
from hoisdf_model.evaluation.summary import ALL, Summary
from hoisdf_model.evaluation.tables import object_groups, write_csv
from hoisdf_model.evaluation.wording import columns_of, facts_of, notes_of, title_of


@dataclass(frozen=True)
class Finished:
    """An evaluation that is done.

    Attributes:
        about: what was evaluated on what.
        records: frame by frame.
        summary: of the records.
        own: the method that the report is about.
        beside: methods that bars show beside it, where there are any.
        pace: frames a second; None: nothing was done anew.
    """

    about: Mapping[str, Any]
    records: Sequence[Record]
    summary: Summary
    own: str
    beside: Sequence[str] = ()
    pace: float | None = None


def write_results(folder: str | Path, finished: Finished, sheet: Pixels) -> None:
    """Write report.html, frames.csv, summary.json, curves.png, bars.png and sheet.jpg.

    Args:
        folder: where to; there is one.
        finished: what.
        sheet: (H, W, 3) uint8 RGB, the best, middling and worst frames.

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
    content = Content(
        title=title_of(about, len(found)), facts=facts_of(about, len(found), finished.pace), notes=notes_of(about),
        summary=summary, groups=[group for group in summary.figures if group not in objects], objects=objects,
        metrics=columns_of(about), own=finished.own, pictures={**drawn, "Best, middling and worst frames": sheet},
    )  # fmt: skip
    write_csv(found, folder / "frames.csv")
    write_report(content, folder / "report.html")
    result = {
        "about": about, "frames": len(found), "frames_per_second": finished.pace, "groups": summary.to_json(),
    }  # fmt: skip
    try:
        (folder / "summary.json").write_text(json.dumps(result, indent=1))
        for name, drawing in zip(("curves.png", "bars.png"), drawn.values(), strict=True):
            (folder / name).write_bytes(drawing)
        (folder / "sheet.jpg").write_bytes(cv2.imencode(".jpg", sheet[..., ::-1])[1].tobytes())
    except OSError as error:
        raise EvaluationError(f"can't write to {folder}: {error.strerror or error}") from error
