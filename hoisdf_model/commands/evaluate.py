"""``hoisdf evaluate``: how far estimates are off, frame by frame and in tables."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoisdf_model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from hoisdf_model.data.sources import FrameSource
    from hoisdf_model.evaluation import Contender, Models, RecordFile
    from hoisdf_model.evaluation.run import Tags
    from hoisdf_model.network import Hoisdf

PROTOCOLS, SEARCHES = ("paper", "live"), ("exhaustive", "coarse_to_fine")
BENCHMARK = "benchmark"
NETWORK, UNTRAINED, MEAN, AT_BOX = "network", "untrained", "mean pose", "mean at box"


def register(app: typer.Typer) -> None:
    """Add ``hoisdf evaluate``."""
    app.command()(evaluate)


def evaluate(
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            help="Weights: our safetensors, an official snapshot, or untrained:compact. The shipped ones if not given.",
        ),
    ] = None,
    data: Annotated[
        str, typer.Option(help="'benchmark' (the synthetic one, drawn on the way), or a folder of shards.")
    ] = BENCHMARK,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="|".join(PROTOCOLS),
            help="paper: true wrist, boxes and object class are given. live: image and camera, nothing else.",
        ),
    ] = "paper",
    frames: Annotated[
        int | None, typer.Option(min=1, help="The first so many frames; all where not given.", show_default=False)
    ] = None,
    untrained: Annotated[
        int,
        typer.Option(min=0, help="Of these, so many are also given to a network with initial weights, to compare."),
    ] = 100,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write to, or to go on in; evaluation/NAME where not given.",
            show_default=False,
        ),
    ] = None,
    objects: Annotated[
        Path | None, typer.Option(help="Folder with object meshes of your own, beside the catalogue's.")
    ] = None,
    per_object: Annotated[bool, typer.Option("--per-object", help="Print a line for each object.")] = False,
    hand_model: Annotated[
        Path | None, typer.Option(help="Hand model (.pkl or .npz); the weights' own or open.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Preset of an official snapshot, where it can't tell.")] = None,
    mean_pose: Annotated[
        Path | None, typer.Option(help="Means for the baselines, written by hoisdf mean-pose; the shipped ones.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "float32",
    search: Annotated[
        str,
        typer.Option(metavar="|".join(SEARCHES), help="How surface points are found; coarse_to_fine is faster."),
    ] = "exhaustive",
    batch_size: Annotated[int, typer.Option(min=1, help="Frames at once.")] = 8,
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw or read frames; 0: only this one.")] = 1,
) -> None:
    """Measure the errors of a network on labelled frames.

    Prints mean and median, and writes frames.csv (every frame), summary.json and evaluation.json into the output
    folder. An interrupted evaluation goes on where it was when it is called again. Beside the network stand two
    baselines that don't look at the picture, from the means of a training split, and a network with initial weights.
    """
    from hoisdf_model.estimation import resolve_device, resolve_precision
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.network import load_network, shipped_weights

    for value, known, option in ((protocol, PROTOCOLS, "--protocol"), (search, SEARCHES, "--search")):
        if value not in known:
            raise ConfigError(f"{option} must be one of {', '.join(known)}, got {value!r}")
    console = _console()
    place = resolve_device(device)
    chosen = resolve_precision(precision, place)
    named = str(weights or shipped_weights())
    source, tags, origin = _source(data, load_hand_model())
    count = min(frames or len(source), len(source))
    with console.status("loading the network"):
        model = load_hand_model(hand_model) if hand_model else None
        network, config = load_network(named, model, preset, place)
    about = {
        "weights": named, "digest": _digest(named), "network": config.to_mapping(), "data": origin,
        "protocol": protocol, "untrained": untrained, "precision": chosen, "search": search,
        "mean_pose": None if mean_pose is None else _digest(str(mean_pose)),
    }  # fmt: skip
    folder = output or Path("evaluation") / f"{_name(named)}_{Path(data).name}_{protocol}"

    from dataclasses import replace

    from hoisdf_model.evaluation import Models, RecordFile, preparation_for
    from hoisdf_model.evaluation import evaluate as evaluated
    from hoisdf_model.synthesis import find_object

    network.runtime = replace(network.runtime, precision=chosen, search=search)
    models = Models(partial(find_object, catalogue=str(objects or "")))
    contenders = _contenders(network, place, protocol, untrained, mean_pose, models)
    records = RecordFile(folder, about)
    before = len(records.done() & set(range(count)))
    steps = evaluated(
        source, range(count), contenders, records, preparation_for(config), models, network.hand_layer, tags,
        batch_size, workers, images=protocol == "live",
    )  # fmt: skip
    pace = _followed(steps, before, count, console)
    _report(folder, about, records, count, per_object, pace)


def _source(data: str, hand_model: Any) -> tuple[FrameSource, Tags, dict[str, Any]]:
    """Frames, what they are told apart by, and where they come from."""
    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.synthesis import BenchmarkStills, benchmark, drawn_from_benchmark

    stills = BenchmarkStills(hand_model)
    if data == BENCHMARK:
        return stills, stills.tags, {"benchmark": benchmark.VERSION}
    shards = ShardedFrames(data)
    origin: dict[str, Any] = {"folder": str(Path(data).resolve()), "frames": len(shards)}
    if drawn_from_benchmark(shards.about, stills):
        return shards, stills.tags, {"benchmark": benchmark.VERSION, **origin}
    return shards, lambda number: (), origin


def _contenders(
    network: Hoisdf, device: Any, protocol: str, untrained: int, mean_pose: Path | None, models: Models
) -> Mapping[str, Contender]:
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.evaluation import (
        Contender,
        FromImage,
        GivenPlaces,
        MeanHandAndObject,
        read_mean_pose,
        untrained_like,
    )
    from hoisdf_model.network import optimised

    def method(taken: Hoisdf) -> Any:
        fast = optimised(taken)
        if protocol == "paper":
            return GivenPlaces(fast, device)
        estimator = Estimator(fast, taken.config, taken.hand_layer.model, device)

        def estimate(frame: Any) -> Any:
            estimator.reset()
            return estimator(frame)

        return FromImage(estimate)

    means = read_mean_pose(mean_pose)
    result = {NETWORK: Contender(method(network), kept=True)}
    result[MEAN] = Contender(MeanHandAndObject(means, models))
    result[AT_BOX] = Contender(MeanHandAndObject(means, models, at_box=True))
    if untrained:
        result[UNTRAINED] = Contender(method(untrained_like(network).to(device)), untrained)
    return result


def _followed(steps: Iterator[int], before: int, count: int, console: Console) -> float | None:
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


def _report(
    folder: Path, about: dict[str, Any], records: RecordFile, count: int, per_object: bool, pace: float | None
) -> None:
    import json

    from rich.console import Console

    from hoisdf_model.evaluation import LIVE, SHOWN, object_groups, read_records, summarise, summary_table, write_csv

    found = [record for record in read_records(records.folder) if record.frame < count]
    summary = summarise(found)
    write_csv(found, folder / "frames.csv")
    content = {"about": about, "frames": len(found), "frames_per_second": pace, "groups": summary.to_json()}
    (folder / "summary.json").write_text(json.dumps(content, indent=1))
    console = Console()
    single = object_groups(found)
    groups = [group for group in summary.figures if per_object or group not in single]
    live = about["protocol"] == "live"
    title = f"{about['weights']}, {len(found)} frames, {about['protocol']} protocol"
    if "benchmark" in about["data"]:
        title = f"synthetic benchmark, {title}"
    table = summary_table(summary, groups, (*SHOWN, *LIVE) if live else SHOWN, title, MEAN)
    natural = console.measure(table, options=console.options.update(width=1000)).maximum
    Console(width=max(console.width, natural)).print(table)  # too wide, a terminal wraps it; cut, it couldn't be read
    hands, things = summary.found["all"][NETWORK]
    if live or min(hands, things) < 1:
        console.print(f"found: hand in {hands:.1%} of the frames, object in {things:.1%}", highlight=False)
    speed = "" if pace is None else f"; {pace:.2f} frames/s with everything"
    console.print(f"mean / median; every frame in {folder}/frames.csv{speed}", highlight=False, soft_wrap=True)


def _name(weights: str) -> str:
    if ":" in weights and not Path(weights).exists():
        return weights.replace(":", "_")
    path = Path(weights)
    return path.resolve().parent.name if path.stem == "weights" else path.stem


def _digest(path: str) -> str | None:
    """SHA-256 of a file, as long as anybody reads."""
    import hashlib

    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if Path(path).is_file() else None


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)
