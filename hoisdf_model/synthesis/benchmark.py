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

"""Synthetic benchmark: fixed stills and sequences, never trained on.

Hands, grasps, random shapes, skins, tables and sleeves come from the benchmark's own split; its grasps ship with the
package. The catalogue's objects keep their prints, as real ones do. What a still or sequence is made of is frozen by
``VERSION`` and held by :func:`definition_hash`; pixels may differ a little between renderers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import resources
from typing import Any

import numpy as np

from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import find_object, shape_name
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.plays.filming import Studio
from hoisdf_model.synthesis.plays.recording import SHAPE_SPREAD
from hoisdf_model.synthesis.plays.sequences import plan_sequence
from hoisdf_model.synthesis.render.appearance import PLAIN
from hoisdf_model.synthesis.render.fineness import FULL
from hoisdf_model.synthesis.stills.dataset import origin_of
from hoisdf_model.synthesis.stills.scenes import LATER, Scene, SceneSettings
from hoisdf_model.synthesis.stills.source import Stills, StillSettings

VERSION = 1
SEED = 1
STILLS = 2000
SECONDS, RATE = 3.0, 15.0  # of each sequence
CATALOGUE, SHAPE, OCCLUDED, CLEAR = "catalogue object", "random shape", "occluded", "not occluded"  # tags
DIGITS = 6  # of the numbers that are hashed
STAGE = SceneSettings(
    modes=(0.85, 0.15, 0.0, 0.0), clutter=4, tables=0.7, rings=0.05, distances=(0.35, 1.1), focal=(450.0, 850.0),
    from_below=0.1, left_hands=0.0, bare_arms=0.0, gestures=0.0,
)  # fmt: skip
# half of them take objects of the catalogue, half random shapes of the benchmark's split; all of them can be planned
SEQUENCE_OBJECTS = (
    "002_master_chef_can", "003_cracker_box", "004_sugar_box", "005_tomato_soup_can", "006_mustard_bottle",
    "007_tuna_fish_can", "008_pudding_box", "009_gelatin_box", "010_potted_meat_can", "011_banana",
    "019_pitcher_base", "021_bleach_cleanser", "024_bowl", "025_mug", "035_power_drill", "036_wood_block",
    "040_large_marker", "051_large_clamp", "052_extra_large_clamp", "061_foam_brick",
)  # fmt: skip
SEQUENCE_SHAPES: tuple[int, ...] = tuple(range(100, 120))


@dataclass(frozen=True)
class SequenceDefinition:
    """Definition of one benchmark sequence.

    Attributes:
        seed: decides about hand, grasp, motion and looks.
        name: of the object that the hand takes.
        seconds, rate: length, and frames per second.
    """

    seed: int
    name: str
    seconds: float
    rate: float


class BenchmarkStills(Stills):
    """Stills of the benchmark (``data.sources.FrameSource``).

    Every second with a random shape, every third occluded.

    Raises:
        InvalidInputError: the hand model isn't the open hand that the benchmark's grasps were made with.
        DatasetError: the shipped grasps are damaged.
    """

    def __init__(self, hand_model: HandModelLike | None = None) -> None:
        path = resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"
        super().__init__(
            StillSettings(str(path), SEED, stage=STAGE, fineness=FULL, appearance=PLAIN), as_hand_model(hand_model)
        )

    def __len__(self) -> int:
        """How many stills."""
        return STILLS

    def scene(self, index: int) -> Scene:
        """Scene of one picture."""
        return self.stage.scene(index, occluded=index % 3 == 0, random_shape=index % 2 == 1)

    def tags(self, index: int) -> tuple[str, ...]:
        """Evaluation groups of stills: kind of object, occlusion."""
        return SHAPE if index % 2 == 1 else CATALOGUE, OCCLUDED if index % 3 == 0 else CLEAR


def drawn_from_benchmark(about: Mapping[str, Any], stills: BenchmarkStills) -> bool:
    """Whether a data set's manifest declares the benchmark's stills.

    In their order.
    """
    return bool(json.loads(json.dumps(origin_of(stills))) == dict(about))


def benchmark_sequences() -> tuple[SequenceDefinition, ...]:
    """All sequences, those with objects of the catalogue first."""
    shapes = [(k, shape_name(splits.shape_number("benchmark", k))) for k in SEQUENCE_SHAPES]
    return tuple(
        SequenceDefinition(seed, name, SECONDS, RATE) for seed, name in (*enumerate(SEQUENCE_OBJECTS), *shapes)
    )


def benchmark_studio(definition: SequenceDefinition, hand_model: HandModelLike | None = None) -> Studio:
    """A sequence planned and lit, ready to be filmed with ``film(Renderer())``."""
    planning, looks = (splits.generator("benchmark", SEED, 301, definition.seed, part) for part in range(2))
    hand = PosableHand(as_hand_model(hand_model), planning.normal(0, SHAPE_SPREAD, 10))
    things = [find_object(definition.name)]
    return Studio(plan_sequence(hand, things, definition.seconds, definition.rate, planning), looks)


def definition_hash(stills: BenchmarkStills) -> str:
    """Digest of the benchmark's definition.

    Scenes and sequences, not pixels.
    """
    digest = hashlib.sha256(f"{VERSION} {SEED} {stills.library.hand_model}".encode())
    for index in range(len(stills)):
        digest.update(json.dumps(_plain(stills.scene(index)), sort_keys=True).encode())
    digest.update(json.dumps(_plain(benchmark_sequences())).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Numbers rounded, containers as JSON has them; without later additions that change nothing."""
    if is_dataclass(value):
        known = {item.name: getattr(value, item.name) for item in fields(value)}
        return {name: _plain(part) for name, part in known.items() if name not in LATER or part != LATER[name]}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0  # no negative zeros
    return value
