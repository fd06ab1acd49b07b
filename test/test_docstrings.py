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

"""First lines of public docstrings: short, in plain English, with the field's terms (docs/terms.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORDS = 12
# words of our own, or of speech, for which docs/terms.md has the field's; and clauses in place of a noun
BANNED = re.compile(
    r"\b(things?|lots?|told|tells?|apart|looks|undrawn|whom|nobody|somebody|anybody|so many|says?|becomes)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"(What|Where|How|Why|When|Which|Who|Whose)\b|\(")  # or with a shape in place of the noun
FILES = [path for folder in ("hoisdf_model", "hoisdf_ros", "launch") for path in sorted((ROOT / folder).rglob("*.py"))]
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_docstrings(node: Documented, name: str = "") -> Iterator[tuple[str, str]]:
    """Qualified name and docstring of a module and its public classes, functions and methods."""
    text = ast.get_docstring(node)
    if text:
        yield name or "module", text
    if isinstance(node, (ast.Module, ast.ClassDef)):
        for child in node.body:
            if isinstance(child, Documented) and not child.name.startswith("_"):
                yield from public_docstrings(child, f"{name}.{child.name}".lstrip("."))


def fault(line: str) -> str:
    """Fault of a docstring's first line; empty for none."""
    if len(line.split()) > WORDS:
        return f"has {len(line.split())} words, at most {WORDS} are allowed"
    if not line.endswith("."):
        return "must be one sentence that ends with a period"
    if CLAUSE.match(line):
        return "must begin with a noun (or a verb), not with a clause or a shape"
    banned = BANNED.search(line)
    return f"has the word {banned[0]!r}; docs/terms.md has the field's" if banned else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_first_lines_are_short_and_plain(path):
    found = {name: text.split("\n")[0] for name, text in public_docstrings(ast.parse(path.read_text()))}
    assert not {name: f"{line!r} {fault(line)}" for name, line in found.items() if fault(line)}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Covariance (3, 3) along and across a camera ray, square metres.", ""),
        ("Where the wrist is when nobody says.", "clause"),
        ("Pairs, compares, counts, and keeps the records in a file until the report is written.", "15 words"),
        ("Wrist position in the camera frame", "period"),
        ("Random things of hand size.", "'things'"),
    ],
)
def test_faults_are_found(line, why):
    assert why in fault(line)
    assert bool(why) == bool(fault(line))
