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

"""Contacts and opposition on solids where they are known, and on the synthetic library's own contacts."""

import numpy as np
import pytest
from grasping_solids import box, cylinder, squeezing

from hoisdf_model.grasping import ContactMap, HandShape, find_contacts, object_shape, opposition, posed_shape
from hoisdf_model.grasping.contacts import Contacts
from hoisdf_model.hand import TIP_VERTICES, load_hand_model
from hoisdf_model.hand.hand_parts import PARTS, REGIONS, parts
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis import BenchmarkStills, PosableHand


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def library(model):
    return BenchmarkStills(model).library


def points_as_hand(points: np.ndarray, part: np.ndarray) -> HandShape:
    """A few points in place of a hand's vertices; its mesh is a small tetrahedron around each."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * 1e-5
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    closed = (points[:, None] + corners).reshape(-1, 3)
    every = (faces[None] + 4 * np.arange(len(points))[:, None, None]).reshape(-1, 3)
    return HandShape(points, np.zeros((21, 3)), closed, every, part)


def made_contacts(points, normals, regions) -> Contacts:
    count = len(points)
    region = np.array([REGIONS.index(name) for name in regions])
    return Contacts(np.arange(count), np.array(points), np.array(normals), np.zeros(count), region, region)


def test_every_finger_tip_belongs_to_its_own_last_phalanx(model):
    part = parts(model)
    assert {finger: PARTS[part[vertex]] for finger, vertex in TIP_VERTICES.items()} == {
        finger: f"{finger}_distal" for finger in TIP_VERTICES
    }


def test_points_nearer_than_the_threshold_touch_and_carry_the_face_normal():
    thing = box(0.04, 0.06, 0.10)
    points = np.array([[0.022, 0, 0], [0.0245, 0, 0], [0.019, 0, 0], [0, -0.031, 0.02], [0, 0, 0.3]])
    found = find_contacts(points_as_hand(points, np.zeros(5, np.int64)), thing, threshold=0.004)
    assert found.vertices.tolist() == [0, 2, 3]
    assert np.allclose(found.distances, [0.002, -0.001, 0.001], atol=1e-9)
    assert np.allclose(found.normals, [[1, 0, 0], [1, 0, 0], [0, -1, 0]], atol=1e-9)
    assert np.allclose(found.points, [[0.02, 0, 0], [0.02, 0, 0], [0, -0.03, 0.02]], atol=1e-9)
    assert found.counts() == {"palm": 3}


def test_normals_on_a_cylinder_are_radial():
    angle = np.linspace(0, 2 * np.pi, 40)
    points = np.stack([0.034 * np.cos(angle), 0.034 * np.sin(angle), np.zeros(40)], 1)
    found = find_contacts(points_as_hand(points, np.zeros(40, np.int64)), cylinder(0.033, 0.1))
    radial = points[found.vertices] / 0.034
    assert len(found) == 40
    assert (found.normals * radial).sum(1).min() > np.cos(np.pi / 96) - 1e-6  # of a polygon with 96 sides


def test_opposition_is_the_line_between_the_points_that_press_against_each_other():
    touching = made_contacts(
        [[-0.02, 0, 0], [0.02, 0, 0.0], [0.02, 0, 0.01], [0, 0, 0.03]],
        [[-1.0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]],
        ["thumb", "index", "middle", "ring"],
    )
    held = opposition(touching.of(np.array([True, True, False, True])))
    assert held.axis[0] > np.cos(np.radians(3))  # the ring finger presses at right angles to it
    assert np.allclose(opposition(touching.of(np.array([True, True, False, False]))).axis, [1, 0, 0])
    both = opposition(touching)
    assert np.allclose(both.thumb, [-0.02, 0, 0])
    assert 0 < both.fingers[2] < 0.01  # between index and middle finger


def test_the_palm_stands_in_for_a_thumb_that_does_not_touch():
    touching = made_contacts([[0, 0, -0.03], [0, 0, 0.03]], [[0, 0, -1.0], [0, 0, 1]], ["palm", "middle"])
    assert np.allclose(opposition(touching).axis, [0, 0, 1])


def test_fingers_alone_or_on_one_side_do_not_oppose():
    assert opposition(made_contacts([[0, 0, 1.0]], [[0, 0, 1.0]], ["index"])) is None
    same = made_contacts([[0, 0.01, 0.02], [0, -0.01, 0.02]], [[0, 0, 1.0], [0, 0, 1.0]], ["thumb", "index"])
    assert opposition(same) is None


def test_contacts_of_the_synthetic_library_are_found(library, model):
    """What the library calls touching is nearer than 3 mm on a grid of distances; here it is the mesh itself."""
    hits = wanted = found_all = 0
    for number in (0, 3, 33, 37, 68, 71):  # a can, a bottle and a banana
        thing = find_object(library.objects[library.object[number]])
        hand = PosableHand(model, library.shape[number])
        rotation, wrist, _ = library.placement(number)
        posed = hand.pose(library.postures(number)[1], rotation[None], wrist[None])
        shape = posed_shape(posed.vertices[0], posed.joints[0], model)
        found = np.zeros(778, bool)
        found[find_contacts(shape, object_shape(thing), 0.003).vertices] = True
        truth = library.touching_of(number)
        hits, wanted, found_all = hits + (found & truth).sum(), wanted + truth.sum(), found_all + found.sum()
    assert hits / found_all > 0.9
    assert hits / wanted > 0.9


def test_a_contact_map_counts_frames_and_tells_fingers_apart():
    thing = box(0.04, 0.06, 0.10)
    hand = squeezing([-0.0245, 0, 0], [0.0245, 0, 0.02], [0, 0, 0.3])  # balls of 4 mm, half a millimetre off
    mapped = ContactMap(thing)
    for _ in range(3):
        mapped.add(hand, threshold=0.008)
    mapped.add(hand.moved(np.array([[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])))
    assert mapped.frames == 4
    assert mapped.share.max() == pytest.approx(0.75)
    touched = mapped.points[mapped.share > 0]
    near = np.minimum(
        *(np.linalg.norm(touched - np.array(tip), axis=1) for tip in ([-0.0245, 0, 0], [0.0245, 0, 0.02]))
    )
    assert near.max() < 0.008 + 0.004
    regions = mapped.regions()
    assert set(regions) == {"thumb", "index"}
    assert np.allclose(regions["thumb"]["normal"], [-1, 0, 0], atol=1e-6)
    assert regions["index"]["point"][0] == pytest.approx(0.02)
