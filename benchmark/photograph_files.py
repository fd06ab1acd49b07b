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

"""Labelled photographs read from a folder; ``photographs.py`` describes its format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.commands.estimate.input_files import find_images
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.estimates import Side
from hoisdf_model.geometry import Pinhole, boxes

Floats = NDArray[np.float64]
LABELS, EMPTY = "annotated.json", "no_hands"


@dataclass(frozen=True)
class Photograph:
    """One labelled hand in one picture.

    Attributes:
        path: the picture; ``file`` is its name in the labels.
        source: where it comes from.
        side: ``right`` or ``left``.
        box: (4,) pixels around the joints.
        joints_2d: (21, 2) pixels, order of ``hand.joints``.
        joints_3d: (21, 3) metres, camera frame; None: not labelled.
        camera: None: not known.
        holds: whether the hand holds something; None: nobody said.
    """

    path: Path
    file: str
    source: str
    side: Side
    box: Floats
    joints_2d: Floats
    joints_3d: Floats | None = None
    camera: Pinhole | None = None
    holds: bool | None = None


def read_photographs(folder: Path) -> list[Photograph]:
    """All labelled hands of a folder.

    Raises:
        DatasetError: no labels, or an entry that isn't as it should be.
    """
    path = folder / LABELS
    try:
        entries = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} must hold a list of labelled hands as JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise DatasetError(f"{path} must hold a list of at least one labelled hand")
    return [_photograph(folder, entry, f"{path}, entry {number}") for number, entry in enumerate(entries)]


def pictures_without_hands(folder: Path) -> list[Path]:
    """Pictures in which no hand is to be found; empty where there is no such folder."""
    return find_images([folder / EMPTY]) if (folder / EMPTY).is_dir() else []


def _photograph(folder: Path, entry: Any, what: str) -> Photograph:
    if not isinstance(entry, Mapping):
        raise DatasetError(f"{what} must be an object with file, source, side, box, joints_2d, got {entry!r:.80}")
    for name in ("file", "source"):
        if not isinstance(entry.get(name), str):
            raise DatasetError(f"{what}: {name} must be a text, got {entry.get(name)!r:.80}")
    if entry.get("side") not in ("right", "left"):
        raise DatasetError(f"{what}: side must be 'right' or 'left', got {entry.get('side')!r:.80}")
    if entry.get("holds") not in (True, False, None):
        raise DatasetError(f"{what}: holds must be true, false or null, got {entry['holds']!r:.80}")
    path = folder / entry["file"]
    if not path.is_file():
        raise DatasetError(f"{what}: there is no picture {path}")
    points = None if entry.get("joints_3d") is None else _numbers(entry, "joints_3d", (21, 3), what)
    if points is not None and not (points[:, 2] > 0).all():
        raise DatasetError(f"{what}: joints_3d must be metres in front of the camera, got a z of {points[:, 2].min()}")
    try:
        box = boxes.validated(_numbers(entry, "box", (4,), what))
        known = entry.get("intrinsics") is not None
        camera = Pinhole(*_numbers(entry, "intrinsics", (4,), what).tolist()) if known else None
    except InvalidInputError as error:
        raise DatasetError(f"{what}: {error}") from error
    return Photograph(
        path, entry["file"], entry["source"], cast("Side", entry["side"]), box,
        _numbers(entry, "joints_2d", (21, 2), what), points, camera, entry.get("holds"),
    )  # fmt: skip


def _numbers(entry: Mapping[str, Any], name: str, shape: tuple[int, ...], what: str) -> Floats:
    try:
        array = np.array(entry.get(name), np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape != shape or not np.isfinite(array).all():
        size = " x ".join(map(str, shape))
        raise DatasetError(f"{what}: {name} must be {size} finite numbers, got {entry.get(name)!r:.80}")
    return array
