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

"""Grasps hold: fingers touch, press against each other, nothing goes into anything; checked with exact distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances
from hoisdf_model.hand import joint_limits, load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import GraspSampler, PosableHand
from hoisdf_model.synthesis.grasps.articulation import CHAINS, THUMB, Postures, blended, finger_rotations, open_postures
from hoisdf_model.synthesis.grasps.distance_grid import DistanceGrid

CATALOGUE = load_catalogue()
NAMES = ("006_mustard_bottle", "005_tomato_soup_can", "025_mug", "061_foam_brick")


@pytest.fixture(scope="module")
def hand():
    return PosableHand(load_hand_model(), np.zeros(10))


@pytest.fixture(scope="module")
def library(hand):
    return {name: GraspSampler(hand, CATALOGUE.get(name)).sample(4, np.random.default_rng(3)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_library_can_be_sampled_best_first(library, name):
    scores = [grasp.score for grasp in library[name]]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_neither_goes_more_than_three_millimetres_into_the_other(hand, library, name):
    mesh = CATALOGUE.mesh(name)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    samples = np.asarray(mesh.sample(4000, seed=7))  # others than the sampler's own
    for grasp in library[name]:
        posed = hand.pose(grasp.closed, grasp.rotation[None], grasp.wrist[None]).vertices[0]
        hand_in_object = -distances.signed_distance(posed, vertices, faces).min()
        object_in_hand = -distances.signed_distance(samples, hand.closed(posed), hand.closed_faces).min()
        assert hand_in_object < 0.0035  # the grid is trilinear
        assert object_in_hand < 0.0035
        assert grasp.penetration < 0.003


@pytest.mark.parametrize("name", NAMES)
def test_thumb_and_two_fingers_touch_from_opposite_sides(hand, library, name):
    mesh = CATALOGUE.mesh(name)
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    for grasp in library[name]:
        posed = hand.pose(grasp.closed, grasp.rotation[None], grasp.wrist[None]).vertices[0]
        distance, face, _ = distances.closest_points(posed, vertices, faces)
        finger = (hand.link - 1) // 3
        touched = {f for f in range(5) if (distance[finger == f] < 0.0035).any()}
        assert THUMB in touched
        assert len(touched) >= 3
        assert {f for f in range(5) if grasp.contacts[f]} <= touched
        normals = mesh.face_normals[face]
        thumb = normals[(finger == THUMB) & (distance < 0.0035)].mean(0)
        others = normals[(finger != THUMB) & (hand.link > 0) & (distance < 0.0035)]
        assert (others @ thumb).min() < 0


@pytest.mark.parametrize("name", NAMES)
def test_the_open_hand_doesnt_touch_and_everything_stays_above_the_table(hand, library, name):
    mesh = CATALOGUE.mesh(name)
    for grasp in library[name]:
        opened, closed = (
            hand.pose(p, grasp.rotation[None], grasp.wrist[None]).vertices[0] for p in (grasp.opened, grasp.closed)
        )
        into = -distances.signed_distance(opened, np.asarray(mesh.vertices), np.asarray(mesh.faces)).min()
        assert into < 0.001
        assert min(opened[:, 2].min(), closed[:, 2].min()) > mesh.bounds[0, 2]
        elbow = grasp.wrist + 0.25 * grasp.rotation[:, 0]
        assert elbow[2] > mesh.bounds[0, 2] + 0.04


def test_equal_seeds_give_equal_grasps(hand):
    sampler = GraspSampler(hand, CATALOGUE.get("025_mug"))
    first, second = (sampler.sample(2, np.random.default_rng(5)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.wrist, b.wrist)
        np.testing.assert_array_equal(a.closed.flexion, b.closed.flexion)


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_joints_never_leave_their_limits(seed):
    """However far a posture asks, the rotation of a finger's middle joint is within what people reach."""
    rng = np.random.default_rng(seed)
    limits = joint_limits(load_hand_model())
    postures = Postures(rng.uniform(-4, 4, (8, 5, 3)), rng.random(8), rng.uniform(0, 0.1, 8))
    turned = finger_rotations(limits, postures)
    for joint in (1, 2, 4, 7, 14):  # not a finger's first: those also spread
        angle = np.arccos(np.clip((np.trace(turned[:, joint], axis1=1, axis2=2) - 1) / 2, -1, 1))
        assert angle.max() <= np.abs(limits.flexion[joint + 1]).max() + 1e-6


def test_closing_brings_fingertips_to_the_palm(hand):
    opened = open_postures(np.full(1, 0.7), np.zeros(1))
    fist = opened.with_flexion(np.tile(hand.limits.flexion[1:, 1].reshape(1, 5, 3), (1, 1, 1)))
    place = np.eye(3)[None], np.zeros((1, 3))
    palm = hand.rest_joints[9] * 0.6
    reach = [np.linalg.norm(hand.pose(p, *place).joints[0, [8, 12, 16, 20]] - palm, axis=1) for p in (opened, fist)]
    assert (reach[1] < 0.7 * reach[0]).all()
    half = blended(opened, fist, 0.5)
    np.testing.assert_allclose(half.flexion, (opened.flexion + fist.flexion) / 2)
    assert len(CHAINS) == opened.flexion.shape[1]


def test_left_hands_are_refused(hand):
    with pytest.raises(InvalidInputError, match="right"):
        PosableHand(hand.model.mirrored(), np.zeros(10))


def test_the_distance_grid_agrees_with_exact_distances():
    mesh = CATALOGUE.mesh("025_mug")
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    grid = DistanceGrid(vertices, faces, cells=80)
    rng = np.random.default_rng(0)
    points = rng.uniform(mesh.bounds[0] - 0.015, mesh.bounds[1] + 0.015, (3000, 3))
    exact = distances.signed_distance(points, vertices, faces)
    assert np.percentile(np.abs(grid(points) - exact), 99) < 0.001
    far = np.array([[0.5, 0, 0], [0, 0, -1.0]])
    assert (grid(far) > 0.9 * distances.signed_distance(far, vertices, faces)).all()
    outside = exact > 0.01
    _, _, nearest = distances.closest_points(points[outside], vertices, faces)
    away = points[outside] - nearest
    cosine = (grid.normals(points[outside]) * away / np.linalg.norm(away, axis=1, keepdims=True)).sum(1)
    assert np.median(cosine) > 0.98
