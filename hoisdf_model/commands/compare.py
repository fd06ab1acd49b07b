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

"""``hoisdf compare``: evaluations side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

DATA_KEYS = ("data", "protocol")


def register(app: typer.Typer) -> None:
    """Add ``hoisdf compare``."""
    app.command()(compare)


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Folders written by hoisdf evaluate, the reference first. FOLDER:METHOD selects another method "
            "than the network, for instance 'evaluation/first:mean pose'.",
            show_default=False,
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Metric; may be repeated. Default: the six of the tables."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file to write.", show_default=False)
    ] = None,
) -> None:
    """Compare evaluations on the frames that they share.

    For each metric: the means, the mean difference with its 95 % confidence interval (bootstrap over frames),
    Wilcoxon's signed-rank test of the differences frame by frame, and the share of frames in which the run is better.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from hoisdf_model.errors import ConfigError, EvaluationError
    from hoisdf_model.evaluation import METRICS, SHOWN, comparison_table, read_about, read_records
    from hoisdf_model.evaluation import compare as compared

    chosen = metrics or list(SHOWN)
    for metric in chosen:
        if metric not in METRICS:
            raise ConfigError(f"unknown metric {metric!r}; there are {', '.join(METRICS)}")
    records, methods, about = {}, {}, {}
    for run in runs:
        folder, _, method = run.partition(":") if not Path(run).exists() else (run, "", "")
        if run in records:
            raise ConfigError(f"{run} is named twice")
        records[run], methods[run], about[run] = read_records(folder), method or "network", read_about(folder)
    first = runs[0]
    for run in runs[1:]:
        other = [key for key in DATA_KEYS if _differ(about[run], about[first], key)]
        if other:
            raise EvaluationError(
                f"{run} and {first} aren't of the same frames: {other[0]} is {about[run].get(other[0])!r} and "
                f"{about[first].get(other[0])!r}"
            )
    found = compared(records, {metric: METRICS[metric].falling for metric in chosen}, methods)
    console = Console()
    for run, differences in found.items():
        table = comparison_table(differences, f"{run} against {first}")
        natural = console.measure(table, options=console.options.update(width=1000)).maximum
        Console(width=max(console.width, natural)).print(table)
    if output is not None:
        content = {run: {metric: asdict(d) for metric, d in part.items()} for run, part in found.items()}
        output.write_text(json.dumps({"first": first, "differences": content}, indent=1))


def _differ(one: dict[str, Any], other: dict[str, Any], key: str) -> bool:
    heard = any("ground truth" in (about.get("data") or {}) for about in (one, other))
    if key == "data" and heard:  # by a node, which doesn't know what is replayed: stamps tell the frames
        return False
    return bool(_same(one, key) != _same(other, key))


def _same(about: dict[str, Any], key: str) -> Any:
    """What must be equal: the benchmark's stills are the same whether drawn or read from a folder, and a bag's frames
    have stamps, however many of them were taken.
    """
    value = about.get(key)
    if isinstance(value, dict) and "bags" in value:
        return {name: part for name, part in value.items() if name != "frames"}
    return value["benchmark"] if isinstance(value, dict) and "benchmark" in value else value
