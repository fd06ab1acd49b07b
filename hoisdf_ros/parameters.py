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

"""ROS parameters from dataclasses: declaration, reading, validation.

A node describes its parameters once, as frozen dataclasses whose fields are made by ``parameter``; a field made by
``group`` is itself such a dataclass, its parameters are called ``group.name``. Everything else (declaration, reading,
run-time changes, the table in the documentation) follows from that.
"""

from __future__ import annotations

import array
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from hoisdf_model.errors import ConfigError, HoisdfError
from hoisdf_model.settings import one_of, within

Change = Literal["any time", "unconfigured", "never"]
Group = TypeVar("Group")
_SPECIFICATION = "parameter"


@dataclass(frozen=True)
class Specification:
    """Specification of one parameter: full name, default and descriptor.

    Attributes:
        change: when a new value is taken: any time, only while the node is unconfigured, or never after the start.
        choices: the values allowed, empty for any.
        minimum, maximum: the range of a number, None for unbounded.
    """

    name: str
    default: Any
    description: str
    change: Change = "unconfigured"
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def type_name(self) -> str:
        """The type's ROS name."""
        names = {bool: "bool", int: "integer", float: "double", str: "string", tuple: "double array"}
        return names[type(self.default)]

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that ``ros2 param describe`` shows."""
        constraints = [f"one of {', '.join(repr(c) for c in self.choices)}"] if self.choices else []
        if self.change == "unconfigured":
            constraints.append("changes are taken while the node is unconfigured")
        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            additional_constraints="; ".join(constraints),
            read_only=self.change == "never",
            # an empty list has no element type for ROS, and [1, 2] is one of integers: what comes is made doubles
            dynamic_typing=isinstance(self.default, tuple),
        )
        if self.minimum is not None and self.maximum is not None:
            if isinstance(self.default, int):
                bounds = IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum))
                descriptor.integer_range = [bounds]
            else:
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=float(self.minimum), to_value=float(self.maximum))
                ]
        return descriptor

    def typed(self, value: Any) -> Parameter:
        """Value as a ROS parameter; lists of numbers as doubles.

        An empty list, too.
        """
        if isinstance(self.default, tuple):
            with contextlib.suppress(ConfigError):
                return Parameter(self.name, Parameter.Type.DOUBLE_ARRAY, list(self.checked(value)))
        return Parameter(self.name, value=value)

    def checked(self, value: Any) -> Any:
        """Value as the dataclass holds it.

        Raises:
            ConfigError: wrong type, out of range, or not one of the choices.
        """
        if isinstance(self.default, tuple):
            if not isinstance(value, (list, tuple, array.array)):
                raise ConfigError(f"parameter {self.name} must be a list of numbers, got {value!r}")
            if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value):
                raise ConfigError(f"parameter {self.name} must be a list of numbers, got {list(value)!r}")
            return tuple(float(v) for v in value)
        if type(value) is not type(self.default):
            raise ConfigError(f"parameter {self.name} must be a {self.type_name}, got {value!r}")
        if self.choices:
            one_of(f"parameter {self.name}", value, self.choices)
        if self.minimum is not None and self.maximum is not None:
            within(f"parameter {self.name}", value, self.minimum, self.maximum)
        return value


def parameter(
    default: Any,
    description: str,
    *,
    change: Change = "unconfigured",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Dataclass field for a ROS parameter.

    A tuple as default means a list of doubles.
    """
    specification = Specification("", default, description, change, choices, minimum, maximum)
    return dataclasses.field(default=default, metadata={_SPECIFICATION: specification})


def group(kind: type[Group]) -> Group:
    """Dataclass field for a group of parameters."""
    return dataclasses.field(default_factory=kind)


def specifications(kind: type[Any], prefix: str = "") -> Iterator[Specification]:
    """All parameters of a dataclass with their full names, groups included."""
    for entry in dataclasses.fields(kind):
        if _SPECIFICATION in entry.metadata:
            yield dataclasses.replace(entry.metadata[_SPECIFICATION], name=prefix + entry.name)
        else:
            yield from specifications(entry.default_factory, f"{prefix}{entry.name}.")  # type: ignore[arg-type]


def build(kind: type[Group], values: Mapping[str, Any], prefix: str = "") -> Group:
    """Dataclass built from a mapping of full parameter names.

    Missing parameters keep their defaults.

    Raises:
        ConfigError: a value is not allowed, or several don't go together.
    """
    fields: dict[str, Any] = {}
    for entry in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = prefix + entry.name
        if _SPECIFICATION not in entry.metadata:
            fields[entry.name] = build(entry.default_factory, values, name + ".")  # type: ignore[arg-type]
        elif name in values:
            specification = dataclasses.replace(entry.metadata[_SPECIFICATION], name=name)
            fields[entry.name] = specification.checked(values[name])
    return kind(**fields)


class ParameterSet(Generic[Group]):
    """Parameters of one node.

    A wrong value in a launch or YAML file doesn't kill the node: the default is declared in its place and ``read`` says
    what was wrong, until the parameter is set.

    Args:
        node: declares everything on it.
        kind: the dataclass.
        is_unconfigured: whether values that are read at ``configure`` only may change now; an ordinary node reads them
            at its start.
        check: called with new values before they are taken; refuses them by raising a ``HoisdfError``.
        changed: called with the new values after a change at run time.
    """

    def __init__(
        self,
        node: Node,
        kind: type[Group],
        is_unconfigured: Callable[[], bool] = lambda: False,
        check: Callable[[Group], None] = lambda values: None,
        changed: Callable[[Group], None] = lambda values: None,
    ) -> None:
        self._node, self._kind = node, kind
        self._is_unconfigured, self._check, self._changed = is_unconfigured, check, changed
        self._specifications = {s.name: s for s in specifications(kind)}
        self._refused: dict[str, str] = {}
        for specification in self._specifications.values():
            self._declare(specification)
        node.add_pre_set_parameters_callback(self._typed)
        node.add_on_set_parameters_callback(self._on_set)
        node.add_post_set_parameters_callback(self._on_changed)

    def read(self) -> Group:
        """Current values of all parameters.

        Raises:
            ConfigError: a value is not allowed, or several don't go together; says which and what would be right.
        """
        if self._refused:
            raise ConfigError("; ".join(self._refused.values()))
        return build(self._kind, self._values())

    def _declare(self, specification: Specification) -> None:
        default = list(specification.default) if isinstance(specification.default, tuple) else specification.default
        descriptor = specification.descriptor()
        try:
            self._node.declare_parameter(specification.name, default, descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            bounds = (
                f" in [{specification.minimum}, {specification.maximum}]" if specification.minimum is not None else ""
            )
            self._refused[specification.name] = (
                f"parameter {specification.name} must be a {specification.type_name}{bounds}: {error}"
            )
            self._node.declare_parameter(specification.name, default, descriptor, ignore_override=True)
        if isinstance(default, list):
            self._node.set_parameters([specification.typed(self._node.get_parameter(specification.name).value)])

    def _values(self) -> dict[str, Any]:
        values = {name: self._node.get_parameter(name).value for name in self._specifications}
        return {name: [] if value is None else value for name, value in values.items()}

    def _typed(self, changes: list[Parameter]) -> list[Parameter]:
        """Changes to lists as lists of doubles; everything else, what isn't ours too, as it is."""
        return [
            self._specifications[change.name].typed(change.value)
            if isinstance(getattr(self._specifications.get(change.name), "default", None), tuple)
            else change
            for change in changes
        ]

    def _on_set(self, changes: Sequence[Parameter]) -> SetParametersResult:
        ours = {p.name: p.value for p in changes if p.name in self._specifications}
        if not ours:
            return SetParametersResult(successful=True)
        for name in ours:
            if self._specifications[name].change == "unconfigured" and not self._is_unconfigured():
                reason = f"parameter {name} is read at configure: clean the node up first, then set it"
                return SetParametersResult(successful=False, reason=reason)
        try:
            self._check(build(self._kind, self._values() | ours))
        except HoisdfError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_changed(self, changes: Sequence[Parameter]) -> None:
        ours = [p.name for p in changes if p.name in self._specifications]
        for name in ours:
            self._refused.pop(name, None)
        if ours and not self._refused:
            self._changed(build(self._kind, self._values()))


def markdown_table(kind: type[Any]) -> str:
    """The parameters as a table for the documentation."""
    rows = ["| parameter | type | default | change | meaning |", "| --- | --- | --- | --- | --- |"]
    for s in specifications(kind):
        default = list(s.default) if isinstance(s.default, tuple) else s.default
        text = s.description
        if s.choices:
            text += " One of " + ", ".join(f"`{c}`" for c in s.choices) + "."
        if s.minimum is not None:
            text += f" From {s.minimum:g} to {s.maximum:g}."
        shown = f'"{default}"' if isinstance(default, str) else str(default).lower()
        rows.append(f"| `{s.name}` | {s.type_name} | `{shown}` | {s.change} | {text} |")
    return "\n".join(rows) + "\n"
