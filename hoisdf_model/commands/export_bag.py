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

"""``hoisdf export-bag``: sequences of data sets and of the benchmark as rosbags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hoisdf_model.errors import BagError, ConfigError, DatasetError
from hoisdf_model.settings import one_of

if TYPE_CHECKING:
    from rich.table import Table

    from hoisdf_model.data.bags.export import BagFormat, ExportReport, Film
    from hoisdf_model.hand import HandModel

STORAGES, FORMATS = ("mcap", "sqlite3"), ("jpeg", "png", "raw")
SHOWN = 10  # frames with problems that are named one by one

Output = Annotated[Path | None, typer.Argument(help="Folder of the new bag, which must not exist.", show_default=False)]
Storage = Annotated[str, typer.Option(metavar="|".join(STORAGES), help="Storage of the bag.")]
Image = Annotated[str, typer.Option(metavar="|".join(FORMATS), help="Image format; png and raw are lossless.")]
Quality = Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG images.")]
Depth = Annotated[bool, typer.Option(help="Write depth images (16UC1, millimetres).")]
Every = Annotated[int, typer.Option(min=1, help="Take every n-th image only; stamps don't change.")]
Frames = Annotated[
    int | None, typer.Option(min=1, help="Number of images, from the first; default: all.", show_default=False)
]
HandModelFile = Annotated[
    Path | None,
    typer.Option(
        "--hand-model",
        help="Right-hand model of the labels: MANO_RIGHT.pkl for the real data set; default: the open hand.",
    ),
]
Models = Annotated[Path | None, typer.Option(help="Folder of the YCB-Video models; default: models in the download.")]


def register(app: typer.Typer) -> None:
    """Add the group ``hoisdf export-bag``."""
    group = typer.Typer(
        help="Sequences of DexYCB, HO-3D or the synthetic benchmark as rosbags. Topics: /image/compressed (or /image), "
        "/camera_info, /depth, /regions, /ground_truth (hoisdf/HandObject), /tf (ground truth, frames ending in "
        "_truth); all in the frame camera_color_optical_frame.",
        no_args_is_help=True,
    )
    for command in (dexycb, ho3d, synthetic):
        group.command()(command)
    app.add_typer(group, name="export-bag")


def dexycb(
    folder: Annotated[Path, typer.Argument(help="Folder of the download.", show_default=False)],
    output: Output = None,
    sequence: Annotated[
        str | None,
        typer.Option(metavar="SUBJECT/SEQUENCE", help="Sequence name; without it all are listed.", show_default=False),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="SERIAL", help="Camera of the sequence.", show_default=False)
    ] = None,
    hand_model: HandModelFile = None,
    left_hand_model: Annotated[
        Path | None, typer.Option(help="MANO's left-hand model; default: the right one mirrored.")
    ] = None,
    models: Models = None,
    every: Every = 1,
    frames: Frames = None,
    storage: Storage = "mcap",
    image: Image = "jpeg",
    quality: Quality = 95,
    depth: Depth = True,
) -> None:
    """Export one camera's sequence of DexYCB.

    Frames come at 30 Hz. Where no hand is labelled, the image is written and the ground truth has no hand. A frame that
    can't be read is named and left out, and the others are written; then the exit code is 1.
    """
    from hoisdf_model.data.dexycb.frames import DexYcbFrames
    from hoisdf_model.data.dexycb.layout import DexYcbFolder
    from hoisdf_model.hand import load_hand_model

    form = _form(storage, image, quality, depth)
    tree = DexYcbFolder(folder, partial=True)
    if sequence is None:
        _show(_dexycb_sequences(tree))
        _choose("say which sequence with --sequence SUBJECT/SEQUENCE, and which camera with --camera SERIAL", output)
        return
    if camera is None:
        raise ConfigError(f"say which camera with --camera; {sequence} has {', '.join(tree.find(sequence).serials)}")
    place = _place(output)
    right = load_hand_model(hand_model)
    left = None if left_hand_model is None else load_hand_model(left_hand_model, "left")
    film = DexYcbFrames(
        folder, None, "all", right, left, models, film=f"{sequence}/{camera}", progress=False, fields=False
    )
    about = _about(folder, f"DexYCB {sequence}/{camera}")
    _export(place, film, film.hand_models, form, every, frames, about)


def ho3d(
    folder: Annotated[Path, typer.Argument(help="Folder of the download.", show_default=False)],
    output: Output = None,
    sequence: Annotated[
        str | None,
        typer.Option(
            metavar="SEQUENCE", help="Sequence name, such as MC1; without it all are listed.", show_default=False
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="train|evaluation", help="Split of the sequence; default: found by name."),
    ] = None,
    version: Annotated[str | None, typer.Option(metavar="v2|v3", help="Expected version.", show_default=False)] = None,
    hand_model: HandModelFile = None,
    models: Models = None,
    every: Every = 1,
    frames: Frames = None,
    storage: Storage = "mcap",
    image: Image = "jpeg",
    quality: Quality = 95,
    depth: Depth = True,
) -> None:
    """Export one sequence of HO-3D, with unannotated images.

    Frames come at 30 Hz. Where no hand is labelled, the image is written and the ground truth has no hand. Where only
    the wrist is known (evaluation sequences without evaluation_xyz.json), the other joints are NaN. A frame that can't
    be read is named and left out, and the others are written; then the exit code is 1.
    """
    from hoisdf_model.data.ho3d.film import Ho3dFilm
    from hoisdf_model.data.ho3d.frames import Ho3dFrames
    from hoisdf_model.data.ho3d.layout import SPLITS, open_folder
    from hoisdf_model.data.synthetic_note import is_synthetic
    from hoisdf_model.hand import load_hand_model

    form = _form(storage, image, quality, depth)
    if split is not None:
        one_of("--split", split, SPLITS)
    tree = open_folder(folder, version)
    splits = [name for name in SPLITS if split in (None, name)]
    listed = {name: _ho3d_frames(tree, name, name == split) for name in splits}
    if sequence is None:
        _show(_table(("sequence", "split", "annotated frames"), (
            (known, name, str(count)) for name, counts in listed.items() for known, count in counts.items()
        )))  # fmt: skip
        _choose("say which sequence with --sequence", output)
        return
    place = _place(output)
    found = next((name for name in splits if sequence in listed[name]), splits[0])
    if not any(sequence in counts for counts in listed.values()):
        there = ", ".join(known for counts in listed.values() for known in counts)
        raise DatasetError(f"{folder} has no sequence {sequence!r} in {' or '.join(splits)}; there are {there}")
    own = folder / "models"
    shapes = models or (own if own.is_dir() else None)
    if shapes is None and not is_synthetic(folder):
        _say("[yellow]no object models given (--models): objects' boxes are those of look-alikes, millimetres off[/]")
    film = Ho3dFilm(Ho3dFrames(folder, found, version, shapes), sequence)
    about = _about(folder, f"HO-3D {tree.version} {found}/{sequence}")
    _export(place, film, {"right": load_hand_model(hand_model)}, form, every, frames, about)


def synthetic(
    output: Output = None,
    sequence: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Sequence number, from 0; without it all are listed.", show_default=False),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Write all sequences as bags in the folder OUTPUT; resumes an interrupted run, existing bags stay.",
            show_default=False,
        ),
    ] = False,
    every: Every = 1,
    frames: Frames = None,
    storage: Storage = "mcap",
    image: Image = "jpeg",
    quality: Quality = 95,
    depth: Depth = True,
) -> None:
    """Export the synthetic benchmark's sequences.

    A hand takes an object from a table, 3 s at 15 Hz.

    They are the same for everybody and nothing of them is trained on. /regions has boxes as a detector gives them.
    """
    from hoisdf_model.synthesis import benchmark_sequences
    from hoisdf_model.synthesis.benchmark_bags import benchmark_bag_name, record_benchmark_bag

    form = _form(storage, image, quality, depth)
    known = benchmark_sequences()
    if sequence is None and not everything:
        rows = ((str(k), item.name, f"{item.seconds:g} s", f"{item.rate:g} Hz") for k, item in enumerate(known))
        _show(_table(("sequence", "object", "length", "rate"), rows))
        _choose("say which sequence with --sequence NUMBER, or --all", output)
        return
    if sequence is not None and everything:
        raise ConfigError("give --sequence or --all, not both")
    place = _place(output, goes_on=everything)
    if not everything:
        targets = {cast(int, sequence): place}
    else:
        targets = {number: place / benchmark_bag_name(number) for number in range(len(known))}
        kept = [number for number, path in targets.items() if (path / "metadata.yaml").exists()]
        if kept:
            _say(f"{len(kept)} of {len(known)} bags are there already and stay as they are")
        targets = {number: path for number, path in targets.items() if number not in kept}
        place.mkdir(parents=True, exist_ok=True)
    reports: list[ExportReport] = []
    with _progress() as follow:
        for number, path in targets.items():
            follow(f"{benchmark_bag_name(number)} ({len(reports) + 1} of {len(targets)})")
            reports.append(record_benchmark_bag(path, number, form, every, frames, follow))
    frames_written, size = sum(report.frames for report in reports), sum(report.size for report in reports)
    bags = f"{len(reports)} bags, " if everything else ""
    _say(f"{_plain(str(place))}: {bags}{frames_written:,} frames, {size / 1e6:.1f} MB")


def _export(
    place: Path,
    film: Film,
    hand_models: dict[str, HandModel],
    form: BagFormat,
    every: int,
    frames: int | None,
    about: dict[str, str],
) -> None:
    from hoisdf_model.data.bags.export import export_film

    problems: list[str] = []

    def note(text: str) -> None:
        problems.append(text)
        if len(problems) <= SHOWN:
            _say(f"[yellow]{_plain(text)}[/]")

    with _progress() as follow:
        follow("reading and writing")
        report = export_film(place, film, hand_models, form, every, frames, about, follow, note)
    if len(problems) > SHOWN:
        _say(f"[yellow]... and {len(problems) - SHOWN:,} more[/]")
    _say(_summary(place, report))
    if report.without_depth == report.frames:
        _say("none of the frames has its depth image: fetch them, or give --no-depth")
    if problems:
        raise typer.Exit(1)


def _about(folder: Path, source: str) -> dict[str, str]:
    """Description of a bag's source."""
    from hoisdf_model.data.bags.export import SOURCE
    from hoisdf_model.data.bags.reader import SYNTHETIC
    from hoisdf_model.data.synthetic_note import is_synthetic
    from hoisdf_model.synthesis.plays.recording import MAKER

    return {SOURCE: source} | ({SYNTHETIC: MAKER} if is_synthetic(folder) else {})


def _summary(place: Path, report: ExportReport) -> str:
    parts = [f"{report.frames:,} frames, {report.hands:,} with a labelled hand, {report.size / 1e6:.1f} MB"]
    if report.left_out:
        parts.append(f"[yellow]{report.left_out:,} left out[/]")
    if report.without_depth:
        parts.append(f"[yellow]{report.without_depth:,} without depth[/]")
    return f"{_plain(str(place))}: {'; '.join(parts)}"


def _form(storage: str, image: str, quality: int, depth: bool) -> BagFormat:
    from hoisdf_model.data.bags.export import BagFormat

    for value, known, option in ((storage, STORAGES, "--storage"), (image, FORMATS, "--image")):
        one_of(option, value, known)
    return BagFormat(cast(Any, storage), cast(Any, image), quality, depth)


def _choose(how: str, output: Path | None) -> None:
    """Hint after a list; an error where a bag was to be written."""
    if output is not None:
        raise ConfigError(how)
    _say(f"to export one, {how}")


def _place(output: Path | None, goes_on: bool = False) -> Path:
    """Folder to write to, which must not exist.

    But a folder of bags can be continued.
    """
    if output is None:
        raise ConfigError("give the folder of the new bag, after the folder of the data set if there is one")
    if output.exists() and not (goes_on and output.is_dir()):
        raise BagError(f"{output} exists already: remove it or give another path")
    return output


def _dexycb_sequences(tree: Any) -> Table:
    rows = []
    for subject, names in tree.sequences.items():
        for name in names:
            try:
                take = tree.take(subject, name)
                row = (take.object_name, take.side, str(take.frames), " ".join(take.serials))
            except DatasetError as error:
                row = (str(error), "", "", "")
            rows.append((f"{subject}/{name}", *row))
    return _table(("sequence", "object", "hand", "frames", "cameras"), rows)


def _ho3d_frames(tree: Any, split: str, wanted: bool) -> dict[str, int]:
    """Number of frames by sequence of a split.

    Empty where the list isn't there, unless it is wanted.
    """
    from collections import Counter

    if not wanted and not tree.list_file(split).exists():
        return {}
    return dict(sorted(Counter(name.split("/")[0] for name in tree.listed(split)).items()))


def _table(columns: tuple[str, ...], rows: Any) -> Table:
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*(_plain(part) for part in row))
    return table


def _show(table: Table) -> None:
    from rich.console import Console

    Console(width=None if Console().is_terminal else 200).print(table)


@contextmanager
def _progress() -> Iterator[Callable[..., None]]:
    """Progress bar.

    Called with a text it starts again under that name, with two numbers it shows them.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def follow(*state: Any) -> None:
            if len(state) == 1:
                progress.reset(task, description=state[0], total=None)
            else:
                progress.update(task, completed=state[0], total=state[1])

        yield follow


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(text, soft_wrap=True, highlight=False)
