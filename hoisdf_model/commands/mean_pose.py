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

"""``hoisdf mean-pose``: mean hand and object pose for the baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hoisdf_model.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add ``hoisdf mean-pose``."""
    app.command("mean-pose")(mean_pose)


def mean_pose(
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.")],
    library: Annotated[
        Path | None, typer.Option(help="Grasp library of a training split; its scenes are used without rendering.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Alternatively a folder of shards written by hoisdf synthesize.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the scenes, with --library.")] = 0,
    hand_model: Annotated[Path | None, typer.Option(help="Hand model of the library; default: the open hand.")] = None,
) -> None:
    """Compute the mean hand and object pose of a training split.

    hoisdf evaluate shows what estimating these in every frame would give, beside the network's errors. Frames of the
    benchmark split are refused: a baseline must not know what it is tested on.
    """
    from rich.console import Console
    from rich.progress import track

    from hoisdf_model.data import ShardedFrames
    from hoisdf_model.data.labelled_frames import FrameSource
    from hoisdf_model.evaluation import mean_pose_of, write_mean_pose
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.synthesis import LabelOnlyStills, Stills, StillSettings

    if (library is None) == (data is None):
        raise ConfigError("give exactly one of --library and --data")
    source: FrameSource
    if library is not None:
        model = load_hand_model(hand_model)
        stills = Stills(StillSettings(str(library), seed), model)
        source, split, made = LabelOnlyStills(stills, model), stills.library.settings.split, stills.library.settings
        about = {"command": f"hoisdf mean-pose --library {library.name} --frames {frames} --seed {seed}",
                 "library": {"split": made.split, "seed": made.seed, "shapes": made.shapes,
                             "per_object": made.per_object, "hands": made.hands}}  # fmt: skip
    else:
        assert data is not None
        shards = ShardedFrames(data)
        source, split = shards, shards.about.get("library", {}).get("split", "unknown")
        about = {"command": f"hoisdf mean-pose --data {data.name} --frames {frames}", "data": shards.about}
    if split == "benchmark":
        raise ConfigError("these frames are of the benchmark split: a baseline must come from training or validation")
    count = min(frames, len(source))
    numbers = track(range(count), description="looking", console=Console(stderr=True))
    means = mean_pose_of((source.frame(number) for number in numbers), {**about, "frames": count})
    write_mean_pose(means, output)
    Console(stderr=True).print(
        f"{output}: means of {means.about['hands_with_objects']} hands with objects in {count} frames", highlight=False
    )
