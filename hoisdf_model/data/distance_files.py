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

"""Distance files of the released HOISDF code.

Points with signed distances to hand and object, a ``.npy`` a frame.

``<name>.npy`` is float32 (N, 6): x, y, z in the camera frame (metres, a left hand not mirrored), distance to the hand,
distance to the object (metres, negative inside), hand part. The first block of rows was drawn around the hand, the
second around the object. How many rows a block has stands in ``sdf_index.npy``: (files, 2) whole numbers in the string
order of the file names, or for HO-3D's training set a pickled dictionary name -> [hand rows, object rows].
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.hand.safe_pickle import load_object_npy

_COLUMNS = 6

Rows = tuple[int, int]  # of the hand's block, of the object's


def read_distances(path: Path, rows: Rows) -> tuple[FieldSamples, FieldSamples]:
    """The samples of hand and object in the file's order, camera frame.

    Raises:
        DatasetError: the file is missing or damaged, or its rows don't add up to ``rows``.
    """
    try:
        stored = _array(path)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"the distance file {path} can't be read: {error}") from error
    if stored.ndim != 2 or stored.shape[1] != _COLUMNS or sum(rows) != len(stored):
        raise DatasetError(
            f"the distance file {path} has the shape {stored.shape}, its sdf_index.npy says ({rows[0]} + {rows[1]}, "
            f"{_COLUMNS})"
        )
    values = stored[:, :5].astype(np.float64)
    if not np.isfinite(values).all():
        raise DatasetError(f"the distance file {path} has values that aren't finite numbers")
    hand, thing = values[: rows[0]], values[rows[0] :]
    return FieldSamples(hand[:, :3], hand[:, 3]), FieldSamples(thing[:, :3], thing[:, 4])


def rows_by_order(index: Path, files: Path) -> dict[str, Rows]:
    """Rows by frame name, from a sorted ``sdf_index.npy``.

    Names without suffix; its rows follow the sorted names of the files in a folder.

    Raises:
        DatasetError: the index is missing or damaged, or there are more or fewer files than rows in it.
    """
    try:
        counts = _array(index)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{index} can't be read: {error}") from error
    names = sorted(path.name for path in files.glob("*.npy") if not path.name.startswith("."))
    if counts.shape != (len(names), 2) or counts.dtype.kind not in "iu":
        raise DatasetError(
            f"{index} has the shape {counts.shape} ({counts.dtype}), expected a row of two whole numbers for each of "
            f"the {len(names)} files in {files}"
        )
    return {name.removesuffix(".npy"): (int(a), int(b)) for name, (a, b) in zip(names, counts, strict=True)}


def rows_by_name(index: Path) -> dict[str, Rows]:
    """Rows by frame name, from a pickled ``sdf_index.npy``.

    Names without suffix; the file holds a dictionary.

    Raises:
        UnsafeFileError: the pickle asks for anything but numbers and containers.
        DatasetError: the index is missing or damaged.
    """
    try:
        stored = load_object_npy(index)
    except InvalidInputError as error:
        raise DatasetError(f"index of distance files: {error}") from error
    if not isinstance(stored, Mapping):
        raise DatasetError(f"{index} holds a {type(stored).__name__}, expected a dictionary of name and two counts")
    result: dict[str, Rows] = {}
    for name, counts in stored.items():
        pair = np.asarray(counts)
        if not isinstance(name, str) or pair.shape != (2,) or pair.dtype.kind not in "iu":
            raise DatasetError(f"{index}: the entry {name!r} is {counts!r}, expected two whole numbers")
        result[name] = (int(pair[0]), int(pair[1]))
    return result


def _array(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file and of nothing else (``np.load`` would open a zip file of that name)."""
    with path.open("rb") as file:
        stored: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return stored
