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

"""Write ``test/slow_tests.txt`` from measured durations: ``list_slow_tests.py REPORT.xml...``.

The reports are those of ``scripts/test --junit-xml=REPORT.xml`` on a quiet machine. What they don't hold
stays as it is listed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

LISTED = Path(__file__).resolve().parents[1] / "test/slow_tests.txt"
SECONDS = 0.4  # of a test function with all its parameters

Test = tuple[str, str]  # file name, function


def durations(reports: Iterable[Path]) -> dict[Test, float]:
    """Seconds of each test function, all its parameters and its fixtures together."""
    found: dict[Test, float] = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            module = case.get("classname", "").split(".")
            file = next((part for part in reversed(module) if part.startswith("test_")), "")
            key = f"{file}.py", case.get("name", "").split("[")[0]
            found[key] = found.get(key, 0.0) + float(case.get("time", 0))
    return found


def renewed(text: str, measured: dict[Test, float]) -> str:
    """The list's text: comments as they are, measured tests by their duration, all others as before."""
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    before = {tuple(line.split("::")) for line in lines if line and not line.startswith("#")}
    slow = {test for test in before if test not in measured} | {t for t, s in measured.items() if s >= SECONDS}
    return "\n".join([*comments, *("::".join(test) for test in sorted(slow))]) + "\n"


if __name__ == "__main__":
    LISTED.write_text(renewed(LISTED.read_text(), durations(map(Path, sys.argv[1:]))))
