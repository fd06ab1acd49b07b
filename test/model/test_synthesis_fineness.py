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

"""What makes stills cheap changes nothing that is measured in them; gestures are what they are called."""

import numpy as np
import pytest
from egl import requires_egl

from hoisdf_model.data.sdf_samples import sample_field
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand import joint_limits, load_hand_model
from hoisdf_model.synthesis import FULL, PLAIN, BenchmarkStills, Fineness, PosableHand, Renderer
from hoisdf_model.synthesis.grasps.articulation import CHAINS
from hoisdf_model.synthesis.grasps.gestures import GESTURES, gesture
from hoisdf_model.synthesis.render.photograph import Noises, natural_noise
from hoisdf_model.synthesis.stills.dataset import origin_of

MODEL = load_hand_model()
HAND = PosableHand(MODEL, np.zeros(10))


def posed(posture):
    return HAND.pose(posture, np.eye(3)[None], np.zeros((1, 3)))


@requires_egl
def test_one_pass_measures_what_two_do():
    stills = BenchmarkStills(MODEL)
    scene = stills.scene(1)
    studio = stills.studio
    hand = studio._posed(scene)
    thing = studio.object(scene.name)
    camera, drawables = studio._window(scene, hand, thing), studio._drawables(scene, hand, thing)
    once, twice = Renderer(320, 320, 0), Renderer(320, 320, 4)
    pictures = [renderer.render(drawables, camera, scene.view, scene.lighting) for renderer in (once, twice)]
    for renderer in (once, twice):
        renderer.close()
    np.testing.assert_array_equal(pictures[0].identities, pictures[1].identities)
    np.testing.assert_allclose(pictures[0].depth, pictures[1].depth, atol=2e-5)
    inside = np.abs(pictures[0].image.astype(int) - pictures[1].image).mean()
    assert inside < 2  # edges apart


def test_quick_signs_are_the_exact_ones_even_in_a_fist():
    closed = HAND.closed(posed(gesture(np.random.default_rng(1), "fist")).vertices[0])
    exact, quick = (
        sample_field(closed, HAND.closed_faces, 3000, np.random.default_rng(0), exact=exact) for exact in (True, False)
    )
    np.testing.assert_array_equal(exact.distances, quick.distances)
    assert (exact.distances < 0).mean() > 0.2


def test_a_reshaped_hand_is_the_hand_of_that_shape():
    shape = np.random.default_rng(2).normal(size=10)
    made, changed = PosableHand(MODEL, shape), HAND.reshaped(shape)
    np.testing.assert_array_equal(changed.rest_vertices, made.rest_vertices)
    np.testing.assert_array_equal(changed.closed_faces, made.closed_faces)
    assert not np.array_equal(HAND.rest_vertices, made.rest_vertices)


def test_stored_noise_has_the_statistics_of_fresh_noise():
    fresh, stored = Noises(0), Noises(4)
    np.testing.assert_array_equal(
        fresh.natural((64, 64), np.random.default_rng(3)), natural_noise((64, 64), np.random.default_rng(3))
    )
    rng = np.random.default_rng(4)
    field = stored.natural((320, 320), rng)
    assert field.std() == pytest.approx(1, abs=0.1)
    assert not np.array_equal(field, stored.natural((320, 320), rng))
    spectrum = np.abs(np.fft.rfft2(field[..., 0]))
    assert spectrum[2:8, 2:8].mean() > 5 * spectrum[60:100, 60:100].mean()
    white = stored.white((224, 224, 3), rng)
    assert (white.mean(), white.std()) == pytest.approx((0, 1), abs=0.02)
    assert not np.array_equal(white, stored.white((224, 224, 3), rng))


def test_the_benchmark_is_drawn_as_before_one_could_choose():
    stills = BenchmarkStills(MODEL)
    assert (stills.settings.fineness, stills.settings.appearance) == (FULL, PLAIN)
    assert {"fineness", "appearance"}.isdisjoint(origin_of(stills))  # data sets of it on disk are still known


def test_impossible_fineness_is_refused():
    with pytest.raises(InvalidInputError, match="kept"):
        Fineness(drawn=128, kept=224)


def test_gestures_stay_within_joint_limits_and_bend_the_last_joints_together():
    limits = joint_limits(MODEL).flexion[1:].reshape(5, 3, 2)
    postures = [gesture(np.random.default_rng(seed)) for seed in range(200)]
    flexion = np.concatenate([posture.flexion for posture in postures])
    beyond = np.maximum(flexion - limits[..., 1], limits[..., 0] - flexion)
    assert np.percentile(beyond, 95) < 0  # cut off where it is posed
    fingers = flexion[:, : CHAINS.index("thumb")].reshape(-1, 3)
    assert np.corrcoef(fingers[:, 1], fingers[:, 2])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("name", "stretched", "bent"),
    [("open", (8, 12, 16, 20), ()), ("fist", (), (8, 12, 16, 20)), ("pointing", (8,), (12, 16, 20)),
     ("two", (8, 12), (16, 20)), ("horns", (8, 20), (12, 16))],
)  # fmt: skip
def test_gestures_stretch_the_fingers_that_they_say(name, stretched, bent):
    assert name in GESTURES
    flat = np.maximum(np.linalg.norm(HAND.rest_joints, axis=1), 1e-9)
    for seed in range(10):
        reach = np.linalg.norm(posed(gesture(np.random.default_rng(seed), name)).joints[0], axis=1) / flat
        assert all(reach[tip] > 0.9 for tip in stretched)
        assert all(reach[tip] < 0.8 for tip in bent)
