"""What is seen of an evaluation while it runs and when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from hoisdf_model.evaluation import Finished


def followed(steps: Iterator[int], before: int, count: int, console: Console) -> float | None:
    """Work with a bar; frames a second, None where there was nothing to do."""
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
    """Print the table and where the rest is.

    Args:
        folder: of the evaluation.
        finished: what was found.
        per_object: whether each object has lines of its own.
        baseline: the method that others are compared with.
    """
    from rich.console import Console

    from hoisdf_model.evaluation import columns_of, object_groups, summary_table, title_of

    console, about, summary = Console(), finished.about, finished.summary
    objects = object_groups(finished.records)
    groups = [group for group in summary.figures if per_object or group not in objects]
    title = title_of(about, len(finished.records))
    table = summary_table(summary, groups, columns_of(about), title, baseline)
    natural = console.measure(table, options=console.options.update(width=1000)).maximum
    Console(width=max(console.width, natural)).print(table)  # too wide, a terminal wraps it; cut, it couldn't be read
    hands, things = summary.found["all"][finished.own]
    if about["protocol"] == "live" or min(hands, things) < 1:
        console.print(f"found: hand in {hands:.1%} of the frames, object in {things:.1%}", highlight=False)
    speed = "" if finished.pace is None else f"; {finished.pace:.2f} frames/s with everything"
    console.print(f"mean / median; more in {folder}/report.html{speed}", highlight=False, soft_wrap=True)


def console_for_progress() -> Console:
    """On standard error, so that what is printed on standard output can be piped."""
    from rich.console import Console

    return Console(stderr=True)
