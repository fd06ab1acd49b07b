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

"""Parallel-jaw grippers, described in YAML.

Tool frame, the same for every gripper (``msg/Grasp.msg``): origin midway between the middles of the two pads, z along
the approach, y from one finger to the other, x = y cross z. All lengths in metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hoisdf_model.errors import UNREADABLE, ConfigError

_PRESETS = files("hoisdf_model") / "assets" / "grippers"
LONGEST = 1.0  # metres: whoever gives more has given millimetres
_PARTS = {"pad": ("length", "width"), "finger": ("length", "width", "thickness"), "palm": ("width", "span", "depth")}
_AXES = {
    f"{sign}{name}": unit for name, e in zip("xyz", np.eye(3), strict=True) for sign, unit in (("+", e), ("-", -e))
}
_LENGTH = "{what} must be a length in metres, above 0 and at most 1, got {value!r}"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gripper:
    """One gripper; read with :func:`load_gripper`.

    Attributes:
        name: as messages carry it.
        stroke: largest opening.
        pad_length, pad_width: contact surface of a finger, along z and x.
        finger_length: from the palm's face to the tip; ``finger_width`` along x, ``finger_thickness`` along y.
        palm: (width along x, span along y, depth along z) of everything behind the fingers.
        frame: the link that a robot model places.
        frame_rotation: (3, 3) tool frame -> ``frame``.
        palm_distance: (K, 2) opening, and distance along the approach from ``frame``'s origin to the palm's face.
        sources: where the numbers come from.
    """

    name: str
    stroke: float
    pad_length: float
    pad_width: float
    finger_length: float
    finger_width: float
    finger_thickness: float
    palm: tuple[float, float, float]
    frame: str
    frame_rotation: Floats
    palm_distance: Floats
    sources: tuple[str, ...]

    @property
    def tip(self) -> float:
        """Z of the finger tips."""
        return self.pad_length / 2

    @property
    def palm_face(self) -> float:
        """Z of the palm's face; negative."""
        return self.pad_length / 2 - self.finger_length

    def boxes(self, opening: float, travel: float = 0.0, closed_to: float | None = None) -> Floats:
        """Collision boxes of the gripper, axis-aligned in the tool frame.

        Args:
            opening: between the pads.
            travel: length of the straight approach that counts too.
            closed_to: where given, what the fingers sweep when they close to this opening counts too.

        Returns:
            (3, 2, 3): left finger, right finger, palm; lowest and highest corner.
        """
        inner = (opening if closed_to is None else closed_to) / 2
        outer = opening / 2 + self.finger_thickness
        half, low = self.finger_width / 2, self.palm_face - travel
        width, span, depth = self.palm
        return np.array(
            [
                [[-half, inner, low], [half, outer, self.tip]],
                [[-half, -outer, low], [half, -inner, self.tip]],
                [[-width / 2, -span / 2, low - depth], [width / 2, span / 2, self.palm_face]],
            ]
        )

    def mount_pose(self, tool: Floats, opening: float) -> Floats:
        """Pose of the robot's link ``frame`` for a tool pose.

        (4, 4) each; for an opening.
        """
        result = np.array(tool, np.float64)
        reach = float(np.interp(opening, *self.palm_distance.T)) - self.palm_face
        result[:3, 3] -= tool[:3, 2] * reach
        result[:3, :3] = tool[:3, :3] @ self.frame_rotation.T
        return result


def gripper_names() -> tuple[str, ...]:
    """Names of the grippers that come with the package."""
    return tuple(sorted(f.name.removesuffix(".yaml") for f in _PRESETS.iterdir() if f.name.endswith(".yaml")))


def load_gripper(name: str | Path = "generic") -> Gripper:
    """Gripper of the package by name, or of a YAML file.

    See ``assets/grippers/generic.yaml``.

    Raises:
        ConfigError: no such gripper or file, or a value is missing, unknown or out of range; says which.
    """
    text = str(name)
    if text in gripper_names():
        return gripper_from_mapping(text, _parsed((_PRESETS / f"{text}.yaml").read_text(encoding="utf-8"), text))
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"unknown gripper {text!r}: give a YAML file or one of {', '.join(gripper_names())}")
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the gripper {path} can't be read: {error}") from error
    return gripper_from_mapping(path.stem, _parsed(content, text))


def gripper_from_mapping(name: str, values: Any) -> Gripper:
    """The gripper that the YAML's content describes.

    Raises:
        ConfigError: as :func:`load_gripper`.
    """
    where = f"gripper {name}"
    top = _section(values, ("stroke", "pad", "finger", "palm", "frame", "sources"), where)
    stroke = _length(top["stroke"], f"{where}: stroke")
    parts = {
        f"{part}.{key}": _length(_section(top[part], keys, f"{where}: {part}")[key], f"{where}: {part}.{key}")
        for part, keys in _PARTS.items()
        for key in keys
    }
    for key in ("length", "width"):
        if parts[f"pad.{key}"] > parts[f"finger.{key}"]:
            raise ConfigError(
                f"{where}: pad.{key} ({parts[f'pad.{key}']} m) must be within finger.{key} ({parts[f'finger.{key}']} m)"
            )
    frame = _section(top["frame"], ("name", "closing_axis", "approach_axis", "palm_distance"), f"{where}: frame")
    if not isinstance(frame["name"], str) or not frame["name"]:
        raise ConfigError(f"{where}: frame.name must be the name of a link, got {frame['name']!r}")
    closing, approach = (_axis(frame[key], f"{where}: frame.{key}") for key in ("closing_axis", "approach_axis"))
    if abs(closing @ approach) > 0.5:
        raise ConfigError(
            f"{where}: frame.closing_axis ({frame['closing_axis']}) and frame.approach_axis ({frame['approach_axis']}) "
            "must be at right angles"
        )
    sources = top["sources"]
    if not isinstance(sources, list) or not sources or not all(isinstance(source, str) for source in sources):
        raise ConfigError(f"{where}: sources must be a list of texts, where the numbers come from, got {sources!r}")
    return Gripper(
        name=name,
        stroke=stroke,
        pad_length=parts["pad.length"],
        pad_width=parts["pad.width"],
        finger_length=parts["finger.length"],
        finger_width=parts["finger.width"],
        finger_thickness=parts["finger.thickness"],
        palm=(parts["palm.width"], parts["palm.span"], parts["palm.depth"]),
        frame=frame["name"],
        frame_rotation=np.stack([np.cross(closing, approach), closing, approach], 1),
        palm_distance=_distances(frame["palm_distance"], f"{where}: frame.palm_distance"),
        sources=tuple(sources),
    )


def _parsed(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except UNREADABLE as error:
        raise ConfigError(f"the gripper {where} is no YAML file: {error}") from error


def _section(values: Any, keys: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must have the keys {', '.join(keys)}, got {values!r}")
    unknown = [str(key) for key in values if key not in keys]
    missing = [key for key in keys if key not in values]
    if unknown or missing:
        words = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        raise ConfigError(f"{where} {' and '.join(words)}; the keys are {', '.join(keys)}")
    return dict(values)


def _length(value: Any, what: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= LONGEST:
        raise ConfigError(_LENGTH.format(what=what, value=value) + (": millimetres?" if number and value > 1 else ""))
    return float(value)


def _axis(value: Any, what: str) -> Floats:
    if value not in _AXES:
        raise ConfigError(f"{what} must be one of {' '.join(_AXES)}, got {value!r}")
    return _AXES[value]


def _distances(value: Any, what: str) -> Floats:
    table = value if isinstance(value, Mapping) else {0.0: value}
    rows = []
    for opening, distance in table.items():
        if isinstance(opening, bool) or not isinstance(opening, (int, float)) or not 0 <= opening <= LONGEST:
            raise ConfigError(f"{what} must be a length or {{opening: length, ...}} in metres, got {value!r}")
        rows.append((float(opening), _length(distance, f"{what} at {opening}")))
    if not rows:
        raise ConfigError(f"{what} must be a length or {{opening: length, ...}} in metres, got {value!r}")
    return np.array(sorted(rows))
