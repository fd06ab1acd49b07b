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

"""Metadata file of a user object's mesh.

Its origin, unit, checksum and symmetry.

``<catalogue>/<name>/`` holds ``object.yaml``, ``mesh.ply`` (closed geometry, metres, the object frame) and, where the
source had colours or a texture, ``surface.glb`` (what is drawn). File names are fixed, so that a record can't point
anywhere.
"""

from __future__ import annotations

import hashlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hoisdf_model.errors import NO_NUMBER, UNREADABLE, InvalidInputError, MeshError
from hoisdf_model.objects.symmetry_search import MOST_FOLDS, Turn, Turns

VERSION = 1
RECORD, MESH, SURFACE = "object.yaml", "mesh.ply", "surface.glb"
LONGEST = 65_536  # bytes
HEADER = """\
# Written by "hoisdf objects add". mesh.ply is in metres; its origin and axes are the object frame.
# The symmetry may be edited: "axis" is that of a round body (or null), "turns" are axes with their fold
# (12: turns of 30 degrees leave the shape as it is); all axes go through "center".
"""


@dataclass(frozen=True)
class Record:
    """Metadata of a user object's mesh.

    Attributes:
        name: of the object.
        source: name of the file that it was made from; source_sha256: its checksum.
        unit: of the source. scale: metres per unit.
        symmetry: the turns under which the shape stays the same.
        texture_too: whether colours share the symmetry.
        colour: sRGB, where there is no ``surface.glb``.
        mesh_sha256: checksum of ``mesh.ply``. surface_sha256: of ``surface.glb``, empty where there is none.
        changes: what was repaired, in words.
    """

    name: str
    source: str
    source_sha256: str
    unit: str
    scale: float
    symmetry: Turns
    texture_too: bool
    colour: tuple[int, int, int]
    mesh_sha256: str
    surface_sha256: str = ""
    changes: tuple[str, ...] = ()


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_yaml(record: Record) -> str:
    """The text of ``object.yaml``."""
    s = record.symmetry
    facts = {
        "version": VERSION,
        "name": record.name,
        "source": record.source,
        "source_sha256": record.source_sha256,
        "unit": record.unit,
        "scale": record.scale,
        "symmetry": {
            "center": list(s.center),
            "axis": None if s.axis is None else list(s.axis),
            "turns": [{"axis": list(axis), "fold": fold} for axis, fold in s.turns],
            "texture_too": record.texture_too,
            "deviation": round(s.deviation, 7),
        },
        "colour": list(record.colour),
        "mesh_sha256": record.mesh_sha256,
        "surface_sha256": record.surface_sha256,
        "changes": list(record.changes),
    }
    return HEADER + yaml.safe_dump(facts, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)


def read_record(path: Path) -> Record:
    """Read ``object.yaml``.

    Raises:
        MeshError: it is missing, no YAML, or has a value that isn't possible (named).
    """
    try:
        if path.stat().st_size > LONGEST:
            raise MeshError(f"{path} is too large for what it should hold")
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except MeshError:
        raise
    except UNREADABLE as error:
        raise MeshError(f"can't read {path}: {error}") from error
    try:
        return _record(facts, path.parent.name)
    except (*NO_NUMBER, KeyError, AttributeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise MeshError(f"{path}: {what}; add the object again, or mend the file") from error


def _record(facts: Any, folder: str) -> Record:
    if not isinstance(facts, dict) or facts["version"] != VERSION:
        raise ValueError(f"it isn't the record of an object, version {VERSION}")
    if facts["name"] != folder:
        raise ValueError(f"the name {facts['name']!r} isn't that of the folder")
    symmetry = facts["symmetry"]
    turns = tuple(_turn(turn) for turn in symmetry["turns"])
    found = Turns(
        _vector(symmetry["center"], "symmetry.center"),
        None if symmetry["axis"] is None else _vector(symmetry["axis"], "symmetry.axis", direction=True),
        turns,
        _number(symmetry.get("deviation", 0.0), "symmetry.deviation"),
    )
    try:
        found.symmetry(False)
    except InvalidInputError as error:
        raise ValueError(f"symmetry: {error}") from error
    return Record(
        name=str(facts["name"]),
        source=str(facts["source"]),
        source_sha256=str(facts["source_sha256"]),
        unit=str(facts["unit"]),
        scale=_number(facts["scale"], "scale"),
        symmetry=found,
        texture_too=symmetry.get("texture_too", False) is True,
        colour=_colour(facts["colour"]),
        mesh_sha256=str(facts["mesh_sha256"]),
        surface_sha256=str(facts["surface_sha256"]),
        changes=tuple(str(item) for item in facts.get("changes", [])),
    )


def _turn(value: Any) -> Turn:
    fold = value["fold"]
    if type(fold) is not int or not 2 <= fold <= MOST_FOLDS:
        raise ValueError(f"symmetry.turns: fold must be a whole number from 2 to {MOST_FOLDS}, got {fold!r}")
    return _vector(value["axis"], "symmetry.turns axis", direction=True), fold


def _colour(value: Any) -> tuple[int, int, int]:
    red, green, blue = (round(channel) for channel in _vector(value, "colour"))
    if min(red, green, blue) < 0 or max(red, green, blue) > 255:
        raise ValueError(f"colour must be three numbers from 0 to 255, got {value!r}")
    return red, green, blue


def _vector(value: Any, what: str, direction: bool = False) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"{what} must be three numbers, got {value!r}")
    x, y, z = (_number(item, what) for item in value)
    if direction and math.hypot(x, y, z) < 1e-6:
        raise ValueError(f"{what} must not be zero")
    return x, y, z


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{what} must be a finite number, got {value!r}")
    return float(value)
