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

"""Grasp candidates, refusals, and operations on them.

These need neither a hand nor an object's mesh.

Tool frame: ``grippers``. Poses are 4 x 4 matrices, metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Side
from hoisdf_model.geometry.poses import unknown_covariance
from hoisdf_model.objects import Symmetry

Mode = Literal["imitate", "handover", "hand_only"]
MODES: tuple[Mode, ...] = ("imitate", "handover", "hand_only")  # in the order of msg/Grasp.msg
Reason = Literal[
    "no_hand",  # the estimate has none
    "no_hand_mesh",  # no vertices, or of another hand model
    "degenerate_hand",  # not finite, or of a size that no hand has
    "no_object",  # the hand holds nothing
    "unknown_object",  # no name, or not in the catalogue
    "no_contact",  # thumb or fingers don't touch the object
    "not_antipodal",  # nowhere two jaws press against each other
    "too_wide",  # wider than the gripper opens
    "in_collision",  # the gripper would meet the object
    "no_free_part",  # nothing that keeps its distance to the hand
    "uncertain",  # a covariance above its limit, or unknown where it must be known
    "at_wrist",  # the pose would be the wrist's
]
TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])  # about the approach: a parallel gripper is the same with its fingers swapped

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GraspCandidate:
    """One grasp for a parallel-jaw gripper.

    Attributes:
        mode: how it was found.
        gripper: name of the gripper's description.
        object_name: empty with ``hand_only``.
        pose: (4, 4) tool frame -> camera frame.
        pose_in_object: (4, 4) tool frame -> object frame; None with ``hand_only``.
        covariance: (6, 6) of ``pose``: x, y, z, rotation about x, y, z of the camera frame; unknown: first element -1.
        width: opening when both pads touch, metres.
        score: 0 to 1, the weighted geometric mean of ``terms``.
        terms: each 0 to 1, see ``scores``.
        hand_clearance: metres between the hand (with a stand-in for the forearm) and all that the gripper sweeps on its
            straight approach and while it closes; NaN where the mode doesn't ask for it.
        side: of the hand that it was derived from; None where unknown.
    """

    mode: Mode
    gripper: str
    object_name: str
    pose: Floats
    pose_in_object: Floats | None
    covariance: Floats
    width: float
    score: float
    terms: Mapping[str, float] = field(default_factory=dict)
    hand_clearance: float = float("nan")
    side: Side | None = None


@dataclass(frozen=True)
class Refusal:
    """Reason for a missing grasp.

    ``reason`` for programs, ``message`` for people; ``hand`` is its number.
    """

    mode: Mode | None
    reason: Reason
    message: str
    hand: int = 0


@dataclass(frozen=True)
class GraspPlan:
    """``candidates``, best first, and ``refusals`` of what gave none."""

    candidates: tuple[GraspCandidate, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def tool_frame(closing: Floats, approach: Floats, origin: Floats) -> Floats:
    """Tool frames from origins, closing and approach directions.

    (..., 4, 4) at ``origin`` (..., 3), y along ``closing``, z as near to ``approach`` as a right angle allows.
    """
    y = closing / np.linalg.norm(closing, axis=-1, keepdims=True)
    z = approach - y * (approach * y).sum(-1, keepdims=True)
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    result = np.zeros((*y.shape[:-1], 4, 4))
    result[..., :3, 0], result[..., :3, 1], result[..., :3, 2] = np.cross(y, z), y, z
    result[..., :3, 3], result[..., 3, 3] = origin, 1.0
    return result


def in_tool_frames(points: Floats, poses: Floats) -> Floats:
    """Coordinates of points in tool frames.

    (3, K, N) of points (N, 3) at poses (K, 4, 4).
    """
    into = np.empty((3, len(poses), 4))
    into[..., :3] = poses[:, :3, :3].transpose(2, 0, 1)
    into[..., 3] = -np.einsum("ki,kic->ck", poses[:, :3, 3], poses[:, :3, :3])
    homogeneous = np.ones((4, len(points)))
    homogeneous[:3] = points.T
    return (into.reshape(-1, 4) @ homogeneous).reshape(3, len(poses), len(points))  # one product: far faster than many


def angle_between(a: Floats, b: Floats) -> float:
    """Radians between two poses' (4, 4) rotations."""
    cosine = (np.einsum("ij,ij->", a[:3, :3], b[:3, :3]) - 1) / 2
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def nearest_turn(pose: Floats, reference: Floats) -> Floats:
    """Equivalent pose, fingers swapped or not, nearest to ``reference`` in rotation."""
    swapped = pose @ TURNED
    return pose if angle_between(pose, reference) <= angle_between(swapped, reference) else swapped


def alike(a: Floats, b: Floats, distance: float, angle: float) -> NDArray[np.bool_]:
    """Whether gripper poses agree within tolerances, fingers swapped or not.

    ``distance`` in metres, ``angle`` in radians.

    Args:
        a, b: (..., 4, 4).
        distance, angle: limits.

    Returns:
        (...,)
    """
    offset = b[..., :3, 3] - a[..., :3, 3]
    x, y, z = np.moveaxis((b[..., :3, :3] * a[..., :3, :3]).sum(-2), -1, 0)  # cosines between axes
    near = (offset * offset).sum(-1) < distance * distance
    return near & ((np.abs(x + y) + z - 1) / 2 > np.cos(angle))


def known(covariance: Floats) -> bool:
    """Whether a covariance matrix is known.

    It is finite, and its first element isn't negative.
    """
    return bool(np.isfinite(covariance).all() and covariance[0, 0] >= 0)


def turned_covariance(covariance: Floats, turn: Floats) -> Floats:
    """Covariance (6, 6) along other axes.

    ``turn`` (3, 3) takes points to those axes; one that is unknown stays as it is.
    """
    if not known(covariance):
        return covariance
    both = np.kron(np.eye(2), turn)
    return both @ covariance @ both.T


def grasp_covariance(covariance: Floats, object_pose: Floats, pose: Floats) -> Floats:
    """Covariance of a grasp fixed to an object, first order.

    (6, 6) from the object pose's ``covariance`` (6, 6); camera frame.

    A turn of the object about its own origin moves the grasp on a lever: ``d = dt + dr x (p - t)``.
    """
    if not known(covariance):
        return unknown_covariance(6)
    x, y, z = pose[:3, 3] - object_pose[:3, 3]
    jacobian = np.eye(6)
    jacobian[:3, 3:] = -np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return jacobian @ covariance @ jacobian.T


def symmetric_poses(pose_in_object: Floats, symmetry: Symmetry, steps: int) -> Floats:
    """Pose and its equivalents under the object's symmetries.

    (L, 4, 4), each once; the pose itself first.

    Args:
        pose_in_object: (4, 4) tool -> object frame.
        symmetry: the object's.
        steps: of a continuous axis.
    """
    images = np.concatenate([pose_in_object[None], symmetry.transforms(steps)[1:] @ pose_in_object])
    same = alike(images[:, None], images, 1e-4, 1e-2)
    kept = [0]
    for k in range(1, len(images)):
        if not same[k, kept].any():
            kept.append(k)
    return images[kept]


def at(candidate: GraspCandidate, pose_in_object: Floats, object_pose: Floats, covariance: Floats) -> GraspCandidate:
    """Grasp moved with its object to another pose.

    Args:
        candidate: a grasp in an object frame.
        pose_in_object: (4, 4) tool -> object frame.
        object_pose: (4, 4) object -> camera frame; ``covariance`` (6, 6) is its own.
    """
    pose = object_pose @ pose_in_object
    return replace(
        candidate,
        pose=pose,
        pose_in_object=pose_in_object,
        covariance=grasp_covariance(covariance, object_pose, pose),
    )
