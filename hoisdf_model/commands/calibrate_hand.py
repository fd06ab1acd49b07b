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

"""``hoisdf calibrate-hand``: hand size from a sequence with depth images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoisdf_model.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoisdf_model.estimates import Frame
    from hoisdf_model.estimation.hand_measuring import MeasuredSize

LEAST_PRESENCE = 0.8  # of hands that are measured


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate-hand")(calibrate_hand)


def calibrate_hand(
    source: Annotated[
        str,
        typer.Argument(help="A rosbag with a depth image, or a folder of images (with --depth).", show_default=False),
    ],
    depth: Annotated[
        Path | None,
        typer.Option(
            help="Folder with a depth image (16-bit PNG, millimetres, aligned) of the same name for each image."
        ),
    ] = None,
    camera: Annotated[
        Path | None,
        typer.Option(help="Camera calibration of a folder, as for hoisdf estimate; a recording has its own."),
    ] = None,
    rectified: Annotated[
        bool, typer.Option("--rectified", help="The images are rectified: use the camera's projection matrix.")
    ] = False,
    hand_model: Annotated[Path | None, typer.Option(help="Hand model (.pkl or .npz); default: the open hand.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame.")] = 1,
) -> None:
    """Measure a person's hand size.

    For hand.size of the perception node and --hand-size.

    Let one person show an open hand, palm or back to the camera and nothing before it, 0.3 to 0.8 m away, for a few
    seconds, moving it a little. The palm's bones are measured where the hand tracker's landmarks and the depth image
    show their ends; the median over all frames is given with its uncertainty. Refused where too few frames show a palm,
    or they differ too much.
    """
    from itertools import islice

    from rich.console import Console
    from rich.text import Text

    from hoisdf_model.commands.estimate.sequence_run import Sequence

    console = Console(stderr=True)
    pictures = Sequence(
        source, camera, None, rectified, lambda text: console.print(Text(f"note: {text}"), soft_wrap=True), depth
    ).frames()
    with console.status("measuring"):
        found, looked_at = measured((frame for _, frame in islice(pictures, 0, None, every)), hand_model, device)
    typer.echo(
        f"{found.metres:.3f} m from the wrist to the tip of the middle finger, +- {found.uncertainty:.3f} m\n"
        f"measured in {found.frames} of {looked_at} frames, which differ by {100 * found.spread:.1f} %\n"
        f"write hand.size: {found.metres:.3f} into the perception node's parameters, or give --hand-size "
        f"{found.metres:.3f}"
    )


def measured(frames: Iterable[Frame], hand_model: Path | None, device: str) -> tuple[MeasuredSize, int]:
    """The hands' size, and the number of frames looked at.

    Raises:
        ImageError: there are no depth images.
        InvalidInputError: too few frames show a palm, or they differ too much.
    """
    import cv2
    import numpy as np
    import torch

    from hoisdf_model.estimates import Frame
    from hoisdf_model.estimation import resolve_device
    from hoisdf_model.estimation.hand_following import HandFollower
    from hoisdf_model.estimation.hand_measuring import PalmRuler
    from hoisdf_model.estimation.placement import hand_span
    from hoisdf_model.hand import HandLayer, load_hand_model
    from hoisdf_model.hand_tracking import load_tracker_networks

    model = load_hand_model(hand_model) if hand_model else load_hand_model()
    with torch.inference_mode():
        mean = HandLayer(model).rest_joints(torch.zeros(1, 10))[0].double().numpy()
    ruler = PalmRuler(mean, hand_span(model))
    follower = HandFollower(load_tracker_networks(device=resolve_device(device)))
    ratios, looked_at, without = [], 0, 0
    for frame in frames:
        looked_at += 1
        if frame.depth is None:
            without += 1
            continue
        raw = frame.intrinsics
        depth = raw.undistort(frame.depth, cv2.INTER_NEAREST)
        straight = Frame(raw.undistort(frame.image), raw.rectified(), depth)
        for hand in follower.locate(straight):
            if hand.landmarks is None or hand.landmarks.presence < LEAST_PRESENCE:
                continue
            ratio = ruler.ratio(np.asarray(hand.landmarks.pixels), depth, straight.intrinsics)
            ratios += [] if ratio is None else [ratio]
    if looked_at and without == looked_at:
        raise ImageError(
            f"none of the {looked_at} frames has a depth image, and without one a small hand that is near looks like a "
            "large one that is far: record depth aligned to the image, or give --depth FOLDER"
        )
    return ruler.size(ratios, looked_at), looked_at
