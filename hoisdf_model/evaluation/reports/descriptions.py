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

"""Descriptions of evaluations: titles, columns, facts and notes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hoisdf_model.data.object_models import LOOK_ALIKES
from hoisdf_model.evaluation.reports.tables import LIVE, SHOWN

MEANING = {
    "paper": "true wrist, boxes and object class are given", "live": "image and camera are given, nothing else",
}  # fmt: skip
NOTES_SYNTHETIC = (
    "These figures are synthetic: rendered hands and look-alikes of objects. They show that the mechanics work, and "
    "say nothing about DexYCB or HO-3D; published results stand below only for the shape of the table.",
)

NOTE_ALIKE = (
    "No object models were given (--models): look-alikes of the catalogue stand in, whose boxes and surfaces are "
    "millimetres off. Don't compare errors of objects, nor of networks that are told an object's box, with published "
    "ones."
)


def columns_of(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Metrics shown under a protocol."""
    return (*SHOWN, *LIVE) if about["protocol"] == "live" else SHOWN


def title_of(about: Mapping[str, Any], count: int) -> str:
    """Title of an evaluation: method, data, frames, protocol."""
    place = about["data"].get("folder") or about["data"].get("ground truth", "")  # a topic, where a node listened
    data = "synthetic benchmark" if "benchmark" in about["data"] else Path(place).name
    if "synthetic" in about["data"] and "benchmark" not in about["data"]:
        data = f"synthetic {data}"
    return (
        f"{about.get('estimates') or name_of(about['weights'])} on {data}: {count} frames, {about['protocol']} protocol"
    )


def facts_of(about: Mapping[str, Any], count: int, pace: float | None) -> dict[str, str]:
    """Facts at the top of a report.

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
    """Notes about the data at the top of a report."""
    synthetic = NOTES_SYNTHETIC if "benchmark" in about["data"] or "synthetic" in about["data"] else ()
    return (*synthetic, *warnings_of(about["data"]))


def warnings_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Warnings about the data before an evaluation begins.

    ``data`` describes what was opened, as in records.
    """
    # the objects of a synthetic tree are the catalogue's, so that nothing stands in for anything
    return (NOTE_ALIKE,) if data.get("models") == LOOK_ALIKES and "synthetic" not in data else ()


def name_of(weights: str) -> str:
    """Short name of weights, for titles and folders."""
    if ":" in weights and not Path(weights).exists():
        return weights.replace(":", "_")
    path = Path(weights)
    return path.resolve().parent.name if path.stem == "weights" else path.stem


def digest_of(path: str) -> str | None:
    """First 16 hex digits of a file's SHA-256.

    None where there is no file.
    """
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if Path(path).is_file() else None
