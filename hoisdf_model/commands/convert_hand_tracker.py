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

"""``hoisdf convert-hand-tracker``: MediaPipe's hand networks out of its wheel -> safetensors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer


def convert_hand_tracker(
    wheel: Annotated[
        Path, typer.Argument(help="The wheel of mediapipe 0.10.21: pip download --no-deps mediapipe==0.10.21")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Safetensors file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Convert MediaPipe's hand networks (Apache-2.0) into the weights of the hand tracker.

    The package ships the result; this is how it was made. Nothing of the wheel is installed or executed. Needs the
    package tflite, which reads flatbuffers: pip install tflite
    """
    from hoisdf_model.errors import CheckpointError
    from hoisdf_model.hand_tracking.conversion import LANDMARK_FILE, PALM_FILE, WHEEL, networks_in_wheel
    from hoisdf_model.hand_tracking.weights import TrackerNetworks, save_tracker_networks

    if output.exists() and not overwrite:
        raise CheckpointError(f"{output} exists already: give another name or --overwrite")
    networks = TrackerNetworks(*networks_in_wheel(wheel))
    provenance = {
        "source": WHEEL,
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "files": f"{PALM_FILE} {LANDMARK_FILE}",
        "licence": "Apache-2.0, The MediaPipe Authors",
        "changes": "converted from TensorFlow Lite to PyTorch's layout, float16",
    }
    save_tracker_networks(networks, output, provenance)
    parameters = sum(tensor.numel() for network in networks for tensor in network.parameters())
    typer.echo(f"{output}: {parameters / 1e6:.1f} million numbers, {output.stat().st_size / 1e6:.1f} MB")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("convert-hand-tracker")(convert_hand_tracker)
