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

"""The command: options, and the order of objects."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoisdf_model.commands.evaluate import options
from hoisdf_model.commands.evaluate.bag_options import bag_options
from hoisdf_model.commands.evaluate.bags import NetworkRun, evaluate_live, evaluate_recorded, labelled_bags
from hoisdf_model.commands.evaluate.contenders import INFORMED, MEAN, NETWORK, contenders_of
from hoisdf_model.commands.evaluate.labelled_data import BENCHMARK, download_at, hand_of, source_at
from hoisdf_model.commands.evaluate.metric_options import MetricOptions, fields_sheet
from hoisdf_model.commands.evaluate.processes import Processes, records_of, work
from hoisdf_model.commands.evaluate.progress import console_for_progress, print_summary
from hoisdf_model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from hoisdf_model.data.samples.preparation import PreparationConfig
    from hoisdf_model.evaluation import RecordFile
    from hoisdf_model.evaluation.runs.data_folder import DataFolder
    from hoisdf_model.evaluation.runs.hand_file import HandFile

PROTOCOLS, SEARCHES = ("paper", "live"), ("exhaustive", "coarse_to_fine")


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
    split: options.Split = None,
    subset: Annotated[
        str | None, typer.Option(help="Of DexYCB: close (where not given), full, right or all.", show_default=False)
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Of HO-3D, v2 or v3; another one is refused.", show_default=False)
    ] = None,
    object_models: options.ObjectModels = None,
    official: Annotated[
        bool, typer.Option("--official", help="Frames of DexYCB and HO-3D are cropped as by the released code.")
    ] = False,
    submission: Annotated[
        Path | None,
        typer.Option(help="Also write the zip file that HO-3D's challenge takes.", show_default=False),
    ] = None,
    bag: Annotated[
        Path | None,
        typer.Option(
            help="In place of --data: a rosbag with ground truth, or a folder of such bags.", show_default=False
        ),
    ] = None,
    given: Annotated[
        str,
        typer.Option(
            help="Of a bag, under the live protocol, what the network is given beside image and camera: regions, "
            "depth or regions,depth.",
            show_default=False,
        ),
    ] = "",
    estimates: Annotated[
        str | None,
        typer.Option(
            help="Of a bag, the topic with recorded estimates (hoisdf/HandObject): they are compared, no network runs.",
            show_default=False,
        ),
    ] = None,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            help="Of a bag, which topic plays a role, where types and names can't tell: ROLE=TOPIC with a role of "
            "image, camera_info, depth, regions, truth. Several times.",
            show_default=False,
        ),
    ] = None,
    rectified: Annotated[
        bool, typer.Option("--rectified", help="Images of the bag are rectified: P holds, not K with D.")
    ] = False,
    slop: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Seconds that stamps of a bag's image and its parts may be apart."),
    ] = 0.0,
    forget: Annotated[
        bool, typer.Option("--forget", help="Every frame of a bag is looked at without those before.")
    ] = False,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="|".join(PROTOCOLS),
            help="paper: true wrist, boxes and object class are given. live: image and camera, nothing else.",
        ),
    ] = "paper",
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="The first so many frames, of each bag; all where not given.", show_default=False),
    ] = None,
    untrained: Annotated[
        int,
        typer.Option(min=0, help="Of these, so many are also given to a network with initial weights, to compare."),
    ] = 100,
    interaction: Annotated[
        bool,
        typer.Option(help="Also take how the estimated hand and object touch and overlap; some 70 ms a frame."),
    ] = True,
    points: Annotated[
        bool, typer.Option(help="Also take how far the points that the network looks at are from the true hand.")
    ] = True,
    fields: Annotated[
        int,
        typer.Option(min=0, help="Of so many frames also compare the surfaces of the distance fields; takes seconds."),
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write to, or to go on in; evaluation/NAME where not given.",
            show_default=False,
        ),
    ] = None,
    objects: options.Objects = None,
    per_object: Annotated[bool, typer.Option("--per-object", help="Print a line for each object.")] = False,
    hand_model: options.HandModelFile = None,
    preset: Annotated[str | None, typer.Option(help="Preset of an official snapshot, where it can't tell.")] = None,
    mean_pose: Annotated[
        Path | None, typer.Option(help="Means for the baselines, written by hoisdf mean-pose; the shipped ones.")
    ] = None,
    device: options.Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "float32",
    search: Annotated[
        str,
        typer.Option(metavar="|".join(SEARCHES), help="How surface points are found; coarse_to_fine is faster."),
    ] = "exhaustive",
    batch_size: options.BatchSize = 8,
    workers: options.Workers = 1,
) -> None:
    """Measure the errors of a network on labelled frames.

    Prints mean and median, and writes report.html into the output folder: figures, curves, and pictures of the best,
    middling and worst frames; also as curves.png, bars.png, sheet.jpg, frames.csv (every frame) and summary.json.

    An interrupted evaluation goes on where it was when it is called again. Beside the network stand two baselines that
    don't look at the picture, from the means of a training split, and a network with initial weights.

    Under torchrun (torchrun --nproc-per-node 2 -m hoisdf_model.cli evaluate ...) the frames are divided among the
    processes, each with its own GPU; the first one prints and writes.

    With --bag the frames are a recording's. Under the live protocol the network follows them as the perception node
    does, tracking included, but drops none; there are no baselines, and an evaluation starts anew when called again.
    """
    from hoisdf_model.estimation import resolve_device, resolve_precision
    from hoisdf_model.evaluation import Models, digest_of, name_of
    from hoisdf_model.evaluation.reports.descriptions import warnings_of
    from hoisdf_model.evaluation.runs.data_folder import FolderOptions
    from hoisdf_model.evaluation.runs.hand_file import HandFile
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.network import load_network, shipped_weights
    from hoisdf_model.network.shipped import NAME as SHIPPED
    from hoisdf_model.objects import find_object

    for value, known, option in ((protocol, PROTOCOLS, "--protocol"), (search, SEARCHES, "--search")):
        if value not in known:
            raise ConfigError(f"{option} must be one of {', '.join(known)}, got {value!r}")
    foreign = {"--data": data != BENCHMARK, "--submission": submission is not None, "--official": official}
    foreign |= {"--split": bool(split), "--subset": bool(subset), "--version": bool(version)}
    foreign["--models"] = object_models is not None
    foreign["--fields"] = fields > 0 and (protocol == "live" or estimates is not None)
    bags = bag_options(bag, given, estimates, topics or (), rectified, forget, protocol, foreign, slop)
    processes = Processes.joined()
    if processes.count > 1 and bags is not None and (bags.estimates is not None or protocol == "live"):
        raise ConfigError("frames of a bag are followed in order, by one process: leave out torchrun")
    console = console_for_progress(quiet=not processes.leads)
    find = partial(find_object, catalogue=str(objects or ""))
    if bags is not None and bags.estimates is not None:
        target = output or Path("evaluation") / f"recorded_{bags.label}"
        evaluate_recorded(bags, target, frames, Models(find), find, per_object, console)
        return
    place = resolve_device(processes.device(device))
    chosen = resolve_precision(precision, place)
    named = str(shipped_weights() if weights in (None, SHIPPED) else weights)
    model = load_hand_model(hand_model) if hand_model else None
    opened: DataFolder | None
    if bags is not None and protocol == "live":
        run = NetworkRun(named, model, preset, place, chosen, search, objects)
        target = output or Path("evaluation") / f"{name_of(named)}_{bags.label}_live"
        evaluate_live(bags, run, target, frames, Models(find), find, per_object, console)
        return
    if bags is not None:
        opened, frames = labelled_bags(bags, frames, find, console), None
    else:
        folder_options = FolderOptions(split, subset, version, object_models, official)
        opened = download_at(data, folder_options, model or load_hand_model())
    base: PreparationConfig | None
    if opened is not None:
        source, tags, origin, base = opened.source, opened.tags, opened.about, opened.preparation
    else:
        source, tags, origin, base = source_at(data, model or load_hand_model())
    for warning in warnings_of(origin):
        console.print(f"warning: {warning}", style="yellow", highlight=False, soft_wrap=True)
    if submission is not None and (opened is None or opened.challenge is None):
        raise ConfigError("--submission is for the evaluation frames of HO-3D: give its folder with --data")
    if submission is not None and frames is not None and frames < len(source):
        raise ConfigError("HO-3D's challenge takes all evaluation frames: leave out --frames or --submission")
    count = min(frames or len(source), len(source))
    with console.status("loading the network"):
        network, config = load_network(named, model, preset, place)
    about = {
        "weights": named, "digest": digest_of(named), "network": config.to_mapping(), "data": origin,
        "protocol": protocol, "untrained": untrained, "precision": chosen, "search": search,
        "mean_pose": None if mean_pose is None else digest_of(str(mean_pose)),
    }  # fmt: skip
    wanted = MetricOptions(interaction, points and protocol == "paper", fields)
    about |= wanted.about() | ({} if submission is None else {"submission": True})
    label = Path(data).name if opened is None else opened.label
    folder = output or Path("evaluation") / f"{name_of(named)}_{label}_{protocol}"

    from dataclasses import replace

    from hoisdf_model.evaluation import (
        Finished,
        best_median_worst,
        preparation_for,
        read_records,
        sheet,
        summarise,
        write_results,
    )
    from hoisdf_model.evaluation import evaluate as evaluated

    network.runtime = replace(network.runtime, precision=chosen, search=search)
    preparation = preparation_for(config, base)
    catalogue = objects or (opened.models if opened is not None else None)
    models = Models(partial(find_object, catalogue=str(catalogue or "")))
    layer = hand_of(source, model, network)
    quality = wanted.quality(network, models, layer, place)
    contenders = contenders_of(network, place, protocol, untrained, mean_pose, models)
    contenders = wanted.added(contenders, models, layer, quality)
    records = records_of(processes, folder, about)
    hands = None if submission is None else processes.leader_first(lambda: HandFile(folder, len(source)))
    if hands is not None:
        contenders[NETWORK] = replace(contenders[NETWORK], method=hands.keeping(contenders[NETWORK].method))

    def steps(numbers: Sequence[int], file: RecordFile) -> Iterator[int]:
        return evaluated(
            source, numbers, contenders, file, preparation, models, layer, tags, batch_size, workers,
            images=protocol == "live",
        )  # fmt: skip

    pace = work(processes, records, about, range(count), batch_size, steps, console)
    processes.leave()
    if not processes.leads:
        return
    found = [record for record in read_records(folder) if record.frame < count]
    finished = Finished(about, found, summarise(found), NETWORK, (MEAN, INFORMED), pace)
    print_summary(folder, finished, per_object, MEAN)
    with console.status("drawing"):
        picked = best_median_worst(found, NETWORK)
        drawn = None if quality is None else fields_sheet(quality, found, source, preparation)
        write_results(folder, finished, sheet(picked, NETWORK, source, preparation, models), drawn)
    if submission is not None and hands is not None and opened is not None:
        _submit(submission, hands, opened.challenge, console)


def _submit(path: Path, hands: HandFile, wanted: int | None, console: Console) -> None:
    from hoisdf_model.data.ho3d.submission import write_submission

    joints, vertices = hands.read()
    write_submission(path, joints, vertices, len(joints))
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if wanted is not None and len(joints) != wanted:
        console.print(f"the challenge takes {wanted:,} frames, these are {len(joints):,}", style="yellow")
