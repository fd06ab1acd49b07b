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

"""Recognition of a data set by its folder's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hoisdf_model.data.dexycb.layout import SUBJECTS
from hoisdf_model.data.ho3d.layout import SPLITS
from hoisdf_model.data.shards import MANIFEST
from hoisdf_model.errors import DatasetError

Kind = Literal["dexycb", "ho3d", "shards"]
KINDS: tuple[Kind, ...] = ("dexycb", "ho3d", "shards")


def kind_of(path: str | Path) -> Kind:
    """Kind of data set in a folder, by names only.

    Raises:
        DatasetError: there is no such folder, or it is no data set that is known.
    """
    root = Path(path)
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}")
    if (root / MANIFEST).exists():
        return "shards"
    if any((root / subject).is_dir() for subject in SUBJECTS):
        return "dexycb"
    if any((root / split).is_dir() or (root / f"{split}.txt").exists() for split in SPLITS):
        return "ho3d"
    raise DatasetError(
        f"{root} is no data set that is known: DexYCB has folders such as {SUBJECTS[0]}, HO-3D has "
        f"{' and '.join(SPLITS)}, a data set of hoisdf synthesize has {MANIFEST}"
    )
