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

"""The import floors of docs/architecture.md: no room imports from one above it; the model never imports ROS."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FREE = {"errors", "estimates", "paths", "settings", "transfers"}
MAY_IMPORT = {
    "errors": set(),
    "paths": set(),
    "settings": set(),
    "transfers": set(),
    "geometry": set(),
    "estimates": {"geometry"},
    "messages": {"geometry"},
    "feeds": {"messages"},
    "hand": {"geometry"},
    "objects": {"geometry"},
    "drawing": {"hand", "objects", "geometry"},
    "hand_tracking": {"hand", "geometry"},
    "network": {"hand_tracking", "hand", "geometry"},
    "data": {"hand", "objects", "geometry", "messages"},
    "estimation": {"network", "hand_tracking", "hand", "objects", "geometry"},
    "synthesis": {"messages", "data", "hand", "objects", "geometry"},
    "viewing": {"drawing", "hand", "objects", "geometry"},
    "grasping": {"drawing", "hand", "objects", "geometry"},
    "evaluation": {"estimation", "drawing", "network", "hand_tracking", "data", "hand", "objects", "geometry"},
    "training": {"drawing", "network", "hand_tracking", "data", "synthesis", "evaluation", "hand", "geometry"},
    "ablations": {"training", "network", "data", "synthesis", "evaluation", "hand", "objects", "geometry"},
}
# Rooms with wings: their folders and files by floors, the lowest first; each imports only from floors below its own.
WINGS = {
    "hoisdf_ros": (
        {
            "beginning",
            "catalogue_meshes",
            "child",
            "message_classes",
            "parameters",
            "processes",
            "serialized",
            "unused_parameters",
        },
        {"node_parameters", "round_trip", "spinning", "transforms"},
        {"demo", "doctor", "feeds", "stream"},
        {"evaluation", "grasp", "perception", "viewer"},
    ),
    "hoisdf_model.data": (
        {"dataset_images", "download_check", "labelled_frames", "synthetic_note"},
        {"distance_files", "samples", "sdf_samples", "shards"},
        {"hand_fields", "object_models", "shards_check"},
        {"bags", "dexycb", "ho3d"},
        {"layouts"},
    ),
    "hoisdf_model.evaluation": ({"metrics"}, {"runs"}, {"reports"}),
    "hoisdf_model.synthesis": (
        {"motion", "splits"},
        {"grasps"},
        {"render"},
        {"plays", "stills"},
        {"benchmark", "trees"},
        {"benchmark_bags"},
    ),
}
TOP = {"cli", "commands", "__init__"}  # may import everything of the model
ROS = {"rclpy", "hoisdf", "hoisdf_ros", "cv_bridge", "tf2_ros", "sensor_msgs", "std_msgs", "geometry_msgs"}
PUBLIC_ROOMS = set(MAY_IMPORT) | TOP


def test_architecture_says_what_is_held_here():
    floors = (ROOT / "docs" / "architecture.md").read_text().split("## ")[1]
    table = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", floors, re.MULTILINE)
    assert {room: set(may.replace(",", " ").split()) for room, may in table if room in MAY_IMPORT} == MAY_IMPORT


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "hoisdf_model").parts[0].removesuffix(".py")


def test_architecture_says_which_wings_there_are():
    wings = (ROOT / "docs" / "architecture.md").read_text().split("## ")[2]
    table = re.findall(r"^\| `([\w.]+)` \|([^|]*)\|$", wings, re.MULTILINE)
    said = {room: tuple(set(re.findall(r"`(\w+)`", floor)) for floor in floors.split(";")) for room, floors in table}
    assert said == WINGS


@pytest.mark.parametrize("room", WINGS)
def test_wings_import_only_from_floors_below(room: str):
    folder, floors = ROOT.joinpath(*room.split(".")), WINGS[room]
    level = {name: height for height, floor in enumerate(floors) for name in floor}
    parts = {
        path.name.removesuffix(".py")
        for path in folder.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - {"__init__"} == set(level)
    for path in sorted(folder.rglob("*.py")):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        for name in imported_modules(path):
            if name.startswith(f"{room}."):
                other = name.removeprefix(f"{room}.").split(".")[0]
                assert other in level, f"{path} imports {name} from the face of its own room"
                assert other == own or level[other] < level[own], f"{path} imports {name}"


MODEL_FILES = sorted((ROOT / "hoisdf_model").rglob("*.py"))
ROS_FILES = sorted((ROOT / "hoisdf_ros").rglob("*.py"))


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_model_imports_only_from_floors_below(path: Path):
    room = room_of(path)
    assert room in PUBLIC_ROOMS, f"a room that the floors don't know: {room}"
    for name in imported_modules(path):
        top, *rest = name.split(".")
        assert top not in ROS, f"{path}: the model imports ROS ({name})"
        if top != "hoisdf_model" or not rest or room in TOP:
            continue
        target = rest[0]
        if target in PUBLIC_ROOMS:
            assert target == room or target in FREE or target in MAY_IMPORT[room], f"{room} imports {target} in {path}"


@pytest.mark.parametrize("path", ROS_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_ros_imports_only_public_faces(path: Path):
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] == "hoisdf_model" and len(parts) > 2:
            inner = ROOT.joinpath(*parts[:3])
            deeper = inner.is_dir() or inner.with_suffix(".py").exists()
            assert not deeper, f"{path} reaches into {name}: import it from {'.'.join(parts[:2])}"
