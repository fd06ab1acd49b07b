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

"""Command line ``hoisdf``, for everything that needs no running ROS graph.

Each module of ``hoisdf_model.commands`` adds its commands here; heavy imports happen inside the commands, so that
``hoisdf --help`` stays quick.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from hoisdf_model import commands
from hoisdf_model.errors import HoisdfError

app = typer.Typer(
    name="hoisdf",
    help="3D hand-object pose from one RGB image (HOISDF) for ROS 2.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

for _module in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
    importlib.import_module(f"{commands.__name__}.{_module}").register(app)


def main() -> None:
    """Entry point; known errors are one line on stderr.

    The exit code is then 1, without a traceback.
    """
    try:
        app()
    except HoisdfError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
