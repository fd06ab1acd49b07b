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

Floats = NDArray[np.float64]
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


def box_distance(points: Floats, boxes: Floats) -> Floats:
    """Smallest distance between points and axis-aligned boxes.

    (..., N, 3) points -> (...,) of the nearest of them to the nearest of ``boxes`` (B, 2, 3); 0 inside.

    Of a mesh's vertices this is at least the distance of the mesh, so a pose that fails here needs no exact check.
    """
    best = np.full(points.shape[:-2], np.inf)
    for low, high in boxes:
        squared = np.zeros(points.shape[:-1])
        for axis in range(3):
            along = points[..., axis]
            outside = np.maximum(low[axis] - along, along - high[axis])
            np.maximum(outside, 0.0, out=outside)
            squared += outside * outside
        best = np.minimum(best, squared.min(-1))
    return np.sqrt(best)


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
    def _columns(self) -> Floats:
        return np.ascontiguousarray(self.vertices.T)

    @cached_property
    def _bounds(self) -> tuple[Floats, Floats]:
        return self.vertices.min(0), self.vertices.max(0)

    @cached_property
    def _object(self) -> Any:
        return _collision_object(self.vertices, self.faces)

    def meets(self, boxes: Floats, pose: Floats) -> bool:
        """Whether posed boxes collide with the solid.

        Boxes (B, 2, 3) at a pose (4, 4), boxes' frame -> solid's frame, touch or fill part of it.
        """
        x, y, z = self._from(pose).T
        for low, high in boxes:
            if ((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]) & (z > low[2]) & (z < high[2])).any():
                return True
        return self._crossed(_collision_object(*box_mesh(boxes), pose)) or self._holds_one_of(boxes, pose)

    def clearance(self, boxes: Floats, pose: Floats, least: float = 0.0) -> float:
        """Smallest distance of posed boxes to the solid, metres.

        As in :meth:`meets`; 0 where they meet.

        What is below ``least`` may be any number below it: that vertices alone can tell.
        """
        bound = float(box_distance(self._from(pose), boxes))
        if bound == 0 or bound < least:
            return bound
        gripper = _collision_object(*box_mesh(boxes), pose)
        if self._crossed(gripper) or self._holds_one_of(boxes, pose):
            return 0.0
        fcl = _library()
        return max(0.0, float(fcl.distance(self._object, gripper, fcl.DistanceRequest(), fcl.DistanceResult())))

    def _from(self, pose: Floats) -> Floats:
        """(N, 3) vertices in the frame that lies at ``pose``; each coordinate is contiguous."""
        return (pose[:3, :3].T @ self._columns - (pose[:3, 3] @ pose[:3, :3])[:, None]).T

    def _crossed(self, gripper: Any) -> bool:
        """Whether surfaces go through each other."""
        fcl = _library()
        return bool(fcl.collide(self._object, gripper, fcl.CollisionRequest(), fcl.CollisionResult()))

    def _holds_one_of(self, boxes: Floats, pose: Floats) -> bool:
        """Whether a box whose surface meets none lies in the solid as a whole: one corner tells."""
        corners = boxes[:, 0] @ pose[:3, :3].T + pose[:3, 3]
        low, high = self._bounds
        near = corners[((corners > low) & (corners < high)).all(1)]
        return bool(len(near)) and bool(distances.inside(near, self.vertices, self.faces).any())


def _collision_object(vertices: Floats, faces: NDArray[np.int64], pose: Floats | None = None) -> Any:
    fcl = _library()
    model = fcl.BVHModel()
    model.beginModel(len(vertices), len(faces))
    model.addSubModel(vertices, faces)
    model.endModel()
    transform = fcl.Transform() if pose is None else fcl.Transform(pose[:3, :3], pose[:3, 3])
    return fcl.CollisionObject(model, transform)


def _library() -> Any:
    try:
        import fcl
    except ImportError as error:
        raise DependencyError("collisions of grippers need python-fcl: pip install python-fcl") from error
    return fcl
