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

"""Robust mean of grasp poses, with its spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import GraspError
from hoisdf_model.geometry.poses import rigid
from hoisdf_model.grasping.candidates import TURNED
from hoisdf_model.objects import Symmetry

NEAREST = (0.008, 0.14)  # metres, radians: nearer to the middle than this is never an outlier
FARTHEST = (0.04, 0.7)  # farther always is
WIDTHS = 3.0  # between: how many robust standard deviations (1.4826 times the median deviation) are let through
REFERENCES = 40  # poses that are tried as the first middle
ROUNDS = 3
LEVER = 0.05  # metres that count like one radian where a turn about a continuous axis is chosen

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FusedPose:
    """The middle of what agrees.

    Attributes:
        pose: (4, 4).
        position_spread: (3,) standard deviations, metres, axes of the poses' common frame.
        rotation_spread: (3,) standard deviations about those axes, radians.
        used: (N,) which poses agree.
    """

    pose: Floats
    position_spread: Floats
    rotation_spread: Floats
    used: NDArray[np.bool_]


def fuse_poses(poses: Floats, symmetry: Symmetry, least: int = 3, least_share: float = 0.5) -> FusedPose:
    """Fuse poses of a parallel gripper in an object's frame.

    Poses are the same if the object's symmetry or swapping the fingers makes one of the other. The pose that most
    others are near to is the first middle; poses far from it, measured by the median deviation, are outliers; the mean
    of the rest (chordal for rotations, Hartley et al. 2013) is the next middle.

    Args:
        poses: (N, 4, 4) tool -> object frame.
        symmetry: the object's.
        least: fewest poses that must agree.
        least_share: smallest share of them that must.

    Raises:
        GraspError: too few poses, or too few agree.
    """
    if len(poses) < least:
        raise GraspError(f"a grasp needs at least {least} frames, there are {len(poses)}")
    tried = np.unique(np.linspace(0, len(poses) - 1, min(REFERENCES, len(poses))).astype(int))
    costs = []
    for k in tried:
        shift, angle = deviations(nearest_equivalents(poses, poses[k], symmetry), poses[k])
        costs.append(np.minimum(shift / FARTHEST[0] + angle / FARTHEST[1], 2.0).sum())
    middle = poses[tried[int(np.argmin(costs))]]
    for _ in range(ROUNDS):
        aligned = nearest_equivalents(poses, middle, symmetry)
        shift, angle = deviations(aligned, middle)
        used = (shift <= _limit(shift, 0)) & (angle <= _limit(angle, 1))
        if used.sum() < max(least, least_share * len(poses)):
            raise GraspError(
                f"the frames don't agree on a grasp: of {len(poses)} only {int(used.sum())} lie together within "
                f"{100 * FARTHEST[0]:.0f} cm and {np.degrees(FARTHEST[1]):.0f} degrees"
            )
        turns = Rotation.from_matrix(aligned[used][:, :3, :3])
        middle = rigid(turns.mean().as_matrix(), aligned[used][:, :3, 3].mean(0))
    about = (turns * Rotation.from_matrix(middle[:3, :3]).inv()).as_rotvec()
    return FusedPose(middle, aligned[used][:, :3, 3].std(0), np.sqrt((about**2).mean(0)), used)


def nearest_equivalents(poses: Floats, reference: Floats, symmetry: Symmetry) -> Floats:
    """Equivalents of poses (N, 4, 4) nearest to ``reference``.

    Under the symmetry and swapped fingers.

    About a continuous axis the nearest turn is found in closed form: it maximises ``tr(Rot(t) A)`` with
    ``A = R Rref^T + (p - c)(pref - c)^T / LEVER^2``, which is ``a + b cos t + c sin t``.
    """
    best, least = poses.copy(), np.full(len(poses), np.inf)
    center = symmetry.center
    for turn in symmetry.rotations:
        for swap in (np.eye(4), TURNED):
            image = poses @ swap
            image[:, :3, :3] = turn @ image[:, :3, :3]
            image[:, :3, 3] = (image[:, :3, 3] - center) @ turn.T + center
            if symmetry.axis is not None:
                image = _turned(image, reference, symmetry.axis, center)
            shift, angle = deviations(image, reference)
            cost = shift**2 / LEVER**2 + angle**2
            nearer = cost < least
            best[nearer], least[nearer] = image[nearer], cost[nearer]
    return best


def deviations(poses: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Deviations of poses (N, 4, 4) from one (4, 4).

    Metres (N,) and radians (N,).
    """
    cosine = (np.einsum("nij,ij->n", poses[:, :3, :3], reference[:3, :3]) - 1) / 2
    return np.linalg.norm(poses[:, :3, 3] - reference[:3, 3], axis=1), np.arccos(np.clip(cosine, -1, 1))


def _turned(poses: Floats, reference: Floats, axis: Floats, center: Floats) -> Floats:
    lever, arm = poses[:, :3, 3] - center, reference[:3, 3] - center
    both = np.einsum("nij,kj->nik", poses[:, :3, :3], reference[:3, :3]) + lever[:, :, None] * arm / LEVER**2
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.arctan2(np.einsum("ij,nji->n", cross, both), -np.einsum("ij,nji->n", cross @ cross, both))
    turn = Rotation.from_rotvec(angle[:, None] * axis).as_matrix()
    result = poses.copy()
    result[:, :3, :3] = turn @ poses[:, :3, :3]
    result[:, :3, 3] = np.einsum("nij,nj->ni", turn, lever) + center
    return result


def _limit(values: Floats, kind: int) -> float:
    return float(np.clip(WIDTHS * 1.4826 * np.median(values), NEAREST[kind], FARTHEST[kind]))
