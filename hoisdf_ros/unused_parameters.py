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

"""Given parameters that a node doesn't have.

ROS passes over them silently.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from rclpy.node import Node

_VALUES = "ros__parameters"
_QOS = "qos_overrides."  # declared with the publisher or subscription


def warn_of_unused(node: Node, args: Sequence[str] | None = None, beside: Sequence[Node] = ()) -> None:
    """Log a warning for each given parameter without effect.

    For each parameter file for other nodes, too.

    Args:
        node: has declared its parameters.
        args: the command line; None: the process's own.
        beside: the nodes of the process; a file that is for one of them is in its place.
    """
    for text in (*_unknown(node), *_of_other_nodes(node, sys.argv if args is None else args, beside)):
        node.get_logger().warning(text)


def _unknown(node: Node) -> Iterator[str]:
    known = sorted(node.get_parameters_by_prefix(""))
    for name in getattr(node, "_parameter_overrides", {}):  # rclpy has no other way to them
        if not node.has_parameter(name) and not name.startswith(_QOS):
            near = difflib.get_close_matches(name, known, 1)
            meant = f": did you mean {near[0]}?" if near else ""
            yield f"the parameter {name} was given, but {node.get_fully_qualified_name()} has none of that name{meant}"


def _of_other_nodes(node: Node, args: Sequence[str], beside: Sequence[Node]) -> Iterator[str]:
    own = node.get_fully_qualified_name()
    here = {own, *(other.get_fully_qualified_name() for other in beside)}
    for file in (value for option, value in pairwise(args) if option == "--params-file"):
        named = list(_nodes(yaml.safe_load(Path(file).read_text("utf-8"))))  # rcl has read it already
        if named and not any(_pattern(name).fullmatch(one) for name in named for one in here):
            yield f"the parameter file {file} has parameters of {', '.join(named)} only, none of this node, {own}"


def _nodes(content: Any, prefix: str = "") -> Iterator[str]:
    """Full names of the nodes in a parameter file; namespaces may be keys of their own."""
    for key, value in content.items() if isinstance(content, Mapping) else ():
        name = f"{prefix}/{str(key).strip('/')}"
        if isinstance(value, Mapping) and _VALUES in value:
            yield name
        else:
            yield from _nodes(value, name)


def _pattern(name: str) -> re.Pattern[str]:
    """``*`` is one part of a node's name, ``**`` any number of them."""
    parts = {"/**": "(/[^/]+)*", "/*": "/[^/]+"}
    return re.compile("".join(parts.get(part, re.escape(part)) for part in re.findall("/[^/]+", name)))
