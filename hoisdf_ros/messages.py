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
