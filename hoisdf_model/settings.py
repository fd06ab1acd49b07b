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

"""Checks of settings in dataclasses, and their reading from files.

Network, training, grasping and nodes describe what can be set by dataclasses whose ``__post_init__`` calls the checks
of this module. Files and mappings become dataclasses by ``typed``, ROS parameters by ``hoisdf_ros.parameters``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from hoisdf_model.errors import ConfigError

T = TypeVar("T")


def one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Check of a choice.

    Raises:
        ConfigError: the value isn't one of the choices; they are listed.
    """
    choices = tuple(choices)
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choice or repr('') for choice in choices)}, got {value!r}")


def positive(values: Any, section: str, *names: str) -> None:
    """Check of fields that must be above 0, lists in all values.

    Args:
        values: has the fields.
        section: before the names in the text, with its dot; may be empty.
        names: of the fields.

    Raises:
        ConfigError: a field isn't positive; it is named.
    """
    for name in names:
        value = getattr(values, name)
        if not all(one > 0 for one in (value if isinstance(value, Sequence) else [value])):
            raise ConfigError(f"{section}{name} must be positive, got {value}")


def within(name: str, value: float, least: float, most: float = math.inf) -> None:
    """Check of a closed range.

    Raises:
        ConfigError: the value lies outside of it, or is not a number.
    """
    if not least <= value <= most:
        wanted = f"at least {least:g}" if math.isinf(most) else f"in [{least:g}, {most:g}]"
        raise ConfigError(f"{name} must be {wanted}, got {value}")


def of_length(name: str, values: Sequence[Any], length: int) -> None:
    """Check of a list's length.

    Raises:
        ConfigError: it has another number of values.
    """
    if len(values) != length:
        raise ConfigError(f"{name} must have {length} values, got {list(values)}")


def typed(schema: type[T], layers: Iterable[Mapping[str, Any]], where: str = "", page: str = "docs/training.md") -> T:
    """Dataclass from layers of nested plain values or OmegaConf nodes.

    Later layers over earlier ones; missing values keep their defaults.

    Args:
        schema: the dataclass.
        layers: mappings.
        where: before the keys in texts.
        page: of the documentation, that lists the keys.

    Raises:
        ConfigError: an unknown key (named with its path), a wrong type, a value out of range, a list for a table.
    """
    from omegaconf import OmegaConf  # takes its time, and who only checks needs none
    from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

    nodes: list[Any] = []
    try:
        nodes += [layer if OmegaConf.is_config(layer) else OmegaConf.create(_literal(dict(layer))) for layer in layers]
        return cast(T, OmegaConf.to_object(OmegaConf.merge(_writable(OmegaConf.structured(schema)), *nodes)))
    except ConfigError as error:  # of a check
        raise ConfigError(f"{where}{error}") from error
    except ConfigKeyError as error:
        key = f"{where}{error.full_key}"
        raise ConfigError(f"unknown configuration key {key!r}; {page} lists those there are") from error
    except (OmegaConfBaseException, TypeError) as error:  # the latter: a list for a table, or the other way round
        clash = next(filter(None, (_clash(OmegaConf.structured(schema), node) for node in nodes)), "")
        path = getattr(error, "full_key", None)
        named = f"{f'{where}{path}'!r}: " if path else where
        text = f"{where}{clash}" if clash else f"{named}{str(error).splitlines()[0]}"
        raise ConfigError(f"configuration value for {text}") from error


def _literal(value: Any) -> Any:
    """Plain values in which no text refers to others or to the environment, as OmegaConf's ``${...}`` do."""
    if isinstance(value, str) and "${" in value:
        raise ConfigError(f"a value must not refer to others, got {value!r}")
    for part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        _literal(part[1])
    return value


def _writable(node: Any) -> Any:
    """OmegaConf makes frozen dataclasses read-only, also for merging; the result is frozen again."""
    from omegaconf import OmegaConf

    OmegaConf.set_readonly(node, False)
    for key in node:
        if not OmegaConf.is_missing(node, key) and OmegaConf.is_dict(part := node[key]):
            _writable(part)
    return node


def _clash(base: Any, layer: Any, key: str = "") -> str:
    """Where one configuration has a list and the other a table, and what would be right; empty: nowhere."""
    from omegaconf import OmegaConf

    if OmegaConf.is_list(base) and OmegaConf.is_dict(layer):
        return (
            f"{key!r}: it is a list, of which no single entry can be changed: give it whole, {key}=[...], or change "
            "it in the file"
        )
    if OmegaConf.is_dict(base) and not OmegaConf.is_dict(layer) and layer is not None:
        return f"{key!r}: it is a table of names and values, got {layer}"
    if not (OmegaConf.is_dict(base) and OmegaConf.is_dict(layer)):
        return ""
    common = [name for name in layer if name in base and not OmegaConf.is_interpolation(layer, name)]
    inside = (_clash(base[name], layer[name], f"{key}.{name}" if key else str(name)) for name in common)
    return next(filter(None, inside), "")
