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

"""Ablation tables: YAML files with a training configuration per row.

In ``hoisdf_model/assets/ablations``.

A row says what is changed of the recipe that all rows of all tables have in common (``base.yaml``); docs/ablations.md
describes the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from hoisdf_model.errors import ConfigError
from hoisdf_model.evaluation import METRICS

PAPER = "Qi, Zhao, Salzmann, Mathis, HOISDF (CVPR 2024)"
BASE = "base"
_ABLATIONS = files("hoisdf_model") / "assets" / "ablations"


@dataclass(frozen=True)
class AblationRow:
    """Row of an ablation table.

    Attributes:
        name: as the paper calls it.
        changes: of the base recipe, nested as in a training configuration.
        published: the paper's errors in the table's metrics, millimetres; None where there is none; empty: none at all.
        measured: other metrics of the evaluation that stand under the table's names, for networks without the usual.
        note: what differs from the paper's row, as far as that is known.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    published: tuple[float | None, ...] = ()
    measured: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class AblationTable:
    """Ablation table.

    Attributes:
        name: of its file. title: what it compares. source: where in the paper it stands.
        metrics: its columns, names of our evaluation.
        rows: in the paper's order.
        chosen: name of the row that is the paper's own choice; the others are compared with it.
        note: what is true of all rows.
    """

    name: str
    title: str
    source: str
    metrics: tuple[str, ...]
    rows: tuple[AblationRow, ...]
    chosen: str
    note: str = ""

    def row(self, name: str) -> AblationRow:
        """The row of that name.

        Raises:
            ConfigError: there is none; those there are, are listed.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise ConfigError(f"{self.name} has no row {name!r}; it has {', '.join(row.name for row in self.rows)}")


def table_names() -> tuple[str, ...]:
    """Names of the tables that come with the package, ``figure7`` among them."""
    names = (file.name.removesuffix(".yaml") for file in _ABLATIONS.iterdir() if file.name.endswith(".yaml"))
    return tuple(
        sorted((name for name in names if name != BASE), key=lambda name: (name.startswith("figure"), len(name), name))
    )


def load_table(name: str) -> AblationTable:
    """The table of that name.

    Raises:
        ConfigError: there is none; those there are, are listed.
    """
    if name not in table_names():
        raise ConfigError(f"unknown ablation {name!r}; there are {', '.join(table_names())}")
    return parsed_table(name, yaml.safe_load((_ABLATIONS / f"{name}.yaml").read_text()))


def base_recipe() -> dict[str, Any]:
    """Configuration common to all rows, nested."""
    content = yaml.safe_load((_ABLATIONS / f"{BASE}.yaml").read_text())
    assert isinstance(content, dict)
    return content


def parsed_table(name: str, content: Any) -> AblationTable:
    """A table from the content of its file.

    Raises:
        ConfigError: a key is missing or unknown, a metric doesn't exist, or numbers and metrics don't fit.
    """
    shared = dict(_section(content, name, {"title", "source", "metrics", "rows", "chosen"}, {"changes", "note"}))
    common = shared.pop("changes", None) or {}
    metrics = tuple(shared["metrics"])
    rows = []
    for part in shared["rows"]:
        where = f"{name}, row {part.get('name')!r}" if isinstance(part, Mapping) else name
        row = _section(part, where, {"name"}, {"changes", "published", "measured", "note"})
        measured = dict(row.get("measured") or {})
        unknown = [m for m in (*metrics, *measured.values()) if m not in METRICS] + sorted(measured.keys() - {*metrics})
        if unknown:
            raise ConfigError(f"{where}: unknown metric(s) {', '.join(unknown)}; there are {', '.join(METRICS)}")
        published = tuple(row.get("published") or ())
        if published and len(published) != len(metrics):
            raise ConfigError(f"{where}: {len(published)} published numbers for {len(metrics)} metrics")
        changes = merged(common, row.get("changes") or {})
        rows.append(AblationRow(row["name"], changes, published, measured, row.get("note", "")))
    table = AblationTable(**{**shared, "name": name, "metrics": metrics, "rows": tuple(rows)})
    table.row(table.chosen)
    return table


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merged nested configurations, the second on top.

    Lists are replaced as a whole.
    """
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        result[key] = merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return result


def _section(content: Any, where: str, needed: set[str], allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where}: must be keys with values, got {type(content).__name__}")
    missing, unknown = needed - content.keys(), content.keys() - needed - allowed
    if missing or unknown:
        lists = (", ".join(sorted(keys)) or "nothing" for keys in (missing, unknown))
        raise ConfigError("{}: missing {}, unknown {}".format(where, *lists))
    return content
