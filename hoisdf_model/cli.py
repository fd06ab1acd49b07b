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
