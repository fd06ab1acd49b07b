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

"""``hoisdf ablate``: the paper's tables of design choices.

Trained and evaluated on a chosen budget.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoisdf_model.errors import UNREADABLE, ConfigError, DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hoisdf_model.ablations import Ablation, AblationTable, HeldOutFrames, Plan
    from hoisdf_model.hand import HandModel
    from hoisdf_model.training import Sources, TrainingConfig

STEPS = 300
ALL = "all"


def register(app: typer.Typer) -> None:
    """Add ``hoisdf ablate``."""
    app.command()(ablate)


def ablate(
    tables: Annotated[
        list[str], typer.Argument(metavar="TABLE...", help="table5, table7 to table10, figure7, or all of them: all.")
    ],
    steps: Annotated[
        int | None,
        typer.Option(min=1, help=f"Training steps per row; default: {STEPS}.", show_default=False),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Instead of --steps: training minutes per row. A step of the base recipe is timed first; all rows "
            "get the same number of steps.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Training data: a folder of shards, or a YAML file with kind and options of a source; may be "
            "repeated. Default: synthetic sequences rendered at the start.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        str, typer.Option("--on", help="Evaluation data: benchmark, a folder of shards, or a YAML file.")
    ] = "benchmark",
    frames: Annotated[int, typer.Option(min=2, help="Number of evaluation frames, from the first.")] = 300,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="shipped|none",
            help="shipped: backbone and distance fields are taken from the shipped weights and frozen; the rest is "
            "trained from random weights. none: all is trained from random weights.",
        ),
    ] = "shipped",
    train_all: Annotated[
        bool,
        typer.Option("--train-all", help="Also train backbone and distance fields, not frozen with --from shipped."),
    ] = False,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Only this row of the table; may be repeated.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the base recipe, such as network.image_size=256."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of rows and results.")] = Path("ablations"),
) -> None:
    """Train and evaluate every row of a table of the paper.

    Prints our results beside the published numbers.

    Each row has a folder; called again, the command resumes, and rows of equal configuration are run once for
    all tables of the folder. Writes TABLE.md, TABLE.json and TABLE.png.
    """
    from rich.console import Console

    from hoisdf_model.hand import load_hand_model

    try:
        from hoisdf_model import ablations
        from hoisdf_model.training.quiet import quiet_lightning
    except ModuleNotFoundError as error:
        raise DependencyError(f"ablations need {error.name}: install hoisdf[train]") from error

    quiet_lightning()
    if steps is not None and minutes is not None:
        raise ConfigError("give --steps or --minutes, not both")
    console = Console()
    found = [ablations.load_table(name) for name in (ablations.table_names() if ALL in tables else tables)]
    if rows and len(found) > 1:
        raise ConfigError("--row goes with one table")
    chosen = [(table, [table.row(name) for name in rows] if rows else list(table.rows)) for table in found]
    described = [_described(path) for path in data or []]
    plan = ablations.Plan(
        steps or STEPS, start, not train_all, described, ablations.typed_changes(changes or [])
    )  # fmt: skip
    for _, wanted in chosen:
        for row in wanted:
            plan.config_of(row)  # a mistake in the last row shouldn't show after hours
    recipe = plan.config_of(ablations.AblationRow("the recipe"))
    hand_model = load_hand_model(recipe.hand_model)
    test = _test(on, frames, hand_model, console)  # before the sources: drawing plays takes minutes
    with console.status("opening or drawing the frames to train on"):
        sources = _sources(recipe, hand_model)
    if minutes is not None:
        plan = _within(minutes, plan, sources, output, console)
    work = ablations.Ablation(output, plan, test, sources, console.is_terminal, _watch(console))
    for table, wanted in chosen:
        _table(work, table, wanted, console)


def _table(work: Ablation, table: AblationTable, rows: Sequence[Any], console: Console) -> None:
    from hoisdf_model import ablations

    records = {}
    for number, row in enumerate(rows, 1):
        state = "done before" if work.is_done(row) else f"{work.plan.steps} steps"
        console.print(f"{table.name}, row {number} of {len(rows)}: {row.name} ({state})", highlight=False)
        records[row.name] = work.finish(table, row)
    results = ablations.results_of(table, records, work.baselines())
    about = {
        "steps": work.plan.steps, "from": work.plan.start, "held": work.plan.hold, "sources": list(work.plan.sources),
        "changes": dict(work.plan.changes), "test": work.test.about, "frames": len(work.test.numbers),
    }  # fmt: skip
    remark = ablations.remark(work.plan, work.test)
    ablations.write_results(work.folder, table, results, ablations.chart_png(table, results), about, [remark])
    printed = ablations.rich_table(table, results)
    natural = console.measure(printed, options=console.options.update(width=1000)).maximum
    type(console)(width=max(console.width, natural)).print(printed)
    console.print(f"* the paper's choice. {remark}\nmore in {work.folder}/{table.name}.md", highlight=False)


def _described(path: str) -> dict[str, Any]:
    """A source as a training configuration names it; every frame of all sources is as likely."""
    import yaml

    from hoisdf_model.data import ShardedFrames

    if Path(path).suffix in (".yaml", ".yml"):
        if not Path(path).is_file():
            raise ConfigError(f"there is no description of a data source at {path}")
        try:
            content = yaml.safe_load(Path(path).read_text())
        except UNREADABLE as error:
            raise ConfigError(f"{path} is not readable YAML: {error}") from error
        if not isinstance(content, dict) or not content.keys() <= {"kind", "options", "ratio"}:
            raise ConfigError(f"{path} must hold kind and options of a data source, and perhaps its ratio")
        return content
    place = str(Path(path).resolve())
    return {"kind": "shards", "ratio": float(len(ShardedFrames(place))), "options": {"folder": place}}


def _sources(recipe: TrainingConfig, hand_model: HandModel) -> Sources:
    from hoisdf_model.training import Sources
    from hoisdf_model.training.data_sources import build_source

    named = recipe.data.sources
    return Sources([build_source(source, hand_model) for source in named], [source.ratio for source in named])


def _test(data: str, frames: int, hand_model: HandModel, console: Console) -> HeldOutFrames:
    from hoisdf_model.ablations import HeldOutFrames
    from hoisdf_model.commands.evaluate.labelled_data import data_at
    from hoisdf_model.evaluation import Models
    from hoisdf_model.evaluation.runs.data_folder import FolderOptions
    from hoisdf_model.hand import HandLayer
    from hoisdf_model.objects import find_object

    with console.status("opening the frames to evaluate on"):
        opened = data_at(data, FolderOptions(), hand_model)
    numbers = range(min(frames, len(opened.source)))
    return HeldOutFrames(
        opened.source, numbers, opened.about, Models(find_object), HandLayer(hand_model), opened.tags,
        opened.preparation,
    )  # fmt: skip


def _within(minutes: float, plan: Plan, sources: Sources, folder: Path, console: Console) -> Plan:
    """The plan with as many steps; a folder that was begun keeps its own."""
    import json
    from dataclasses import replace

    from hoisdf_model.ablations import steps_in

    path = folder / "budget.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    if known.get("minutes") != minutes:
        with console.status("timing a training step"):
            known = {"minutes": minutes, "steps": steps_in(minutes, plan, sources)}
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known))
    console.print(f"{minutes:g} minutes: {known['steps']} steps a row", highlight=False)
    return replace(plan, steps=int(known["steps"]))


def _watch(console: Console) -> Any:
    from hoisdf_model.commands.evaluate.progress import followed

    return lambda steps, count: followed(steps, 0, count, console)
