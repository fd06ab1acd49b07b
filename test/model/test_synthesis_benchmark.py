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

"""The synthetic benchmark doesn't drift, shares nothing with training, and is as hard as it says."""

from dataclasses import replace

import numpy as np
import pytest
from egl import requires_egl

from hoisdf_model.errors import ConfigError
from hoisdf_model.hand import load_hand_model
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.benchmark import (
    STILLS,
    VERSION,
    BenchmarkStills,
    benchmark_sequences,
    benchmark_studio,
    definition_hash,
)
from hoisdf_model.synthesis.render.hand_palette import HandPalette
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.data_sources import build_source

# of version 1; if this changes, published figures can't be compared any more: raise VERSION, and say so
DEFINITION = {1: "f56b26ff3aee0f453fda1fe907cffbe133b21acc24913f7528d0a5f76dee9b73"}


@pytest.fixture(scope="module")
def stills():
    return BenchmarkStills()


def test_the_definition_is_that_of_its_version(stills):
    assert definition_hash(stills) == DEFINITION[VERSION]


def test_half_have_unseen_shapes_and_a_third_is_occluded(stills):
    scenes = [stills.scene(index) for index in range(0, STILLS, 7)]
    assert len(stills) == STILLS == 2000
    assert np.mean([scene.name.startswith("shape_") for scene in scenes]) == pytest.approx(0.5, abs=0.01)
    assert np.mean([scene.occluder is not None for scene in scenes]) == pytest.approx(1 / 3, abs=0.01)
    assert {scene.mode for scene in scenes} == {"grasp", "approach"}


def test_no_shape_and_no_look_is_the_trainings(stills):
    first = splits.SHAPES_PER_SPLIT * splits.split_number("benchmark")
    shapes = [int(name[6:]) for name in stills.library.objects if name.startswith("shape_")]
    assert min(shapes) >= first
    assert stills.library.settings.split == "benchmark"
    model = load_hand_model()
    theirs, ours = (HandPalette(model, split, 1).skin(3)[0].texture for split in ("train", "benchmark"))
    assert theirs.shape != ours.shape or (theirs != ours).any()


def test_training_can_be_watched_by_it():
    source = build_source(SourceConfig(kind="benchmark"), load_hand_model())
    assert isinstance(source, BenchmarkStills)
    with pytest.raises(ConfigError, match="frames"):
        build_source(SourceConfig(kind="benchmark", options={"frames": 3}), load_hand_model())


def test_grasps_dont_penetrate(stills):
    assert np.percentile(stills.library.into_object, 95) < 0.003
    assert np.percentile(stills.library.into_hand, 95) < 0.003


def test_there_are_forty_sequences_half_of_them_with_unseen_shapes():
    sequences = benchmark_sequences()
    assert len(sequences) == 40
    assert sum(item.name.startswith("shape_") for item in sequences) == 20
    assert len({item.name for item in sequences}) == 40


def test_a_sequence_can_be_planned():
    definition = next(item for item in benchmark_sequences() if item.name == "004_sugar_box")
    studio = benchmark_studio(definition)
    assert len(studio.play.times) == 45
    assert studio.play.held.any()


@requires_egl
def test_occluders_hide_what_else_would_be_seen(stills):
    hidden = []
    for index in (0, 3, 6, 9, 12):
        scene = stills.scene(index)
        without = replace(scene, occluder=None)
        seen = [stills.studio.shoot(item).visible for item in (scene, without)]
        assert not (seen[0] & ~seen[1]).any()
        hidden.append(seen[1].mean() - seen[0].mean())
    assert np.mean(hidden) > 0.15
