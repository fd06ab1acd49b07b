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

"""Grasps and estimates for a MoveIt 2 stack.

Facts of the interface: ``moveit_msgs`` (branch ros2), and the properties ``pose`` and ``ik_frame`` of MoveIt Task
Constructor's stages ``GeneratePose`` and ``ComputeIK``. ``moveit_msgs`` is looked up where it is used only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import Estimate, entity_names
from hoisdf_model.geometry import rigid, simplified
from hoisdf_model.grasping import Gripper, drawn_back, hand_shape
from hoisdf_model.hand import HandModel
from hoisdf_model.messages import MessageTypes, make_point, nanoseconds_of, stamp_of
from hoisdf_ros.catalogue_meshes import Meshes
from hoisdf_ros.grasp.grasp_messages import pose_message, pose_stamped, read_pose
from hoisdf_ros.message_classes import ROS_TYPES, has_package

PACKAGE = "moveit_msgs"
COLLISION_FACES = 1000  # of an object: planners check thousands of states a second
LEAST_TRAVEL = 0.5  # share of the approach that must be possible

Joints = Mapping[str, tuple[float, float]]  # joint -> position with closed and with fully opened fingers
Floats = NDArray[np.float64]


def available() -> bool:
    """Whether ``moveit_msgs`` is installed."""
    return has_package(PACKAGE)


def moveit_grasp(
    grasp: Any,
    gripper: Gripper,
    travel: float,
    joints: Joints | None = None,
    allowed: tuple[str, ...] = (),
    types: MessageTypes = ROS_TYPES,
    retreat: tuple[float, float, float] | None = None,
) -> Any:
    """``moveit_msgs/Grasp`` from ``hoisdf/Grasp``.

    Its ``grasp_pose`` is that of the gripper's link ``gripper.frame``, to which the end effector is attached, not of
    the tool frame. Approach along the tool's z.

    Args:
        grasp: the message.
        gripper: that of the message.
        travel: length of the straight approach, metres.
        joints: the fingers' joints, taken as linear in the opening; without them postures are empty.
        allowed: ids of collision objects that may be touched; the object's own is always among them.
        types: the class set of the result.
        retreat: direction of the retreat in the grasp's frame, of any length, such as (0, 0, 1) to lift where that
            frame's z points up; None: back the way of the approach.

    Raises:
        InvalidInputError: the message is of another gripper, its pose or width isn't one, or the retreat has no
            direction.
    """
    pose = _checked(grasp, gripper)
    header, forward = grasp.header, pose[:3, 2]
    back = -forward if retreat is None else _direction(retreat)
    touched = tuple(dict.fromkeys((*([grasp.object_name] if grasp.object_name else []), *allowed)))
    return types.create(
        f"{PACKAGE}/msg/Grasp",
        id=f"{grasp.object_name or 'hand'}_{grasp.mode}_{stamp_of(grasp)}",
        pre_grasp_posture=_posture(header, joints, 1.0, types),
        grasp_posture=_posture(header, joints, min(1.0, grasp.width / gripper.stroke), types),
        grasp_pose=pose_stamped(gripper.mount_pose(pose, grasp.width), header, types),
        grasp_quality=float(grasp.score),
        pre_grasp_approach=_translation(header, forward, travel, types),
        post_grasp_retreat=_translation(header, back, travel, types),
        post_place_retreat=_translation(header, -forward, travel, types),
        max_contact_force=0.0,
        allowed_touch_objects=list(touched),
    )


def task_poses(grasp: Any, gripper: Gripper, travel: float, types: MessageTypes = ROS_TYPES) -> tuple[Any, Any, Any]:
    """Poses for MoveIt Task Constructor from ``hoisdf/Grasp``.

    Each is a ``geometry_msgs/PoseStamped``.

    Returns:
        The pose before the approach and the grasp's, for ``GeneratePose.pose``; and the tool frame in the gripper's
        link, for ``ComputeIK.ik_frame``.

    Raises:
        InvalidInputError: as :func:`moveit_grasp`.
    """
    pose = _checked(grasp, gripper)
    tool_in_link = np.asarray(np.linalg.inv(gripper.mount_pose(np.eye(4), grasp.width)), np.float64)
    link = types.create("std_msgs/msg/Header", stamp=grasp.header.stamp, frame_id=gripper.frame)
    return (
        pose_stamped(drawn_back(pose, travel), grasp.header, types),
        pose_stamped(pose, grasp.header, types),
        pose_stamped(tool_in_link, link, types),
    )


class CollisionObjects:
    """Hand and object as ``moveit_msgs/CollisionObject``, for collision avoidance.

    Ids are those of TF: ``<prefix>hand_right``, ``<prefix><object name>``. ADD replaces what was there.

    Args:
        hand_model: of the estimates' hands.
        meshes: of the objects; an object without a mesh isn't published.
        forearm: add a cylinder that stands for the forearm.
        types: the class set of the messages.
    """

    def __init__(
        self, hand_model: HandModel, meshes: Meshes, forearm: bool = True, types: MessageTypes = ROS_TYPES
    ) -> None:
        self._hand_model, self._meshes, self._forearm, self._types = hand_model, meshes, forearm, types
        self._known: dict[str, Any] = {}
        self._shown: dict[str, int] = {}  # id -> stamp

    def write(
        self,
        estimate: Estimate,
        transform: Floats,
        header: Any,
        prefix: str,
        period: float,
        attached: tuple[str, ...] = (),
    ) -> list[Any]:
        """ADD for present and REMOVE for disappeared collision objects.

        Args:
            estimate: camera frame.
            transform: (4, 4) camera frame -> ``header.frame_id``.
            header: ``std_msgs/Header``.
            prefix: of the ids.
            period: seconds; more often no id is added again.
            attached: ids of what the robot holds: neither added, which would put it into the world a second time, nor
                removed. Once an id is no longer among them it is added again.
        """
        seen: dict[str, tuple[Floats, Any]] = {}
        hands, things = entity_names(estimate)
        for name, hand in zip(hands, estimate.hands, strict=True):
            try:
                shape = hand_shape(hand, self._hand_model)
            except InvalidInputError:  # no mesh
                continue
            mesh = shape.closed_vertices, shape.closed_faces
            if self._forearm:
                mesh = shape.solid_with_forearm.vertices, shape.solid_with_forearm.faces
            place = rigid(translation=shape.joints[0])
            seen[prefix + name] = transform @ place, (mesh[0] - shape.joints[0], mesh[1])
        for name, thing in zip(things, estimate.objects, strict=True):
            if thing.name and self._mesh(thing.name) is not None:
                place = rigid(thing.rotation, thing.translation)
                seen[prefix + name] = transform @ place, thing.name
        for name in attached:
            seen.pop(name, None)
        stamp = nanoseconds_of(header.stamp)
        result = []
        for name, (pose, mesh) in seen.items():
            if stamp - self._shown.get(name, stamp - round(period * 1e9)) >= round(period * 1e9):
                made = self._mesh(mesh) if isinstance(mesh, str) else self._made(*mesh)
                result.append(self._message(name, header, pose, made))
                self._shown[name] = stamp
        return [*result, *self.remove(header, keep=(*seen, *attached))]

    def remove(self, header: Any, keep: tuple[str, ...] = ()) -> list[Any]:
        """REMOVE for all displayed collision objects, except ``keep``."""
        gone = [name for name in self._shown if name not in keep]
        for name in gone:
            del self._shown[name]
        return [self._message(name, header, np.eye(4), None) for name in gone]

    def _mesh(self, name: str) -> Any:
        if name not in self._known:
            mesh = self._meshes.mesh(name)
            made = None if mesh is None else self._made(*simplified(mesh.vertices, mesh.faces, COLLISION_FACES))
            self._known[name] = made
        return self._known[name]

    def _made(self, vertices: Floats, faces: NDArray[np.int64]) -> Any:
        types = self._types
        triangles = [
            types.create("shape_msgs/msg/MeshTriangle", vertex_indices=row) for row in np.asarray(faces, np.uint32)
        ]
        points = [make_point(types, vertex) for vertex in vertices.tolist()]
        return types.create("shape_msgs/msg/Mesh", triangles=triangles, vertices=points)

    def _message(self, name: str, header: Any, pose: Floats, mesh: Any) -> Any:
        types, kind = self._types, f"{PACKAGE}/msg/CollisionObject"
        constants: Any = types.lookup(kind)
        return types.create(
            kind,
            header=header,
            pose=pose_message(pose, types),
            id=name,
            type=types.create("object_recognition_msgs/msg/ObjectType", key="", db=""),
            primitives=[],
            primitive_poses=[],
            meshes=[] if mesh is None else [mesh],
            mesh_poses=[] if mesh is None else [pose_message(np.eye(4), types)],
            planes=[],
            plane_poses=[],
            subframe_names=[],
            subframe_poses=[],
            operation=constants.REMOVE if mesh is None else constants.ADD,
        )


def _checked(grasp: Any, gripper: Gripper) -> Floats:
    if grasp.gripper != gripper.name:
        raise InvalidInputError(f"the grasp was made for the gripper {grasp.gripper!r}, not for {gripper.name!r}")
    if not 0 <= grasp.width <= gripper.stroke * (1 + 1e-6):  # a float32 in the message
        raise InvalidInputError(f"a width for {gripper.name} must lie in 0 to {gripper.stroke} m, got {grasp.width}")
    return read_pose(grasp.pose)


def _direction(vector: tuple[float, float, float]) -> Floats:
    """The vector with length 1."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise InvalidInputError(f"a direction of retreat must be a finite vector that isn't 0, got {vector}")
    return np.asarray(vector, np.float64) / length


def _translation(header: Any, direction: Floats, distance: float, types: MessageTypes) -> Any:
    x, y, z = direction.tolist()
    vector = types.create("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
    return types.create(
        f"{PACKAGE}/msg/GripperTranslation",
        direction=types.create("geometry_msgs/msg/Vector3Stamped", header=header, vector=vector),
        desired_distance=float(distance),
        min_distance=float(distance * LEAST_TRAVEL),
    )


def _posture(header: Any, joints: Joints | None, opened: float, types: MessageTypes) -> Any:
    """A trajectory of one point, the fingers opened by that share; empty without joints."""
    nothing = types.sequence(np.zeros(0))
    points = []
    if joints:
        positions = np.array([closed + opened * (wide - closed) for closed, wide in joints.values()])
        points = [
            types.create(
                "trajectory_msgs/msg/JointTrajectoryPoint",
                positions=types.sequence(positions),
                velocities=nothing,
                accelerations=nothing,
                effort=nothing,
                time_from_start=types.create("builtin_interfaces/msg/Duration", sec=0, nanosec=0),
            )
        ]
    return types.create(
        "trajectory_msgs/msg/JointTrajectory", header=header, joint_names=list(joints or ()), points=points
    )
