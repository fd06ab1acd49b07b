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

"""``hoisdf grasp``: grasps for a robot's gripper from demonstrations of a hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hoisdf_model.errors import BagError, GraspError, HoisdfError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoisdf_model.estimates import Estimate
    from hoisdf_model.grasping import Gripper, RecordedGrasp
    from hoisdf_model.hand import HandModel

HAND_OBJECT = "hoisdf/msg/HandObject"
GROUND_TRUTH = "ground_truth"

GripperName = Annotated[
    str, typer.Option("--gripper", help="Gripper name (see: hoisdf grasp grippers), or a YAML file of your own.")
]
Meshes = Annotated[Path | None, typer.Option("--catalogue", help="Folder with additional object meshes.")]


def register(app: typer.Typer) -> None:
    """Add the group ``hoisdf grasp``."""
    group = typer.Typer(help="Grasps for a parallel gripper, recorded from a person's hand (docs/grasping.md).")
    group.command("record")(record)
    group.command("show")(show)
    group.command("grippers")(grippers)
    app.add_typer(group, name="grasp")


def record(
    source: Annotated[
        Path,
        typer.Argument(
            help="A rosbag2 recording with hoisdf/HandObject, or a folder or file of 'hoisdf estimate --sequence'.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.")] = Path("grasp.yaml"),
    gripper: GripperName = "generic",
    object_name: Annotated[
        str | None, typer.Option("--object", help="Object to grasp; default: the one held longest.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="imitate: where the hand grasps; handover: on what the hand leaves free.")
    ] = "imitate",
    topic: Annotated[
        str | None,
        typer.Option(
            help="Topic of the estimates; default: the only one that isn't ground truth, else the ground truth."
        ),
    ] = None,
    contact: Annotated[
        float, typer.Option(help="Contact threshold: largest distance of touching surfaces, metres.")
    ] = 0.004,
    every: Annotated[int, typer.Option(min=1, help="Take every n-th frame.")] = 1,
    catalogue: Meshes = None,
    hand_model: Annotated[
        Path | None, typer.Option(help="Hand model (.pkl or .npz) of the estimates; default: the open hand.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a picture of the grasp.")] = None,
) -> None:
    """Record one grasp, in the object's frame, from a demonstration.

    Every frame in which thumb and fingers hold the object gives a grasp; outliers are rejected, the rest is averaged.
    """
    from rich.console import Console
    from rich.progress import track

    from hoisdf_model.grasping import Demonstration, GraspPlanner, GraspSettings, Mode, load_gripper, write_grasp
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.objects import load_catalogue

    if mode not in ("imitate", "handover"):
        raise InvalidInputError(f"--mode must be imitate or handover, got {mode!r}")
    jaws, things = load_gripper(gripper), load_catalogue(catalogue)
    if object_name is not None:
        things.get(object_name)
    model = load_hand_model(hand_model)
    planner = GraspPlanner(jaws, model, things, GraspSettings(contact=contact))
    demonstration = Demonstration(planner, cast(Mode, mode))
    console = Console(stderr=True)
    estimates = list(_estimates(source, topic, model))[::every]
    for estimate in track(estimates, "planning", console=console, transient=True):
        held = estimate.held_by(0)
        if object_name is None or (held is not None and held.name == object_name):
            demonstration.add(estimate)
    grasp = demonstration.fuse(object_name)
    write_grasp(output, grasp)
    if picture is not None:
        _draw(picture, grasp, jaws, catalogue)
    reasons = ", ".join(f"{reason} {count}" for reason, count in demonstration.refusals.most_common())
    console.print(f"{demonstration.frames} frames, without a grasp: {reasons or 'none'}", highlight=False)
    others = [f"{name} ({count} frames)" for name, count in demonstration.found.items() if name != grasp.object_name]
    if others:
        console.print(f"also held: {', '.join(others)}; take another with --object", highlight=False, soft_wrap=True)
    typer.echo(_summary(grasp))
    console.print(f"wrote {output}", highlight=False)


def show(
    grasp: Annotated[Path, typer.Argument(help="YAML file of 'hoisdf grasp record'.", show_default=False)],
    picture: Annotated[Path | None, typer.Option(help="Write a picture of the grasp.")] = None,
    gripper: Annotated[
        str | None, typer.Option("--gripper", help="Gripper to draw, if the recorded one is a file of your own.")
    ] = None,
    catalogue: Meshes = None,
) -> None:
    """Show a recorded grasp as text and, with --picture, as picture."""
    from hoisdf_model.grasping import load_gripper, read_grasp

    recorded = read_grasp(grasp)
    typer.echo(_summary(recorded))
    for region, facts in recorded.contacts.items():
        point = " ".join(f"{1000 * c:.0f}" for c in facts["point"])
        typer.echo(f"  {region}: touched {100 * facts['surface']:.1f} % of the surface, around {point} mm")
    if picture is not None:
        _draw(picture, recorded, load_gripper(gripper or recorded.gripper), catalogue)
        typer.echo(f"wrote {picture}")


def grippers() -> None:
    """List the grippers of the package and their sources."""
    from rich.console import Console
    from rich.table import Table

    from hoisdf_model.grasping import gripper_names, load_gripper

    table = Table("name", "stroke, mm", "pad, mm", "finger, mm", "palm, mm", "link", "sources", show_lines=True)
    for name in gripper_names():
        item = load_gripper(name)
        pad, finger = (item.pad_length, item.pad_width), (item.finger_length, item.finger_width, item.finger_thickness)
        sizes = (" x ".join(f"{1000 * edge:.3g}" for edge in edges) for edges in (pad, finger, item.palm))
        table.add_row(name, f"{1000 * item.stroke:.0f}", *sizes, item.frame, "\n".join(item.sources))
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)


def _estimates(source: Path, topic: str | None, model: HandModel) -> Iterator[Estimate]:
    """Estimates in the order of time, or of their file names."""
    from hoisdf_model.estimation.reading import read_estimate

    is_bag = source.suffix in (".mcap", ".db3") or (source / "metadata.yaml").is_file()
    if is_bag:
        yield from _recorded(source, topic)
        return
    if not source.exists():
        raise GraspError(f"there is nothing at {source}: give a rosbag2 recording, or files of hoisdf estimate")
    files = sorted(source.glob("*.json")) if source.is_dir() else [source]
    if not files:
        raise GraspError(f"{source} has neither a metadata.yaml (a recording) nor .json files (of hoisdf estimate)")
    for path in files:
        yield read_estimate(path, model)


def _recorded(source: Path, topic: str | None) -> Iterator[Estimate]:
    from hoisdf_model.data import BagReader
    from hoisdf_model.messages import hand_object_to_estimate

    with BagReader(source) as bag:
        if topic is None:
            names = [item.name for item in bag.topics_of_type(HAND_OBJECT)]
            estimated = [name for name in names if not name.endswith(GROUND_TRUTH)] or names
            if len(estimated) != 1:
                there = f"several topics of the type {HAND_OBJECT}, say which with --topic: {', '.join(names)}"
                raise BagError(f"{source} has " + (there if names else f"no topic of the type {HAND_OBJECT}"))
            topic = estimated[0]
        elif bag.topic(topic).type != HAND_OBJECT:
            raise BagError(f"topic {topic} of {source} is a {bag.topic(topic).type}, a {HAND_OBJECT} is needed")
        for item in bag.messages([topic]):
            try:
                yield hand_object_to_estimate(item.message, _tell)
            except HoisdfError as error:
                typer.secho(f"left out a message: {error}", fg=typer.colors.YELLOW, err=True)


def _tell(error: Exception) -> None:
    typer.secho(f"left out a part of a message: {error}", fg=typer.colors.YELLOW, err=True)


def _draw(path: Path, grasp: RecordedGrasp, gripper: Gripper, folder: Path | None) -> None:
    import cv2
    import numpy as np

    from hoisdf_model.grasping import draw_grasp, object_shape, tiled
    from hoisdf_model.objects import load_catalogue

    thing = object_shape(load_catalogue(folder).get(grasp.object_name))
    caption = f"{grasp.object_name}, {grasp.gripper}\n{grasp.mode}, width {1000 * grasp.width:.0f} mm"
    views: Any = [
        draw_grasp(thing, grasp.pose, grasp.width, gripper, None, text, 480, turn)
        for turn, text in ((0.5, caption), (0.5 + np.pi / 2, ""))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(tiled(views, 2), cv2.COLOR_RGB2BGR)):
        raise GraspError(
            f"the picture can't be written to {path}: the folder must exist and the ending be .png or .jpg"
        )


def _summary(grasp: RecordedGrasp) -> str:
    import numpy as np

    place = " ".join(f"{1000 * c:.1f}" for c in grasp.pose[:3, 3])
    shift = " ".join(f"{1000 * c:.1f}" for c in grasp.position_spread)
    turn = " ".join(f"{c:.1f}" for c in np.degrees(grasp.rotation_spread))
    return (
        f"{grasp.object_name}, {grasp.mode}, {grasp.gripper}: score {grasp.score:.2f}, {grasp.used} of {grasp.frames} "
        f"frames agree\n  origin {place} mm in the object's frame, spread {shift} mm, {turn} degrees\n"
        f"  width {1000 * grasp.width:.1f} mm, spread {1000 * grasp.width_spread:.1f} mm"
    )
