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

"""Options of the commands that run a network over labelled frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hoisdf_model.commands.evaluate.bag_options import BagOptions, bag_options
from hoisdf_model.errors import ConfigError

BENCHMARK = "benchmark"
PROTOCOLS, SEARCHES = ("paper", "live"), ("exhaustive", "coarse_to_fine")

Split = Annotated[
    str | None, typer.Option(help="Of DexYCB (s0_test where not given) or HO-3D (evaluation).", show_default=False)
]
ObjectModels = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="Folder of the YCB-Video models, for DexYCB and HO-3D; models in the download where not given.",
        show_default=False,
    ),
]
Objects = Annotated[Path | None, typer.Option(help="Folder with object meshes of your own, beside the catalogue's.")]
HandModelFile = Annotated[
    Path | None, typer.Option("--hand-model", help="Hand model (.pkl or .npz); the weights' own or open.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda ...")]
BatchSize = Annotated[int, typer.Option(min=1, help="Frames at once.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that draw or read frames; 0: only this one.")]


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of ``hoisdf evaluate``; their help is that of the command."""

    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            help="Weights: our safetensors, an official snapshot, or untrained:compact. The shipped ones if not given.",
        ),
    ] = None
    data: Annotated[
        str,
        typer.Option(
            help="'benchmark' (the synthetic one, drawn on the way), a folder of shards, the folder of a download of "
            "DexYCB or HO-3D, or a YAML file with kind and options of a source (see docs/datasets.md)."
        ),
    ] = BENCHMARK
    split: Split = None
    subset: Annotated[
        str | None, typer.Option(help="Of DexYCB: close (where not given), full, right or all.", show_default=False)
    ] = None
    version: Annotated[
        str | None, typer.Option(help="Of HO-3D, v2 or v3; another one is refused.", show_default=False)
    ] = None
    object_models: ObjectModels = None
    official: Annotated[
        bool, typer.Option("--official", help="Frames of DexYCB and HO-3D are cropped as by the released code.")
    ] = False
    submission: Annotated[
        Path | None,
        typer.Option(help="Also write the zip file that HO-3D's challenge takes.", show_default=False),
    ] = None
    bag: Annotated[
        Path | None,
        typer.Option(
            help="In place of --data: a rosbag with ground truth, or a folder of such bags.", show_default=False
        ),
    ] = None
    given: Annotated[
        str,
        typer.Option(
            help="Of a bag, under the live protocol, what the network is given beside image and camera: regions, "
            "depth or regions,depth.",
            show_default=False,
        ),
    ] = ""
    estimates: Annotated[
        str | None,
        typer.Option(
            help="Of a bag, the topic with recorded estimates (hoisdf/HandObject): they are compared, no network runs.",
            show_default=False,
        ),
    ] = None
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            help="Of a bag, which topic plays a role, where types and names can't tell: ROLE=TOPIC with a role of "
            "image, camera_info, depth, regions, truth. Several times.",
            show_default=False,
        ),
    ] = None
    rectified: Annotated[
        bool, typer.Option("--rectified", help="Images of the bag are rectified: P holds, not K with D.")
    ] = False
    slop: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Seconds that stamps of a bag's image and its parts may be apart."),
    ] = 0.0
    forget: Annotated[
        bool, typer.Option("--forget", help="Every frame of a bag is looked at without those before.")
    ] = False
    protocol: Annotated[
        str,
        typer.Option(
            metavar="|".join(PROTOCOLS),
            help="paper: true wrist, boxes and object class are given. live: image and camera, nothing else.",
        ),
    ] = "paper"
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="The first so many frames, of each bag; all where not given.", show_default=False),
    ] = None
    untrained: Annotated[
        int,
        typer.Option(min=0, help="Of these, so many are also given to a network with initial weights, to compare."),
    ] = 100
    interaction: Annotated[
        bool,
        typer.Option(help="Also take how the estimated hand and object touch and overlap; some 70 ms a frame."),
    ] = True
    points: Annotated[
        bool, typer.Option(help="Also take how far the points that the network looks at are from the true hand.")
    ] = True
    fields: Annotated[
        int,
        typer.Option(min=0, help="Of so many frames also compare the surfaces of the distance fields; takes seconds."),
    ] = 0
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write to, or to go on in; evaluation/NAME where not given.",
            show_default=False,
        ),
    ] = None
    objects: Objects = None
    per_object: Annotated[bool, typer.Option("--per-object", help="Print a line for each object.")] = False
    hand_model: HandModelFile = None
    preset: Annotated[str | None, typer.Option(help="Preset of an official snapshot, where it can't tell.")] = None
    mean_pose: Annotated[
        Path | None, typer.Option(help="Means for the baselines, written by hoisdf mean-pose; the shipped ones.")
    ] = None
    device: Device = "auto"
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "float32"
    search: Annotated[
        str,
        typer.Option(metavar="|".join(SEARCHES), help="How surface points are found; coarse_to_fine is faster."),
    ] = "exhaustive"
    batch_size: BatchSize = 8
    workers: Workers = 1

    def __post_init__(self) -> None:
        for value, known, option in ((self.protocol, PROTOCOLS, "--protocol"), (self.search, SEARCHES, "--search")):
            if value not in known:
                raise ConfigError(f"{option} must be one of {', '.join(known)}, got {value!r}")

    def bags(self) -> BagOptions | None:
        """Checked options for bags; None without ``--bag``.

        Raises:
            ConfigError: options that don't go together.
        """
        foreign = {
            "--data": self.data != BENCHMARK,
            "--submission": self.submission is not None,
            "--official": self.official,
            "--split": bool(self.split),
            "--subset": bool(self.subset),
            "--version": bool(self.version),
            "--models": self.object_models is not None,
            "--fields": self.fields > 0 and (self.protocol == "live" or self.estimates is not None),
        }
        return bag_options(
            self.bag, self.given, self.estimates, self.topics or (), self.rectified, self.forget, self.protocol,
            foreign, self.slop,
        )  # fmt: skip

    def folder(self, *name: str) -> Path:
        """Folder to write to: the given one, or one with this name."""
        return self.output or Path("evaluation") / "_".join(name)
