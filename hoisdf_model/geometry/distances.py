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

"""Distances between points and triangle meshes, on libigl.

The magnitude is the exact distance to the nearest triangle; the sign comes from the winding number, which is right
inside fists and thin walls where signs from pseudonormals fail.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def signed_distance(points: Floats, vertices: Floats, faces: Integers, exact: bool = True) -> NDArray[np.float64]:
    """Distance of each point to the surface, negative inside.

    Args:
        points: (P, 3) metres.
        vertices: (N, 3) metres, the frame of ``points``.
        faces: (M, 3) integer; the mesh must be closed (see ``meshes.capped``), else signs near the hole are a guess.
        exact: sum winding numbers over all faces; otherwise far ones count together, see :func:`inside`.

    Returns:
        (P,) metres.

    Raises:
        InvalidInputError: an array has the wrong shape or isn't finite.
    """
    import igl

    squared = np.asarray(igl.point_mesh_squared_distance(*_checked(points, vertices, faces))[0])
    return np.where(inside(points, vertices, faces, exact), -1.0, 1.0) * np.sqrt(squared)


def inside(points: Floats, vertices: Floats, faces: Integers, exact: bool = True) -> NDArray[np.bool_]:
    """Whether points lie inside a closed mesh, by winding number.

    (P,) bool.

    Without ``exact`` distant faces are summed up by their dipoles (Barill et al. 2018), half as dear for a hand and as
    good: the number lies near 0 or 1 everywhere but on the surface.

    Raises:
        InvalidInputError: an array has the wrong shape or isn't finite.
    """
    if not exact:
        return Surface(vertices, faces).inside(points)
    import igl

    p, v, f = _checked(points, vertices, faces)
    return np.asarray(igl.winding_number(v, f, p)) > 0.5


def closest_points(
    points: Floats, vertices: Floats, faces: Integers
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Nearest surface point for each point.

    Returns:
        distances (P,) metres, unsigned; indices of the nearest faces (P,); nearest points (P, 3) metres.

    Raises:
        InvalidInputError: an array has the wrong shape or isn't finite.
    """
    return Surface(vertices, faces).closest_points(points)


class Surface:
    """Triangle mesh whose search trees are kept, for many queries.

    Args:
        vertices: (N, 3) metres.
        faces: (M, 3) integer; closed, as for :func:`signed_distance`.

    Raises:
        InvalidInputError: an array has the wrong shape or isn't finite; of the queries too.
    """

    def __init__(self, vertices: Floats, faces: Integers) -> None:
        _, self._vertices, self._faces = _checked(np.zeros((0, 3)), vertices, faces)

    def closest_points(self, points: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """As the function :func:`closest_points`."""
        p, v, f = _checked(points, self._vertices, self._faces)
        squared, face, nearest = self._tree.squared_distance(v, f, p)
        return np.sqrt(np.asarray(squared)), np.asarray(face, np.int64).reshape(-1), np.asarray(nearest)

    def inside(self, points: Floats) -> NDArray[np.bool_]:
        """As the function :func:`inside` without ``exact``."""
        return np.asarray(self._winding.winding_number(_checked(points, self._vertices, self._faces)[0])) > 0.5

    @cached_property
    def _tree(self) -> Any:
        import igl

        tree = igl.AABB()
        tree.init(self._vertices, self._faces)
        return tree

    @cached_property
    def _winding(self) -> Any:
        import igl

        tree = igl.FastWindingNumberBVH()
        tree.init(self._vertices, self._faces)
        return tree


def _checked(
    points: Floats, vertices: Floats, faces: Integers
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    p, v = np.ascontiguousarray(points, np.float64), np.ascontiguousarray(vertices, np.float64)
    f = np.ascontiguousarray(faces, np.int64)
    for what, array in (("points", p), ("vertices", v), ("faces", f)):
        if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
            raise InvalidInputError(f"{what} must be finite and (N, 3), got {array.shape}")
    return p, v, f
