"""What was evaluated on what, in words: titles, columns and facts of tables and reports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hoisdf_model.evaluation.tables import LIVE, SHOWN

MEANING = {
    "paper": "true wrist, boxes and object class are given", "live": "image and camera are given, nothing else",
}  # fmt: skip
NOTES_SYNTHETIC = (
    "These figures are synthetic: rendered hands and look-alikes of objects. They show that the mechanics work, and "
    "say nothing about DexYCB or HO-3D; published results stand below only for the shape of the table.",
)


def columns_of(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Metrics that are shown under a protocol."""
    return (*SHOWN, *LIVE) if about["protocol"] == "live" else SHOWN


def title_of(about: Mapping[str, Any], count: int) -> str:
    """A line that says what was evaluated on what."""
    data = "synthetic benchmark" if "benchmark" in about["data"] else Path(about["data"]["folder"]).name
    if "synthetic" in about["data"] and "benchmark" not in about["data"]:
        data = f"synthetic {data}"
    return (
        f"{about.get('estimates') or name_of(about['weights'])} on {data}: {count} frames, {about['protocol']} protocol"
    )


def facts_of(about: Mapping[str, Any], count: int, pace: float | None) -> dict[str, str]:
    """What stands at the top of a report.

    Args:
        about: what was evaluated on what.
        count: frames.
        pace: frames a second; None: nothing was done anew.
    """
    meaning = MEANING[about["protocol"]]
    if about.get("given"):
        meaning = f"given are image, camera and the recording's {' and '.join(about['given'])}"
    facts = {"data": ", ".join(f"{key} {value}" for key, value in about["data"].items())}
    if "estimates" in about:
        facts["estimates"] = str(about["estimates"])
    else:
        facts["weights"] = f"{about['weights']} ({about['digest'] or 'no file'})"
        facts["network"] = str(about["network"]["name"])
        facts["protocol"] = f"{about['protocol']} ({meaning})"
        facts["precision, search"] = f"{about['precision']}, {about['search']}"
        facts["frames/s, with everything"] = "" if pace is None else f"{pace:.2f}"
    return facts | {"frames": str(count)}


def notes_of(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences that a reader must not miss."""
    return NOTES_SYNTHETIC if "benchmark" in about["data"] or "synthetic" in about["data"] else ()


def name_of(weights: str) -> str:
    """Short, for titles and names of folders."""
    if ":" in weights and not Path(weights).exists():
        return weights.replace(":", "_")
    path = Path(weights)
    return path.resolve().parent.name if path.stem == "weights" else path.stem


def digest_of(path: str) -> str | None:
    """SHA-256 of a file, as long as anybody reads; None where there is no file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if Path(path).is_file() else None
