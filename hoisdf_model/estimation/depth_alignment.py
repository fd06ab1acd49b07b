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

"""Alignment of a posed hand with a depth image, by translation alone.

Point-to-plane distances of the skin that the camera sees (Chen & Medioni, ICRA 1991), robust against what hides the
hand and what the estimated pose gets wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame, HandEstimate, ObjectEstimate
from hoisdf_model.geometry import Pinhole, meshes

Floats = NDArray[np.float64]

FACING = 0.3  # cosine between a vertex normal and the ray to the camera, from which on the camera sees it well
CELL = 0.006  # metres, edge of the cells in which only the nearest skin is seen
LAYER = 0.008  # metres behind the nearest skin of a cell that count as seen, too
WINDOWS = (0.08, 0.04, 0.02, 0.02)  # metres of each step, beyond which a depth is of something else
FEWEST = 30  # vertices with a depth, fewer say nothing
SURFACE_SPREAD = 0.008  # metres, of the posed skin about the seen one
INDEPENDENT = 12.0  # vertices err together: so many say as much as all of them
AGREEMENT = 0.5  # of the skin that should be seen; 0.78 is the median of well posed hands, 0.44 of wrongly posed ones
POSE_SPREAD = 0.006  # metres along each axis, of the wrist about where the skin says that it is


class Alignment(NamedTuple):
    """Translation (3,) in metres and its covariance (3, 3) after alignment."""

    shift: Floats
    covariance: Floats


def onto_depth(
    frame: Frame, faces: NDArray[np.integer], covariance: Floats, hand: HandEstimate, thing: ObjectEstimate | None
) -> tuple[HandEstimate, ObjectEstimate | None]:
    """Hand and object, moved onto the depth image of the hand's skin.

    Unchanged without a depth image or a mesh, and where the hand's position is given or its pose doesn't fit.

    Args:
        frame: rectified.
        faces: (F, 3) of the hand, counter-clockwise from outside.
        covariance: (3, 3) of the wrist's position, square metres; unknown (first element -1): it is given.
        hand: to move. thing: its object, which moves along.
    """
    if frame.depth is None or covariance[0, 0] < 0 or not len(hand.vertices):
        return hand, thing
    vertices = hand.vertices.astype(np.float64)
    found = aligned(vertices, faces, frame.intrinsics, frame.depth, covariance)
    if found is None:
        return hand, thing
    hand = replace(
        hand,
        joints=(hand.joints + found.shift).astype(np.float32),
        vertices=(vertices + found.shift).astype(np.float32),
        root_covariance=found.covariance,
        root_source="depth",
    )
    if thing is not None:
        moved = thing.covariance.copy()
        moved[:3, :3] += found.covariance - covariance
        thing = replace(thing, translation=thing.translation + found.shift, covariance=moved)
    return hand, thing


def aligned(
    vertices: Floats, faces: NDArray[np.integer], camera: Pinhole, depth: NDArray[np.float32], covariance: Floats
) -> Alignment | None:
    """Translation that brings the visible skin onto the depth image.

    Args:
        vertices: (V, 3) of the posed hand, camera frame, metres.
        faces: (F, 3), counter-clockwise from outside.
        camera: of the rectified image.
        depth: (H, W) metres; 0 or NaN where unknown.
        covariance: (3, 3) of the hand's position, square metres.

    Returns:
        None where too little of the hand has a depth, or where its pose is wrong: less than half of the skin
        that should be seen then agrees with the depth image.
    """
    normals = meshes.vertex_normals(vertices, faces)
    sure = np.linalg.inv(covariance)
    shift = np.zeros(3)
    for window in WINDOWS:
        points = vertices + shift
        seen = _visible(points, normals)
        skin, valid = _measured(points[seen], camera, depth)
        gaps, directions = skin - points[seen][valid], normals[seen][valid]
        behind = gaps[:, 2]
        near = np.abs(behind) < window
        if near.sum() < FEWEST:
            return None
        distances = np.einsum("ij,ij->i", gaps, directions)[near]
        if not shift.any():  # what is far off along the ray is brought near first
            distances = directions[near, 2] * np.median(behind[near])
        weights = (1 - (behind[near] / window) ** 2) ** 2  # Tukey's
        weights *= INDEPENDENT / weights.sum() / SURFACE_SPREAD**2
        weighted = (directions[near] * weights[:, None]).T
        normal = weighted @ directions[near] + sure
        shift = shift + np.linalg.solve(normal, weighted @ distances - sure @ shift)
    if near.mean() < AGREEMENT:
        return None
    return Alignment(shift, np.linalg.inv(normal) + POSE_SPREAD**2 * np.eye(3))


def _visible(points: Floats, normals: Floats) -> NDArray[np.bool_]:
    """(V,) whether a vertex faces the camera and no other skin lies before it."""
    distance = np.linalg.norm(points, axis=1)
    facing = np.einsum("ij,ij->i", points, normals) < -FACING * distance
    cells = np.floor(points[:, :2] / points[:, 2:] * np.median(points[:, 2]) / CELL).astype(np.int64)
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    nearest = np.full(cell.max() + 1, np.inf)
    np.minimum.at(nearest, cell.ravel(), points[:, 2])
    return facing & (points[:, 2] < nearest[cell.ravel()] + LAYER) & (points[:, 2] > 0)


def _measured(points: Floats, camera: Pinhole, depth: NDArray[np.float32]) -> tuple[Floats, NDArray[np.bool_]]:
    """Points of the depth image where these points are shown, and which of them have one."""
    pixels = np.rint(camera.project(points)).astype(np.int64)
    height, width = depth.shape
    inside = ((pixels >= 0) & (pixels < (width, height))).all(1)
    pixels = np.clip(pixels, 0, (width - 1, height - 1))
    z = depth[pixels[:, 1], pixels[:, 0]].astype(np.float64)
    valid = inside & np.isfinite(z) & (z > 0)
    return points[valid] * (z[valid] / points[valid, 2])[:, None], valid
