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

"""Provenance note of a synthetic folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hoisdf_model.errors import DatasetError

SYNTHETIC_NOTE = "synthetic.json"  # in trees that ``hoisdf synthesize`` writes in a known layout: how they were made


def is_synthetic(path: str | Path) -> bool:
    """Whether a folder in a known layout holds synthetic frames."""
    return (Path(path) / SYNTHETIC_NOTE).exists()


def read_note(path: str | Path) -> dict[str, Any]:
    """Provenance of a synthetic folder.

    Raises:
        DatasetError: its note is missing or damaged.
    """
    note = Path(path) / SYNTHETIC_NOTE
    try:
        about = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{note} can't be read: {error}") from error
    if not isinstance(about, dict):
        raise DatasetError(f"{note} doesn't say how the folder was made: expected a table of names and values")
    return about
