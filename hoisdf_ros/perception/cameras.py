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

"""Several cameras' nodes in one process, with one model."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidNamespaceException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args
from rclpy.validate_namespace import validate_namespace

from hoisdf_model.errors import ConfigError
from hoisdf_ros.perception.node import NAME, PerceptionNode
from hoisdf_ros.perception.scene import SharedScenes

PREFIX = "publish.tf_prefix"


@dataclass(frozen=True)
class Camera:
    """Namespace of a camera's node and prefix of its TF frames."""

    namespace: str
    prefix: str


def cameras_of(command: Sequence[str]) -> list[str]:
    """Names of the cameras on a command line.

    Empty: one camera, in the node's own namespace.

    Raises:
        ConfigError: a name can't be a namespace, or is there twice.
        SystemExit: help was asked for, or an argument is unknown; it has been printed.
    """
    parser = argparse.ArgumentParser(
        prog="perception",
        description="Hand joints, meshes, object poses and TF from a camera's images, or from several cameras'.",
        epilog="Parameters, remappings and log levels follow --ros-args: see docs/perception_node.md.",
    )
    parser.add_argument(
        "--cameras",
        nargs="+",
        metavar="NAME",
        help="one node for each camera, in a namespace of that name, all with one model, their frames taken together; "
        "their frames on /tf begin with 'NAME_' where publish.tf_prefix isn't set",
    )
    given = parser.parse_args(remove_ros_args(list(command))[1:]).cameras
    names = [name.strip("/") for text in given or () for name in text.split(",")]
    for name in names:
        if not name or (wrong := _wrong_with_namespace(name)):
            raise ConfigError(f"--cameras: {name!r} can't be a namespace{f': {wrong}' if name else ': it is empty'}")
    if len(set(names)) < len(names):
        raise ConfigError(f"--cameras: each camera needs a name of its own, got {' '.join(names)}")
    return names


def _wrong_with_namespace(name: str) -> str:
    """What is wrong with a namespace without its leading slash; empty: nothing."""
    try:
        validate_namespace(f"/{name}")
    except InvalidNamespaceException as error:
        return str(error).splitlines()[0]
    return ""


def camera_nodes(names: Sequence[str]) -> list[PerceptionNode]:
    """A perception node for each camera.

    Raises:
        ConfigError: two cameras' frames on /tf would have the same names.
    """
    base = Node(NAME, enable_rosout=False, start_parameter_services=False)
    namespace = base.get_namespace().rstrip("/")
    base.destroy_node()
    scenes, cameras = SharedScenes(), [_camera(namespace, name) for name in names]
    for prefix, count in Counter(camera.prefix for camera in cameras).items():
        if count > 1:
            raise ConfigError(
                f"{PREFIX} is the same for several cameras ({prefix!r}), so that their frames on /tf would be: set "
                f"another for each, or none: then it is the camera's name"
            )
    nodes = [_node(camera, scenes) for camera in cameras]
    for node in nodes:
        node.add_on_set_parameters_callback(partial(_keeps_apart, node, nodes))
    return nodes


def _node(camera: Camera, scenes: SharedScenes) -> PerceptionNode:
    node = PerceptionNode(
        lambda parameters: scenes(parameters, lambda: node.has_next),
        cli_args=["--ros-args", "-r", f"__ns:={camera.namespace}"],
        parameter_overrides=[Parameter(PREFIX, value=camera.prefix)],
    )
    node.get_logger().info(f"frames on /tf begin with {camera.prefix!r}")
    return node


def _keeps_apart(
    node: PerceptionNode, nodes: Sequence[PerceptionNode], changes: Sequence[Parameter]
) -> SetParametersResult:
    """Whether a node's changes leave the names on /tf different."""
    for other in nodes:
        if other is not node and any(
            c.name == PREFIX and c.value == other.get_parameter(PREFIX).value for c in changes
        ):
            reason = f"{PREFIX} is that of {other.get_fully_qualified_name()} already, and frames need different names"
            return SetParametersResult(successful=False, reason=reason)
    return SetParametersResult(successful=True)


def _camera(base: str, name: str) -> Camera:
    """What the command line and parameter files say about a camera in the namespace ``base``."""
    namespace = f"{base}/{name}"
    probe = Node(
        NAME,
        cli_args=["--ros-args", "-r", f"__ns:={namespace}"],
        enable_rosout=False,
        start_parameter_services=False,
        automatically_declare_parameters_from_overrides=True,
    )
    given = probe.has_parameter(PREFIX) and probe.get_parameter(PREFIX).value
    probe.destroy_node()
    return Camera(namespace, str(given) if given else f"{name.replace('/', '_')}_")
