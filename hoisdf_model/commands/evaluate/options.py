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
from hoisdf_model.settings import one_of

BENCHMARK = "benchmark"
PROTOCOLS, SEARCHES = ("paper", "live"), ("exhaustive", "coarse_to_fine")

Split = Annotated[
    str | None, typer.Option(help="Split of DexYCB (default: s0_test) or HO-3D (evaluation).", show_default=False)
]
ObjectModels = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="Folder of the YCB-Video models, for DexYCB and HO-3D; default: models in the download.",
        show_default=False,
    ),
]
Objects = Annotated[Path | None, typer.Option(help="Folder with additional object meshes.")]
HandModelFile = Annotated[
    Path | None,
    typer.Option(
        "--hand-model", help="Hand model (.pkl or .npz); default: the one of the weights, else the open hand."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda ...")]
BatchSize = Annotated[int, typer.Option(min=1, help="Frames per batch.")]
Workers = Annotated[int, typer.Option(min=0, help="Worker processes that render or read frames; 0: only this one.")]


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of ``hoisdf evaluate``; their help is that of the command."""

    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            help="Weights: safetensors of this package, an official snapshot, or untrained:compact. "
            "Default: the shipped ones.",
        ),
    ] = None
    data: Annotated[
        str,
        typer.Option(
            help="Labelled frames: benchmark (synthetic, rendered on demand), a folder of shards, a download of "
            "DexYCB or HO-3D, or a YAML file with kind and options of a source (see docs/datasets.md)."
        ),
    ] = BENCHMARK
    split: Split = None
    subset: Annotated[
        str | None, typer.Option(help="Subset of DexYCB: close (default), full, right or all.", show_default=False)
    ] = None
    version: Annotated[str | None, typer.Option(help="Expected version of HO-3D: v2 or v3.", show_default=False)] = None
    object_models: ObjectModels = None
    official: Annotated[
        bool, typer.Option("--official", help="Crop frames of DexYCB and HO-3D as the released code does.")
    ] = False
    submission: Annotated[
        Path | None,
        typer.Option(help="Zip file to write for HO-3D's challenge.", show_default=False),
    ] = None
    bag: Annotated[
        Path | None,
        typer.Option(help="Rosbag with ground truth, or a folder of such bags, instead of --data.", show_default=False),
    ] = None
    given: Annotated[
        str,
        typer.Option(
            help="Input from the bag beside image and camera, under the live protocol: regions, "
            "depth or regions,depth.",
            show_default=False,
        ),
    ] = ""
    estimates: Annotated[
        str | None,
        typer.Option(
            help="Topic of recorded estimates (hoisdf/HandObject) in the bag to evaluate instead of a network.",
            show_default=False,
        ),
    ] = None
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            help="Topic of the bag, if types and names are ambiguous: ROLE=TOPIC with a role of "
            "image, camera_info, depth, regions, truth; may be repeated.",
            show_default=False,
        ),
    ] = None
    rectified: Annotated[
        bool,
        typer.Option("--rectified", help="The images of the bag are rectified: use P of camera_info, else K and D."),
    ] = False
    slop: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Maximum difference of the stamps of an image and its partners in a bag, seconds."
        ),
    ] = 0.0
    forget: Annotated[bool, typer.Option("--forget", help="Estimate each frame of a bag alone, without tracking.")] = (
        False
    )
    protocol: Annotated[
        str,
        typer.Option(
            metavar="|".join(PROTOCOLS),
            help="paper: true wrist, boxes and object class are given. live: image and camera, nothing else.",
        ),
    ] = "paper"
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Number of frames, from the first; of each bag. Default: all.", show_default=False),
    ] = None
    untrained: Annotated[
        int,
        typer.Option(min=0, help="Number of these frames also evaluated with initial weights, for comparison."),
    ] = 100
    interaction: Annotated[
        bool,
        typer.Option(help="Also evaluate contact and penetration of hand and object; some 70 ms a frame."),
    ] = True
    points: Annotated[
        bool, typer.Option(help="Also evaluate the distance of the network's points from the true hand.")
    ] = True
    fields: Annotated[
        int,
        typer.Option(
            min=0, help="Number of frames whose distance fields' surfaces are evaluated too; takes seconds each."
        ),
    ] = 0
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write to; resumes an interrupted evaluation. Default: evaluation/NAME.",
            show_default=False,
        ),
    ] = None
    objects: Objects = None
    per_object: Annotated[bool, typer.Option("--per-object", help="Print a line for each object.")] = False
    hand_model: HandModelFile = None
    preset: Annotated[str | None, typer.Option(help="Preset of an official snapshot, if its keys are ambiguous.")] = (
        None
    )
    mean_pose: Annotated[
        Path | None,
        typer.Option(help="Means of the baselines, written by hoisdf mean-pose; default: the shipped ones."),
    ] = None
    device: Device = "auto"
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "float32"
    search: Annotated[
        str,
        typer.Option(metavar="|".join(SEARCHES), help="Search for surface points; coarse_to_fine is faster."),
    ] = "exhaustive"
    batch_size: BatchSize = 8
    workers: Workers = 1
    processes: Annotated[
        int,
        typer.Option(min=1, help="Processes that evaluate labelled frames together, sharing the cores; on CPUs."),
    ] = 1

    def __post_init__(self) -> None:
        for value, known, option in ((self.protocol, PROTOCOLS, "--protocol"), (self.search, SEARCHES, "--search")):
            one_of(option, value, known)

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
