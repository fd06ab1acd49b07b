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

"""Checks of settings and their reading from files."""

from dataclasses import dataclass, field

import pytest
from omegaconf import OmegaConf

from hoisdf_model.errors import ConfigError
from hoisdf_model.settings import of_length, one_of, positive, typed, within


@dataclass(frozen=True)
class Part:
    width: int = 3
    sizes: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        positive(self, "part.", "width", "sizes")


@dataclass
class Whole:
    part: Part = field(default_factory=Part)
    other: Part | None = None
    name: str = "a"
    values: list[int] = field(default_factory=lambda: [1])
    table: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: one_of("a.b", "c", ("", "d")), "a.b must be one of '', d, got 'c'"),
        (lambda: within("a", 0.5, 1), "a must be at least 1, got 0.5"),
        (lambda: within("a", 3, 1, 2), r"a must be in \[1, 2\], got 3"),
        (lambda: within("a", float("nan"), 1, 2), r"a must be in \[1, 2\], got nan"),
        (lambda: of_length("a", [1], 2), r"a must have 2 values, got \[1\]"),
        (lambda: Part(width=0), "part.width must be positive, got 0"),
        (lambda: Part(sizes=(2, -1)), r"part.sizes must be positive, got \(2, -1\)"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(check, said):
    with pytest.raises(ConfigError, match=said):
        check()


def test_what_is_allowed_passes():
    one_of("a", "", ("", "d"))
    within("a", 1, 1)
    within("a", 2, 1, 2)
    of_length("a", (1, 2), 2)


def test_layers_become_a_dataclass_later_ones_over_earlier_ones():
    first, second = {"name": "b", "part": {"width": 5}}, OmegaConf.create({"part": {"width": 7}, "other": {"width": 2}})
    whole = typed(Whole, [first, second])
    assert (whole.name, whole.part, whole.other, whole.values) == ("b", Part(width=7), Part(width=2), [1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"nmae": 1}, r"unknown configuration key 'file: nmae'; docs/training.md"),
        ({"part": {"widht": 1}}, "unknown configuration key 'file: part.widht'"),
        ({"part": {"width": "wide"}}, "configuration value for 'file: part.width'"),
        ({"part": {"width": -1}}, "file: part.width must be positive, got -1"),
        ({"values": {"a": 1}}, r"file: 'values': it is a list"),
        ({"table": [1]}, r"file: 'table': it is a table"),
        ({"part": 3}, r"file: 'part': it is a table of names and values, got 3"),
        ({"name": "${"}, r"file: a value must not refer to others, got '\$\{'"),
        ({"table": {"a": "${oc.env:HOME}"}}, r"file: a value must not refer to others, got '\$\{oc.env:HOME\}'"),
        (
            {"table": {"a": object()}},
            "configuration value for 'file: table.a'|configuration value for 'file: a'|file: ",
        ),
    ],
)
def test_mistakes_in_files_are_named_with_their_path(content, said):
    with pytest.raises(ConfigError, match=said):
        typed(Whole, [content], "file: ")
