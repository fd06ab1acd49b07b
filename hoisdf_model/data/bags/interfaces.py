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

"""Message types of bags: common ROS types and this package's own."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

PACKAGE = "hoisdf"
# Fields that messages got after recordings of them had been made, each at the end, with what older ones are given.
ADDED: dict[str, dict[str, Any]] = {"hoisdf/msg/Grasp": {"side": ""}, "hoisdf/msg/ObjectPose": {"side": ""}}


@cache
def interface_types() -> Any:
    """Type store of ``rosbags`` with ROS's and this package's types.

    Of the oldest supported ROS release.

    Types come from here only, never from the definitions inside a bag: rosbags makes Python code of definitions, and a
    bag is not to be trusted with that.
    """
    return _store({})


def is_stated(digest: str | None) -> bool:
    """Whether a bag states a type hash.

    Metadata may lack it, leave it empty, or have zeros.
    """
    return digest is not None and digest.startswith("RIHS01_") and set(digest.removeprefix("RIHS01_")) != {"0"}


def is_earlier(type_name: str, digest: str | None) -> bool:
    """Whether a type hash is that of an earlier definition here."""
    return _earlier_hashes().get(type_name) == digest


def in_todays_definition(data: bytes, type_name: str, digest: str | None) -> bytes:
    """Serialised message in the current definition.

    One of an earlier definition is converted; any other, and a damaged one, stays as it is.

    Args:
        data: CDR.
        type_name: such as ``hoisdf/msg/HandObject``.
        digest: the type hash that it was recorded with; where it says nothing, the first definition that fits holds.
    """
    if type_name not in _earlier_hashes() or (is_stated(digest) and not is_earlier(type_name, digest)):
        return data
    try:
        if not is_stated(digest) and _fits(data, type_name):
            return data
        message = _earlier_types().deserialize_cdr(data, type_name)
    except Exception:  # a message from outside, rosbags raises of many kinds: whoever reads it says what is wrong
        return data
    _complete(message)
    return bytes(interface_types().serialize_cdr(message, type_name))


def _fits(data: bytes, type_name: str) -> bool:
    try:
        interface_types().deserialize_cdr(data, type_name)
    except Exception:  # as above
        return False
    return True


@cache
def _earlier_types() -> Any:
    return _store(ADDED)


@cache
def _earlier_hashes() -> dict[str, str]:
    """Of the types that had another definition before, themselves or in a part."""
    names = [name for name in interface_types().fielddefs if name.startswith(f"{PACKAGE}/")]
    hashes = {name: str(_earlier_types().hash_rihs01(name)) for name in names}
    return {name: value for name, value in hashes.items() if value != interface_types().hash_rihs01(name)}


def _complete(message: Any) -> None:
    for name, value in ADDED.get(message.__msgtype__, {}).items():
        setattr(message, name, value)
    for field in fields(message):
        value = getattr(message, field.name)
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "__msgtype__"):
                _complete(item)


def _store(without: Mapping[str, Container[str]]) -> Any:
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions: dict[str, Any] = {}
    folder = files("hoisdf_model") / "assets" / "msg"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".msg"):
            name = file.name.removesuffix(".msg")
            definitions.update(get_types_from_msg(file.read_text("utf-8"), f"{PACKAGE}/msg/{name}"))
    for name, added in without.items():
        constants, members = definitions[name]
        definitions[name] = constants, [member for member in members if member[0] not in added]
    store.register(definitions)
    return store
