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

"""Contact of two flat, parallel pads with an object.

Its exact extent, and the surfaces that they press on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import clipping
from hoisdf_model.grasping.candidates import in_tool_frames, tool_frame
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.object_shapes import ObjectShape

ROUNDS = 3  # of turning the jaw axis into the surface normals
SETTLED = float(np.cos(np.radians(0.2)))  # of the last turn
STRAIGHT = 0.96  # cosine: a jaw axis so close to the approach can't be turned to
NO_AREA = 1e-12  # square metres
YIELD = 0.0015  # metres: rubber pads and skins of packages give that much, what lies this deep is pressed on

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JawContact:
    """Pads closed on an object; tool frame.

    Attributes:
        width: between the pads, metres.
        offset: y of the middle between the pads, metres; the tool's origin belongs there.
        normals: (2, 3) unit, out of the object where the pads at +y and -y press, means by area.
        antipodality: cosine between pad and surface normal of the worse side; 1 where both are flat on the pads.
    """

    width: float
    offset: float
    normals: Floats
    antipodality: float


def close_jaws(thing: ObjectShape, poses: Floats, gripper: Gripper) -> list[JawContact | None]:
    """Closing of the gripper's pads at poses.

    ``poses`` (K, 4, 4), tool -> object frame; None where nothing is between them.

    The object is cut by the four planes around the pads, so the width is exact for its mesh.
    """
    low, high, normals, holds = _pressed(thing, poses, gripper)
    straight = np.minimum(normals[:, 0, 1], -normals[:, 1, 1])
    return [
        JawContact(float(high[k] - low[k]), float(high[k] + low[k]) / 2, normals[k], float(straight[k]))
        if holds[k]
        else None
        for k in range(len(poses))
    ]


def _pressed(thing: ObjectShape, poses: Floats, gripper: Gripper) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Of ``poses`` (K, 4, 4): y (K,) where the pads at -y and +y stop, normals (K, 2, 3) there, at +y first.

    And whether (K,) there is anything to press on; if not, the rest is arbitrary.
    """
    triangles, owner = _between_pads(thing, poses, gripper)
    low, high = np.full(len(poses), np.inf), np.full(len(poses), -np.inf)
    heights = triangles[1]
    np.minimum.at(low, owner, heights.min(0))
    np.maximum.at(high, owner, heights.max(0))
    scaled = clipping.area_vectors(triangles)
    middle = heights.mean(0)
    normals = np.zeros((len(poses), 2, 3))
    for side, pressed in enumerate((middle > (high - YIELD)[owner], middle < (low + YIELD)[owner])):
        facing = np.flatnonzero(pressed & ((1 - 2 * side) * scaled[1] > 0))
        for axis in range(3):
            normals[:, side, axis] = np.bincount(owner[facing], scaled[axis, facing], len(poses))
    area = np.linalg.norm(normals, axis=2)
    # a sharp edge or a corner is nothing to press on
    return low, high, normals / np.maximum(area, NO_AREA)[:, :, None], (area > NO_AREA).all(1)


def _between_pads(thing: ObjectShape, poses: Floats, gripper: Gripper) -> tuple[Floats, NDArray[np.int64]]:
    """(3, 3, T) the outermost triangles between the pads, coordinates of their corners in tool frames.

    And (T,) to which of ``poses`` (K, 4, 4) they belong.
    """
    limits = ((0, gripper.pad_width / 2), (2, gripper.pad_length / 2))
    centers, radii = thing.face_balls
    away = np.abs(in_tool_frames(centers, poses))
    owner, face = np.nonzero(np.logical_and(*(away[axis] < limit + radii for axis, limit in limits)))
    corners = in_tool_frames(thing.vertices, poses).reshape(3, -1)
    triangles = corners.take(thing.faces.T[:, face] + owner * len(thing.vertices), 1)
    within = np.logical_and(*(np.abs(triangles[axis]) < limit - clipping.ON_PLANE for axis, limit in limits))
    some = np.flatnonzero(_outermost(triangles[1], within, owner, len(poses)) & ~_beside(triangles, limits))
    triangles, owner, whole = triangles.take(some, 2), owner[some], within.all(0)[some]
    kept, cut = np.flatnonzero(whole), np.flatnonzero(~whole)
    pieces, source = triangles.take(cut, 2), owner[cut]
    for axis, limit in limits:
        for side in (1, -1):
            pieces, part_of = clipping.clipped(pieces, axis, side, side * limit)
            source = source[part_of]
    return np.concatenate([triangles.take(kept, 2), pieces], 2), np.concatenate([owner[kept], source])


def _outermost(heights: Floats, within: NDArray[np.bool_], owner: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Whether triangles (T,) reach to where the pads press: as far out as any corner between the pads is, or nearly.

    Args:
        heights: (3, T) y of their corners.
        within: (3, T) whether the corners are between the pads.
        owner: (T,) which of ``count`` poses they belong to.
    """
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, owner, np.where(within, heights, np.inf).min(0))
    np.maximum.at(high, owner, np.where(within, heights, -np.inf).max(0))
    return (heights.max(0) > (high - YIELD)[owner]) | (heights.min(0) < (low + YIELD)[owner])


def _beside(triangles: Floats, limits: tuple[tuple[int, float], ...]) -> NDArray[np.bool_]:
    """Whether triangles (3, 3, T) lie wholly on the far side of one of the planes around the pads."""
    result = np.zeros(triangles.shape[2], np.bool_)
    for axis, limit in limits:
        result |= triangles[axis].min(0) > limit + clipping.ON_PLANE
        result |= triangles[axis].max(0) < -limit - clipping.ON_PLANE
    return result


def centred(pose: Floats, contact: JawContact) -> Floats:
    """Pose (4, 4) shifted along y for simultaneous contact of both pads."""
    result = pose.copy()
    result[:3, 3] += pose[:3, 1] * contact.offset
    return result


def aligned(thing: ObjectShape, poses: Floats, gripper: Gripper) -> tuple[Floats, NDArray[np.bool_]]:
    """Poses with jaw axes aligned to the contact normals.

    (K, 4, 4); turned into the normals of the surfaces that the pads press on.

    Returns:
        (K, 4, 4) poses, and (K,) whether there was anything to press on and a way to come from; if not, the pose counts
        for nothing.
    """
    poses, able = poses.copy(), np.ones(len(poses), bool)
    moving = np.arange(len(poses))
    for _ in range(ROUNDS):
        if not len(moving):
            break
        low, high, normals, holds = _pressed(thing, poses[moving], gripper)
        goal = (poses[moving, :3, :3] @ (normals[:, 0] - normals[:, 1])[:, :, None])[:, :, 0]
        size = np.linalg.norm(goal, axis=1)
        holds &= (size >= 1e-6) & (np.abs(np.einsum("ki,ki->k", goal, poses[moving, :3, 2])) <= STRAIGHT * size)
        able[moving[~holds]] = False
        moving = moving[holds]
        before = poses[moving]
        origin = before[:, :3, 3] + before[:, :3, 1] * (high[holds, None] + low[holds, None]) / 2
        poses[moving] = tool_frame(goal[holds], before[:, :3, 2], origin)
        moving = moving[np.einsum("ki,ki->k", poses[moving, :3, 1], before[:, :3, 1]) <= SETTLED]
    return poses, able
