"""The message types that bags are read and written with: ROS's common ones and this package's own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

PACKAGE = "hoisdf"


@cache
def interface_types() -> Any:
    """The ``rosbags`` type store with the types of the oldest supported ROS release and of this package.

    Types come from here only, never from the definitions inside a bag: rosbags makes Python code of definitions, and a
    bag is not to be trusted with that.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions: dict[str, Any] = {}
    folder = files("hoisdf_model") / "assets" / "msg"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".msg"):
            name = file.name.removesuffix(".msg")
            definitions.update(get_types_from_msg(file.read_text("utf-8"), f"{PACKAGE}/msg/{name}"))
    store.register(definitions)
    return store
