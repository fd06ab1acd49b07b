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

"""Results by frame in a file, to resume interrupted evaluations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hoisdf_model.errors import NO_NUMBER, UNREADABLE, EvaluationError
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.geometry import rotations

ABOUT, RECORDS = "evaluation.json", "frames.jsonl"


@dataclass(frozen=True)
class Result:
    """Result of one method in one frame.

    Attributes:
        errors: metric -> number, those that apply.
        found: whether it found a hand, and an object.
        joint_errors: (21,) millimetres; empty where there is no hand.
        pose: what it said, where that is kept: ``joints`` (21, 3) in the camera frame, ``rotation`` (axis-angle) and
            ``translation`` of the object.
    """

    errors: dict[str, float]
    found: tuple[bool, bool] = (True, True)
    joint_errors: tuple[float, ...] = ()
    pose: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """Results of one frame.

    Attributes:
        frame: its number. object: its object's name, or none. tags: its kinds, such as its split.
        results: by method.
        stamp: of the image, nanoseconds, where frames have one.
    """

    frame: int
    object: str
    tags: tuple[str, ...]
    results: dict[str, Result]
    stamp: int | None = None


def exact_seconds(stamp: int | None) -> str:
    """Nanoseconds as seconds in text, without a float's rounding.

    Empty for None.
    """
    return "" if stamp is None else f"{stamp // 10**9}.{stamp % 10**9:09d}"


def pose_of(
    joints: Floats | None = None, rotation: Floats | None = None, translation: Floats | None = None
) -> dict[str, Any]:
    """Entries of :class:`Result`'s ``pose``.

    Of joints (21, 3), a rotation (3, 3) and a translation (3,).
    """
    result: dict[str, Any] = {}
    if joints is not None:
        result["joints"] = np.round(joints, 5).tolist()
    if rotation is not None:
        result["rotation"] = np.round(rotations.rotation_vectors(rotation), 5).tolist()
    if translation is not None:
        result["translation"] = np.round(translation, 5).tolist()
    return result


class RecordFile:
    """The records of one evaluation.

    Args:
        folder: of the evaluation; made where there is none.
        about: what is evaluated on what. A folder is continued only with the same.

    Raises:
        EvaluationError: the folder holds another evaluation, is damaged, or can't be written.
    """

    def __init__(self, folder: str | Path, about: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self._path = self.folder / RECORDS
        wanted = json.loads(json.dumps(dict(about)))
        self._new = not (self.folder / ABOUT).exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._new:
                before = read_about(self.folder)
                other = [key for key in sorted(before.keys() | wanted.keys()) if before.get(key) != wanted.get(key)]
                if other:
                    raise EvaluationError(
                        f"{self.folder} holds another evaluation, which differs in {', '.join(other)} "
                        f"({before.get(other[0])!r} there, {wanted.get(other[0])!r} now): give another folder"
                    )
                self._drop_unfinished_line()
            else:
                (self.folder / ABOUT).write_text(json.dumps(wanted, indent=1))
        except OSError as error:
            raise EvaluationError(f"can't write to {self.folder}: {error.strerror or error}") from error

    def restart(self) -> None:
        """Delete the records.

        Raises:
            EvaluationError: the file can't be removed.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise EvaluationError(f"can't remove {self._path}: {error.strerror or error}") from error

    def abandon(self) -> None:
        """Remove the folder's new files where there are no records."""
        if self._new and not self._path.exists():
            with suppress(OSError):
                (self.folder / ABOUT).unlink()
                self.folder.rmdir()

    def done(self) -> set[int]:
        """Numbers of the frames in the file."""
        return {record.frame for record in read_records(self.folder)} if self._path.exists() else set()

    def append(self, records: Iterable[Record]) -> None:
        """Append records.

        Raises:
            EvaluationError: the disk is full.
        """
        lines = "".join(json.dumps(asdict(record), separators=(",", ":")) + "\n" for record in records)
        try:
            with self._path.open("a") as file:
                file.write(lines)
        except OSError as error:
            raise EvaluationError(f"can't write {self._path}: {error.strerror or error}") from error

    def _drop_unfinished_line(self) -> None:
        """Cut off the unfinished line of an interrupted process."""
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                self._path.write_bytes(whole)


def read_about(folder: str | Path) -> dict[str, Any]:
    """Description of an evaluation.

    Raises:
        EvaluationError: there is none, or the file is damaged.
    """
    path = Path(folder) / ABOUT
    try:
        about = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise EvaluationError(f"there is no evaluation in {folder}: no {ABOUT}") from error
    except UNREADABLE as error:
        raise EvaluationError(f"{path} can't be read: {error}") from error
    if not isinstance(about, dict):
        raise EvaluationError(f"{path} doesn't say what was evaluated: delete the folder and evaluate again")
    return about


def read_records(folder: str | Path) -> list[Record]:
    """All records of an evaluation, by frame.

    Raises:
        EvaluationError: there are none, or a line is damaged (named).
    """
    path, records = Path(folder) / RECORDS, {}
    try:
        lines: Sequence[str] = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"there are no results in {folder}: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            read = json.loads(line)
            results = {
                name: Result(
                    {metric: float(value) for metric, value in part["errors"].items()},
                    (bool(part["found"][0]), bool(part["found"][1])),
                    tuple(part["joint_errors"]),
                    dict(part["pose"]),
                )
                for name, part in read["results"].items()
            }
            stamp = read.get("stamp")
            record = Record(
                int(read["frame"]), str(read["object"]), tuple(map(str, read["tags"])), results,
                None if stamp is None else int(stamp),
            )  # fmt: skip
        except (*NO_NUMBER, KeyError, AttributeError, IndexError, RecursionError) as error:
            raise EvaluationError(f"{path} is damaged in line {number}: delete that line and evaluate again") from error
        records[record.frame] = record
    return [records[frame] for frame in sorted(records)]
