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

"""Gauss-Newton fit of an object's pose to its mask and hand.

The mesh should cover the object's mask and nothing beside it, but for what the hand hides; the hand should not be
inside of it; and the network's own pose pulls, each with its inverse variance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

Floats = NDArray[np.float64]
Terms = tuple[Floats, Floats, Floats]

STEPS = 3
MASK_SPREAD, SKIN_SPREAD = 0.02, 0.004  # of the crop's edge; metres that a hand presses into an object
MASK_COUNT, SKIN_COUNT = 3.0, 8.0  # neighbours err together: all points of a mask, all of a hand count as so many
OUTLIER, FARTHEST = 2.0, 5.0  # standard deviations from which on a point pulls no harder, and costs no more
# Of the position's spread along each axis. Across the ray the network errs less than along it. And yet along it the
# pose hardly moves, for the size of an outline says how far away a mesh is only if the mesh is turned rightly.
ACROSS, ALONG = 0.37, 0.15
MOVE, TURN = 0.05, 0.4  # metres and radians, a step's longest
NEAREST = 0.05  # metres from the camera


class Shape(NamedTuple):
    """A mesh as it is fitted, object frame, metres.

    Attributes:
        points: (N, 3) of its surface.
        corner: (3,) of the grid. cell: the edge of its cells.
        fields: (4, X, Y, Z) signed distance, negative inside, and its gradient.
    """

    points: Floats
    corner: Floats
    cell: float
    fields: Floats


class Evidence(NamedTuple):
    """Evidence that an object's pose should agree with.

    Attributes:
        matrix: (3, 3) camera frame -> pixels of the masks.
        shown: (M, 2) pixels of the object.
        allowed: (S, S, 2) for each pixel the nearest one at which the object may be; itself where nobody sees.
        hand: (H, 3) vertices, camera frame, metres.
    """

    matrix: Floats
    shown: Floats
    allowed: Floats
    hand: Floats


class Poses(NamedTuple):
    """Poses from object frame to camera frame.

    Rotations (K, 3, 3) and translations (K, 3), metres.
    """

    rotations: Floats
    translations: Floats

    def moved(self, normal: Floats, gradient: Floats) -> Poses:
        """Poses one Gauss-Newton step on."""
        step = np.linalg.solve(normal, gradient[..., None])[..., 0]
        turns = Rotation.from_rotvec(np.clip(step[:, 3:], -TURN, TURN)).as_matrix()
        return Poses(turns @ self.rotations, self.translations + np.clip(step[:, :3], -MOVE, MOVE))


def fitted(
    shape: Shape, evidence: Evidence, rotation: Floats, translation: Floats, turn_spread: float, place_spread: float
) -> tuple[Floats, Floats]:
    """Rotation (3, 3) and translation (3,) that agree best with all evidence.

    Args:
        shape: the object's.
        evidence: masks and hand.
        rotation: (3, 3) and translation: (3,) metres, of the network; object frame -> camera frame.
        turn_spread: radians about each axis. place_spread: metres along each axis, standard deviations of the two.
    """
    ray = translation / np.linalg.norm(translation)
    sure = np.zeros((6, 6))
    along = np.outer(ray, ray)
    sure[:3, :3] = (along / ALONG**2 + (np.eye(3) - along) / ACROSS**2) / place_spread**2
    sure[3:, 3:] = np.eye(3) / turn_spread**2

    def compared(poses: Poses) -> Terms:
        turned = Rotation.from_matrix(poses.rotations @ rotation.T).as_rotvec()
        away = np.concatenate([poses.translations - translation, turned], 1)
        cost, normal, gradient = _terms(shape, evidence, poses)
        return cost + ((away @ sure) * away).sum(1), normal + sure, gradient - away @ sure

    start = Poses(rotation[None], translation[None])
    _, normal, gradient = compared(start)
    normal[:, 3:, :3] = normal[:, :3, 3:] = gradient[:, 3:] = 0
    placed = start.moved(normal, gradient)  # by translation alone, lest a turn makes up for a wrong place
    poses = Poses(*(np.concatenate(parts) for parts in zip(start, placed, strict=True)))
    best, least = (rotation, translation), np.inf
    for _ in range(STEPS + 1):
        cost, normal, gradient = compared(poses)
        k = int(cost.argmin())
        if cost[k] < least:
            best, least = (poses.rotations[k], poses.translations[k]), cost[k]
        poses = poses.moved(normal, gradient)
    return best


def _terms(shape: Shape, evidence: Evidence, poses: Poses) -> Terms:
    """Cost (K,), normal equations (K, 6, 6) and gradient (K, 6) of poses, by translation and a small rotation."""
    rotations, places = poses.rotations, poses.translations[:, None]
    back = rotations.transpose(0, 2, 1)
    levers = shape.points @ back
    projected = (levers + places) @ evidence.matrix.T
    depth = np.maximum(projected[..., 2:], NEAREST)
    pixels = projected[..., :2] / depth
    by_place = (evidence.matrix[:2] - pixels[..., None] * evidence.matrix[2]) / depth[..., None]
    rows = np.concatenate([by_place, np.cross(levers[:, :, None], by_place)], -1)
    size = len(evidence.allowed)
    inside = ((pixels > -0.5) & (pixels < size - 0.5)).all(-1, keepdims=True)  # of the crop, which says nothing else
    column, row = np.where(inside, np.rint(pixels), 0).astype(int).transpose(2, 0, 1)
    squared = (pixels**2).sum(-1)[:, None] - 2 * evidence.shown @ pixels.transpose(0, 2, 1)
    covering = np.arange(len(places))[:, None], squared.argmin(2)
    arms = evidence.hand - places
    cells = ((arms @ rotations - shape.corner) / shape.cell).reshape(-1, 3).T
    signed, *slope = (ndimage.map_coordinates(field, cells, order=1, mode="nearest") for field in shape.fields)
    depths = -np.minimum(signed, 0).reshape(len(places), -1, 1)
    inward = -np.stack(slope, -1).reshape(arms.shape) @ back  # where an object moves away from what is inside of it
    leaving = np.concatenate([inward, np.cross(arms, inward)], -1)[:, :, None]
    spread = MASK_SPREAD * size
    terms = (
        _pulls(np.where(inside, evidence.allowed[row, column] - pixels, 0), rows, 0.75, spread, MASK_COUNT),
        _pulls(evidence.shown - pixels[covering], rows[covering], 1.0, spread, MASK_COUNT),
        _pulls(depths, leaving, 0.0, SKIN_SPREAD, SKIN_COUNT),
    )
    cost, normal, gradient = (np.sum(parts, 0) for parts in zip(*terms, strict=True))
    return cost, normal, gradient


def _pulls(gaps: Floats, rows: Floats, free: float, spread: float, count: float) -> Terms:
    """Cost, normal equations and gradient of gaps (K, N, D) with derivatives (K, N, D, 6).

    Args:
        gaps: from where points are to where they should be.
        rows: how those points move.
        free: length of a gap that is none.
        spread: standard deviation of the rest.
        count: as how many independent ones all count.
    """
    length = np.linalg.norm(gaps, axis=-1)
    rest = np.maximum(length - free, 0) / np.maximum(length, 1e-12)
    far = length * rest / spread
    weight = count / gaps.shape[1] / spread**2
    cost = weight * spread**2 * (np.minimum(far, FARTHEST) ** 2).sum(1)
    pull = (weight * np.minimum(1, OUTLIER / np.maximum(far, 1e-12)) * (rest > 0))[..., None, None]
    flat, weighted = (part.reshape(len(gaps), -1, 6) for part in (rows, rows * pull))
    away = (gaps * rest[..., None]).reshape(len(gaps), -1, 1)
    return cost, weighted.transpose(0, 2, 1) @ flat, (weighted.transpose(0, 2, 1) @ away)[..., 0]
