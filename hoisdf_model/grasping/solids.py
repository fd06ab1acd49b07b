"""Solids that a gripper must keep out of: exact mesh against mesh, on FCL's bounding volume hierarchies.

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
    """Triangles of boxes (B, 2, 3), lowest and highest corners: vertices (8 B, 3), faces (12 B, 3)."""
    corners = np.where(_CORNERS[None] == 1, boxes[:, None, 1], boxes[:, None, 0])
    faces = _TRIANGLES[None] + 8 * np.arange(len(boxes))[:, None, None]
    return corners.reshape(-1, 3), faces.reshape(-1, 3)


def box_distance(points: Floats, boxes: Floats) -> Floats:
    """(..., N, 3) points -> (...,) distance of the nearest of them to the nearest of ``boxes`` (B, 2, 3); 0 inside.

    Of a mesh's vertices this is at least the distance of the mesh, so a pose that fails here needs no exact check.
    """
    best = np.full(points.shape[:-2], np.inf)
    for low, high in boxes:
        outside = np.maximum(np.maximum(low - points, points - high), 0.0)
        best = np.minimum(best, np.einsum("...i,...i->...", outside, outside).min(-1))
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
    def _object(self) -> Any:
        return _collision_object(self.vertices, self.faces)

    def meets(self, boxes: Floats, pose: Floats) -> bool:
        """Whether boxes (B, 2, 3) at a pose (4, 4), boxes' frame -> solid's frame, touch or fill part of the solid."""
        local = (self.vertices - pose[:3, 3]) @ pose[:3, :3]
        if any(((local > low) & (local < high)).all(1).any() for low, high in boxes):
            return True
        fcl = _library()
        gripper = _collision_object(*box_mesh(boxes), pose)
        if fcl.collide(self._object, gripper, fcl.CollisionRequest(), fcl.CollisionResult()):
            return True
        # no surface goes through another: a box lies in the solid as a whole or not at all, one corner tells
        corners = boxes[:, 0] @ pose[:3, :3].T + pose[:3, 3]
        low, high = self.vertices.min(0), self.vertices.max(0)
        near = corners[((corners > low) & (corners < high)).all(1)]
        return bool(len(near)) and bool((distances.signed_distance(near, self.vertices, self.faces) < 0).any())

    def clearance(self, boxes: Floats, pose: Floats) -> float:
        """Smallest distance of boxes at a pose, as in :meth:`meets`, to the solid, metres; 0 where they meet."""
        if self.meets(boxes, pose):
            return 0.0
        fcl = _library()
        gripper = _collision_object(*box_mesh(boxes), pose)
        return max(0.0, float(fcl.distance(self._object, gripper, fcl.DistanceRequest(), fcl.DistanceResult())))


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
