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

"""Preprocessed DexYCB frame lists of the released HOISDF code.

``dex_ycb_s0_*.json``, and names of distance files.

A list is a dictionary of keys such as ``s0_1234``, ordered by the number after three characters, not by its place in
the file. What else an entry holds is in DexYCB's own files too, and is read from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hoisdf_model.data.dexycb.layout import SERIALS, Take
from hoisdf_model.data.dexycb.subsets import Rows
from hoisdf_model.errors import NO_NUMBER, UNREADABLE, DatasetError

_PREFIX = 3
_IMAGE = re.compile(r"([^/]+)/([^/]+)/([^/]+)/color_(\d{6})\.jpg")


@dataclass(frozen=True)
class AnnotatedFrames:
    """The list.

    Attributes:
        rows: frames; their ``takes`` are positions in the sequences given.
        keys: of the entries, in the loader's order.
        images: ``color_file`` of the entries.
    """

    rows: Rows
    keys: tuple[str, ...]
    images: tuple[str, ...]


def read_annotations(path: str | Path, takes: Sequence[Take]) -> AnnotatedFrames:
    """Read a list.

    Args:
        path: of the JSON file.
        takes: all sequences of the download.

    Raises:
        DatasetError: the file is missing or damaged, or names a frame that DexYCB doesn't have.
    """
    try:
        entries = json.loads(Path(path).read_text("utf-8"))
    except UNREADABLE as error:
        raise DatasetError(f"the annotations {path} can't be read: {error}") from error
    if not isinstance(entries, dict) or not entries:
        raise DatasetError(f"{path} isn't a list of DexYCB's frames: expected a dictionary of s0_<number> -> frame")
    try:
        keys = sorted(entries, key=lambda key: int(key[_PREFIX:]))
        images = tuple(str(entries[key]["color_file"]) for key in keys)
    except (*NO_NUMBER, KeyError) as error:
        raise DatasetError(f"{path}: keys must be s0_<number> and entries hold color_file: {error}") from error
    known = {(take.subject, take.name): number for number, take in enumerate(takes)}
    rows = np.empty((len(keys), 4), np.int32)
    for number, (key, image) in enumerate(zip(keys, images, strict=True)):
        match = _IMAGE.fullmatch(image)
        place = None if match is None else known.get((match[1], match[2]))
        if match is None or place is None or match[3] not in takes[place].serials:
            raise DatasetError(f"{path}: the frame {key} is {image!r}, which this download of DexYCB doesn't have")
        rows[number] = int(key[_PREFIX:]), place, SERIALS.index(match[3]), int(match[4])
    return AnnotatedFrames(Rows(rows[:, 0], rows[:, 1], rows[:, 2].astype(np.int8), rows[:, 3]), tuple(keys), images)


def distance_name(key: str, image: str, full: bool) -> str:
    """Name of a frame's distance file without suffix.

    "Full" takes the key; the other lists the image's path after its last hyphen, with the last two digits of the
    frame's number alone.
    """
    if full:
        return key
    flat = image.rsplit("-", 1)[-1].removesuffix(".jpg").replace("/", "_")
    return flat[: -len("color_000000")] + flat[-2:]
