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

"""Collision solids with exact mesh distances.

On FCL's bounding volume hierarchies.

FCL (Pan, Chitta, Manocha 2012) knows surfaces only. Whether one solid lies wholly inside the other is asked of the
winding number, which is as exact.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import DependencyError
from hoisdf_model.geometry import distances
from hoisdf_model.grasping.candidates import in_tool_frames

Floats = NDArray[np.float64]
ROUNDED = 1e-9  # metres by which a bound may be off
# corners of a box as bits z y x, and its twelve triangles seen from outside
_CORNERS = np.array([[(k >> axis) & 1 for axis in range(3)] for k in range(8)])
_TRIANGLES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4], [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6],
     [1, 3, 5], [3, 7, 5]]
)  # fmt: skip


def box_mesh(boxes: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Triangle mesh of boxes (B, 2, 3).

    Lowest and highest corners: vertices (8 B, 3), faces (12 B, 3).
    """
    corners = np.where(_CORNERS[None] == 1, boxes[:, None, 1], boxes[:, None, 0])
    faces = _TRIANGLES[None] + 8 * np.arange(len(boxes))[:, None, None]
    return corners.reshape(-1, 3), faces.reshape(-1, 3)


def box_distance(coordinates: Floats, boxes: Floats) -> Floats:
    """Smallest distance between points and axis-aligned boxes.

    (3, ..., N) coordinates of points -> (...,) of the nearest of them to the nearest of ``boxes`` (..., B, 2, 3); 0
    inside.

    Of a mesh's vertices this is at least the distance of the mesh, so a pose that fails here needs no exact check.
    """
    return np.sqrt(np.min([_squared(coordinates, box).min(-1) for box in np.moveaxis(boxes, -3, 0)], axis=0))


def boxes_hold(coordinates: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """Whether a point lies within axis-aligned boxes.

    (3, ..., N) coordinates of points -> (...,) whether any of them is within any of ``boxes`` (..., B, 2, 3).
    """
    held = np.zeros(coordinates.shape[1:], np.bool_)
    for box in np.moveaxis(boxes, -3, 0):
        within = np.ones(coordinates.shape[1:], np.bool_)
        for axis, along in enumerate(coordinates):
            within &= along > box[..., 0, axis, None]
            within &= along < box[..., 1, axis, None]
        held |= within
    return np.logical_or.reduce(held, -1)


def _squared(coordinates: Floats, box: Floats) -> Floats:
    """Squared distances (..., N) of points (3, ..., N) to a box (..., 2, 3)."""
    total = np.zeros(coordinates.shape[1:])
    for axis, along in enumerate(coordinates):
        outside = along - np.clip(along, box[..., 0, axis, None], box[..., 1, axis, None])
        outside *= outside
        total += outside
    return total


class Solid:
    """A closed mesh that stands still.

    Args:
        vertices: (N, 3) metres.
        faces: (M, 3), counter-clockwise seen from outside.
    """

    def __init__(self, vertices: Floats, faces: NDArray[np.int64]) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)

    @cached_property
    def surface(self) -> distances.Surface:
        """Surface for distances of points."""
        return distances.Surface(self.vertices, self.faces)

    @cached_property
    def _longest_edges(self) -> Floats:
        corners = self.vertices[self.faces]
        return np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)

    @cached_property
    def _bounds(self) -> tuple[Floats, Floats]:
        return self.vertices.min(0), self.vertices.max(0)

    @cached_property
    def _object(self) -> Any:
        return _collision_object(self.vertices, self.faces)

    def meets(self, boxes: Floats, poses: Floats) -> NDArray[np.bool_]:
        """Whether posed boxes collide with the solid.

        (K,) whether any of ``boxes`` (K, B, 2, 3) at ``poses`` (K, 4, 4), boxes' frame -> solid's frame, touches or
        fills part of it.
        """
        result = boxes_hold(in_tool_frames(self.vertices, poses), boxes)
        fcl = _library()
        for k in np.flatnonzero(~result):
            gripper = _collision_object(*box_mesh(boxes[k]), poses[k])
            result[k] = fcl.collide(self._object, gripper, fcl.CollisionRequest(), fcl.CollisionResult())
        return result | self._holds_one_of(boxes, poses)

    def clearance(self, boxes: Floats, poses: Floats, least: float = 0.0) -> Floats:
        """Smallest distance of posed boxes to the solid, metres.

        (K,) as in :meth:`meets`; 0 where they meet.

        What is below ``least`` may be any number below it: that vertices alone can tell.
        """
        local = in_tool_frames(self.vertices, poses)
        away = np.sqrt(np.min([_squared(local, box) for box in np.moveaxis(boxes, 1, 0)], axis=0))
        of_faces = away.take(self.faces.T, 1).min(1)
        result = of_faces.min(1)
        for k in np.flatnonzero((result > 0) & (result >= least)):
            # no point of a face is farther from all of its corners than its longest edge is long
            near = self.faces[of_faces[k] <= result[k] + self._longest_edges]
            result[k] = self._distance(near, local[:, k].T, result[k] + ROUNDED, boxes[k], poses[k])
        return np.where(self._holds_one_of(boxes, poses), 0.0, result)

    def _distance(self, faces: NDArray[np.int64], local: Floats, bound: float, boxes: Floats, pose: Floats) -> float:
        """Exact distance (of ``clearance``) of boxes at one pose, which is below ``bound``, to some of the faces.

        Args:
            local: (N, 3) vertices in the boxes' frame.
        """
        corners = local[faces]
        gap = np.maximum(boxes[:, None, 0] - corners.max(1), corners.min(1) - boxes[:, None, 1])
        between = np.linalg.norm(np.maximum(gap, 0), axis=2)  # (B, F) of each box and the box around each face
        gripper = _collision_object(*box_mesh(boxes[between.min(1) <= bound]), pose)
        used, corner = np.unique(faces[between.min(0) <= bound], return_inverse=True)
        part = _collision_object(self.vertices[used], corner.reshape(-1, 3))
        fcl = _library()
        return max(0.0, float(fcl.distance(part, gripper, fcl.DistanceRequest(), fcl.DistanceResult())))

    def _holds_one_of(self, boxes: Floats, poses: Floats) -> NDArray[np.bool_]:
        """(K,) whether one of ``boxes`` (K, B, 2, 3) lies in the solid as a whole where their surfaces don't meet.

        Then all of its corners do, and one tells.
        """
        corners = _placed(boxes, poses)
        low, high = self._bounds
        number, box = np.nonzero(((corners > low) & (corners < high)).all((2, 3)))
        result = np.zeros(len(boxes), np.bool_)
        if len(number):
            result[number[self.surface.inside(corners[number, box, 0])]] = True
        return result


def _placed(boxes: Floats, poses: Floats) -> Floats:
    """(K, B, 8, 3) corners of boxes (K, B, 2, 3) at poses (K, 4, 4)."""
    corners = np.where(_CORNERS == 1, boxes[..., 1:, :], boxes[..., :1, :])
    return corners @ poses[:, None, :3, :3].transpose(0, 1, 3, 2) + poses[:, None, None, :3, 3]


def _collision_object(vertices: Floats, faces: NDArray[np.int64], pose: Floats | None = None) -> Any:
    fcl = _library()
    model = fcl.BVHModel()
    model.beginModel(len(vertices), len(faces))
    model.addSubModel(vertices, faces.tolist())  # read number by number, which costs more of arrays
    model.endModel()
    transform = fcl.Transform() if pose is None else fcl.Transform(pose[:3, :3], pose[:3, 3])
    return fcl.CollisionObject(model, transform)


def _library() -> Any:
    try:
        import fcl
    except ImportError as error:
        raise DependencyError("collisions of grippers need python-fcl: pip install python-fcl") from error
    return fcl
