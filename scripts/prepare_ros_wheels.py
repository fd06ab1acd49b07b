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

"""Make a virtual environment with the ROS 2 wheels fit for colcon: ``prepare_ros_wheels.py SOURCE_FOLDER``.

Runs inside that environment, as part of ``scripts/setup``, and does two things:

- The CMake targets that the wheels export name the include folders of the machine that built them; they are pointed at
  this interpreter's and this numpy's. Without that CMake refuses to generate.
- ``tf2_msgs`` isn't among the wheels. Its one message that this package needs is written to ``SOURCE_FOLDER/tf2_msgs``
  as an ordinary ROS package, unless the ament index has the real one.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from pathlib import Path

BUILDERS_NUMPY = re.compile(r"/opt/python/[^;\"]*/site-packages/numpy/_core/include")
BUILDERS_PYTHON = re.compile(r"/opt/python/[^;\"/]*/include/python3\.\d+")

TF2_MSGS_PACKAGE = """<?xml version="1.0"?>
<package format="3">
  <name>tf2_msgs</name>
  <version>0.0.0</version>
  <description>The one message of tf2_msgs that hoisdf publishes, where the real package isn't installed.</description>
  <maintainer email="no-address@hoisdf.invalid">hoisdf contributors</maintainer>
  <license>BSD-3-Clause</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""

TF2_MSGS_CMAKE = """cmake_minimum_required(VERSION 3.20)
project(tf2_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(${PROJECT_NAME} "msg/TFMessage.msg" DEPENDENCIES geometry_msgs)
ament_export_dependencies(rosidl_default_runtime)
ament_package()
"""


def repaired_target(text: str, python_include: str, numpy_include: str) -> str:
    """Return the CMake file ``text`` with the builders' include folders replaced by these."""
    return BUILDERS_PYTHON.sub(lambda _: python_include, BUILDERS_NUMPY.sub(lambda _: numpy_include, text))


def repair_exported_targets(prefix: Path, python_include: str, numpy_include: str) -> int:
    """Repair every CMake file under ``prefix/share``; returns how many had to be."""
    repaired = 0
    for path in sorted(prefix.glob("share/*/cmake/*.cmake")):
        text = path.read_text()
        better = repaired_target(text, python_include, numpy_include)
        if better != text:
            path.write_text(better)
            repaired += 1
    return repaired


def write_if_changed(path: Path, text: str) -> None:
    """Write ``text``, leaving the file's time alone where it is the same, so that nothing is built anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_tf2_msgs(folder: Path) -> None:
    """Write a ROS package ``tf2_msgs`` with TFMessage, from the definition that rosbags carries."""
    from rosbags.typesys import Stores, get_typestore

    definition, _ = get_typestore(Stores.LATEST).generate_msgdef("tf2_msgs/msg/TFMessage", ros_version=2)
    fields = definition.split("=" * 80)[0]  # what follows are the definitions of the messages inside
    write_if_changed(folder / "package.xml", TF2_MSGS_PACKAGE)
    write_if_changed(folder / "CMakeLists.txt", TF2_MSGS_CMAKE)
    write_if_changed(folder / "msg/TFMessage.msg", fields)


def main(source_folder: Path) -> None:
    """Repair the targets of this environment and write what it lacks."""
    import numpy

    prefix = Path(sys.prefix)
    repaired = repair_exported_targets(prefix, sysconfig.get_paths()["include"], numpy.get_include())
    print(f"repaired {repaired} exported CMake targets")
    index = "share/ament_index/resource_index/packages/tf2_msgs"
    prefixes = {prefix, *map(Path, filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)))}
    own = source_folder.parent / "install"
    if any((place / index).exists() for place in prefixes if place != own):
        print("tf2_msgs is there already")
    else:
        write_tf2_msgs(source_folder / "tf2_msgs")
        print(f"wrote {source_folder / 'tf2_msgs'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
