"""``hoisdf evaluate``: how far estimates are off, frame by frame and in tables."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hoisdf_model.errors import ConfigError, DependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from hoisdf_model.data.preparation import PreparationConfig
    from hoisdf_model.data.sources import FrameSource
    from hoisdf_model.evaluation import Contender, Models, Record, Summary
    from hoisdf_model.evaluation.data_folder import DataFolder, FolderOptions
    from hoisdf_model.evaluation.hand_file import HandFile
    from hoisdf_model.evaluation.run import Tags
    from hoisdf_model.hand import HandLayer, HandModel
    from hoisdf_model.network import Hoisdf

PROTOCOLS, SEARCHES = ("paper", "live"), ("exhaustive", "coarse_to_fine")
BENCHMARK = "benchmark"
DRAWN = ("plays", "stills", "benchmark", "shards")  # kinds of sources that hold rendered pictures
MEANING = {
    "paper": "true wrist, boxes and object class are given", "live": "image and camera are given, nothing else",
}  # fmt: skip
NOTES_SYNTHETIC = (
    "These figures are synthetic: rendered hands and look-alikes of objects. They show that the mechanics work, and "
    "say nothing about DexYCB or HO-3D; published results stand below only for the shape of the table.",
)
NETWORK, UNTRAINED, MEAN, INFORMED = "network", "untrained", "mean pose", "informed mean"


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
        str,
        typer.Option(
            help="'benchmark' (the synthetic one, drawn on the way), a folder of shards, the folder of a download of "
            "DexYCB or HO-3D, or a YAML file with kind and options of a source (see docs/datasets.md)."
        ),
    ] = BENCHMARK,
    split: Annotated[
        str | None,
        typer.Option(help="Of DexYCB (s0_test where not given) or HO-3D (evaluation).", show_default=False),
    ] = None,
    subset: Annotated[
        str | None, typer.Option(help="Of DexYCB: close (where not given), full, right or all.", show_default=False)
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Of HO-3D, v2 or v3; another one is refused.", show_default=False)
    ] = None,
    object_models: Annotated[
        Path | None,
        typer.Option(
            "--models",
            help="Folder of the YCB-Video models, for DexYCB and HO-3D; models in the download where not given.",
            show_default=False,
        ),
    ] = None,
    official: Annotated[
        bool, typer.Option("--official", help="Frames of DexYCB and HO-3D are cropped as by the released code.")
    ] = False,
    submission: Annotated[
        Path | None,
        typer.Option(help="Also write the zip file that HO-3D's challenge takes.", show_default=False),
    ] = None,
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

    Prints mean and median, and writes report.html into the output folder: figures, curves, and pictures of the best,
    middling and worst frames; also as curves.png, bars.png, sheet.jpg, frames.csv (every frame) and summary.json.

    An interrupted evaluation goes on where it was when it is called again. Beside the network stand two baselines that
    don't look at the picture, from the means of a training split, and a network with initial weights.
    """
    from hoisdf_model.estimation import resolve_device, resolve_precision
    from hoisdf_model.evaluation.data_folder import FolderOptions
    from hoisdf_model.evaluation.hand_file import HandFile
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.network import load_network, shipped_weights
    from hoisdf_model.network.shipped import NAME as SHIPPED

    for value, known, option in ((protocol, PROTOCOLS, "--protocol"), (search, SEARCHES, "--search")):
        if value not in known:
            raise ConfigError(f"{option} must be one of {', '.join(known)}, got {value!r}")
    console = _console()
    place = resolve_device(device)
    chosen = resolve_precision(precision, place)
    named = str(shipped_weights() if weights in (None, SHIPPED) else weights)
    model = load_hand_model(hand_model) if hand_model else None
    opened = _opened(
        data, FolderOptions(split, subset, version, object_models, official), model or load_hand_model()
    )  # fmt: skip
    base: PreparationConfig | None
    if opened is not None:
        source, tags, origin, base = opened.source, opened.tags, opened.about, opened.preparation
    else:
        source, tags, origin, base = _source(data, model or load_hand_model())
    if submission is not None and (opened is None or opened.challenge is None):
        raise ConfigError("--submission is for the evaluation frames of HO-3D: give its folder with --data")
    if submission is not None and frames is not None and frames < len(source):
        raise ConfigError("HO-3D's challenge takes all evaluation frames: leave out --frames or --submission")
    count = min(frames or len(source), len(source))
    with console.status("loading the network"):
        network, config = load_network(named, model, preset, place)
    about = {
        "weights": named, "digest": _digest(named), "network": config.to_mapping(), "data": origin,
        "protocol": protocol, "untrained": untrained, "precision": chosen, "search": search,
        "mean_pose": None if mean_pose is None else _digest(str(mean_pose)),
    }  # fmt: skip
    if submission is not None:
        about["submission"] = True
    label = Path(data).name if opened is None else opened.label
    folder = output or Path("evaluation") / f"{_name(named)}_{label}_{protocol}"

    from dataclasses import replace

    from hoisdf_model.evaluation import Models, RecordFile, object_groups, preparation_for, read_records, summarise
    from hoisdf_model.evaluation import evaluate as evaluated
    from hoisdf_model.synthesis import find_object

    network.runtime = replace(network.runtime, precision=chosen, search=search)
    preparation = preparation_for(config, base)
    catalogue = objects or (opened.models if opened is not None else None)
    models = Models(partial(find_object, catalogue=str(catalogue or "")))
    contenders = dict(_contenders(network, place, protocol, untrained, mean_pose, models))
    records = RecordFile(folder, about)
    hands = None if submission is None else HandFile(folder, len(source))
    if hands is not None:
        contenders[NETWORK] = replace(contenders[NETWORK], method=hands.keeping(contenders[NETWORK].method))
    before = len(records.done() & set(range(count)))
    steps = evaluated(
        source, range(count), contenders, records, preparation, models, _hand_of(source, model, network), tags,
        batch_size, workers, images=protocol == "live",
    )  # fmt: skip
    pace = _followed(steps, before, count, console)
    found = [record for record in read_records(folder) if record.frame < count]
    summary = summarise(found)
    _print(folder, about, summary, len(found), per_object, object_groups(found), pace)
    with console.status("drawing"):
        _write(folder, about, summary, found, pace, source, preparation, models)
    if submission is not None and hands is not None and opened is not None:
        _submit(submission, hands, opened.challenge, console)


def _opened(data: str, options: FolderOptions, hand_model: HandModel) -> DataFolder | None:
    """The folder of a download; None where the data are something else, for which there are no such options."""
    from hoisdf_model.data.layouts import kind_of
    from hoisdf_model.evaluation.data_folder import open_data_folder

    if data != BENCHMARK and Path(data).suffix not in (".yaml", ".yml"):
        kind = kind_of(data)
        if kind != "shards":
            return open_data_folder(data, kind, options, hand_model)
    if options.given:
        raise ConfigError(
            f"--{options.given[0]} is for the folder of a download of DexYCB or HO-3D, --data is {data}"
            + (": say it in that file" if Path(data).suffix in (".yaml", ".yml") else "")
        )
    return None


def _submit(path: Path, hands: HandFile, wanted: int | None, console: Console) -> None:
    from hoisdf_model.data.ho3d_submission import write_submission

    joints, vertices = hands.read()
    write_submission(path, joints, vertices, len(joints))
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if wanted is not None and len(joints) != wanted:
        console.print(f"the challenge takes {wanted:,} frames, these are {len(joints):,}", style="yellow")


def _source(
    data: str, hand_model: Any
) -> tuple[FrameSource, Tags, dict[str, Any], PreparationConfig | None]:  # fmt: skip
    """Frames, what they are told apart by, where they come from, and how they are prepared."""
    from dataclasses import asdict

    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.evaluation.data_folder import SYNTHETIC_NOTE
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.synthesis import BenchmarkStills, benchmark, drawn_from_benchmark

    if Path(data).suffix in (".yaml", ".yml"):
        try:
            from hoisdf_model.training.source_file import read_source
        except ModuleNotFoundError as error:
            raise DependencyError(f"reading {data} needs {error.name}: install hoisdf[train]") from error

        described, content = read_source(data, hand_model)
        place = Path(str(content.options.get("folder", "")))
        about = {"folder": str(Path(data).resolve()), **asdict(content), "frames": len(described)}
        if content.kind in DRAWN or (place / SYNTHETIC_NOTE).exists():
            about["synthetic"] = True
        return described, lambda number: (), about, content.preparation
    stills = BenchmarkStills(load_hand_model())
    if data == BENCHMARK:
        return stills, stills.tags, {"benchmark": benchmark.VERSION}, None
    shards = ShardedFrames(data)
    origin: dict[str, Any] = {"folder": str(Path(data).resolve()), "frames": len(shards)}
    if "library" in shards.about:
        origin["synthetic"] = True
    if drawn_from_benchmark(shards.about, stills):
        return shards, stills.tags, {"benchmark": benchmark.VERSION, **origin}, None
    return shards, lambda number: (), origin, None


def _hand_of(source: FrameSource, given: HandModel | None, network: Hoisdf) -> HandLayer:
    """The hand that the frames' poses and shapes are of, which needn't be the network's.

    Raises:
        ConfigError: it isn't known.
    """
    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.hand import HandLayer, load_hand_model
    from hoisdf_model.synthesis import Stills

    shipped = load_hand_model()
    wanted = (given or shipped).hash
    if isinstance(source, Stills):
        wanted = source.library.hand_model
    elif isinstance(source, ShardedFrames):
        wanted = str(source.about.get("hand_model", wanted))
    if network.hand_layer.model.hash == wanted:
        return network.hand_layer
    for model in (given, shipped):
        if model is not None and model.hash == wanted:
            return HandLayer(model)
    raise ConfigError(f"the frames were drawn with another hand model ({wanted}): give it with --hand-model")


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
    result[INFORMED] = Contender(MeanHandAndObject(means, models, informed=True))
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


def _print(
    folder: Path, about: dict[str, Any], summary: Summary, count: int, per_object: bool, objects: list[str],
    pace: float | None,
) -> None:  # fmt: skip
    from rich.console import Console

    from hoisdf_model.evaluation import summary_table

    console = Console()
    groups = [group for group in summary.figures if per_object or group not in objects]
    table = summary_table(summary, groups, _columns(about), _title(about, count), MEAN)
    natural = console.measure(table, options=console.options.update(width=1000)).maximum
    Console(width=max(console.width, natural)).print(table)  # too wide, a terminal wraps it; cut, it couldn't be read
    hands, things = summary.found["all"][NETWORK]
    if about["protocol"] == "live" or min(hands, things) < 1:
        console.print(f"found: hand in {hands:.1%} of the frames, object in {things:.1%}", highlight=False)
    speed = "" if pace is None else f"; {pace:.2f} frames/s with everything"
    console.print(f"mean / median; more in {folder}/report.html{speed}", highlight=False, soft_wrap=True)


def _write(
    folder: Path, about: dict[str, Any], summary: Summary, found: list[Record], pace: float | None,
    source: FrameSource, preparation: Any, models: Models,
) -> None:  # fmt: skip
    import json

    import cv2

    from hoisdf_model import evaluation
    from hoisdf_model.errors import EvaluationError

    objects = evaluation.object_groups(found)
    kinds = [group for group in summary.figures if group not in objects]
    shown = [method for method in (NETWORK, MEAN, INFORMED) if method in summary.figures["all"]]
    picked = evaluation.best_median_worst(found, NETWORK)
    drawn = {
        "Share of joints and frames by error": evaluation.png(evaluation.curves(found)),
        "Means by kind of frame and object": evaluation.png(
            evaluation.bars(summary, evaluation.bar_groups(summary, objects), shown)
        ),
    }
    sheet = evaluation.sheet(picked, NETWORK, source, preparation, models)
    facts = {
        "weights": f"{about['weights']} ({about['digest'] or 'no file'})", "network": str(about["network"]["name"]),
        "data": ", ".join(f"{key} {value}" for key, value in about["data"].items()),
        "protocol": f"{about['protocol']} ({MEANING[about['protocol']]})", "frames": str(len(found)),
        "precision, search": f"{about['precision']}, {about['search']}",
        "frames/s, with everything": "" if pace is None else f"{pace:.2f}",
    }  # fmt: skip
    synthetic = "benchmark" in about["data"] or "synthetic" in about["data"]
    content = evaluation.Content(
        title=_title(about, len(found)), facts=facts, notes=NOTES_SYNTHETIC if synthetic else (), summary=summary,
        groups=kinds, objects=objects, metrics=_columns(about), own=NETWORK,
        pictures={**drawn, "Best, middling and worst frames": sheet},
    )  # fmt: skip
    evaluation.write_csv(found, folder / "frames.csv")
    evaluation.write_report(content, folder / "report.html")
    result = {"about": about, "frames": len(found), "frames_per_second": pace, "groups": summary.to_json()}
    try:
        (folder / "summary.json").write_text(json.dumps(result, indent=1))
        for name, drawing in zip(("curves.png", "bars.png"), drawn.values(), strict=True):
            (folder / name).write_bytes(drawing)
        (folder / "sheet.jpg").write_bytes(cv2.imencode(".jpg", sheet[..., ::-1])[1].tobytes())
    except OSError as error:
        raise EvaluationError(f"can't write to {folder}: {error.strerror or error}") from error


def _columns(about: dict[str, Any]) -> tuple[str, ...]:
    from hoisdf_model.evaluation import LIVE, SHOWN

    return (*SHOWN, *LIVE) if about["protocol"] == "live" else SHOWN


def _title(about: dict[str, Any], count: int) -> str:
    data = "synthetic benchmark" if "benchmark" in about["data"] else Path(about["data"]["folder"]).name
    if "synthetic" in about["data"] and "benchmark" not in about["data"]:
        data = f"synthetic {data}"
    return f"{_name(about['weights'])} on {data}: {count} frames, {about['protocol']} protocol"


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
