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

"""YAML files of recorded grasps."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import UNREADABLE, GraspError
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping.demonstration import RecordedGrasp

FORMAT = "hoisdf-grasp/1"
MODES = ("imitate", "handover")
HEADER = """\
# A grasp in the frame of an object's mesh: metres, radians, quaternion x, y, z, w. Tool frame: origin midway between
# the pads, z along the approach, y from one finger to the other. Spreads are standard deviations, axes of the object.
"""
_KEYS = ("object", "gripper", "mode", "position", "orientation", "width", "score", "spread", "frames")


def write_grasp(path: str | Path, grasp: RecordedGrasp) -> None:
    """Write one grasp.

    Raises:
        GraspError: the file can't be written.
    """
    content = {
        "format": FORMAT,
        "object": grasp.object_name,
        "gripper": grasp.gripper,
        "mode": grasp.mode,
        "position": _rounded(grasp.pose[:3, 3]),
        "orientation": _rounded(Rotation.from_matrix(grasp.pose[:3, :3]).as_quat(canonical=True), 9),
        "width": round(grasp.width, 6),
        "score": round(grasp.score, 4),
        "spread": {
            "position": _rounded(grasp.position_spread),
            "rotation": _rounded(grasp.rotation_spread),
            "width": round(grasp.width_spread, 6),
        },
        "frames": {"seen": grasp.frames, "used": grasp.used},
        "contacts": {
            region: {"surface": round(float(facts["surface"]), 4), "point": _rounded(facts["point"]),
                     "normal": _rounded(facts["normal"], 4)}
            for region, facts in grasp.contacts.items()
        },
    }  # fmt: skip
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(HEADER + yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
    except OSError as error:
        raise GraspError(f"the grasp can't be written to {target}: {error.strerror or error}") from error


def read_grasp(path: str | Path) -> RecordedGrasp:
    """Read one grasp.

    Raises:
        GraspError: the file is missing or damaged, or a value makes no sense; says which.
    """
    target = Path(path)
    if not target.is_file():
        raise GraspError(f"no grasp file {target}; record one with: hoisdf grasp record")
    try:
        content = yaml.safe_load(target.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise GraspError(f"{target} is no YAML file: {error}") from error
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise GraspError(f"{target} is no recorded grasp: its format must be {FORMAT}")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise GraspError(f"{target} lacks {', '.join(missing)}; record the grasp again")
    if content["mode"] not in MODES:
        raise GraspError(f"mode of {target} must be one of {', '.join(MODES)}, got {content['mode']!r}")
    quaternion = _vector(content["orientation"], 4, f"orientation of {target}")
    if abs(np.linalg.norm(quaternion) - 1) > 1e-3:
        raise GraspError(f"orientation of {target} must be a quaternion of length 1, got {quaternion.tolist()}")
    spread, frames = content["spread"], content["frames"]
    if not isinstance(spread, Mapping) or not isinstance(frames, Mapping):
        raise GraspError(f"spread and frames of {target} must be mappings, got {spread!r} and {frames!r}")
    return RecordedGrasp(
        object_name=str(content["object"]),
        gripper=str(content["gripper"]),
        mode=content["mode"],
        pose=rigid(
            Rotation.from_quat(quaternion).as_matrix(), _vector(content["position"], 3, f"position of {target}")
        ),
        width=_number(content["width"], f"width of {target}"),
        width_spread=_number(spread.get("width", 0.0), f"spread.width of {target}"),
        score=_number(content["score"], f"score of {target}"),
        position_spread=_vector(spread.get("position"), 3, f"spread.position of {target}"),
        rotation_spread=_vector(spread.get("rotation"), 3, f"spread.rotation of {target}"),
        frames=int(_number(frames.get("seen"), f"frames.seen of {target}")),
        used=int(_number(frames.get("used"), f"frames.used of {target}")),
        contacts=_contacts(content.get("contacts") or {}, str(target)),
    )


def _contacts(value: Any, where: str) -> dict[str, dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise GraspError(f"contacts of {where} must be a mapping, got {value!r}")
    result = {}
    for region, facts in value.items():
        if not isinstance(facts, Mapping):
            raise GraspError(f"contacts.{region} of {where} must be a mapping, got {facts!r}")
        what = f"contacts.{region}"
        result[str(region)] = {
            "surface": _number(facts.get("surface"), f"{what}.surface of {where}"),
            "point": _vector(facts.get("point"), 3, f"{what}.point of {where}").tolist(),
            "normal": _vector(facts.get("normal"), 3, f"{what}.normal of {where}").tolist(),
        }
    return result


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise GraspError(f"{what} must be a number, got {value!r}")
    return float(value)


def _vector(value: Any, length: int, what: str) -> NDArray[np.float64]:
    if not isinstance(value, list) or len(value) != length:
        raise GraspError(f"{what} must be {length} numbers, got {value!r}")
    return np.array([_number(item, what) for item in value])


def _rounded(values: Any, digits: int = 6) -> list[float]:
    return [round(float(value), digits) for value in values]
