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

"""Data sources by kind, as training configurations name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from omegaconf import MISSING
from rich.progress import track
from trimesh import Trimesh

from hoisdf_model.data import ShardedFrames
from hoisdf_model.data.labelled_frames import Floats, FrameSource, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.sdf_samples import FieldBank, sample_field
from hoisdf_model.errors import ConfigError
from hoisdf_model.geometry import meshes, rotations
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.settings import typed
from hoisdf_model.synthesis import (
    CAMERA,
    HAND,
    BagSettings,
    BenchmarkStills,
    Renderer,
    Shot,
    Stills,
    StillSettings,
    prepare,
)
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.dexycb_source import DexYcbOptions, dexycb_frames
from hoisdf_model.training.ho3d_source import Ho3dOptions, ho3d_frames

FIELD_SAMPLES = 3000  # of each surface in each frame; samples draw from these
SYMMETRY_STEPS = 36  # of a continuous symmetry: poses between two of them are at most 5 degrees off
ATTENDED = 1  # mask value of a play's only object


@dataclass
class PlaysOptions:
    """Frames of synthetic sequences, rendered at the start.

    Held in memory (0.9 MB each).

    Attributes:
        frames: how many.
        objects: names from the catalogue; the first play takes the first of them, and so on around.
        per_play: frames of one play, with one object, one hand, one table and one light.
        seed: decides everything else; give validation another one.
    """

    frames: int = 240
    objects: list[str] = field(default_factory=lambda: ["006_mustard_bottle", "003_cracker_box", "005_tomato_soup_can"])
    per_play: int = 8
    seed: int = 0


class Plays:
    """See :class:`PlaysOptions`.

    Raises:
        DependencyError: there is no EGL to render with; the message names the packages.
        MeshError: an object isn't in the catalogue.
    """

    def __init__(self, options: PlaysOptions, hand_model: HandModel) -> None:
        if options.frames < 1 or options.per_play < 1 or not options.objects:
            raise ConfigError("plays need at least one frame, one frame per play and one object")
        self._things: dict[str, _Thing] = {}
        self._frames: list[LabelledFrame] = []
        renderer = Renderer(CAMERA.width, CAMERA.height)
        plays = -(-options.frames // options.per_play)
        for number in track(range(plays), description="rendering plays"):
            name = options.objects[number % len(options.objects)]
            settings = BagSettings((name,), 3.0, options.per_play / 3.0, options.seed * 100_003 + number)
            studio = prepare(settings, hand_model=hand_model)
            if name not in self._things:
                thing = studio.play.objects[0]
                self._things[name] = _Thing(thing.mesh, thing.symmetry.transforms(SYMMETRY_STEPS))
            for shot in studio.film(renderer):
                self._frames.append(self._labelled(shot, settings.seed + len(self._frames), name, hand_model))
        del self._frames[options.frames :]
        renderer.close()

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self._frames)

    def frame(self, index: int) -> LabelledFrame:
        """One of the frames held in memory."""
        return self._frames[index]

    def _labelled(self, shot: Shot, seed: int, name: str, hand_model: HandModel) -> LabelledFrame:
        rng, hand, thing = np.random.default_rng([4, seed]), shot.truth.hands[0], shot.truth.objects[0]
        closed = meshes.capped(hand.vertices, hand_model.faces)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = thing.rotation, thing.translation
        known = self._things[name]
        return LabelledFrame(
            image=shot.frame.image,
            camera=shot.frame.intrinsics,
            hand=HandLabel(
                "right",
                hand.joints.astype(np.float64),
                sample_field(*closed, FIELD_SAMPLES, rng),
                rotations.rotation_matrices(hand.pose),
                hand.shape.astype(np.float64),
            ),
            object=ObjectLabel(name, pose, known.corners, known.bank.draw(pose, FIELD_SAMPLES, rng), known.symmetries),
            hand_mask=shot.identities == HAND,
            object_mask=shot.identities == ATTENDED,
        )


@dataclass
class ShardsOptions:
    """A data set on disk, written by ``hoisdf synthesize``.

    Attributes:
        folder: of the data set.
        growing: whether another process may still be drawing it: the shards that are finished are read, and new ones
            as they come. An interrupted run then doesn't go on with the samples that it would have seen.
    """

    folder: str = MISSING
    growing: bool = False


@dataclass
class BenchmarkOptions:
    """Stills of the synthetic benchmark, for validation.

    There is nothing to choose.
    """


class _Thing:
    """What every frame with an object needs of it."""

    def __init__(self, mesh: Trimesh, symmetries: Floats) -> None:
        self.corners = meshes.box_corners(mesh.bounds)
        self.bank = FieldBank(mesh.vertices, mesh.faces)
        self.symmetries = symmetries


_KINDS: dict[str, tuple[type[Any], Callable[[Any, HandModel], FrameSource]]] = {
    "plays": (PlaysOptions, Plays),
    "stills": (StillSettings, Stills),
    "benchmark": (BenchmarkOptions, lambda _, hand_model: BenchmarkStills(hand_model)),
    "shards": (ShardsOptions, lambda options, _: ShardedFrames(options.folder, options.growing)),
    "dexycb": (DexYcbOptions, dexycb_frames),
    "ho3d": (Ho3dOptions, ho3d_frames),
}


def build_source(config: SourceConfig, hand_model: HandModelLike) -> FrameSource:
    """The data source that a configuration names.

    Raises:
        ConfigError: no such kind, or an unknown option (named).
    """
    if config.kind not in _KINDS:
        raise ConfigError(f"unknown data source {config.kind!r}; there are {', '.join(_KINDS)}")
    schema, build = _KINDS[config.kind]
    return build(typed(schema, [config.options], f"data.sources ({config.kind}) options."), as_hand_model(hand_model))
