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

"""Points with signed distances, computed where they are needed; no files.

Most points lie near the surface, where the field's sign changes, and the rest anywhere around (as DeepSDF, Park et al.
2019, section 5.1, whose practice the paper follows). Magnitudes and signs are libigl's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances, meshes


@dataclass(frozen=True)
class Spread:
    """Distribution of sampled points.

    Attributes:
        near: share of the points drawn near the surface.
        deviations: metres, standard deviations of those points from the surface along each axis; each takes an equal
            share.
        reach: metres, half the edge of the cube around the mesh's middle in which the others are.
    """

    near: float = 0.9
    deviations: tuple[float, ...] = (0.003, 0.012)
    reach: float = 0.2


def sample_field(
    vertices: NDArray[np.floating[Any]],
    faces: NDArray[np.integer[Any]],
    count: int,
    rng: np.random.Generator,
    spread: Spread | None = None,
    exact: bool = True,
) -> FieldSamples:
    """Draw points around a closed mesh and measure their distances.

    Args:
        vertices: (N, 3) metres.
        faces: (M, 3); close an open mesh first (``meshes.capped``).
        count: number of points.
        rng: decides about the points.
        spread: where they are drawn.
        exact: as in ``distances.signed_distance``.

    Returns:
        In the frame of ``vertices``, in random order.

    Raises:
        InvalidInputError: no points wanted, or the mesh isn't usable.
    """
    if count < 1:
        raise InvalidInputError(f"at least one point must be drawn, got {count}")
    spread = spread or Spread()
    near = round(count * spread.near)
    points = meshes.sample_surface(vertices, faces, near, rng)
    deviation = np.resize(spread.deviations, near)
    points += rng.normal(size=points.shape) * deviation[:, None]
    middle = (np.asarray(vertices).max(0) + np.asarray(vertices).min(0)) / 2
    points = np.concatenate([points, middle + rng.uniform(-spread.reach, spread.reach, (count - near, 3))])
    points = points[rng.permutation(count)]
    return FieldSamples(points, distances.signed_distance(points, vertices, faces, exact))


class FieldBank:
    """Many samples of a rigid mesh, measured once; frames draw from them.

    Args:
        vertices, faces: of the closed mesh, object frame, metres.
        size: how many samples there are to draw from.
        seed: decides about them.
        spread: where they are.
    """

    def __init__(
        self,
        vertices: NDArray[np.floating[Any]],
        faces: NDArray[np.integer[Any]],
        size: int = 20_000,
        seed: int = 0,
        spread: Spread | None = None,
    ) -> None:
        self._all = sample_field(vertices, faces, size, np.random.default_rng(seed), spread)

    def draw(self, pose: NDArray[np.float64], count: int, rng: np.random.Generator) -> FieldSamples:
        """Random subset of ``count`` samples in the pose (4, 4).

        No more than the bank has.
        """
        if count > len(self._all.distances):
            raise InvalidInputError(f"{count} samples wanted of a bank of {len(self._all.distances)}")
        chosen = rng.choice(len(self._all.distances), count, replace=False)
        return FieldSamples(self._all.points[chosen], self._all.distances[chosen]).moved(pose)
