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

"""Tabulated signed distances to one mesh, for fast look-up.

Closing a hand takes thousands of look-ups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from hoisdf_model.geometry import distances


class DistanceGrid:
    """Trilinear look-up of signed distances to a closed mesh.

    Negative inside; beyond the grid a lower bound is added.

    Args:
        vertices: (N, 3) metres.
        faces: (M, 3).
        cells: along the longest edge.
        margin: metres around the mesh.
    """

    def __init__(
        self, vertices: NDArray[np.float64], faces: NDArray[np.int64], cells: int = 64, margin: float = 0.02
    ) -> None:
        self._low = vertices.min(0) - margin
        size = np.ptp(vertices, axis=0) + 2 * margin
        self.spacing = float(size.max() / cells)
        shape = np.ceil(size / self.spacing).astype(int) + 1
        ticks = [self._low[i] + self.spacing * np.arange(shape[i]) for i in range(3)]
        points = np.stack(np.meshgrid(*ticks, indexing="ij"), -1).reshape(-1, 3)
        self._values = distances.signed_distance(points, vertices, faces).reshape(shape).astype(np.float32)
        self._last = shape - 1.0

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) metres -> (...) metres."""
        at = (points - self._low) / self.spacing
        inside = np.clip(at, 0, self._last)
        flat = inside.reshape(-1, 3)
        value = map_coordinates(self._values, flat.T, order=1).reshape(points.shape[:-1])
        return np.asarray(value + np.linalg.norm((at - inside) * self.spacing, axis=-1), np.float64)

    def normals(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outward unit normals (..., 3) at points (..., 3).

        The direction of steepest increase.
        """
        step = self.spacing / 2
        offsets = step * np.eye(3)
        slopes = np.stack([self(points + o) - self(points - o) for o in offsets], -1)
        return slopes / np.maximum(np.linalg.norm(slopes, axis=-1, keepdims=True), 1e-12)
