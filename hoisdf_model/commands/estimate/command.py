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

"""The command: its options, and one source after the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hoisdf_model.errors import DependencyError, HoisdfError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from hoisdf_model.commands.estimate.work import Work
    from hoisdf_model.estimates import Prior, Side
    from hoisdf_model.feeds import VideoFile

Box = tuple[float, float, float, float]
Point = tuple[float, float, float]


def register(app: typer.Typer) -> None:
    """Add ``hoisdf estimate``."""
    app.command()(estimate)


def estimate(
    images: Annotated[list[Path], typer.Argument(help="Images, folders of images, or videos.", show_default=False)],
    camera: Annotated[
        Path | None,
        typer.Option(
            help="Camera calibration: ROS's YAML, the output of ros2 topic echo of camera_info, a file of Kalibr or "
            "RealSense, or a YAML file with fx, fy, cx, cy."
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            min=1.0,
            max=170.0,
            help="Without a calibration: field of view along the image's longer side, degrees; about 60 for many "
            "phones and webcams. Distances are then assumptions.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("out"),
    weights: Annotated[
        str | None,
        typer.Option(
            help="Weights: safetensors of this package, an official snapshot, or untrained:compact. Default: the "
            "shipped ones."
        ),
    ] = None,
    box: Annotated[
        Box | None, typer.Option(metavar="X0 Y0 X1 Y1", help="Hand box, pixels: left, top, right, bottom.")
    ] = None,
    object_box: Annotated[
        Box | None, typer.Option(metavar="X0 Y0 X1 Y1", help="Object box, pixels: left, top, right, bottom.")
    ] = None,
    side: Annotated[
        str | None,
        typer.Option(metavar="right|left", help="Side of the hand; default: the hand tracker's, else right."),
    ] = None,
    object_name: Annotated[
        str | None, typer.Option("--object", help="Object name in the catalogue, for instance 006_mustard_bottle.")
    ] = None,
    root: Annotated[
        Point | None, typer.Option(metavar="X Y Z", help="Wrist position in the camera frame, metres.")
    ] = None,
    rectified: Annotated[
        bool, typer.Option("--rectified", help="The images are rectified: use the camera's projection matrix.")
    ] = False,
    sequence: Annotated[
        bool, typer.Option("--sequence", help="The images are a time sequence: track the hand over them.")
    ] = False,
    objects: Annotated[
        Path | None,
        typer.Option("--catalogue", "--objects", help="Folder with additional object meshes."),
    ] = None,
    hand_model: Annotated[
        Path | None,
        typer.Option(help="Hand model (.pkl or .npz); default: the one of the weights, else the open hand."),
    ] = None,
    hand_size: Annotated[
        float | None,
        typer.Option(
            metavar="METRES",
            help="Span of the flat hand from the wrist to the tip of the middle finger, metres; default: a mean "
            "hand's.",
        ),
    ] = None,
    refinement: Annotated[
        str, typer.Option(help="Refinement of hands with a hand tracker's landmarks: auto, always or never.")
    ] = "auto",
    object_refinement: Annotated[
        str,
        typer.Option(help="Refinement of named objects with the network's masks and the hand: auto, always or never."),
    ] = "auto",
    preset: Annotated[
        str | None, typer.Option(help="Preset of an official snapshot, if its keys are ambiguous.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overlay: Annotated[bool, typer.Option(help="Write an overlay picture for each image.")] = True,
    meshes: Annotated[
        bool | None, typer.Option(help="Write the meshes as PLY; default: for images, not for videos.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Estimate every N-th frame of a video.")] = 1,
    video: Annotated[
        bool | None,
        typer.Option(
            help="Write annotated videos; default: for videos. With --video the images also become one video."
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(min=1.0, max=240.0, help="Frames per second of the video made of images.")
    ] = 15.0,
) -> None:
    """Estimate hands and held objects in images and videos.

    Writes OUTPUT/<image>.json, <image>_overlay.png and <image>_hand_0_right.ply, ...; of a video <video>.jsonl, a line
    for each frame, and <video>_overlay.mp4. Everything is in metres in the camera frame (x right, y down, z forward).
    Boxes, root, side and object hold for every image; whatever isn't given is estimated (docs/live_use.md says how
    well). An image or video that can't be used is reported and the others go on; then the exit code is 1.
    """
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from hoisdf_model.commands.estimate.input_files import check_one_camera, find_images, is_video, unique_stems
    from hoisdf_model.commands.estimate.video_run import drawing
    from hoisdf_model.commands.estimate.work import Work
    from hoisdf_model.estimates import Prior
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.geometry import read_camera
    from hoisdf_model.objects import load_catalogue

    known = {
        "hand_box": box, "object_box": object_box, "root": root, "side": cast("Side | None", side),
        "object_name": object_name,
    }  # fmt: skip
    prior: Prior | None = Prior(**cast("Any", known)) if any(value is not None for value in known.values()) else None
    check_one_camera(camera, fov)
    paths = find_images(images)
    known_camera = None if camera is None else read_camera(camera, rectified=rectified)
    catalogue = load_catalogue(objects)
    if object_name:
        catalogue.get(object_name)  # a misspelt name is reported before the work, not by a missing mesh after it
    console = Console(stderr=True)
    with console.status("loading the network"):
        estimator = Estimator.load(
            weights, hand_model, device, precision, preset, catalogue, hand_size, refinement, object_refinement
        )
    output.mkdir(parents=True, exist_ok=True)

    work = Work(estimator, prior, catalogue, known_camera, fov, output)
    failed = 0
    with (
        Progress(console=console, disable=len(paths) == 1 and not is_video(paths[0]), transient=True) as progress,
        drawing(output / "images", rate, bool(video)) as images_video,
    ):
        for path, stem in progress.track(list(zip(paths, unique_stems(paths), strict=True)), description="estimating"):
            try:
                if is_video(path):
                    said = _one_video(path, stem, work, every, video is not False, bool(meshes), progress, console)
                else:
                    said = _one_image(path, stem, work, sequence, overlay, meshes is not False, images_video, console)
            except HoisdfError as error:
                failed += 1
                console.print("[red]error:[/red]", Text(f"{path}: {error}"), highlight=False, soft_wrap=True)
                continue
            console.print(Text(f"{path}: {said}"), highlight=False, soft_wrap=True)
    what = "videos" if all(map(is_video, paths)) else "files" if any(map(is_video, paths)) else "images"
    console.print(f"{len(paths) - failed} of {len(paths)} {what} written to {output}", highlight=False)
    if failed:
        raise typer.Exit(1)


def _one_image(
    path: Path, stem: str, work: Work, follows: bool, overlay: bool, meshes: bool, video: VideoFile | None,
    console: Console,
) -> str:  # fmt: skip
    """Estimate from an image and write the files; what was found in words.

    Raises:
        HoisdfError: it can't be used.
    """
    import cv2

    from hoisdf_model.commands.estimate.input_files import exif_hint
    from hoisdf_model.commands.estimate.video_run import NO_CODEC
    from hoisdf_model.commands.estimate.work import summary
    from hoisdf_model.estimation import write_json, write_meshes
    from hoisdf_model.messages import exif_orientation, read_image

    if not follows:
        work.estimator.reset()
    image = read_image(path, upright=work.camera is None)
    hint = "" if work.camera is None else exif_hint(exif_orientation(path))
    frame = work.frame(image, hint)
    _note(path, hint, console)
    found = work.estimator(frame, work.prior)
    write_json(work.output / f"{stem}.json", work.written({"image": str(path)}, frame, found))
    if overlay or video is not None:
        drawn = work.drawn(frame, found)
        if overlay:
            cv2.imwrite(str(work.output / f"{stem}_overlay.png"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        if video is not None and not video.write(drawn):
            raise DependencyError(NO_CODEC)
    if meshes:
        write_meshes(work.output / stem, found, work.estimator.hand_model, work.catalogue)
    return summary(found, work.fov)


def _one_video(
    path: Path, stem: str, work: Work, every: int, annotated: bool, meshes: bool, progress: Progress, console: Console
) -> str:
    """Estimate from a video and write the files; what was found in words.

    Raises:
        HoisdfError: it can't be used, or not to its end.
    """
    from hoisdf_model.commands.estimate.video_run import estimate_video, turned_video
    from hoisdf_model.feeds import open_video

    source = open_video(path, upright=work.camera is None)
    if work.camera is not None:
        _note(path, turned_video(source), console)
    bar = progress.add_task(path.name, total=source.announced or None)
    try:
        return str(
            estimate_video(
                source, str(path), work.output / stem, work, every, annotated, meshes,
                lambda read: progress.update(bar, completed=read),
            )
        )  # fmt: skip
    finally:
        source.close()
        progress.remove_task(bar)
        work.estimator.reset()  # images that follow are another time


def _note(path: Path, hint: str, console: Console) -> None:
    from rich.text import Text

    if hint:
        console.print(Text(f"note: {path}: {hint}"), highlight=False, soft_wrap=True)
