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

"""What the package says about itself agrees: interfaces, package.xml, CMakeLists.txt, setup.cfg, pyproject.toml."""

import ast
import configparser
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
INTERFACES = sorted([*ROOT.glob("msg/*.msg"), *ROOT.glob("srv/*.srv")])
STAMPED = ("Grasp", "Grasps", "HandJoints", "HandObject", "ObjectPose", "Regions")
PACKAGE_XML = ElementTree.parse(ROOT / "package.xml").getroot()
DECLARED_TO_ROS = {element.text for element in PACKAGE_XML if element.tag.endswith("depend")}
# Packages whose name to import isn't their distribution's.
DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "cv2": "opencv-python-headless", "fcl": "python-fcl", "igl": "libigl", "PIL": "pillow", "yaml": "pyyaml"
}  # fmt: skip
ROS_PACKAGE = re.compile(r".*_msgs|.*_interfaces|rclpy|cv_bridge|ament_index_python|std_srvs|tf2_.*|launch|launch_ros")
EXECUTABLES = {"perception", "grasp", "moveit_example", "evaluation", "camera", "replay", "viewer", "demo", "hoisdf"}


def imports(folder: str) -> Iterator[tuple[Path, str]]:
    """Every file under ``folder`` with the top-level name of every module it imports absolutely."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield path, node.module.split(".")[0]


def executables() -> dict[str, tuple[str, str]]:
    """Name of each executable of setup.cfg, with the module and function it starts."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["console_scripts"].strip().splitlines()
    return {
        name.strip(): tuple(target.strip().split(":"))
        for name, target in (line.split("=", maxsplit=1) for line in lines)
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what a wheel is built from, and of a folder that doesn't belong into one."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("hoisdf_model", "hoisdf_ros", "launch"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, copy)
    return copy


@pytest.fixture(scope="module")
def metadata(checkout) -> importlib.metadata.Distribution:
    """What pip learns about the package."""
    make = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", "."]
    subprocess.run(make, cwd=checkout, check=True, capture_output=True)
    return importlib.metadata.PathDistribution(checkout / "hoisdf.egg-info")


def required_distributions(metadata: importlib.metadata.Distribution, extras: tuple[str, ...]) -> set[str]:
    """Normalised names of what pip installs together with the package, with these extras."""
    return {
        canonicalize_name(requirement.name)
        for requirement in map(Requirement, metadata.requires)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.name)
def test_interface_copy_in_the_assets_is_equal(path):
    assert (ROOT / "hoisdf_model/assets/msg" / path.name).read_bytes() == path.read_bytes()


def test_assets_hold_no_other_interfaces():
    copies = {path.name for path in (ROOT / "hoisdf_model/assets/msg").iterdir()}
    assert copies == {path.name for path in INTERFACES}


def test_cmake_generates_every_interface():
    listed = re.findall(r'"((?:msg|srv)/\w+\.(?:msg|srv))"', (ROOT / "CMakeLists.txt").read_text())
    assert sorted(listed) == [str(path.relative_to(ROOT)) for path in INTERFACES]


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.name)
def test_every_field_has_a_comment(path):
    above = ""
    for line in path.read_text().splitlines():
        code = line.split("#")[0].strip()
        if code and code != "---" and "=" not in code:
            assert "#" in line or above.startswith("#"), f"no comment beside or above: {line}"
        above = line


@pytest.mark.parametrize("name", STAMPED)
def test_stamped_messages_have_the_header_first(name):
    fields = [
        line.split("#")[0].split()
        for line in (ROOT / "msg" / f"{name}.msg").read_text().splitlines()
        if line.split("#")[0].strip() and "=" not in line.split("#")[0]
    ]
    assert fields[0] == ["std_msgs/Header", "header"]


@pytest.mark.ros
@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.name)
def test_generated_classes_have_the_fields_of_the_files(path):
    if path.suffix == ".msg":
        generated = [getattr(importlib.import_module("hoisdf.msg"), path.stem)]
    else:
        service = getattr(importlib.import_module("hoisdf.srv"), path.stem)
        generated = [service.Request, service.Response]
    parts = [[]]
    for line in path.read_text().splitlines():
        code = line.split("#")[0]
        if line == "---":
            parts.append([])
        elif code.strip() and "=" not in code:
            parts[-1].append(code.split()[1])
    assert [list(kind.get_fields_and_field_types()) for kind in generated] == parts


@pytest.mark.ros
def test_side_and_root_constants():
    from hoisdf.msg import HandJoints, Region

    assert [HandJoints.SIDE_UNKNOWN, HandJoints.SIDE_RIGHT, HandJoints.SIDE_LEFT] == [0, 1, 2]
    assert [Region.SIDE_UNKNOWN, Region.SIDE_RIGHT, Region.SIDE_LEFT] == [0, 1, 2]
    roots = ("UNKNOWN", "GIVEN", "DEPTH", "MONOCULAR", "TRACKED")
    assert [getattr(HandJoints, f"ROOT_{name}") for name in roots] == [0, 1, 2, 3, 4]


def test_package_xml_is_valid():
    catkin_pkg = pytest.importorskip("catkin_pkg.package")
    package = catkin_pkg.parse_package(str(ROOT / "package.xml"))
    package.validate(warnings=(warnings := []))
    assert not warnings
    assert (package.name, package.get_build_type(), package.licenses) == ("hoisdf", "ament_cmake", ["Apache-2.0"])
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")
    assert f"## {package.version}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("hoisdf_model", ("train", "convert")), ("hoisdf_ros", ()), ("benchmark", ("train", "benchmark"))],
)
def test_every_imported_library_is_declared(folder, extras, metadata):
    allowed = required_distributions(metadata, extras)
    own = {"hoisdf", "hoisdf_model", "hoisdf_ros", "__future__"} | {path.stem for path in (ROOT / folder).glob("*.py")}
    for path, name in imports(folder):
        if name not in sys.stdlib_module_names and name not in own and not ROS_PACKAGE.fullmatch(name):
            assert DISTRIBUTIONS.get(name, name).lower() in allowed, f"{path} imports {name}: not in pyproject.toml"


@pytest.mark.parametrize("folder", ["hoisdf_ros", "launch"])
def test_every_imported_ros_package_is_declared(folder):
    for path, name in imports(folder):
        if ROS_PACKAGE.fullmatch(name):
            assert name in DECLARED_TO_ROS, f"{path} imports {name}: not in package.xml"


def test_executables_are_these():
    assert set(executables()) == EXECUTABLES


@pytest.mark.ros
@pytest.mark.parametrize("name", sorted(EXECUTABLES))
def test_executable_starts_a_function_that_exists(name):
    module, function = executables()[name]
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.ros
def test_build_has_installed_executables_launch_files_and_configurations():
    from ament_index_python.packages import get_package_prefix, get_package_share_directory

    programs = Path(get_package_prefix("hoisdf"), "lib", "hoisdf")
    assert {path.name for path in programs.iterdir() if os.access(path, os.X_OK)} == EXECUTABLES
    share = Path(get_package_share_directory("hoisdf"))
    for folder in ("launch", "config", "rviz", "msg", "srv"):
        for path in (ROOT / folder).glob("*.*"):
            assert (share / folder / path.name).read_bytes() == path.read_bytes(), path


def test_wheel_has_both_packages_and_every_asset(checkout):
    build = [sys.executable, "setup.py", "--quiet", "build", "--build-lib", "built"]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
    built = checkout / "built"
    assert {path.name for path in built.iterdir()} == {"hoisdf_model", "hoisdf_ros"}
    for package in ("hoisdf_model", "hoisdf_ros"):
        for path in (checkout / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (built / path.relative_to(checkout)).is_file(), f"{path} is missing in the wheel"


def test_metadata_for_pip_has_one_command_and_the_checks_of_ros(metadata):
    assert metadata.version == PACKAGE_XML.findtext("version")
    found = {(entry.group, entry.name, entry.value) for entry in metadata.entry_points}
    assert found == {
        ("console_scripts", "hoisdf", "hoisdf_model.cli:main"),
        ("hoisdf.doctor", "ros", "hoisdf_ros.doctor:checks"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="what GNU's OpenMP says of itself")
@pytest.mark.parametrize(
    ("asked", "spins"), [({}, 10_000), ({"GOMP_SPINCOUNT": "7"}, 7), ({"OMP_WAIT_POLICY": "PASSIVE"}, 0)]
)
def test_threads_of_torch_soon_sleep_when_they_wait_unless_the_user_wants_otherwise(asked: dict[str, str], spins: int):
    ours = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    run = subprocess.run(
        [sys.executable, "-c", "import hoisdf_model.network"],
        env=environment | asked | {"OMP_DISPLAY_ENV": "VERBOSE"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"GOMP_SPINCOUNT = '{spins}'" in run.stderr


def test_an_estimator_starts_without_the_compiler_of_torch():
    """Its import takes more than a second; RoMa imports it from version 1.6 on, which isn't ours to change."""
    asked = "import sys, torch, roma; before = 'torch._dynamo' in sys.modules; from hoisdf_model import Estimator; "
    asked += "Estimator.load(); print(before, 'torch._dynamo' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    before, after = run.stdout.split()
    assert after == before
