"""Put the licence's header, as ament_copyright wants it, on top of every source file that lacks it.

``license_headers.py`` writes, ``license_headers.py --check`` only names the files and exits 1 if there are any.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".cmake")
HEADER = """\
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
"""


def sources(root: Path = ROOT) -> list[Path]:
    """Files of the repository that ament_copyright looks at; it leaves ``setup.py`` beside ``package.xml`` alone."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True).stdout
    paths = [root / line for line in listed.splitlines() if line.endswith(SUFFIXES) and line != "setup.py"]
    return [path for path in paths if path.is_file() and path.read_text()]


def with_header(text: str) -> str:
    """The file's text with the header on top, behind a first line that names the interpreter."""
    first, rest = text.split("\n", 1) if text.startswith("#!") else ("", text)
    return (f"{first}\n" if first else "") + HEADER + "\n" + rest


def has_header(path: Path) -> bool:
    """Whether the header is there."""
    return HEADER in path.read_text()


def main(check: bool) -> int:
    """Write, or name, what lacks the header."""
    missing = [path for path in sources() if not has_header(path)]
    for path in missing:
        if not check:
            path.write_text(with_header(path.read_text()))
        print(path.relative_to(ROOT))
    return 1 if check and missing else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
