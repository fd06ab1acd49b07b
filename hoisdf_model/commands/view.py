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

"""``hoisdf view``: frames with estimates live in the viewer Rerun.

Of a camera, video, folder or recording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(view)


def view(
    source: Annotated[
        str,
        typer.Argument(
            help="A camera's number or device file, a video, a picture, a folder of pictures, a stream's URL, a "
            "rosbag, or 'sample', the recording that ships.",
            show_default=False,
        ),
    ],
    camera: Annotated[
        Path | None, typer.Option(help="Camera calibration, as for hoisdf estimate; a recording has its own.")
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES", min=1.0, max=170.0,
            help="Without a calibration: field of view along the image's longer side. Distances are then "
            "assumptions.",
        ),
    ] = None,
    depth: Annotated[
        Path | None,
        typer.Option(help="Folder with a depth image (16-bit PNG, millimetres) of the same name for each image."),
    ] = None,
    rectified: Annotated[
        bool, typer.Option("--rectified", help="The images are rectified: use the camera's projection matrix.")
    ] = False,
    weights: Annotated[str | None, typer.Option(help="Weights, as for hoisdf estimate.")] = None,
    object_name: Annotated[str | None, typer.Option("--object", help="Name of the held object.")] = None,
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
        typer.Option(metavar="METRES", help="Wrist to middle fingertip, flat hand; see hoisdf calibrate-hand."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame.")] = 1,
    frames: Annotated[int | None, typer.Option(min=1, help="Maximum number of frames.")] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE.rrd", help="Write a file; no window is opened.")] = None,
    connect: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Show in a running viewer, such as rerun+http://192.168.0.2:9876/proxy."
        ),
    ] = "",
    web: Annotated[bool, typer.Option("--web", help="Serve to a browser, until interrupted.")] = False,
) -> None:  # fmt: skip
    """Show estimates of hands and objects live.

    Picture, skeletons and boxes, meshes in space, depth, scores over time.

    Opens Rerun's window unless --save, --connect or --web is given. Needs rerun-sdk (pip install rerun-sdk). Hands are
    tracked. Ctrl+C ends it. For ROS topics use the node viewer: ros2 launch hoisdf live.launch.py view:=true.
    """
    import time
    from itertools import islice

    from rich.console import Console
    from rich.text import Text

    from hoisdf_model.commands.estimate.sequence_run import Sequence
    from hoisdf_model.estimates import Prior
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.objects import load_catalogue
    from hoisdf_model.viewing import Destination, Viewer, load_rerun, open_stream

    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(Text(text), highlight=False, soft_wrap=True)

    destination = Destination(save, connect, web)
    rerun = load_rerun()
    pictures = Sequence(source, camera, fov, rectified, lambda text: say(f"note: {text}"), depth).frames()
    catalogue = load_catalogue(objects)
    if object_name:
        catalogue.get(object_name)
    with console.status("loading the network"):
        estimator = Estimator.load(weights, hand_model, device, catalogue=catalogue, hand_size=hand_size)
    prior = Prior(object_name=object_name) if object_name else None
    stream, where = open_stream(rerun, destination)
    note = "" if fov is None else f"Distances are assumed: a field of view of {fov:g} degrees was."
    viewer = Viewer(rerun, stream, catalogue, estimator.hand_model, note)
    say(f"{source}: shown in {where}")
    began, with_hands = time.perf_counter(), 0
    try:
        stop = None if frames is None else frames * every
        for seconds, frame in islice(pictures, 0, stop, every):
            found = estimator(frame, prior)
            with_hands += bool(found.hands)
            viewer.show(seconds, frame, found)
        pace = viewer.count / (time.perf_counter() - began)
        say(f"{viewer.count} frames, {with_hands} with a hand, {pace:.1f} frames/s")
        while web:  # the browser asks this process
            time.sleep(1)
    except KeyboardInterrupt:
        say(f"interrupted after {viewer.count} frames, {with_hands} with a hand")
    finally:
        viewer.close()
