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

"""What the evaluation asks of the synthetic world: tags, the benchmark known by its manifest, unrendered labels."""

import json

import numpy as np
import pytest
from egl import requires_egl

from hoisdf_model.hand import load_hand_model
from hoisdf_model.synthesis import BenchmarkStills, LabelOnlyStills, Stills, StillSettings, drawn_from_benchmark
from hoisdf_model.synthesis.benchmark import CATALOGUE, CLEAR, OCCLUDED, SHAPE
from hoisdf_model.synthesis.stills.dataset import origin_of


@pytest.fixture(scope="module")
def stills():
    return BenchmarkStills(load_hand_model())


def test_tags_say_what_the_scenes_are(stills):
    for index in range(24):
        scene, (kind, view) = stills.scene(index), stills.tags(index)
        assert kind == (SHAPE if scene.name.startswith("shape_") else CATALOGUE)
        assert view == (CLEAR if scene.occluder is None else OCCLUDED)


def test_stills_of_the_benchmark_are_known_by_their_manifest(stills):
    about = json.loads(json.dumps(origin_of(stills)))
    assert drawn_from_benchmark(about, stills)
    assert not drawn_from_benchmark({**about, "seed": 2}, stills)
    assert not drawn_from_benchmark({**about, "stage": {**about["stage"], "clutter": 0}}, stills)
    assert not drawn_from_benchmark({}, stills)


@requires_egl
def test_labels_without_pictures_are_those_of_the_pictures(stills):
    model = load_hand_model()
    plain = Stills(StillSettings(stills.settings.library, 3), model)
    unrendered, compared = LabelOnlyStills(plain, model), 0
    for index in range(4):
        drawn, known = plain.frame(index), unrendered.frame(index)
        if drawn.hand is None or drawn.object is None or drawn.hand.side == "left":
            continue
        np.testing.assert_allclose(known.hand.joints, drawn.hand.joints, atol=1e-6)
        np.testing.assert_allclose(known.hand.rotations, drawn.hand.rotations, atol=1e-6)
        np.testing.assert_allclose(known.object.pose, drawn.object.pose, atol=1e-9)
        np.testing.assert_allclose(known.object.corners, drawn.object.corners)
        compared += 1
    assert compared
