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

"""Shared parts of download checks: reports and file search."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

Progress = Callable[[int, int], None]  # parts looked at, parts in all

NAMED = 3  # files of a folder that are named when more are missing


@dataclass(frozen=True)
class Problem:
    """Problem found by a check, with advice.

    ``where`` (a file or folder), ``what``, ``advice``.
    """

    where: Path
    what: str
    advice: str


@dataclass
class CheckReport:
    """Findings of a check.

    Attributes:
        kind: what is there, such as ``HO-3D v2``.
        counts: name and number, for a table.
        problems: what would fail or give other numbers than published.
        notes: what is worth knowing and no fault.
    """

    kind: str
    counts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, where: Path, what: str, advice: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(where, what, advice))

    def files(self, folder: Path, names: Iterable[str], advice: str) -> set[str]:
        """Check files of a folder for missing and empty ones.

        A problem is added for each.

        Returns:
            Those that are missing or empty.
        """
        wanted = list(names)
        found, empty = _listed(folder)
        missing = [name for name in wanted if name not in found]
        hollow = [name for name in wanted if name in empty]
        for bad, word in ((missing, "missing"), (hollow, "empty")):
            if bad:
                shown = ", ".join(bad[:NAMED]) + (" ..." if len(bad) > NAMED else "")
                self.problem(folder, f"{len(bad)} of {len(wanted)} files {word}: {shown}", advice)
        return {*missing, *hollow}


def _listed(folder: Path) -> tuple[set[str], set[str]]:
    """Names of the files in a folder, and of the empty ones among them; none where there is no folder."""
    found: set[str] = set()
    empty: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.add(entry.name)
                if entry.stat().st_size == 0:
                    empty.add(entry.name)
    except OSError:
        return set(), set()
    return found, empty
