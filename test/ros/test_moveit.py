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

"""Grasps and collision objects for MoveIt 2.

moveit_msgs isn't among the ROS 2 wheels. Its place is taken by classes that rosbags makes of the public definitions'
fields; serialising checks that every field is there and has its type.
"""

from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from grasp_rig import planner, scene  # noqa: E402
from rosbags.typesys import Stores, get_types_from_msg, get_typestore  # noqa: E402

from hoisdf_model.data import interface_types  # noqa: E402
from hoisdf_model.errors import InvalidInputError  # noqa: E402
from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_model.grasping import drawn_back, hand_shape, load_gripper  # noqa: E402
from hoisdf_model.messages import make_header, rosbags_types  # noqa: E402
from hoisdf_model.objects import load_catalogue  # noqa: E402
from hoisdf_ros.catalogue_meshes import Meshes  # noqa: E402
from hoisdf_ros.grasp import moveit  # noqa: E402
from hoisdf_ros.grasp.grasp_messages import grasp_message, read_pose  # noqa: E402

# fields of the branch ros2 of moveit_msgs and of object_recognition_msgs
DEFINITIONS = {
    "moveit_msgs/msg/GripperTranslation": """
        geometry_msgs/Vector3Stamped direction
        float32 desired_distance
        float32 min_distance""",
    "moveit_msgs/msg/Grasp": """
        string id
        trajectory_msgs/JointTrajectory pre_grasp_posture
        trajectory_msgs/JointTrajectory grasp_posture
        geometry_msgs/PoseStamped grasp_pose
        float64 grasp_quality
        moveit_msgs/GripperTranslation pre_grasp_approach
        moveit_msgs/GripperTranslation post_grasp_retreat
        moveit_msgs/GripperTranslation post_place_retreat
        float32 max_contact_force
        string[] allowed_touch_objects""",
    "object_recognition_msgs/msg/ObjectType": """
        string key
        string db""",
    "moveit_msgs/msg/CollisionObject": """
        std_msgs/Header header
        geometry_msgs/Pose pose
        string id
        object_recognition_msgs/ObjectType type
        shape_msgs/SolidPrimitive[] primitives
        geometry_msgs/Pose[] primitive_poses
        shape_msgs/Mesh[] meshes
        geometry_msgs/Pose[] mesh_poses
        shape_msgs/Plane[] planes
        geometry_msgs/Pose[] plane_poses
        string[] subframe_names
        geometry_msgs/Pose[] subframe_poses
        byte ADD=0
        byte REMOVE=1
        byte APPEND=2
        byte MOVE=3
        byte operation""",
}
SECOND = 1_000_000_000
ADD, REMOVE = 0, 1


@pytest.fixture(scope="module")
def store():
    store = get_typestore(Stores.ROS2_JAZZY)
    folder = resources.files("hoisdf_model") / "assets" / "msg"
    ours = {f.name.removesuffix(".msg"): f.read_text() for f in folder.iterdir() if f.name.endswith(".msg")}
    definitions = DEFINITIONS | {f"hoisdf/msg/{name}": text for name, text in ours.items()}
    found = {}
    for name, text in definitions.items():
        lines = "\n".join(line.strip() for line in text.splitlines())
        found.update(get_types_from_msg(lines, name))
    store.register(found)
    return store


@pytest.fixture(scope="module")
def types(store):
    return rosbags_types(store)


@pytest.fixture(scope="module")
def travel(store):
    """A message as it arrives."""
    return lambda message: store.deserialize_cdr(store.serialize_cdr(message, message.__msgtype__), message.__msgtype__)


@pytest.fixture(scope="module")
def candidate():
    return planner().plan(scene(), ("handover",)).candidates[0]


@pytest.fixture
def grasp(types, candidate):
    return grasp_message(candidate, make_header(types, 5 * SECOND, "base_link"), types)


def vector(message):
    return np.array([message.x, message.y, message.z])


def test_the_grasps_pose_is_that_of_the_link_that_the_robot_model_places(types, travel, grasp, candidate):
    """Of the Franka Hand the pads' middle lies 103.4 mm before panda_hand (franka_description), along its z."""
    made = travel(moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types))
    assert made.grasp_pose.header.frame_id == "base_link"
    link = read_pose(made.grasp_pose.pose)
    np.testing.assert_allclose(link[:3, 3] + 0.1034 * link[:3, 2], candidate.pose[:3, 3], atol=2e-3)
    np.testing.assert_allclose(link[:3, 2], candidate.pose[:3, 2], atol=1e-9)
    assert made.grasp_quality == pytest.approx(candidate.score)
    assert made.allowed_touch_objects == ["006_mustard_bottle"]


def test_approach_and_retreat_go_along_the_tools_z(types, travel, grasp, candidate):
    made = travel(moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types, allowed=("table",)))
    assert made.pre_grasp_approach.direction.header.frame_id == "base_link"
    np.testing.assert_allclose(vector(made.pre_grasp_approach.direction.vector), candidate.pose[:3, 2], atol=1e-9)
    np.testing.assert_allclose(vector(made.post_grasp_retreat.direction.vector), -candidate.pose[:3, 2], atol=1e-9)
    assert made.pre_grasp_approach.desired_distance == pytest.approx(0.1)
    assert made.allowed_touch_objects == ["006_mustard_bottle", "table"]


def test_postures_open_and_close_the_named_joints(types, travel, grasp, candidate):
    joints = {"panda_finger_joint1": (0.0, 0.04), "knuckle": (0.8, 0.0)}
    made = travel(moveit.moveit_grasp(grasp, planner().gripper, 0.1, joints, types=types))
    assert made.pre_grasp_posture.joint_names == list(joints)
    assert made.pre_grasp_posture.points[0].positions.tolist() == [0.04, 0.0]
    closed = made.grasp_posture.points[0].positions
    assert closed[0] == pytest.approx(candidate.width / 2, abs=1e-6)  # the Franka Hand opens by twice a finger's way
    assert closed[1] == pytest.approx(0.8 * (1 - candidate.width / 0.08), abs=1e-5)
    assert moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types).grasp_posture.points == []


def test_poses_for_task_constructor_put_the_tool_frame_on_the_grasp(types, travel, grasp, candidate):
    """With the ik_frame at the target pose the link is where the grasp message has it."""
    before, target, frame = map(travel, moveit.task_poses(grasp, planner().gripper, 0.1, types))
    assert (target.header.frame_id, frame.header.frame_id) == ("base_link", "panda_hand")
    np.testing.assert_allclose(read_pose(target.pose), candidate.pose, atol=1e-9)
    np.testing.assert_allclose(read_pose(before.pose), drawn_back(candidate.pose, 0.1), atol=1e-9)
    link = read_pose(target.pose) @ np.linalg.inv(read_pose(frame.pose))
    made = moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types)
    np.testing.assert_allclose(link, read_pose(made.grasp_pose.pose), atol=1e-9)


def test_a_grasp_for_another_gripper_is_refused(types, grasp):
    with pytest.raises(InvalidInputError, match="'franka_hand', not for 'robotiq_2f_85'"):
        moveit.moveit_grasp(grasp, load_gripper("robotiq_2f_85"), 0.1, types=types)
    with pytest.raises(InvalidInputError, match="not for"):
        moveit.task_poses(grasp, load_gripper("robotiq_2f_140"), 0.1, types)


def test_a_grasp_without_a_pose_is_refused(types, grasp):
    grasp.pose.position.x = float("nan")
    with pytest.raises(InvalidInputError, match="finite"):
        moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types)


def points_of(message):
    """The mesh's corners in the header's frame, and its triangles."""
    [mesh], [inner] = message.meshes, message.mesh_poses
    points = np.array([vector(vertex) for vertex in mesh.vertices])
    pose = read_pose(message.pose) @ read_pose(inner)
    return points @ pose[:3, :3].T + pose[:3, 3], np.array([one.vertex_indices for one in mesh.triangles])


@pytest.fixture
def collisions(types):
    return moveit.CollisionObjects(planner().hand_model, Meshes(load_catalogue()), forearm=False, types=types)


def test_hand_and_object_are_where_they_are_seen(types, travel, collisions):
    transform = np.eye(4)
    transform[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    transform[:3, 3] = (1.0, 2.0, 3.0)
    header = make_header(types, 5 * SECOND, "base_link")
    made = {m.id: m for m in map(travel, collisions.write(scene(), transform, header, "left_", 0.2))}
    assert set(made) == {"left_hand_right", "left_006_mustard_bottle"}
    assert all(m.operation == 0 and m.header.frame_id == "base_link" for m in made.values())
    points, triangles = points_of(made["left_hand_right"])
    hand = hand_shape(scene().hands[0], planner().hand_model)
    np.testing.assert_allclose(points, hand.closed_vertices @ transform[:3, :3].T + transform[:3, 3], atol=1e-6)
    np.testing.assert_array_equal(triangles, hand.closed_faces)
    points, triangles = points_of(made["left_006_mustard_bottle"])
    thing, mesh = scene().objects[0], load_catalogue().mesh("006_mustard_bottle")
    local = (points - transform[:3, 3]) @ transform[:3, :3] - thing.translation
    np.testing.assert_allclose(np.ptp(local @ thing.rotation, axis=0), np.ptp(mesh.vertices, axis=0), atol=2e-3)
    assert len(triangles) <= moveit.COLLISION_FACES


def test_what_is_lost_is_removed_once_and_ids_stay(types, travel, collisions):
    def write(estimate, seconds):
        header = make_header(types, round(seconds * SECOND), "camera")
        made = map(travel, collisions.write(estimate, np.eye(4), header, "", 0.5))
        return {m.id: m.operation for m in made}

    assert write(scene(), 1.0) == {"hand_right": 0, "006_mustard_bottle": 0}
    assert write(scene(), 1.3) == {}  # too soon
    assert write(scene(), 1.5) == {"hand_right": 0, "006_mustard_bottle": 0}
    without = Estimate(scene().hands)
    assert write(without, 1.6) == {"006_mustard_bottle": 1}
    assert write(Estimate(), 1.7) == {"hand_right": 1}
    assert write(Estimate(), 1.8) == {}
    assert write(scene(), 1.9) == {"hand_right": 0, "006_mustard_bottle": 0}
    removed = collisions.remove(make_header(types, 2 * SECOND, "camera"))
    assert {(m.id, m.operation, len(m.meshes)) for m in map(travel, removed)} == {
        ("hand_right", 1, 0), ("006_mustard_bottle", 1, 0),
    }  # fmt: skip


def test_the_forearm_is_part_of_the_hand_where_it_is_asked_for(types):
    collisions = moveit.CollisionObjects(planner().hand_model, Meshes(load_catalogue()), True, types)
    [made] = collisions.write(Estimate(scene().hands), np.eye(4), make_header(types, 0, "camera"), "", 0.0)
    wrist = scene().hands[0].joints[0]
    reach = np.linalg.norm(points_of(made)[0] - wrist, axis=1).max()
    assert reach > 0.2  # the cylinder ends 25 cm behind the wrist


def test_a_hand_without_a_mesh_and_an_unknown_object_are_left_out(types, collisions):
    hand = SimpleNamespace(**{name: getattr(scene().hands[0], name) for name in ("side", "joints", "model")})
    hand.vertices = np.empty((0, 3), np.float32)
    thing = SimpleNamespace(name="teapot", rotation=np.eye(3), translation=np.zeros(3))
    seen = Estimate((hand,), (thing,))
    assert collisions.write(seen, np.eye(4), make_header(types, 0, "camera"), "", 0.0) == []


def test_an_attached_object_is_neither_added_nor_removed_until_it_is_let_go(types, travel, collisions):
    bottle = "006_mustard_bottle"

    def write(estimate, seconds, attached=()):
        header = make_header(types, round(seconds * SECOND), "camera")
        made = map(travel, collisions.write(estimate, np.eye(4), header, "", 0.1, attached))
        return [(one.id, one.operation) for one in made]

    assert (bottle, ADD) in write(scene(), 1.0)
    assert write(scene(), 2.0, (bottle,)) == [("hand_right", ADD)]
    assert write(Estimate(), 3.0, (bottle,)) == [("hand_right", REMOVE)]
    assert collisions.remove(make_header(types, 3 * SECOND, "camera"), (bottle,)) == []
    assert (bottle, ADD) in write(scene(), 4.0)


@pytest.mark.parametrize(
    ("retreat", "expected"), [((0.0, 0.0, 2.0), (0.0, 0.0, 1.0)), ((3.0, 0.0, 4.0), (0.6, 0.0, 0.8))]
)
def test_the_retreat_goes_where_it_is_told_to(types, travel, grasp, retreat, expected):
    made = travel(moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types, retreat=retreat))
    np.testing.assert_allclose(vector(made.post_grasp_retreat.direction.vector), expected, atol=1e-9)
    assert made.post_grasp_retreat.direction.header.frame_id == "base_link"


@pytest.mark.parametrize("retreat", [(0.0, 0.0, 0.0), (0.0, float("nan"), 1.0)])
def test_a_retreat_without_a_direction_is_refused(types, grasp, retreat):
    with pytest.raises(InvalidInputError, match="direction of retreat"):
        moveit.moveit_grasp(grasp, planner().gripper, 0.1, types=types, retreat=retreat)


def test_the_stand_in_has_the_fields_of_this_packages_own_definitions(store):
    assert store.fielddefs["hoisdf/msg/Grasps"] == interface_types().fielddefs["hoisdf/msg/Grasps"]
