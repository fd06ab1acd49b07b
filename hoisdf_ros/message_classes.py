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

"""ROS message classes for ``hoisdf_model.messages``."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from hoisdf_model.messages import MessageTypes, ros_types


def message_class(name: str) -> Any:
    """Message class of ``package/msg/Name``.

    Raises:
        ImportError: the package isn't installed or hasn't been built.
    """
    package, kind, message = name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), message)


def has_package(package: str) -> bool:
    """Whether a message package can be imported."""
    return importlib.util.find_spec(package) is not None


ROS_TYPES: MessageTypes = ros_types(message_class)
