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

"""Files of estimates: JSON, and PLY meshes in the camera frame.

The JSON has everything but the mesh.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import trimesh
from numpy.typing import NDArray

from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Estimate
from hoisdf_model.hand import JOINT_NAMES, HandModelLike, as_hand_model
from hoisdf_model.objects import Catalogue

FORMAT = "hoisdf-estimate/1"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write indented JSON with number lists on single lines."""
    text = json.dumps(content, indent=1)
    text = re.sub(r"\[[-+\d.eE,\s]+\]", lambda numbers: " ".join(numbers.group().split()), text)
    path.write_text(text + "\n", encoding="utf-8")


def estimate_to_json(estimate: Estimate) -> dict[str, Any]:
    """Plain values; metres, radians, pixels, camera frame; the schema is in docs/live_use.md."""
    return {
        "format": FORMAT,
        "hands": [
            {
                "side": hand.side,
                "score": _number(hand.score),
                "joints": dict(zip(JOINT_NAMES, _numbers(hand.joints), strict=True)),
                "joint_scores": dict(zip(JOINT_NAMES, _numbers(hand.joint_scores), strict=True)),
                "pose": _numbers(hand.pose),
                "shape": _numbers(hand.shape),
                "hand_model": {"name": hand.model.name, "hash": hand.model.hash},
                "root_source": hand.root_source,
                "root_covariance": _known(hand.root_covariance),
            }
            for hand in estimate.hands
        ],
        "objects": [
            {
                "name": thing.name,
                "side": thing.side,
                "score": _number(thing.score),
                "rotation": _numbers(thing.rotation),
                "translation": _numbers(thing.translation),
                "covariance": _known(thing.covariance),
            }
            for thing in estimate.objects
        ],
        "regions": {
            "hands": [
                {
                    "box": _numbers(region.box),
                    "side": region.side,
                    "score": _number(region.score),
                    "root": None if region.root is None else _numbers(region.root),
                }
                for region in estimate.regions.hands
            ],
            "objects": [
                {
                    "box": _numbers(region.box),
                    "name": region.name,
                    "score": _number(region.score),
                    "center": None if region.center is None else _numbers(region.center),
                }
                for region in estimate.regions.objects
            ],
        },
        "seconds": {stage: _number(seconds) for stage, seconds in estimate.timing.items()},
    }


def write_meshes(stem: Path, estimate: Estimate, hand_model: HandModelLike, catalogue: Catalogue | None) -> list[Path]:
    """Write ``<stem>_hand_0_right.ply``, ``<stem>_object_0_<name>.ply``, ...: metres, camera frame.

    Args:
        stem: folder and beginning of the names.
        hand_model: the right hand model that the estimate's hands belong to.
        catalogue: the objects' meshes; an object that isn't in there gets no file.

    Returns:
        The files.
    """
    hand_model, written = as_hand_model(hand_model), []
    for i, hand in enumerate(estimate.hands):
        path = stem.with_name(f"{stem.name}_hand_{i}_{hand.side}.ply")
        trimesh.Trimesh(hand.vertices, hand_model.faces_of(hand.side), process=False).export(path)
        written.append(path)
    for i, thing in enumerate(estimate.objects):
        if catalogue is None or not thing.name:
            continue
        try:
            mesh = catalogue.mesh(thing.name)
        except MeshError:
            continue
        path = stem.with_name(f"{stem.name}_object_{i}_{thing.name}.ply")
        vertices = mesh.vertices @ thing.rotation.T + thing.translation
        trimesh.Trimesh(vertices, mesh.faces, process=False).export(path)
        written.append(path)
    return written


def _known(covariance: NDArray[Any]) -> list[Any] | None:
    return None if covariance[0, 0] < 0 else _numbers(covariance)


def _numbers(array: NDArray[Any]) -> list[Any]:
    # seven digits are what float32 holds, and a micrometre at ten metres
    return [_numbers(part) if part.ndim else _number(part) for part in array]


def _number(value: Any) -> float:
    return float(f"{float(value):.7g}")
