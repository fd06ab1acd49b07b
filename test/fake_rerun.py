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

"""Rerun as far as the package uses it: nothing is shown, every call is kept."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Entity:
    """What was made: the class's name and its arguments."""

    kind: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def compress(self, **options: Any) -> Entity:
        return Entity(self.kind, self.args, self.options | options)


@dataclass
class Stream:
    """Calls of a ``RecordingStream``: ``logged`` has path, entity, the times that held, and whether it is static."""

    logged: list[tuple[str, Entity, dict[str, Any], bool]] = field(default_factory=list)
    places: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    closed: bool = False
    _times: dict[str, Any] = field(default_factory=dict)

    def set_time(self, timeline: str, **value: Any) -> None:
        self._times[timeline] = next(iter(value.values()))

    def log(self, path: list[str], entity: Entity, static: bool = False) -> None:
        self.logged.append(("/".join(path), entity, dict(self._times), static))

    def disconnect(self) -> None:
        self.closed = True

    def __getattr__(self, name: str) -> Any:
        def called(*args: Any) -> str:
            self.places.append((name, args))
            return "rerun+http://served"

        return called

    def at(self, path: str) -> list[Entity]:
        return [entity for where, entity, _, _ in self.logged if where == path]


class FakeRerun(types.ModuleType):
    """The module; ``streams``: all that were made."""

    def __init__(self) -> None:
        super().__init__("rerun")
        self.streams: list[Stream] = []
        self.ViewCoordinates = types.SimpleNamespace(RDF=Entity("ViewCoordinates", ("RDF",), {}))
        self.blueprint = _Classes()
        self.served: list[str] = []

    def RecordingStream(self, application: str) -> Stream:
        self.streams.append(Stream())
        return self.streams[-1]

    def serve_web_viewer(self, connect_to: str) -> None:
        self.served.append(connect_to)

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)
        return lambda *args, **options: Entity(name, args, options)


class _Classes:
    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: Entity(name, args, options)
