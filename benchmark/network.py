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

"""What the network costs: seconds per stage, multiplications, memory.

    python benchmark/network.py                              # dexycb, ho3d and compact, on the GPU if there is one
    python benchmark/network.py --preset compact --threads 1
    python benchmark/network.py --weights snapshot.pth.tar   # a trained network in place of an untrained one

Stages of all variants of a preset are timed in turn, round by round, and their medians reported, so that other load on
the machine falls on all of them alike. Prints tables and writes JSON. Time and memory don't depend on whether weights
are trained; how many points the boxes hold does matter, and is printed.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from hoisdf_model.network import Hoisdf, NetworkInput, RuntimeConfig, load_network, optimised
from hoisdf_model.network.sampling import points_in_box

STAGES = ("encode", "find_points", "tokenise", "attend", "regress")
RUNTIMES = {
    "float32": RuntimeConfig(),
    "bfloat16": RuntimeConfig(precision="bfloat16"),
    "coarse_to_fine": RuntimeConfig(search="coarse_to_fine"),
    "bfloat16 + coarse_to_fine": RuntimeConfig(precision="bfloat16", search="coarse_to_fine"),
}
GPU_VARIANTS = ("CUDA graphs", "torch.compile")
console = Console(width=max(Console().width, 132))  # the table needs as much, also in a log file


@dataclass
class Variant:
    """A way of running the network: its runtime, and the two stages of fixed shape, which a GPU can run otherwise."""

    name: str
    runtime: RuntimeConfig
    encode: Callable[..., Any]
    attend: Callable[..., Any]


def crops(batch: int, size: int, device: torch.device) -> NetworkInput:
    """Crops of noise with a hand and an object that fill as much of them as in the data sets."""
    drawn = torch.Generator().manual_seed(0)
    intrinsics = torch.tensor([[640.0, 0, 127.5], [0, 640.0, 127.5], [0, 0, 1]]).repeat(batch, 1, 1)
    root = torch.tensor([[0.0, 0.0, 0.7]]).repeat(batch, 1)
    return NetworkInput(
        image=torch.rand(batch, 3, size, size, generator=drawn),
        intrinsics=intrinsics,
        hand_root=root,
        object_center=root + torch.tensor([0.03, 0.02, 0.0]),
        hand_box=torch.tensor([[55.0, 50, 190, 200]]).repeat(batch, 1),
        object_box=torch.tensor([[90.0, 80, 200, 190]]).repeat(batch, 1),
    ).to(device)


@torch.inference_mode()
def run(network: Hoisdf, batch: NetworkInput, variant: Variant) -> dict[str, float]:
    """Seconds per stage of one pass."""
    seconds: dict[str, float] = {}

    def timed(stage: str, function: Callable[..., Any], *inputs: Any) -> Any:
        start = time.perf_counter()
        result = function(*inputs)
        if batch.image.is_cuda:
            torch.cuda.synchronize()
        seconds[stage] = time.perf_counter() - start
        return result

    network.runtime = variant.runtime
    with network.precision(batch.image.device):
        features = timed("encode", variant.encode, batch.image)
        found = timed("find_points", network.find_points, features, batch)
        tokens = timed("tokenise", network.tokenise, features, found, batch)
        attended = timed("attend", variant.attend, tokens)
        timed("regress", network.regress, found, tokens, attended, features.maps)
    return {**seconds, "total": sum(seconds.values())}


def variants(network: Hoisdf, batch: NetworkInput) -> list[Variant]:
    """Those that this machine can run; says why where one can't be."""
    found = [Variant(name, runtime, network.encode, network.attend) for name, runtime in RUNTIMES.items()]
    if not batch.image.is_cuda:
        console.print(f"no CUDA device: {' and '.join(GPU_VARIANTS)} are left out")
        return found
    mixed = RUNTIMES["bfloat16 + coarse_to_fine"]
    compiled = (torch.compile(stage) for stage in (network.encode, network.attend))
    makers = {GPU_VARIANTS[0]: lambda: graphed(network, batch, mixed), GPU_VARIANTS[1]: lambda: compiled}
    for name, make in makers.items():
        try:
            variant = Variant(f"{name}, bfloat16 + coarse_to_fine", mixed, *make())
            run(network, batch, variant)
            found.append(variant)
        except Exception as error:  # a compiler or driver that lacks something: the other variants still count
            console.print(f"{name} left out: {type(error).__name__}: {str(error).splitlines()[0]}")
    return found


@torch.inference_mode()
def graphed(network: Hoisdf, batch: NetworkInput, runtime: RuntimeConfig) -> tuple[Callable[..., Any], ...]:
    """Encode and attend as CUDA graphs; the point search between them has other sizes in every frame."""
    network.runtime = runtime
    with network.precision(batch.image.device):
        features = network.encode(batch.image)
        tokens = network.tokenise(features, network.find_points(features, batch), batch)
        return graph(network.encode, batch.image), graph(network.attend, tokens)


def graph(stage: Callable[..., Any], example: Any) -> Callable[..., Any]:
    """A CUDA graph of ``stage`` for inputs shaped like ``example``, a tensor or a tuple of tensors."""
    tensors = example if isinstance(example, tuple) else (example,)
    held = [tensor.clone() for tensor in tensors]
    inputs = type(example)(*held) if isinstance(example, tuple) else held[0]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            stage(inputs)
    torch.cuda.current_stream().wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        outputs = stage(inputs)

    def replay(given: Any) -> Any:
        for kept, new in zip(held, given if isinstance(given, tuple) else (given,), strict=True):
            kept.copy_(new)
        captured.replay()
        return outputs

    return replay


@torch.inference_mode()
def multiplications(network: Hoisdf, batch: NetworkInput, runtime: RuntimeConfig) -> dict[str, float]:
    """Billions of multiplications per stage (convolutions, matrix products, attention)."""
    counters = {
        torch.ops.mkldnn._linear_pointwise: _linear_flops,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    }
    network.runtime = runtime
    counted: dict[str, float] = {}

    def stage(name: str, function: Callable[..., Any], *inputs: Any) -> Any:
        with FlopCounterMode(display=False, custom_mapping=counters) as counter:
            result = function(*inputs)
        counted[name] = counter.get_total_flops() / 2e9
        return result

    features = stage("encode", network.encode, batch.image)
    found = stage("find_points", network.find_points, features, batch)
    tokens = stage("tokenise", network.tokenise, features, found, batch)
    attended = stage("attend", network.attend, tokens)
    stage("regress", network.regress, found, tokens, attended, features.maps)
    return {**counted, "total": sum(counted.values())}


def _attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _linear_flops(x: torch.Size, weight: torch.Size, *_: Any, **__: Any) -> int:
    return 2 * x.numel() * weight[0]


def memory(weights: str, preset: str | None, batch: int, runtime: RuntimeConfig, threads: int) -> tuple[float, float]:
    """MiB of this process with the network loaded, and at the peak of three passes; run it in a process of its own."""
    torch.set_num_threads(threads)
    network = optimised(load_network(weights, preset=preset)[0])
    network.runtime = runtime
    loaded = peak_memory()
    with torch.inference_mode():
        for _ in range(3):
            network(crops(batch, network.config.image_size, torch.device("cpu")))
    return loaded, peak_memory()


def peak_memory() -> float:
    """MiB that this process held at most (Linux; getrusage would tell its parent's peak where that was higher)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def measure(
    weights: str, preset: str | None, device: torch.device, batch_size: int, rounds: int, threads: int
) -> dict[str, Any]:
    """All variants of one network."""
    network = optimised(load_network(weights, preset=preset, device=device)[0])
    batch = crops(batch_size, network.config.image_size, device)
    field = network.config.field
    boxes = {"hand": (batch.hand_root, batch.hand_box), "object": (batch.object_center, batch.object_box)}
    points = {
        name: len(points_in_box(network.grid, field.scale, center, batch.intrinsics, box).index) // batch_size
        for name, (center, box) in boxes.items()
    }
    chosen = variants(network, batch)
    for variant in chosen:
        run(network, batch, variant)
    taken: dict[str, list[dict[str, float]]] = {variant.name: [] for variant in chosen}
    for _ in track(range(rounds), description=network.config.name, console=console):
        for variant in chosen:
            taken[variant.name].append(run(network, batch, variant))
    report: dict[str, Any] = {
        "preset": network.config.name,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "points_in_box": points,
        "variants": {},
    }
    for variant in chosen:
        entry: dict[str, Any] = {
            "seconds": {s: statistics.median(p[s] for p in taken[variant.name]) for s in (*STAGES, "total")},
            "gigamacs": multiplications(network, batch, replace(variant.runtime, precision="float32")),
        }
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
            run(network, batch, variant)
            entry["peak_memory_mib"] = torch.cuda.max_memory_allocated() / 2**20
        else:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                loaded, peak = pool.apply(memory, (weights, preset, batch_size, variant.runtime, threads))
            entry |= {"loaded_memory_mib": loaded, "peak_memory_mib": peak}
        report["variants"][variant.name] = entry
    return report


def show(report: dict[str, Any]) -> None:
    """Print one network's table."""
    points = ", ".join(f"{count} points in the {name}'s box" for name, count in report["points_in_box"].items())
    table = Table(title=f"{report['preset']}: {report['parameters'] / 1e6:.1f} million parameters, {points}")
    table.add_column("variant", no_wrap=True)
    for name in (*STAGES, "total"):
        table.add_column(f"{name}\nms", justify="right")
    table.add_column("frames/s", justify="right")
    table.add_column("GMAC", justify="right")
    table.add_column("peak MiB", justify="right")
    for name, entry in report["variants"].items():
        seconds = entry["seconds"]
        table.add_row(
            name,
            *(f"{seconds[stage] * 1e3:.1f}" for stage in (*STAGES, "total")),
            f"{1 / seconds['total']:.1f}",
            f"{entry['gigamacs']['total']:.1f}",
            f"{entry['peak_memory_mib']:.0f}",
        )
    console.print(table)


def main(
    preset: Annotated[list[str] | None, typer.Option(help="Untrained networks of these presets.")] = None,
    weights: Annotated[str | None, typer.Option(help="A weights file in place of presets.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch: Annotated[int, typer.Option(min=1)] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Passes of each variant.")] = 9,
    threads: Annotated[int, typer.Option(min=1, help="Threads on a CPU.")] = 2,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("out/benchmark/network.json"),
) -> None:
    """Time the network's stages, count its multiplications and measure its memory."""
    torch.set_num_threads(threads)
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    machine = torch.cuda.get_device_name() if place.type == "cuda" else f"{platform.machine()} CPU, {threads} threads"
    console.print(f"{machine}, torch {torch.__version__}, batch {batch}, median of {rounds}")
    networks = (
        [(weights, None)] if weights else [(f"untrained:{p}", p) for p in preset or ("dexycb", "ho3d", "compact")]
    )
    reports = []
    for source, name in networks:
        reports.append(measure(source, name, place, batch, rounds, threads))
        show(reports[-1])
    output.parent.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine, "torch": torch.__version__, "batch": batch, "rounds": rounds, "networks": reports}
    output.write_text(json.dumps(about, indent=2) + "\n")
    console.print(f"written to {output}")


if __name__ == "__main__":
    typer.run(main)
