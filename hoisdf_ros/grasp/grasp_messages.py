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

"""Grasps as messages: ``hoisdf/Grasp``, poses, a transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import rigid
from hoisdf_model.grasping import MODES, GraspCandidate
from hoisdf_model.messages import MessageTypes
from hoisdf_ros.transforms import transform_message

Floats = NDArray[np.float64]
Reasons = Sequence[tuple[str, str]]  # a word for programs, a sentence for people


def pose_message(pose: Floats | None, types: MessageTypes) -> Any:
    """``geometry_msgs/Pose`` of a (4, 4); NaN where there is none."""
    numbers = [float("nan")] * 7
    if pose is not None:
        numbers = [*pose[:3, 3].tolist(), *Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True).tolist()]
    return types.create(
        "geometry_msgs/msg/Pose",
        position=types.create("geometry_msgs/msg/Point", **dict(zip("xyz", numbers[:3], strict=True))),
        orientation=types.create("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", numbers[3:], strict=True))),
    )


def read_pose(message: Any) -> Floats:
    """Pose matrix (4, 4) of a ``geometry_msgs/Pose``.

    Raises:
        InvalidInputError: it isn't finite, or its orientation isn't a quaternion of length 1.
    """
    p, q = message.position, message.orientation
    place, quaternion = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
    if not np.isfinite(place).all() or not abs(np.linalg.norm(quaternion) - 1) < 1e-3:
        raise InvalidInputError(
            f"a pose must have finite numbers and a quaternion of length 1, got {place.tolist()} {quaternion.tolist()}"
        )
    return rigid(Rotation.from_quat(quaternion).as_matrix(), place)


def pose_stamped(pose: Floats, header: Any, types: MessageTypes) -> Any:
    """``geometry_msgs/PoseStamped`` of a (4, 4)."""
    return types.create("geometry_msgs/msg/PoseStamped", header=header, pose=pose_message(pose, types))


def grasp_message(candidate: GraspCandidate, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/Grasp``; the candidate's pose is given in ``header.frame_id``."""
    return types.create(
        "hoisdf/msg/Grasp",
        header=header,
        object_name=candidate.object_name,
        mode=MODES.index(candidate.mode),
        gripper=candidate.gripper,
        pose=pose_message(candidate.pose, types),
        pose_in_object=pose_message(candidate.pose_in_object, types),
        covariance=np.asarray(candidate.covariance, np.float64).reshape(-1),
        width=float(candidate.width),
        score=float(candidate.score),
        side=candidate.side or "",
    )


def grasps_message(candidates: Sequence[GraspCandidate], reasons: Reasons, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/Grasps``."""
    return types.create(
        "hoisdf/msg/Grasps",
        header=header,
        grasps=[grasp_message(one, header, types) for one in candidates],
        reasons=[word for word, _ in reasons],
        messages=[text for _, text in reasons],
    )


def pose_array(candidates: Sequence[GraspCandidate], header: Any, types: MessageTypes) -> Any:
    """``geometry_msgs/PoseArray``, in the same order."""
    poses = [pose_message(one.pose, types) for one in candidates]
    return types.create("geometry_msgs/msg/PoseArray", header=header, poses=poses)


def grasp_transform(candidate: GraspCandidate, header: Any, prefix: str) -> Any:
    """``tf2_msgs/TFMessage`` with the frame ``<prefix>grasp``."""
    turn = Rotation.from_matrix(candidate.pose[:3, :3])
    return transform_message(header, [(f"{prefix}grasp", turn, candidate.pose[:3, 3])])
