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

"""``hoisdf data``: checks of data sets on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoisdf_model.errors import ConfigError
from hoisdf_model.settings import one_of

if TYPE_CHECKING:
    from rich.console import Console

    from hoisdf_model.data.download_check import CheckReport

KINDS, VERSIONS = ("dexycb", "ho3d", "shards"), ("v2", "v3")


def register(app: typer.Typer) -> None:
    """Add the group ``hoisdf data``."""
    group = typer.Typer(help="Data sets on disk.", no_args_is_help=True)
    group.callback()(lambda: None)  # keeps "check" a subcommand while it is the only one
    group.command("check")(check)
    app.add_typer(group, name="data")


def check(
    path: Annotated[Path, typer.Argument(help="Folder of the download or data set.", show_default=False)],
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(KINDS), help="Kind of data set; default: recognised by its layout.", show_default=False
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="|".join(VERSIONS), help="Expected version of HO-3D.", show_default=False),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(help="Folder of the YCB-Video models; default: models in the download.", show_default=False),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every label and image; takes long.")] = False,
) -> None:
    """Check a data set for completeness, and name what is missing.

    A download of DexYCB or HO-3D, or a data set of this package.

    Counts sequences and frames, looks for every file, reads some of them (--deep: all) and compares checksums where
    there are any. Exit code 1 if something is wrong.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from hoisdf_model.data.dexycb.check import check_dexycb
    from hoisdf_model.data.ho3d.check import check_ho3d
    from hoisdf_model.data.layouts import kind_of
    from hoisdf_model.data.shards_check import check_shards

    for value, known, option in ((kind, KINDS, "--kind"), (version, VERSIONS, "--version")):
        if value is not None:
            one_of(option, value, known)
    kind = kind or kind_of(path)
    if version is not None and kind != "ho3d":
        raise ConfigError(f"--version is HO-3D's, {path} is of the kind {kind}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looking at files", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if kind == "shards":
            report = check_shards(path, deep, show)
        elif kind == "ho3d":
            report = check_ho3d(path, version, models, deep, show)
        else:
            report = check_dexycb(path, models, deep, show)
    _print(Console(width=None if Console().is_terminal else 160), path, report, deep)
    if report.problems:
        raise typer.Exit(1)


def _print(console: Console, path: Path, report: CheckReport, deep: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("", report.kind, title=None)
    for name, number in report.counts:
        table.add_row(name, number)
    console.print(table)
    for note in report.notes:
        console.print(f"[cyan]note[/]  {escape(note)}", soft_wrap=True)
    by_advice: dict[str, list[Any]] = {}
    for problem in report.problems:
        by_advice.setdefault(problem.advice, []).append(problem)
    for advice, problems in by_advice.items():
        for problem in problems:
            what = problem.what if str(problem.where) in problem.what else f"{problem.where}: {problem.what}"
            console.print(f"[red]wrong[/] {escape(what)}", soft_wrap=True)
        console.print(f"      -> {escape(advice)}", soft_wrap=True)
    found = len(report.problems)
    verdict = f"[red]{found} {'problem' if found == 1 else 'problems'}[/]" if found else "[green]whole[/]"
    if not found and not deep:
        verdict += ", judged by names, sizes and samples; --deep reads everything"
    console.print(f"{escape(str(path))}: {verdict}", soft_wrap=True)
