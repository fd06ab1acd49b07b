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

"""Destinations of the display.

A window of Rerun, one that runs already, a browser, or a file.

Rerun is an optional dependency; nothing else of this package imports it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoisdf_model.errors import ConfigError, DependencyError, InvalidInputError

APPLICATION = "hoisdf"
INSTALL = "pip install 'rerun-sdk>=0.23'"


@dataclass(frozen=True)
class Destination:
    """Destination of the display; a new window by default.

    Attributes:
        save: a file ``.rrd`` to write. connect: URL of a viewer that runs already. web: serve to a browser.

    Raises:
        ConfigError: more than one place.
        InvalidInputError: the file's folder isn't there.
    """

    save: Path | None = None
    connect: str = ""
    web: bool = False

    def __post_init__(self) -> None:
        if sum((self.save is not None, bool(self.connect), self.web)) > 1:
            raise ConfigError("a file, a viewer to connect to and a browser are three places: give one of them")
        if self.save is not None and not self.save.resolve().parent.is_dir():
            raise InvalidInputError(f"{self.save} can't be written: there is no folder {self.save.resolve().parent}")


def load_rerun() -> Any:
    """The module ``rerun``.

    Raises:
        DependencyError: it isn't installed, or can't be loaded.
    """
    try:
        return importlib.import_module("rerun")
    except ImportError as error:
        why = "isn't installed" if error.name == "rerun" else f"can't be loaded ({error})"
        raise DependencyError(f"viewing needs the package rerun-sdk, which {why}: {INSTALL}") from error


def open_stream(rerun: Any, destination: Destination) -> tuple[Any, str]:
    """Open stream with its layout, and a description of its destination.

    A ``rerun.RecordingStream`` with the layout of :class:`Viewer`.

    Args:
        rerun: see :func:`load_rerun`.
        destination: one place.

    Raises:
        InvalidInputError: the file can't be written.
        DependencyError: the viewer can't be started or served.
    """
    stream = rerun.RecordingStream(APPLICATION)
    try:
        where = _opened(rerun, stream, destination)
    except (OSError, RuntimeError, ValueError) as error:
        if destination.save is not None:
            raise InvalidInputError(f"{destination.save} can't be written: {error}") from error
        raise DependencyError(f"Rerun's viewer can't be reached: {error}; --save FILE.rrd needs no viewer") from error
    stream.send_blueprint(_layout(rerun.blueprint))
    return stream, where


def _opened(rerun: Any, stream: Any, destination: Destination) -> str:
    if destination.save is not None:
        stream.save(destination.save)
        return f"{destination.save} (look at it with: rerun {destination.save})"
    if destination.connect:
        stream.connect_grpc(destination.connect)
        return f"the viewer at {destination.connect}"
    if destination.web:
        url = stream.serve_grpc()
        rerun.serve_web_viewer(connect_to=url)
        return f"a browser, from {url}"
    stream.spawn()
    return "Rerun's window"


def _layout(blueprint: Any) -> Any:
    """Space to the left; the picture over the scores to the right."""
    return blueprint.Blueprint(
        blueprint.Horizontal(
            blueprint.Spatial3DView(origin="/world", name="space"),
            blueprint.Vertical(
                blueprint.Spatial2DView(origin="/world/camera", contents="/world/camera/image/**", name="picture"),
                blueprint.TimeSeriesView(origin="/scores", name="scores"),
            ),
        )
    )
