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

"""Initialisation of rclpy, with a one-line error that names the remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import rclpy
import yaml
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.signals import SignalHandlerOptions

from hoisdf_model.errors import UNREADABLE, ConfigError, one_line

Created = TypeVar("Created")
HIGHEST_DOMAIN = 232
# what rcl's text has in it, and what to do; the first that fits
_REMEDIES = (
    (r"logging director|log director|initialize logging", "set ROS_LOG_DIR to a folder that can be written to"),
    (r"of same type", "write all values of a list alike, such as [200.0, 100.5]: 200 is an integer"),
    (r"params.file", "name a YAML file of the form 'node_name: {ros__parameters: {name: value}}', see config/"),
    (r"parameter override", "parameters are given as -p name:=value"),
    (r"remap rule", "names are remapped as -r from:=to, and namespaces begin with '/': -r __ns:=/left"),
    (r"log level", "use --log-level debug, info, warn, error or fatal"),
    (r"ROS_DOMAIN_ID", f"set it to a number from 0 to 101 (at most {HIGHEST_DOMAIN})"),
)
_WORDS = (
    (r",? at /\S+:\d+", ""),  # where in rcl's sources it was noticed
    (r"failed to initialize (rcl|logging): ", ""),
    (r" Error: Expected lexeme .*", ""),  # tells those who know rcl's parser
    (r"rcutils_expand_user failed", "HOME isn't set"),
)
_PARAMETER_FILE = re.compile(r"'--params-file (.+?)'\. ")


@contextmanager
def ros(args: list[str] | None = None) -> Iterator[None]:
    """ROS's default context; signals are left alone.

    Args:
        args: the command line; None: the process's own.

    Raises:
        ConfigError: the command line, a parameter file or the environment is wrong; says which and what would be right.
    """
    domain = os.environ.get("ROS_DOMAIN_ID", "")
    if domain.isdigit() and int(domain) > HIGHEST_DOMAIN:  # Fast DDS ends the process
        raise ConfigError(f"ROS can't be used: ROS_DOMAIN_ID is {domain}; {_REMEDIES[-1][1]}")
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # of several types, not all of which rclpy exports
        raise ConfigError(refusal(error)) from error
    try:
        yield
    finally:
        rclpy.try_shutdown()


def created(create: Callable[[], Created]) -> Created:
    """The node.

    Raises:
        ConfigError: one of the parameters or names that every node has is wrong.
    """
    try:
        return create()
    except (ParameterException, NameValidationException) as error:
        raise ConfigError(f"the node can't be started: {one_line(error)}") from error


def refusal(error: Exception) -> str:
    """Reason why rclpy couldn't be initialised, with the remedy."""
    text = one_line(error)
    for pattern, instead in _WORDS:
        text = re.sub(pattern, instead, text)
    text = re.sub(r": (\d+)$", lambda number: f": {os.strerror(int(number[1]))}", text.rstrip(". "))
    if type(error).__name__ == "UnknownROSArgsError":
        return (
            f"{text} is unknown: --ros-args takes -p name:=value, -r from:=to, --params-file, --log-level and the like"
        )
    if found := _PARAMETER_FILE.search(text):
        text = f"parameter file {found[1]}: {_wrong_with(Path(found[1])) or text[found.end() :]}"
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, str(error))), "")
    return f"ROS can't be used: {text}{'; ' if remedy else ''}{remedy}"


def _wrong_with(path: Path) -> str:
    """What can be said better than rcl does, which opens and parses in one; empty: nothing."""
    try:
        yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        return str(error.strerror)
    except UNREADABLE as error:
        return f"not YAML: {one_line(error)}"
    return ""
