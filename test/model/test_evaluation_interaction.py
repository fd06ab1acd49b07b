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

"""Overlap of hand and object, and sampled points: against solids that can be reckoned and other libraries."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from labelled_frames import BOX, hand_layer, posed
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation
from test_evaluation_run import MODELS, Knowing, left, run, with_objects

from hoisdf_model.evaluation import Contender, Interaction, KnownTruth, SampledPoints
from hoisdf_model.evaluation.metrics.interaction import CONTACT, interaction
from hoisdf_model.evaluation.metrics.sampled_points import joint_distances, surface_distances
from hoisdf_model.geometry import meshes
from hoisdf_model.hand.hand_parts import PARTS, parts


def solid(mesh, shift=(0, 0, 0)):
    return np.asarray(mesh.vertices) + shift, np.asarray(mesh.faces)


BRICK = trimesh.creation.box((0.04, 0.03, 0.02))


def test_a_brick_pushed_into_another_is_as_deep_as_it_was_pushed():
    wall = solid(trimesh.creation.box((0.1, 0.1, 0.1)))
    found = interaction(*solid(BRICK, (0.05 + 0.02 - 0.007, 0, 0)), *wall)  # its left side 7 mm inside the right wall
    assert found.depth == pytest.approx(0.007, abs=1e-12)
    found = interaction(*solid(BRICK, (0.05 + 0.02 - 0.010, 0, 0)), *wall)
    assert found.volume == pytest.approx(0.010 * 0.03 * 0.02, rel=1e-9)  # whole voxels
    assert found.contact


@pytest.mark.parametrize(("gap", "contact"), [(CONTACT - 1e-4, True), (CONTACT + 1e-4, False), (0.2, False)])
def test_contact_is_being_near_and_a_gap_is_no_overlap(gap, contact):
    wall = solid(trimesh.creation.box((0.1, 0.1, 0.1)))
    assert interaction(*solid(BRICK, (0.05 + 0.02 + gap, 0, 0)), *wall) == (0, 0, contact)


def test_two_balls_share_a_lens():
    radius, apart = 0.04, 0.06
    ball = trimesh.creation.icosphere(4, radius)
    lens = np.pi * (4 * radius + apart) * (2 * radius - apart) ** 2 / 12
    found = interaction(*solid(ball, (apart, 0, 0)), *solid(ball), voxel=0.0015)
    assert found.volume == pytest.approx(lens, rel=0.02)
    # a vertex lies within half an edge of the deepest point, where the surface falls off by its square
    edge = ball.edges_unique_length.max()
    assert 2 * radius - apart - edge**2 / radius < found.depth < 2 * radius - apart + 1e-9


@pytest.mark.parametrize("seed", [0, 3])
def test_a_hand_in_an_object_overlaps_as_much_as_their_boolean(seed):
    vertices = posed(seed)[1]
    hand = meshes.capped(vertices, hand_layer().model.faces)
    bottle = trimesh.creation.cylinder(0.03, 0.15)
    bottle.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [0, 0, 0]))
    bottle.apply_translation(vertices[317] + 0.01)
    whole = trimesh.Trimesh(*hand)
    exact = trimesh.boolean.intersection([whole, bottle], engine="manifold")
    assert exact.volume > 2e-6
    found = interaction(*hand, *solid(bottle), voxel=0.0015)
    assert found.volume == pytest.approx(exact.volume, rel=0.03)
    coarse = interaction(*hand, *solid(bottle))
    assert abs(coarse.volume - exact.volume) < exact.area * 0.005 * np.sqrt(3) / 2
    inside = np.linalg.norm(
        trimesh.proximity.closest_point(bottle, vertices)[0] - vertices, axis=1
    ) * bottle.contains(vertices)  # fmt: skip
    assert found.depth == pytest.approx(inside.max(), abs=1e-7)  # to which trimesh joins vertices


def overlap_of(records, name):
    return [{key: record.results[name].errors[key] for key in ("penetration", "intersection", "contact", "overlap")}
            for record in records]  # fmt: skip


@pytest.mark.parametrize("source", [None, left()], ids=["right", "left"])
def test_perfect_estimates_overlap_as_the_truth_does(tmp_path, source):
    measure = Interaction(MODELS, hand_layer().model)
    contenders = {
        "network": Contender(Knowing(), extra_metrics=(measure,)),
        "moved": Contender(Knowing((0.003, -0.004, 0.012)), extra_metrics=(measure,)),  # together: nothing changes
        "truth": Contender(KnownTruth(hand_layer()), extra_metrics=(measure,), compared=False),
    }
    _, records = run(tmp_path, contenders, source, range(2))
    truth = overlap_of(records, "truth")
    assert max(row["penetration"] for row in truth) > 5  # the frames' boxes are put into the hand
    for name in ("network", "moved"):
        for own, true in zip(overlap_of(records, name), truth, strict=True):
            assert own["penetration"] == pytest.approx(true["penetration"], abs=1e-2)
            assert own["intersection"] == pytest.approx(true["intersection"], abs=1)  # voxels are put anew
            assert (own["contact"], own["overlap"]) == (true["contact"], true["overlap"])
    assert set(records[0].results["truth"].errors) == set(truth[0])


def test_an_object_pushed_away_is_not_touched(tmp_path):
    def away(_, estimate):
        return with_objects(estimate, translation=lambda own: own + 0.4)

    contender = Contender(Knowing(change=away), extra_metrics=(Interaction(MODELS, hand_layer().model),))
    _, records = run(tmp_path, {"network": contender})
    assert (
        overlap_of(records, "network") == [dict.fromkeys(("penetration", "intersection", "contact", "overlap"), 0)] * 4
    )


def test_an_object_that_is_not_known_has_no_overlap(tmp_path):
    def blind(_, estimate):
        return with_objects(estimate, translation=lambda own: own * np.nan)

    contender = Contender(Knowing(change=blind), extra_metrics=(Interaction(MODELS, hand_layer().model),))
    _, records = run(tmp_path, {"network": contender})
    assert all("penetration" not in record.results["network"].errors for record in records)


def test_points_on_the_hand_have_no_distance_to_it_and_shifted_ones_the_shift():
    joints, vertices, _, _ = posed(2)
    model = hand_layer().model
    on = surface_distances(vertices, vertices, model)
    assert set(on) == {"points to surface", *(f"points at {part}" for part in ("palm", "proximal", "middle", "distal"))}
    assert max(on.values()) < 1e-9
    normals = meshes.vertex_normals(vertices, model.faces)
    off = surface_distances(vertices + 0.001 * normals, vertices, model)
    assert off["points to surface"] == pytest.approx(0.001, rel=0.05)
    lone = np.flatnonzero(np.array(PARTS)[parts(model)] == "ring_distal")
    assert set(surface_distances(vertices[lone], vertices, model)) == {"points to surface", "points at distal"}
    assert joint_distances(np.concatenate([joints, vertices]), joints) == dict.fromkeys(
        ("joints to points", "MCP to points", "PIP to points", "DIP to points", "tip to points"), 0.0
    )


def test_joints_go_to_the_nearest_point():
    joints = posed(2)[0]
    points = joints.mean(0) + np.random.default_rng(0).normal(size=(60, 3)) * 0.05
    found = joint_distances(points, joints)
    nearest = cdist(joints, points).min(1)
    tips = [4, 8, 12, 16, 20]
    assert found["tip to points"] == pytest.approx(nearest[tips].mean())
    assert found["PIP to points"] == pytest.approx(nearest[[2, 6, 10, 14, 18]].mean())
    assert found["joints to points"] == pytest.approx(nearest[1:].mean())


def test_sampled_points_are_judged_relative_to_the_wrist_and_only_where_there_are_any(tmp_path):
    shift = np.array([0.002, 0, 0])

    def sampling(batch):
        return [
            replace(answer, points=answer.hand.joints - answer.hand.joints[0] + shift, sure=(number < 3, True))
            for number, answer in zip(batch.numbers, Knowing()(batch), strict=True)
        ]

    _, records = run(tmp_path, {"network": Contender(sampling, extra_metrics=(SampledPoints(hand_layer()),))})
    for record in records[:3]:
        assert record.results["network"].errors["joints to points"] == pytest.approx(2, abs=1e-2)
    assert "joints to points" not in records[3].results["network"].errors


def test_depth_does_not_depend_on_where_both_are():
    vertices, turn = posed(1)[1], Rotation.random(random_state=5)
    hand = meshes.capped(vertices, hand_layer().model.faces)
    thing = BOX.vertices + vertices[444]
    here = interaction(*hand, thing, BOX.faces)
    there = interaction(turn.apply(hand[0]) + 0.3, hand[1], turn.apply(thing) + 0.3, BOX.faces)
    assert here.depth > 0
    assert there.depth == pytest.approx(here.depth, abs=1e-9)
