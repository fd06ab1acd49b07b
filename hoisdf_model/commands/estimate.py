"""``hoisdf estimate``: images -> JSON, overlay and meshes."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hoisdf_model.errors import CameraError, HoisdfError, ImageError

if TYPE_CHECKING:
    from hoisdf_model.estimates import Estimate, Prior, Side
    from hoisdf_model.geometry import Pinhole

Box = tuple[float, float, float, float]
Point = tuple[float, float, float]


def register(app: typer.Typer) -> None:
    """Add ``hoisdf estimate``."""
    app.command()(estimate)


def estimate(
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)],
    camera: Annotated[
        Path | None,
        typer.Option(
            help="The camera: ROS's calibration YAML, what ros2 topic echo prints of camera_info, Kalibr's or "
            "RealSense's file, or a YAML file with fx, fy, cx, cy."
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            min=1.0,
            max=170.0,
            help="Where the camera isn't known: the field of view across the image's longer side, 60 for many phones "
            "and webcams. Distances are then only assumed.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("out"),
    weights: Annotated[
        str | None,
        typer.Option(
            help="Weights: our safetensors, an official snapshot, or untrained:compact. The shipped ones if not given."
        ),
    ] = None,
    box: Annotated[Box | None, typer.Option(metavar="X0 Y0 X1 Y1", help="The hand's box, pixels.")] = None,
    object_box: Annotated[Box | None, typer.Option(metavar="X0 Y0 X1 Y1", help="The object's box, pixels.")] = None,
    side: Annotated[str | None, typer.Option(metavar="right|left", help="Which hand; right where not given.")] = None,
    object_name: Annotated[
        str | None, typer.Option("--object", help="The object's name, 006_mustard_bottle for instance.")
    ] = None,
    root: Annotated[
        Point | None, typer.Option(metavar="X Y Z", help="The wrist's position in the camera frame, metres.")
    ] = None,
    rectified: Annotated[
        bool, typer.Option("--rectified", help="The images are rectified: use the camera's projection matrix.")
    ] = False,
    sequence: Annotated[
        bool, typer.Option("--sequence", help="The images follow each other in time: follow the hand through them.")
    ] = False,
    objects: Annotated[
        Path | None,
        typer.Option("--catalogue", "--objects", help="Folder with object meshes of your own, beside the look-alikes."),
    ] = None,
    hand_model: Annotated[
        Path | None, typer.Option(help="Hand model (.pkl or .npz); the weights' own or open.")
    ] = None,
    hand_size: Annotated[
        float | None,
        typer.Option(
            metavar="METRES",
            help="From the wrist to the tip of the middle finger of the flat hand; a mean hand's if not given.",
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Preset of an official snapshot, where it can't tell.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    overlay: Annotated[bool, typer.Option(help="Write a picture of each estimate.")] = True,
    meshes: Annotated[bool, typer.Option(help="Write the meshes as PLY.")] = True,
) -> None:
    """Estimate hands and held objects in images.

    Writes OUTPUT/<image>.json, <image>_overlay.png and <image>_hand_0_right.ply, ... Everything is in metres in the
    camera frame (x right, y down, z forward). Boxes, root, side and object hold for every image; whatever isn't given
    is estimated (docs/live_use.md says how well). An image that can't be used is reported and the others go on; then
    the exit code is 1.
    """
    import cv2
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from hoisdf_model.estimates import Frame, Prior
    from hoisdf_model.estimation import Estimator, draw_overlay, estimate_to_json, write_json, write_meshes
    from hoisdf_model.geometry import read_camera
    from hoisdf_model.messages import exif_orientation, read_image
    from hoisdf_model.objects import load_catalogue

    known = {
        "hand_box": box, "object_box": object_box, "root": root, "side": cast("Side | None", side),
        "object_name": object_name,
    }  # fmt: skip
    prior: Prior | None = Prior(**cast("Any", known)) if any(value is not None for value in known.values()) else None
    if (camera is None) == (fov is None):
        raise CameraError(
            "the camera must be given, with --camera FILE; where it isn't known, --fov 60 assumes a field of view of "
            "60 degrees, and distances are then only as good as that" if camera is None else
            "give --camera or --fov, not both: one is known, the other assumed"
        )  # fmt: skip
    paths = find_images(images)
    known_camera = None if camera is None else read_camera(camera, rectified=rectified)
    catalogue = load_catalogue(objects)
    if object_name:
        catalogue.get(object_name)  # a misspelt name is told before the work, not by a missing mesh after it
    console = Console(stderr=True)
    with console.status("loading the network"):
        estimator = Estimator.load(weights, hand_model, device, precision, preset, catalogue, hand_size)
    output.mkdir(parents=True, exist_ok=True)

    failed = 0
    with Progress(console=console, disable=len(paths) == 1, transient=True) as progress:
        for path, stem in progress.track(list(zip(paths, unique_stems(paths), strict=True)), description="estimating"):
            if not sequence:
                estimator.reset()
            try:
                image = read_image(path, upright=known_camera is None)
                pinhole = assumed_camera(image.shape[1], image.shape[0], fov) if fov else known_camera
                assert pinhole is not None
                hint = exif_hint(exif_orientation(path)) if known_camera is not None else ""
                try:
                    frame = Frame(image, pinhole)
                except CameraError as error:
                    raise CameraError(f"{error}; {hint}" if hint else str(error)) from error
                if hint:
                    console.print(Text(f"note: {path}: {hint}"), highlight=False, soft_wrap=True)
                found = estimator(frame, prior)
            except HoisdfError as error:
                failed += 1
                console.print("[red]error:[/red]", Text(f"{path}: {error}"), highlight=False, soft_wrap=True)
                continue
            about = {"image": str(path), "camera": camera_to_json(pinhole, fov)}
            write_json(output / f"{stem}.json", {**about, **estimate_to_json(found)})
            if overlay:
                drawn = draw_overlay(frame.image, found, pinhole, catalogue, estimator.hand_model)
                cv2.imwrite(str(output / f"{stem}_overlay.png"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            if meshes:
                write_meshes(output / stem, found, estimator.hand_model, catalogue)
            console.print(Text(f"{path}: {summary(found, fov)}"), highlight=False, soft_wrap=True)
    console.print(f"{len(paths) - failed} of {len(paths)} images written to {output}", highlight=False)
    if failed:
        raise typer.Exit(1)


def find_images(sources: list[Path]) -> list[Path]:
    """The images, folders replaced by the images in them, in the order of their names and numbers.

    Raises:
        ImageError: a folder without images.
    """
    from hoisdf_model.messages import IMAGE_SUFFIXES, pictures_in

    paths: list[Path] = []
    for source in sources:
        if not source.is_dir():
            paths.append(source)
            continue
        inside = pictures_in(source)
        if not inside:
            raise ImageError(f"no images in the folder {source} (endings {', '.join(IMAGE_SUFFIXES)})")
        paths += inside
    return paths


def unique_stems(paths: list[Path]) -> list[str]:
    """File names without their endings; from the second of the same name on with ``_2``, ``_3``, ..."""
    met: Counter[str] = Counter()
    stems = []
    for path in paths:
        met[path.stem] += 1
        stems.append(path.stem if met[path.stem] == 1 else f"{path.stem}_{met[path.stem]}")
    return stems


def assumed_camera(width: int, height: int, fov: float) -> Pinhole:
    """A pinhole that looks through the middle of the image; ``fov``: degrees across its longer side."""
    from hoisdf_model.geometry import Pinhole

    focal = max(width, height) / 2 / math.tan(math.radians(fov) / 2)
    return Pinhole(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def exif_hint(orientation: int) -> str:
    """What an image's Exif orientation has to do with its camera, in words; empty where it is upright."""
    if orientation == 1:
        return ""
    kind = " (on its side)" if orientation in (5, 6, 7, 8) else ""
    return f"its Exif orientation {orientation}{kind} isn't applied, for a calibration is of the sensor"


def camera_to_json(camera: Pinhole, fov: float | None) -> dict[str, Any]:
    """What the estimate was made with; ``assumed`` says that distances are no better than the assumption."""
    known = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}
    return {**known, "assumed": fov is not None} | ({} if fov is None else {"field_of_view": fov})


def summary(found: Estimate, fov: float | None = None) -> str:
    """One line about an estimate; ``fov``: the field of view that was assumed, degrees."""
    assumed = "" if fov is None else f", distance assumed: field of view {fov:g} degrees"
    parts = [
        f"{hand.side} hand, wrist at {' '.join(f'{c:.3f}' for c in hand.joints[0])} m ({hand.root_source}{assumed})"
        for hand in found.hands
    ]
    parts += [f"{thing.name or 'object'}, score {thing.score:.2f}" for thing in found.objects]
    return "; ".join(parts) or "no hand"
