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

"""``hoisdf synthesize``: synthetic recordings, grasp libraries and data sets.

And trees in the layout of known data sets.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from hoisdf_model.errors import ConfigError
from hoisdf_model.settings import one_of

STORAGES, FORMATS, SIDES = ("mcap", "sqlite3"), ("jpeg", "png", "raw"), ("right", "left")
SPLITS = ("train", "validation", "benchmark")
PREVIEWED, PREVIEW_COLUMNS = 40, 8  # stills on a contact sheet
SHEET_GRASPS = 14
BAG, LIBRARY, DATASET = "Recordings (--bag)", "Grasp libraries (--grasps)", "Data sets (--dataset)"
TREE = "Trees in a known layout"
STILLS, TREE_FRAMES = 2000, 20  # frames where --frames isn't given


def register(app: typer.Typer) -> None:
    """Add ``hoisdf synthesize``."""
    app.command()(synthesize)


def synthesize(
    bag: Annotated[
        Path | None, typer.Option("--bag", help="Write a rosbag2 recording into this folder, which must not exist.")
    ] = None,
    grasps: Annotated[
        Path | None, typer.Option("--grasps", help="Write a grasp library, an npz file; resumes an interrupted run.")
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option("--dataset", help="Write a data set of stills into this folder; resumes an interrupted run."),
    ] = None,
    ho3d: Annotated[
        Path | None,
        typer.Option("--ho3d", help="Write a tree in HO-3D's layout into this folder, which must be new or empty."),
    ] = None,
    dexycb: Annotated[
        Path | None,
        typer.Option("--dexycb", help="Write a tree in DexYCB's layout into this folder, which must be new or empty."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of all choices not set by options.")] = 0,
    objects: Annotated[
        list[str] | None,
        typer.Option(
            "--object",
            help="Object to take; may be repeated (see: hoisdf objects list). Default: in a recording mustard "
            "bottle, cracker box and soup can, in this order; in a library or data set all objects.",
            show_default=False,
        ),
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Folder with additional object meshes.")] = None,
    hand_model: Annotated[
        Path | None, typer.Option(help="Hand model (.pkl or .npz) in the scenes; default: the open hand.")
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(help="PNG file for a contact sheet; for a library, grasps coloured by penetration depth."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes for libraries and data sets; 0: only this one.")] = 0,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="Length in seconds; at least 1.5 per object.", rich_help_panel=BAG)
    ] = 10.0,
    rate: Annotated[float, typer.Option(min=1.0, max=120.0, help="Frames per second.", rich_help_panel=BAG)] = 15.0,
    storage: Annotated[
        str, typer.Option(metavar="|".join(STORAGES), help="Storage of the bag.", rich_help_panel=BAG)
    ] = "mcap",
    image: Annotated[str, typer.Option(metavar="|".join(FORMATS), help="Image format.", rich_help_panel=BAG)] = "jpeg",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG images.", rich_help_panel=BAG)] = 90,
    depth: Annotated[bool, typer.Option(help="Record depth images (16UC1, millimetres).", rich_help_panel=BAG)] = True,
    side: Annotated[
        str, typer.Option(metavar="|".join(SIDES), help="Side of the hand.", rich_help_panel=BAG)
    ] = "right",
    split: Annotated[
        str,
        typer.Option(
            metavar="|".join(SPLITS),
            help="Split of the data; splits share no hand, grasp, random shape or appearance.",
            rich_help_panel=LIBRARY,
        ),
    ] = "train",
    shapes: Annotated[
        int,
        typer.Option(
            min=0, help="Number of random shapes in addition to the catalogue's objects.", rich_help_panel=LIBRARY
        ),
    ] = 200,
    per_object: Annotated[int, typer.Option(min=1, help="Number of grasps per object.", rich_help_panel=LIBRARY)] = 48,
    hands: Annotated[int, typer.Option(min=1, help="Number of hand shapes per object.", rich_help_panel=LIBRARY)] = 4,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Number of stills; default: {STILLS}. In a tree, frames per sequence; default: {TREE_FRAMES}.",
            rich_help_panel=DATASET,
            show_default=False,
        ),
    ] = None,
    sequences: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of sequences. HO-3D's layout: training sequences, and a quarter as many for evaluation; "
            "DexYCB's: every fifth is for testing.",
            rich_help_panel=TREE,
        ),
    ] = 4,
    cameras: Annotated[
        int, typer.Option(min=1, max=8, help="Number of cameras per sequence in DexYCB's layout.", rich_help_panel=TREE)
    ] = 2,
    left_hands: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of left hands, 0 to 1; frames of right hands stay the same.",
            rich_help_panel=DATASET,
        ),
    ] = 0.3,
    library: Annotated[
        Path | None,
        typer.Option(
            help="Grasp library, which also sets the split; default: one is made in the data set's folder. With "
            "--preview alone: the library to draw.",
            rich_help_panel=DATASET,
        ),
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            help="Folder of background pictures, in addition to the procedural ones.", rich_help_panel=DATASET
        ),
    ] = None,
    field_samples: Annotated[
        int,
        typer.Option(
            min=1,
            help="Signed distance samples of hand and object per frame; at least the recipe's hand_field_points and "
            "object_field_points.",
            rich_help_panel=DATASET,
        ),
    ] = 1000,
    details: Annotated[
        bool,
        typer.Option(
            help="Also write depth, hand mesh and contacts, which training doesn't use.", rich_help_panel=DATASET
        ),
    ] = True,
) -> None:
    """Generate a synthetic recording, grasp library or data set.

    Give one of the first five options.

    A recording is a rosbag of a hand that takes objects from a table. Topics: /image/compressed (or /image),
    /camera_info, /depth, /regions (boxes as a detector gives them), /ground_truth (hoisdf/HandObject) and /tf (ground
    truth, frames ending in _truth).

    A data set holds labelled stills for training, in tar files of 200.

    A tree is for trying out readers of the real data set; its figures say nothing about that data set. Its labels
    belong to the hand model that is given.
    """
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.synthesis import BagSettings, Fineness, LibrarySettings, SceneSettings, StillSettings

    targets = [target for target in (bag, grasps, dataset, ho3d, dexycb) if target is not None]
    looked_at = library if not targets and preview is not None else None
    if len(targets) + (looked_at is not None) != 1:
        raise ConfigError(
            "give exactly one of --bag, --grasps, --dataset, --ho3d and --dexycb, or --library with --preview to look "
            "at it"
        )
    for value, known, option in (
        (storage, STORAGES, "--storage"),
        (image, FORMATS, "--image"),
        (side, SIDES, "--side"),
        (split, SPLITS, "--split"),
    ):
        one_of(option, value, known)
    model = load_hand_model(hand_model)
    if looked_at is not None and preview is not None:
        _show_grasps(looked_at, model, preview)
        return
    if bag is not None:
        settings = BagSettings(
            seconds=seconds, rate=rate, seed=seed, storage=cast(Any, storage), image_format=cast(Any, image),
            quality=quality, depth=depth, side=cast(Any, side),
        )  # fmt: skip
        if objects:
            settings = replace(settings, objects=tuple(objects))
        _record(bag, settings, catalogue, model, preview)
        return
    if ho3d is not None:
        _write_ho3d(ho3d, sequences, frames or TREE_FRAMES, tuple(objects or ()), seed, catalogue, model, preview)
        return
    if dexycb is not None:
        _write_dexycb(
            dexycb, (sequences, frames or TREE_FRAMES, cameras), tuple(objects or ()), seed, catalogue, model, preview
        )
        return
    wanted = LibrarySettings(
        cast(Any, split), seed, tuple(objects or ()), shapes, per_object, hands, str(catalogue or "")
    )
    if grasps is not None:
        _find_grasps(grasps, wanted, model, workers, preview)
    elif dataset is not None:
        if library is None:
            library, objects, catalogue = dataset / "grasps.npz", None, None  # the library has decided about them
            if not library.exists():
                _find_grasps(library, wanted, model, workers, None)
        stage = SceneSettings(left_hands=left_hands, objects=list(objects or ()))
        pictures, meshes = (str(place) if place else None for place in (backgrounds, catalogue))
        stills = StillSettings(
            str(library), seed, pictures, stage, meshes, fineness=Fineness(field_samples=field_samples)
        )
        _draw(dataset, stills, model, frames or STILLS, workers, preview, details)


def _record(bag: Path, settings: Any, catalogue: Path | None, model: Any, preview: Path | None) -> None:
    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis import record_bag

    with _progress() as progress:
        task = progress.add_task("looking for grasps", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, description="rendering", completed=done, total=total)

        report = record_bag(bag, settings, load_catalogue(catalogue), model, show, preview)
    pace = report.frames / max(report.filming_seconds, 1e-9)
    _say(
        f"{bag}: {report.frames} frames, {report.size / 1e6:.1f} MB; planned in {report.planning_seconds:.1f} s, "
        f"rendered and written in {report.filming_seconds:.1f} s ({pace:.1f} frames/s) on {report.device}"
    )


def _write_ho3d(
    folder: Path,
    sequences: int,
    frames: int,
    objects: tuple[str, ...],
    seed: int,
    catalogue: Path | None,
    model: Any,
    preview: Path | None,
) -> None:
    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis.plays.recording import labelled, write_sheet
    from hoisdf_model.synthesis.trees.ho3d import Ho3dTreeSettings, write_ho3d_tree

    shots: list[Any] = []
    with _progress() as progress:
        task = progress.add_task("looking for grasps", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, description="rendering", completed=done, total=total)

        def witness(split: str, name: str, shot: Any) -> None:
            if preview is not None and len(shots) < PREVIEWED:
                shots.append(labelled(shot))

        settings = Ho3dTreeSettings(sequences, frames, objects, seed)
        report = write_ho3d_tree(folder, settings, load_catalogue(catalogue), model, show, witness)
    if preview is not None:
        write_sheet(preview, shots)
    _say(
        f"{folder}: {report.train} frames to train on and {report.evaluation} for evaluation, "
        f"{report.size / 1e6:.1f} MB, in {report.seconds:.1f} s on {report.device}"
    )


def _write_dexycb(
    folder: Path,
    sizes: tuple[int, int, int],
    objects: tuple[str, ...],
    seed: int,
    catalogue: Path | None,
    model: Any,
    preview: Path | None,
) -> None:
    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.synthesis.plays.recording import labelled, write_sheet
    from hoisdf_model.synthesis.trees.dexycb import DexYcbTreeSettings, write_dexycb

    shots: list[Any] = []
    settings = DexYcbTreeSettings(*sizes, objects, seed=seed)
    every = max(1, sizes[0] * sizes[1] * sizes[2] // PREVIEWED)
    with _progress() as progress:
        task = progress.add_task("looking for grasps", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, description="rendering", completed=done, total=total)

        def witness(number: int, shot: Any) -> None:
            if preview is not None and number % every == 0 and len(shots) < PREVIEWED:
                shots.append(labelled(shot))

        report = write_dexycb(folder, settings, load_catalogue(catalogue), model, show, witness)
    if preview is not None:
        write_sheet(preview, shots)
    _say(
        f"{folder}: {report.pictures} frames, {report.size / 1e6:.1f} MB, in {report.seconds:.1f} s on {report.device}"
    )


def _find_grasps(path: Path, settings: Any, model: Any, workers: int, preview: Path | None) -> None:
    from hoisdf_model.synthesis import build_library

    with _progress() as progress:
        task = progress.add_task("looking for grasps", total=None)

        def show(done: int, total: int, found: int) -> None:
            progress.update(task, description=f"{found} grasps; objects", completed=done, total=total)

        report = build_library(path, settings, model, workers, show)
    without = f"; none found of {', '.join(report.without)}" if report.without else ""
    _say(
        f"{path}: {report.grasps} grasps, {report.found} of them found now in {report.seconds:.0f} s "
        f"({report.found / max(report.seconds, 1e-9):.1f} grasps/s){without}"
    )
    if preview is not None:
        _show_grasps(path, model, preview)


def _show_grasps(path: Path, model: Any, sheet: Path) -> None:
    from hoisdf_model.synthesis import grasp_sheet, load_library, telling_grasps, write_picture

    library = load_library(path)
    write_picture(sheet, grasp_sheet(library, model, telling_grasps(library, SHEET_GRASPS)))
    _say(f"{sheet}: {min(SHEET_GRASPS, len(library))} of {len(library)} grasps, the deepest last")


def _draw(
    folder: Path, settings: Any, model: Any, frames: int, workers: int, preview: Path | None, details: bool
) -> None:
    from hoisdf_model.synthesis import Stills, sheet_tile, write_dataset, write_sheet

    stills = Stills(settings, model)
    with _progress() as progress:
        task = progress.add_task("rendering", total=frames)
        report = write_dataset(
            folder, stills, frames, workers=workers, details=details,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
    pace = report.written / max(report.seconds, 1e-9)
    _say(
        f"{folder}: {frames} frames, {report.size / 1e6:.1f} MB; {report.written} of them written now in "
        f"{report.seconds:.1f} s ({pace:.1f} frames/s, {pace / max(workers, 1):.1f} for each process) on "
        f"{stills.studio.device}"
    )
    if preview is not None:
        tiles = [sheet_tile(stills.still(index), index % 2 == 1) for index in range(min(frames, PREVIEWED))]
        write_sheet(preview, tiles, PREVIEW_COLUMNS)


def _progress() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(text)
