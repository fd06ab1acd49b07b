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

"""Progress bar and printed summary of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from hoisdf_model.evaluation import Finished


def followed(steps: Iterator[int], before: int, count: int, console: Console) -> float | None:
    """Frames per second of the steps, shown with a progress bar.

    None where there was nothing to do.
    """
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[pace]}"),
    )  # fmt: skip
    began, done = time.monotonic(), 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("evaluating", total=count, completed=before, pace="")
        for new in steps:
            done += new
            pace = done / (time.monotonic() - began)
            progress.update(task, advance=new, pace=f"{pace:.1f} frames/s")
    return done / (time.monotonic() - began) if done else None


def print_summary(folder: Path, finished: Finished, per_object: bool, baseline: str | None = None) -> None:
    """Print the tables of an evaluation.

    With the paper's where it has any of such data.

    Args:
        folder: of the evaluation.
        finished: what was found.
        per_object: whether each object has lines of its own.
        baseline: the method that others are compared with.
    """
    from rich.console import Console

    from hoisdf_model.evaluation import Summary, columns_of, object_groups, summary_table, title_of
    from hoisdf_model.evaluation.reports.published import filled_table, published_table, tables_of
    from hoisdf_model.evaluation.reports.tables import sections_of
    from hoisdf_model.evaluation.runs.occlusion import LEVEL_TAGS

    console, about, summary = Console(), finished.about, finished.summary
    objects = object_groups(finished.records)
    kinds = [group for group in summary.figures if group not in objects and group not in LEVEL_TAGS]
    groups = [*kinds, *(objects if per_object else [])]
    title, columns = title_of(about, len(finished.records)), columns_of(about)
    _print(console, summary_table(summary, groups, columns, title, baseline))
    for heading, metrics in sections_of(summary).items():
        _print(console, summary_table(summary, kinds, metrics, heading))
    levels = {
        group: {finished.own: summary.figures[group][finished.own]}
        for group in LEVEL_TAGS
        if finished.own in summary.figures.get(group, {})
    }
    if levels:
        _print(console, summary_table(Summary(levels, {}), list(levels), columns, "By the share that is hidden"))
    for table in tables_of(about):
        found = filled_table(table, summary, finished.own, everything=False)
        if found is not None:
            _print(console, published_table(table, found))
    hands_found, objects_found = summary.found["all"][finished.own]
    if about["protocol"] == "live" or min(hands_found, objects_found) < 1:
        console.print(f"found: hand in {hands_found:.1%} of the frames, object in {objects_found:.1%}", highlight=False)
    speed = "" if finished.pace is None else f"; {finished.pace:.2f} frames/s with everything"
    console.print(f"mean / median; more in {folder}/report.html{speed}", highlight=False, soft_wrap=True)


def _print(console: Console, table: Table) -> None:
    from rich.console import Console

    natural = console.measure(table, options=console.options.update(width=1000)).maximum
    Console(width=max(console.width, natural)).print(table)  # too wide, a terminal wraps it; cut, it couldn't be read


def console_for_progress(quiet: bool = False) -> Console:
    """Console on standard error.

    So what is printed on standard output can be piped.
    """
    from rich.console import Console

    return Console(stderr=True, quiet=quiet)
