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

"""Surfaces of fields: of solids that are known, and of a network that knows the truth."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from labelled_frames import BOX, Frames, frame, hand_layer, posed
from scipy.spatial.distance import cdist
from test_evaluation_run import MODELS, Knowing, Only, left, run
from tiny_network import tiny_network

from hoisdf_model.commands.evaluate.metric_options import MetricOptions
from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.evaluation import Contender, FieldQuality, preparation_for
from hoisdf_model.evaluation.metrics.field_surfaces import surface_of, surface_scores
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, joined
from hoisdf_model.evaluation.runs.methods import given
from hoisdf_model.geometry import distances, meshes

SCALE, CLAMP = 3.1, 0.15
MIDDLE, RADIUS = np.array([0.03, 0.02, -0.05]), 0.04


def ball(points):
    return np.linalg.norm(points - MIDDLE, axis=1) - RADIUS


def test_the_surface_of_a_ball_is_a_ball():
    vertices, faces = surface_of(ball, 1 / SCALE)
    found = trimesh.Trimesh(vertices, faces)
    step = 2 / SCALE / 256
    assert found.is_watertight
    assert found.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)  # positive: faces look outwards
    assert np.abs(ball(vertices)).max() < step**2 / RADIUS  # a chord of a cell falls off by less
    exact = trimesh.creation.icosphere(5, RADIUS)
    scores = surface_scores((vertices, faces), (exact.vertices + MIDDLE, exact.faces), (0.001, 0.005))
    assert scores.distance < step / 2
    assert scores.f_scores == (1, 1)


def test_a_field_that_is_clamped_has_the_same_surface():
    whole = surface_of(ball, 1 / SCALE)
    clamped = surface_of(lambda points: np.clip(ball(points), -0.01, 0.01), 1 / SCALE, clamp=0.01)
    np.testing.assert_array_equal(whole[1], clamped[1])
    np.testing.assert_allclose(whole[0], clamped[0])


def test_what_is_cut_off_is_closed_at_the_cut():
    def half(points):
        return np.where(points[:, 0] < MIDDLE[0], ball(points), 0.05)

    found = trimesh.Trimesh(*surface_of(half, 1 / SCALE))
    assert found.is_watertight
    lost = np.pi * RADIUS**2 * 2 / SCALE / 256  # at most the cells that the cut goes through
    assert 2 / 3 * np.pi * RADIUS**3 - lost < found.volume < 2 / 3 * np.pi * RADIUS**3 + lost


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_field_that_is_nowhere_zero_has_an_empty_surface_which_scores_nothing(sign):
    empty = surface_of(lambda points: np.full(len(points), 0.02 * sign), 1 / SCALE)
    assert [len(part) for part in empty] == [0, 0]
    scores = surface_scores(empty, (BOX.vertices, BOX.faces), (0.001, 0.005))
    assert scores == (np.inf, np.inf, (0, 0))


def test_a_field_that_is_not_finite_is_refused():
    with pytest.raises(InvalidInputError, match="not finite"):
        surface_of(lambda points: np.full(len(points), np.nan), 0.3)


def test_scores_of_two_balls_equal_all_pairs():
    own, true = (trimesh.creation.icosphere(4, 0.040), trimesh.creation.icosphere(4, 0.042))
    own.apply_translation([0.003, 0, 0])
    limits = (0.001, 0.002, 0.005)
    found = surface_scores((own.vertices, own.faces), (true.vertices, true.faces), limits)
    # the vertices of such balls lie evenly and closely enough to stand for the surface
    apart = cdist(own.vertices, true.vertices)
    there = np.abs(np.linalg.norm(own.vertices, axis=1) - 0.042)  # the exact distance to the other ball
    back = np.abs(np.linalg.norm(true.vertices - [0.003, 0, 0], axis=1) - 0.040)
    np.testing.assert_allclose(there, apart.min(1), atol=0.002)  # to vertices, which are 3 mm from each other
    assert found.distance == pytest.approx((there.mean() + back.mean()) / 2, rel=0.02)
    assert found.chamfer == pytest.approx((there**2).mean() + (back**2).mean(), rel=0.02)
    for limit, score in zip(limits, found.f_scores, strict=True):
        precision, recall = (there < limit).mean(), (back < limit).mean()
        assert score == pytest.approx(2 * precision * recall / (precision + recall), abs=0.02)


class KnowingFields:
    """A network whose fields are the true distances, of frames made here; ``shift`` metres off."""

    def __init__(self, source, shift=(0, 0, 0)):
        self.source, self.shift = source, np.array(shift, float)
        self.config = SimpleNamespace(field=SimpleNamespace(scale=SCALE, clamp=CLAMP))

    def encode(self, image):
        return image

    def query_fields(self, features, hand_points, object_points, batch):
        root, center = batch.hand_root[0].double().numpy(), batch.object_center[0].double().numpy()
        seen = self.source.frame(self.number)
        mirror = np.diag([-1.0 if seen.hand is not None and seen.hand.side == "left" else 1.0, 1, 1])
        result = []
        for points, origin, what in ((hand_points, root, "hand"), (object_points, center, "object")):
            places = (points[0].double().numpy() / SCALE + origin - self.shift) @ mirror
            values = self.distance(what, seen, places) if len(places) else np.zeros(0)
            result.append(torch.tensor(values * SCALE).clamp(-CLAMP, CLAMP)[None])
        return tuple(result)

    def distance(self, what, seen, places):
        if what == "hand":
            vertices = posed(self.number)[1] * ([-1, 1, 1] if seen.hand.side == "left" else 1)
            faces = hand_layer().model.faces[:, ::-1] if seen.hand.side == "left" else hand_layer().model.faces
            return distances.signed_distance(places, *meshes.capped(vertices, faces))
        turned = (places - seen.object.pose[:3, 3]) @ seen.object.pose[:3, :3]
        # of a box that is known without any mesh
        beyond = np.abs(turned) - np.array(BOX.extents) / 2
        return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


def batch_of(source, number):
    return joined([EvaluatedFrames(source, [number], preparation_for(tiny_network().config))[0]])


@pytest.mark.parametrize("source", [Frames(1, 200), left((0,))], ids=["right", "left"])
def test_the_true_distances_have_a_nearly_perfect_score(source):
    network = KnowingFields(source)
    network.number = 0
    batch = batch_of(source, 0)
    (figures,) = FieldQuality(network, MODELS, hand_layer())(batch, None)
    step = 2 / SCALE / 256 * 1e3
    for what in ("hand", "object"):
        assert figures[f"{what} surface"] == 100
        assert figures[f"{what} field"] < step / 4
        assert figures[f"{what} field F@1"] > 98  # edges of the box and creases of the skin are cut by the grid
        assert figures[f"{what} field F@5"] == 100
        assert figures[f"{what} chamfer"] < 1e-3


def test_fields_that_are_off_are_off_by_as_much():
    source = Frames(1, 200)
    network = KnowingFields(source, (0, 0, 0.004))
    network.number = 0
    (figures,) = FieldQuality(network, MODELS, hand_layer())(batch_of(source, 0), None)
    # nearest distances are at most the shift, and half of it on average over a surface that looks everywhere
    assert 1.5 < figures["object field"] < 4
    assert figures["object field F@5"] == pytest.approx(100, abs=0.5)
    assert figures["object field F@1"] < 90


def test_a_field_without_a_surface_is_counted(tmp_path):
    class Blind(KnowingFields):
        def distance(self, what, seen, places):
            return np.full(len(places), 0.03)

    source = Frames(3, 200)
    network = Blind(source)
    network.number = 0
    measure = FieldQuality(network, MODELS, hand_layer(), frames=2)
    _, records = run(tmp_path, {"network": Contender(Knowing(), extra_metrics=(measure,))}, source, range(3))
    for record in records[:2]:
        errors = record.results["network"].errors
        assert [errors[f"{what} surface"] for what in ("hand", "object")] == [0, 0]
        assert errors["hand field F@5"] == 0
        assert "hand chamfer" not in errors
    assert "hand surface" not in records[2].results["network"].errors


def test_the_fields_of_a_network_are_read_where_it_looks():
    """Of a network that has learnt nothing: in the cube of its grid, and frames without an object are judged too."""
    network = tiny_network()
    source = Only(frame(0, 200, thing=False))
    quality = FieldQuality(network, MODELS, hand_layer())
    batch = batch_of(source, 0)
    (figures,) = quality(batch, None)
    assert "hand surface" in figures
    assert "object surface" not in figures
    hand, thing = quality.predicted(batch, 0)
    assert len(hand[0]) > 100
    reach = 1 / network.config.field.scale + 1e-6
    for mesh, middle in ((hand, batch.sample.hand_root), (thing, batch.sample.object_center)):
        assert (np.abs(mesh[0] - middle[0].numpy()) < reach).all()
        # and they are where the network itself reads almost nothing
        asked = torch.as_tensor((mesh[0][:200] - middle[0].numpy()) * network.config.field.scale).float()[None]
        with torch.inference_mode():
            read = network.query_fields(network.encode(batch.sample.image), asked, asked, given(batch.sample))
        assert float(read[0 if mesh is hand else 1].abs().median()) < 0.01


def test_fields_of_a_network_that_has_none_are_refused():
    network = tiny_network(representation="segmentation_2d", tokens={"augmentation": "none"})
    with pytest.raises(ConfigError, match="this one has segmentation_2d in their place"):
        MetricOptions(interaction=False, points=False, fields=3).quality(network, MODELS, hand_layer(), "cpu")
    assert (
        MetricOptions(interaction=False, points=False, fields=0).quality(network, MODELS, hand_layer(), "cpu") is None
    )


def test_what_lies_behind_the_camera_is_not_there():
    source = Frames(1, 200)
    network = KnowingFields(source)
    network.number = 0
    batch = batch_of(source, 0)
    near = replace(batch.sample, hand_root=batch.sample.hand_root * torch.tensor([1.0, 1, 0]) + 0.1)
    network.distance = lambda what, seen, places: np.full(len(places), -0.01)  # everything is filled
    hand = FieldQuality(network, MODELS, hand_layer()).predicted(replace(batch, sample=near), 0).hand
    assert -0.003 < hand[0][:, 2].min() < 0.003
