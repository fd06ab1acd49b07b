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

"""Markers, transforms and detections against messages built the plain way and against arithmetic done here."""

from types import SimpleNamespace

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import BOX, FACES, FakeCatalogue, make_estimate, make_hand, make_object  # noqa: E402
from rclpy.serialization import deserialize_message  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hoisdf_model.errors import InvalidInputError  # noqa: E402
from hoisdf_model.estimates import Estimate, entity_names  # noqa: E402
from hoisdf_model.hand import BONES  # noqa: E402
from hoisdf_ros.catalogue_meshes import MARKER_FACES, Meshes  # noqa: E402
from hoisdf_ros.perception.markers import MESH, SKELETON, MarkerWriter  # noqa: E402
from hoisdf_ros.serialized import SerializedMessage, mark  # noqa: E402
from hoisdf_ros.transforms import transforms_message  # noqa: E402

STAMP = (12, 345)


@pytest.fixture
def writer():
    return MarkerWriter({"right": FACES, "left": FACES[:, ::-1]}, Meshes(FakeCatalogue()).triangles)


def read(data):
    """Markers by (namespace, id)."""
    return {(m.ns, m.id): m for m in deserialize_message(data, MarkerArray).markers}


def points(marker):
    return np.array([(p.x, p.y, p.z) for p in marker.points])


def test_the_hand_mesh_is_its_triangles_in_the_camera_frame(writer):
    hand = make_hand()
    mesh = read(writer.write(Estimate((hand,)), STAMP, "cam"))["hand_right", MESH]
    assert mesh.type == Marker.TRIANGLE_LIST
    assert np.array_equal(points(mesh), hand.vertices[FACES].reshape(-1, 3).astype(np.float64))
    assert (mesh.header.frame_id, mesh.header.stamp.sec, mesh.header.stamp.nanosec) == ("cam", *STAMP)
    assert (mesh.pose.orientation.w, mesh.scale.x, mesh.scale.y, mesh.scale.z) == (1.0, 1.0, 1.0, 1.0)
    assert mesh.color.a == 1.0


def test_the_skeleton_has_one_line_for_each_bone(writer):
    hand = make_hand()
    skeleton = read(writer.write(Estimate((hand,)), STAMP, "cam"))["hand_right", SKELETON]
    assert skeleton.type == Marker.LINE_LIST
    lines = points(skeleton).reshape(-1, 2, 3)
    assert len(lines) == 20
    for line, (parent, child) in zip(lines, BONES, strict=True):
        assert np.array_equal(line, hand.joints[[parent, child]].astype(np.float64))


def test_the_object_is_its_mesh_at_its_pose(writer):
    item = make_object()
    marker = read(writer.write(Estimate(objects=(item,)), STAMP, "cam"))[BOX, MESH]
    q, t = marker.pose.orientation, marker.pose.position
    assert np.allclose(Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), item.rotation, atol=1e-12)
    assert np.array_equal([t.x, t.y, t.z], item.translation)
    assert np.allclose(points(marker).min(0), [-0.05, -0.1, -0.15])
    assert len(marker.points) == 12 * 3


def test_a_scanned_mesh_is_thinned_out_for_display_but_keeps_its_size():
    sphere = trimesh.creation.icosphere(subdivisions=5, radius=0.1)
    meshes = Meshes(SimpleNamespace(mesh=lambda name: sphere))
    triangles = meshes.triangles("any")
    assert len(sphere.faces) > 20_000
    assert 500 < len(triangles) <= MARKER_FACES
    radii = np.linalg.norm(triangles, axis=-1)
    assert radii.min() > 0.09
    assert radii.max() < 0.1001
    assert np.allclose(meshes.bounds("any"), [[-0.1] * 3, [0.1] * 3], atol=1e-3)


def test_an_object_without_a_mesh_shows_as_three_axes(writer):
    marker = read(writer.write(Estimate(objects=(make_object("unheard_of"),)), STAMP, "cam"))["unheard_of", MESH]
    assert marker.type == Marker.LINE_LIST
    assert [(c.r, c.g, c.b) for c in marker.colors[::2]] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert np.argmax(points(marker)[1::2], 1).tolist() == [0, 1, 2]


def test_what_is_lost_is_deleted_once_and_ids_stay_the_same(writer):
    both = read(writer.write(make_estimate(), STAMP, "cam"))
    again = read(writer.write(make_estimate(), (13, 0), "cam"))
    assert both.keys() == again.keys() == {("hand_right", MESH), ("hand_right", SKELETON), (BOX, MESH)}
    gone = read(writer.write(Estimate((make_hand(),)), STAMP, "cam"))
    assert gone[BOX, MESH].action == Marker.DELETE
    assert gone["hand_right", MESH].action == Marker.ADD
    nothing = read(writer.write(Estimate(), STAMP, "cam"))
    assert {key: m.action for key, m in nothing.items()} == {
        ("hand_right", MESH): Marker.DELETE,
        ("hand_right", SKELETON): Marker.DELETE,
    }
    assert read(writer.write(Estimate(), STAMP, "cam")) == {}


def test_what_is_lost_is_held_for_its_time_by_the_stamps_and_never_sent_again():
    writer = MarkerWriter({"right": FACES, "left": FACES[:, ::-1]}, Meshes(FakeCatalogue()).triangles, hold=0.5)

    def actions(estimate, seconds, nanoseconds=0):
        return {key: m.action for key, m in read(writer.write(estimate, (seconds, nanoseconds), "cam")).items()}

    hand = dict.fromkeys([("hand_right", MESH), ("hand_right", SKELETON)], Marker.DELETE)
    box = {(BOX, MESH): Marker.DELETE}
    writer.write(make_estimate(), (100, 0), "cam")
    assert actions(Estimate((make_hand(),)), 100, 200_000_000) == dict.fromkeys(hand, Marker.ADD)  # the box is held
    assert actions(Estimate(), 100, 499_999_999) == {}
    assert actions(Estimate(), 100, 500_000_000) == box  # half a second after it was seen, the hand 0.3 s after
    assert actions(Estimate(), 100, 700_000_000) == hand
    assert actions(Estimate(), 100, 800_000_000) == {}
    writer.write(make_estimate(), (200, 0), "cam")
    assert actions(Estimate(), 200, 100_000_000) == {}
    assert actions(make_estimate(), 200, 200_000_000) == dict.fromkeys(hand | box, Marker.ADD)  # it came back
    assert actions(Estimate(), 200, 600_000_000) == {}
    assert actions(Estimate(), 150) == hand | box  # time jumped back
    writer.write(make_estimate(), (300, 0), "cam")
    writer.write(Estimate(), (300, 1), "cam")
    assert {key: m.action for key, m in read(writer.clear((300, 2), "cam")).items()} == hand | box


def test_numbers_change_from_frame_to_frame_though_the_structure_is_kept(writer):
    for offset in (0.0, 0.5):
        hand = make_hand(offset=offset)
        mesh = read(writer.write(Estimate((hand,)), STAMP, "cam"))["hand_right", MESH]
        assert np.array_equal(points(mesh), hand.vertices[FACES].reshape(-1, 3).astype(np.float64))


def test_two_hands_of_a_side_and_two_objects_of_a_name_are_told_apart(writer):
    estimate = Estimate((make_hand(), make_hand("left"), make_hand()), (make_object(), make_object()))
    assert entity_names(estimate) == (("hand_right", "hand_left", "hand_right_2"), (BOX, f"{BOX}_2"))
    markers = read(writer.write(estimate, STAMP, "cam"))
    assert {ns for ns, _ in markers} == {"hand_right", "hand_left", "hand_right_2", BOX, f"{BOX}_2"}


def test_a_left_hand_faces_outwards_like_a_right_one(writer):
    left = read(writer.write(Estimate((make_hand("left"),)), STAMP, "cam"))["hand_left", MESH]
    assert np.array_equal(points(left)[:3], make_hand("left").vertices[FACES[0][::-1]].astype(np.float64))


def test_a_mark_that_is_not_there_is_an_error():
    with pytest.raises(InvalidInputError, match="must be in the message once"):
        SerializedMessage(Marker(), {0: 3}, {})
    twice = Marker()
    twice.pose.position.x = twice.pose.position.y = mark(0)
    with pytest.raises(InvalidInputError, match="is 2 times"):
        SerializedMessage(twice, {0: 1}, {})


def test_hand_frames_sit_at_the_wrist_and_carry_the_rest_pose_axes():
    header = Header(frame_id="cam")
    header.stamp.sec = 9
    estimate = make_estimate()
    hand, item = estimate.hands[0], estimate.objects[0]
    message = transforms_message(estimate, header, "left_camera/")
    first, second = message.transforms
    assert [t.child_frame_id for t in message.transforms] == ["left_camera/hand_right", f"left_camera/{BOX}"]
    assert (first.header.frame_id, first.header.stamp.sec) == ("cam", 9)
    # Rodrigues' formula, written out
    axis_angle = hand.pose[0].astype(np.float64)
    angle = np.linalg.norm(axis_angle)
    x, y, z = axis_angle / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    expected = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    assert np.allclose(matrix(first), expected, atol=1e-9)
    assert np.allclose(origin(first), hand.joints[0])
    assert np.allclose(matrix(second), item.rotation, atol=1e-12)
    assert np.allclose(origin(second), item.translation)


def matrix(transform):
    q = transform.transform.rotation
    w, x, y, z = q.w, q.x, q.y, q.z
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def origin(transform):
    t = transform.transform.translation
    return np.array([t.x, t.y, t.z])
