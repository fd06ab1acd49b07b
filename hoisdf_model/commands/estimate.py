"""``hoisdf estimate``: images -> JSON, overlay and meshes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hoisdf_model.errors import HoisdfError, ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hoisdf_model.estimates import Estimate, Prior, Side

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
Box = tuple[float, float, float, float]
Point = tuple[float, float, float]


def register(app: typer.Typer) -> None:
    """Add ``hoisdf estimate``."""
    app.command()(estimate)


def estimate(
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)],
    camera: Annotated[
        Path, typer.Option(help="The camera: ROS's calibration YAML, or a YAML file with fx, fy, cx, cy.")
    ],
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

    from hoisdf_model.estimates import Frame, Prior
    from hoisdf_model.estimation import Estimator, draw_overlay, estimate_to_json, write_json, write_meshes
    from hoisdf_model.geometry import read_camera
    from hoisdf_model.objects import load_catalogue

    known = {
        "hand_box": box, "object_box": object_box, "root": root, "side": cast("Side | None", side),
        "object_name": object_name,
    }  # fmt: skip
    prior: Prior | None = Prior(**cast("Any", known)) if any(value is not None for value in known.values()) else None
    paths = find_images(images)
    pinhole = read_camera(camera, rectified=rectified)
    catalogue = load_catalogue(objects)
    if object_name:
        catalogue.get(object_name)  # a misspelt name is told before the work, not by a missing mesh after it
    console = Console(stderr=True)
    with console.status("loading the network"):
        estimator = Estimator.load(weights, hand_model, device, precision, preset, catalogue)
    output.mkdir(parents=True, exist_ok=True)

    failed = 0
    with Progress(console=console, disable=len(paths) == 1, transient=True) as progress:
        for path, stem in progress.track(list(zip(paths, unique_stems(paths), strict=True)), description="estimating"):
            if not sequence:
                estimator.reset()
            try:
                frame = Frame(read_image(path), pinhole)
                found = estimator(frame, prior)
            except HoisdfError as error:
                failed += 1
                console.print(f"[red]error:[/red] {path}: {error}", highlight=False, soft_wrap=True)
                continue
            write_json(output / f"{stem}.json", {"image": str(path), **estimate_to_json(found)})
            if overlay:
                drawn = draw_overlay(frame.image, found, pinhole, catalogue, estimator.hand_model)
                cv2.imwrite(str(output / f"{stem}_overlay.png"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            if meshes:
                write_meshes(output / stem, found, estimator.hand_model, catalogue)
            console.print(f"{path}: {summary(found)}", highlight=False, soft_wrap=True)
    console.print(f"{len(paths) - failed} of {len(paths)} images written to {output}", highlight=False)
    if failed:
        raise typer.Exit(1)


def find_images(sources: list[Path]) -> list[Path]:
    """The images, folders replaced by the images in them, sorted by name.

    Raises:
        ImageError: a folder without images.
    """
    paths: list[Path] = []
    for source in sources:
        if not source.is_dir():
            paths.append(source)
            continue
        inside = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES)
        if not inside:
            raise ImageError(f"no images in the folder {source} (endings {', '.join(SUFFIXES)})")
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


def read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, as it was stored: a camera's calibration knows nothing of Exif's turns.

    Raises:
        ImageError: missing, empty, truncated, or no image.
    """
    import cv2
    import numpy as np

    from hoisdf_model.messages.compressed import decode_colour

    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ImageError(f"can't be read: {error.strerror or error}") from error
    if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
        return decode_colour(data, path.suffix)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    except cv2.error as error:
        raise ImageError(f"can't be decoded: {error.err}") from error
    if pixels is None:
        raise ImageError(f"isn't an image that OpenCV can read ({data.size} bytes)")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def summary(found: Estimate) -> str:
    """One line about an estimate."""
    parts = [
        f"{hand.side} hand, wrist at {' '.join(f'{c:.3f}' for c in hand.joints[0])} m ({hand.root_source})"
        for hand in found.hands
    ]
    parts += [f"{thing.name or 'object'}, score {thing.score:.2f}" for thing in found.objects]
    return "; ".join(parts) or "no hand"
