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

"""What an evaluation costs: metrics alone, and everything from shards to records.

    python benchmark/evaluation.py                   # metrics only, on frames made here
    python benchmark/evaluation.py --data STILLS     # also the shipped weights on stills of a folder of shards
    python benchmark/evaluation.py --data STILLS --weights W --frames 100 --fields 5
    python benchmark/evaluation.py --bag BAG         # the command on a recording, wall clock: one process, several

Times are processor times of one thread, so that other load on the machine doesn't count; frames a second are their
inverse. Hands have 778 vertices, objects are those of the catalogue in turn. Prints a table and writes JSON.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.spatial.transform import Rotation

from hoisdf_model.data import BagReader, ShardedFrames
from hoisdf_model.evaluation import (
    Contender,
    FieldQuality,
    Hands,
    Interaction,
    KnownTruth,
    Models,
    ObjectPoses,
    PaperProtocol,
    RecordFile,
    SampledPoints,
    evaluate,
    hand_errors,
    object_errors,
    preparation_for,
)
from hoisdf_model.evaluation.metrics.interaction import interaction
from hoisdf_model.geometry import meshes
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import load_network, optimised, shipped_weights
from hoisdf_model.objects import find_object, load_catalogue

OFF = 0.01  # metres, how far estimates are off


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of shards for the evaluation from end to end.")] = None,
    weights: Annotated[str | None, typer.Option(help="Weights; the shipped ones if not given.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each measurement.")] = 100,
    fields: Annotated[int, typer.Option(min=0, help="Frames whose fields are looked at.")] = 5,
    bag: Annotated[Path | None, typer.Option(help="Recording with ground truth; its pace is what counts.")] = None,
    processes: Annotated[int, typer.Option(min=2, help="Processes beside the one that they are compared with.")] = 2,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("benchmark_evaluation.json"),
) -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    find = partial(find_object, catalogue="")
    models = Models(find)
    found = metrics(frames, models)
    if data is not None:
        found |= end_to_end(data, weights, frames, fields, models)
    table = Table(title=f"one thread of {platform.processor() or platform.machine()}", title_justify="left")
    for name in ("what", "frames", "ms a frame", "frames/s"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name, (count, seconds) in found.items():
        table.add_row(name, str(count), f"{1e3 * seconds / count:.1f}", f"{count / seconds:.1f}")
    Console().print(table)
    rows = {name: {"frames": count, "seconds": seconds} for name, (count, seconds) in found.items()}
    if bag is not None:
        rows |= recording(bag, weights, frames, processes)
    output.write_text(json.dumps(rows, indent=1))


def metrics(count: int, models: Models) -> dict[str, tuple[int, float]]:
    """Name -> frames and seconds."""
    layer, rng = HandLayer(load_hand_model()), np.random.default_rng(0)
    turns = torch.tensor(Rotation.from_rotvec(rng.normal(size=(count * 16, 3)) * 0.3).as_matrix()).float()
    with torch.no_grad():
        mesh = layer(turns.view(count, 16, 3, 3), torch.zeros(count, 10))
    joints, vertices = mesh.joints.double().numpy(), mesh.vertices.double().numpy()
    true = Hands(joints, np.zeros((count, 3)), vertices)
    joints, vertices = (part + rng.normal(size=part.shape) * OFF for part in (joints, vertices))
    own = Hands(joints, true.wrist, vertices)
    names = load_catalogue(None).names
    shapes = [models(names[k % len(names)]) for k in range(count)]
    rotation = Rotation.random(count, random_state=0)
    place = true.joints[:, 9] + rng.normal(size=(count, 3)) * 0.02
    there = ObjectPoses(rotation.as_matrix(), place)
    turned = rotation * Rotation.from_rotvec(rng.normal(size=(count, 3)) * 0.2)
    here = ObjectPoses(turned.as_matrix(), place + rng.normal(size=(count, 3)) * OFF)
    faces = layer.model.faces

    def overlaps() -> None:
        for k, shape in enumerate(shapes):
            hand = meshes.capped((true.vertices[k] - place[k]) @ there.rotation[k], faces)  # type: ignore[index]
            interaction(*hand, shape.vertices, shape.faces)

    jobs: dict[str, Callable[[], Any]] = {
        "joints and mesh": lambda: hand_errors(own, true),
        "object": lambda: object_errors(here, there, shapes),
        "joints, mesh and object": lambda: (hand_errors(own, true), object_errors(here, there, shapes)),
        "interaction, once": overlaps,
    }
    return {name: (count, timed(job)) for name, job in jobs.items()}


def end_to_end(
    data: Path, weights: str | None, count: int, fields: int, models: Models
) -> dict[str, tuple[int, float]]:  # fmt: skip
    """Name -> frames and seconds, from reading the shards to records on disk."""
    source = ShardedFrames(data)
    network, config = load_network(weights or str(shipped_weights()))
    fast, layer, preparation = optimised(network), network.hand_layer, preparation_for(config)
    method = PaperProtocol(fast, "cpu", config.field.scale)
    touching, sampled = Interaction(models, layer.model), SampledPoints(layer)
    quality = FieldQuality(fast, models, layer)
    truth = Contender(KnownTruth(layer), extra_metrics=(touching,), compared=False)
    runs: dict[str, tuple[int, dict[str, Contender]]] = {
        "end to end, errors only": (count, {"network": Contender(method)}),
        "end to end, with interaction and points": (
            count, {"network": Contender(method, extra_metrics=(touching, sampled)), "truth": truth},
        ),
    }  # fmt: skip
    if fields:
        with_fields = {"network": Contender(method, extra_metrics=(touching, sampled, quality)), "truth": truth}
        runs["end to end, with fields too"] = (fields, with_fields)
    found = {}
    for name, (number, contenders) in runs.items():
        number = min(number, len(source))
        for k in range(number):
            models(source.frame(k).object.name)  # type: ignore[union-attr]  # made once, whatever is evaluated
        with tempfile.TemporaryDirectory() as folder:
            steps = evaluate(source, range(number), contenders, RecordFile(folder, {}), preparation, models, layer)
            began = time.process_time()
            for _ in track(steps, name, -(-number // 8)):
                pass
            found[name] = (number, time.process_time() - began)
    return found


def recording(bag: Path, weights: str | None, count: int, processes: int) -> dict[str, dict[str, Any]]:
    """Name -> seconds of wall clock of the command on a recording, from its start to the report.

    The files of several processes must be those of one, byte for byte, with OMP_NUM_THREADS=1. Without it
    the one has more threads than each of the others, and sums in another order.
    """
    with BagReader(bag) as reader:
        topic = reader.topics[reader.roles()["truth"]]
        length = (reader.end - reader.start) * 1e-9 * min(1.0, count / topic.count)
    start = [sys.executable, "-m", "hoisdf_model.cli", "evaluate", "--bag", str(bag), "--frames", str(count)]
    start += ["--weights", weights] if weights else []
    kinds = {
        "labelled, one process": [], f"labelled, {processes} processes": ["--processes", str(processes)],
        "live": ["--protocol", "live"],
    }  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, more) in enumerate(kinds.items()):
            began = time.perf_counter()
            subprocess.run([*start, *more, "-o", f"{folder}/{number}"], check=True, capture_output=True)
            seconds = time.perf_counter() - began
            found[name] = {"frames": count, "seconds": seconds, "times real time": length / seconds}
        one, several = (Path(folder, str(number), "frames.jsonl").read_bytes() for number in (0, 1))
    table = Table(title=f"{bag.name}, {count} frames, {length:.1f} s of recording", title_justify="left")
    for column in ("what", "seconds", "times real time"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, row in found.items():
        table.add_row(name, f"{row['seconds']:.1f}", f"{row['times real time']:.2f}")
    Console().print(table)
    Console().print(f"files of one and of {processes} processes are {'equal' if one == several else 'DIFFERENT'}")
    return found


def timed(job: Callable[[], Any]) -> float:
    """Seconds of processor time, the best of three rounds."""
    spent = []
    for _ in range(3):
        began = time.process_time()
        job()
        spent.append(time.process_time() - began)
    return min(spent)


if __name__ == "__main__":
    typer.run(main)
