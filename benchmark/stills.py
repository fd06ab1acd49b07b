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

"""What a training still costs: seconds of one core per stage, stills a second, bytes on disk.

    python benchmark/stills.py                               # the benchmark's grasps, 200 stills after 400 to warm up
    python benchmark/stills.py --library train.npz --stills 500 --json stills.json

Drawn as training draws (``Fineness()``) and as the synthetic benchmark is drawn (``FULL``), in turn, the same scenes,
in one process with one thread. Seconds are those of the processor, so that other load on the machine distorts them
less; palettes (skins, tables, objects' prints) are made while warming up, and their price is printed apart. Prints a
table and writes JSON.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import time
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe's; read when the first context is made

import cv2
import torch
import typer
from rich.console import Console
from rich.table import Table

from hoisdf_model.data.shards import packed_frame
from hoisdf_model.hand import load_hand_model
from hoisdf_model.synthesis import FULL, Fineness, Stills, StillSettings
from hoisdf_model.synthesis.stills.dataset import detailed

STAGES = {  # by the function that does it
    "planning the scene": ("still_source.py", "scene"),
    "posing": ("stills.py", "_posed"),
    "surfaces": ("stills.py", "_drawables"),
    "backdrop": ("stills.py", "_backdrop"),
    "drawing": ("renderer.py", "render"),
    "camera": ("photograph.py", "photographed"),
    "distances to the hand": ("sdf_samples.py", "sample_field"),
    "distances to the object": ("sdf_samples.py", "draw"),
    "all": ("still_source.py", "labelled"),
}


def measured(stills: Stills, first: int, count: int) -> dict[str, float]:
    """Milliseconds of processor time a still, per stage."""
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    for index in range(first, first + count):
        stills.frame(index)
    profile.disable()
    spent: dict[str, float] = dict.fromkeys(STAGES, 0.0)
    for (path, _, function), (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for stage, place in STAGES.items():
            if (Path(path).name, function) == place:
                spent[stage] += 1000 * cumulative / count
    return spent


def bytes_of(stills: Stills, index: int) -> int:
    """Of a still in a data set that is written without details."""
    return sum(map(len, packed_frame(*detailed(stills, index, details=False)).values()))


def paced(stills: Stills, first: int, count: int) -> float:
    """Milliseconds of processor time a still, without anything that measures."""
    begin = time.process_time()
    for index in range(first, first + count):
        stills.frame(index)
    return 1000 * (time.process_time() - begin) / count


def main(
    library: Annotated[Path | None, typer.Option(help="Grasp library; the benchmark's where not given.")] = None,
    stills: Annotated[int, typer.Option(min=1, help="Stills to measure.")] = 200,
    warm: Annotated[int, typer.Option(min=0, help="Stills before them.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    field_samples: Annotated[int, typer.Option(min=1, help="Of each surface in training's stills.")] = 1000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Measure both finenesses and print a table."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    path = library or Path(str(resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"))
    model, figures = load_hand_model(), {}
    for name, fineness in (("training", Fineness(field_samples=field_samples)), ("benchmark", FULL)):
        source = Stills(StillSettings(str(path), seed, fineness=fineness), model)
        warming = paced(source, 0, warm + stills) * (warm + stills) / 1000
        row: dict[str, Any] = {**measured(source, warm, stills), "all, unmeasured": paced(source, warm, stills)}
        row["stills a second and core"] = 1000 / row["all, unmeasured"]
        row["s, warming up"] = warming
        row["kB on disk"] = sum(map(bytes_of, [source] * 10, range(10))) / 10_000
        figures[name] = row
        device = source.studio.device
        source.studio.close()
    table = Table(title=f"ms of one core a still, {device}")
    for column in ("", *figures):
        table.add_column(column, justify="right" if column else "left")
    for stage in figures["training"]:
        table.add_row(stage, *(f"{row[stage]:.1f}" for row in figures.values()))
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps({"device": device, "stills": stills, "ms": figures}, indent=1))


if __name__ == "__main__":
    typer.run(main)
