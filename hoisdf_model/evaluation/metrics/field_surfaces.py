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

"""Surfaces of distance fields by marching cubes, and their errors.

Paper, figure 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.evaluation.metrics import hand_metrics
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.geometry import distances, meshes

POINTS = 10_000  # drawn on each surface
MOST_CELLS = 40_000  # that are divided; of a hand about 8,000 are, what goes through more is noise
HALF_DIAGONAL = np.sqrt(3) / 2  # of a cell with edge 1: no point of it is farther from its nearest corner
# a cell's corners in the order of igl's marching cubes: around the bottom, then around the top
CORNERS = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)])
Field = Callable[[Floats], NDArray[np.floating[Any]]]
Mesh = tuple[Floats, NDArray[np.int64]]


def surface_of(field: Field, reach: float, cells: int = 32, levels: int = 4, clamp: float = np.inf) -> Mesh:
    """Zero level set of a field, faces oriented to its positive side.

    Cells that the surface may go through are divided in eight, again and again; the field is read nowhere else. So it
    has to be about a distance, and it may be clamped; in a cell that it goes through it may also jump. Of a field that
    is near zero all over the place the surface is as coarse as it has been found when the cells become too many.

    Args:
        field: (P, 3) metres -> (P,) metres, negative inside.
        reach: the surface is looked for in the cube from ``-reach`` to ``reach``, metres.
        cells: along an edge of the cube in the first level.
        levels: the last one has ``cells * 2 ** (levels - 1)`` cells along an edge.
        clamp: where the field stops growing, metres.

    Returns:
        Vertices (V, 3) and faces (F, 3); both empty where the field is nowhere negative or nowhere positive.

    Raises:
        InvalidInputError: the field isn't finite somewhere.
    """
    import igl

    edge = 2 * reach / cells
    live = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for level in range(levels):
        if level:
            edge, live = edge / 2, (live[:, None] * 2 + CORNERS).reshape(-1, 3)
        size = cells * 2**level + 1
        corners = live[:, None] + CORNERS
        used, index = np.unique(corners @ [size * size, size, 1], return_inverse=True)
        index = index.reshape(-1, 8)
        places = np.asarray(np.stack(np.unravel_index(used, (size,) * 3), -1) * edge - reach, np.float64)
        values = np.asarray(field(places), np.float64)
        if not np.isfinite(values).all():
            raise InvalidInputError("the field has values that are not finite numbers")
        at = values[index]
        crossed = (at.min(1) < 0) & (at.max(1) >= 0)
        near = crossed | (np.abs(at).min(1) < min(HALF_DIAGONAL * edge, 0.99 * clamp))
        if level == levels - 1 or near.sum() > MOST_CELLS or not near.any():
            index = index[crossed]
            break
        live = live[near]
    if not len(index):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    vertices, faces, _ = igl.marching_cubes(values, np.ascontiguousarray(places), np.ascontiguousarray(index))
    return np.asarray(vertices, np.float64), np.asarray(faces, np.int64)


class SurfaceScores(NamedTuple):
    """Distances and F-scores between an estimated and the true surface.

    ``distance``: metres, mean of both directions. ``chamfer``: square metres, the mean squared distances of both
    directions added, as Chen et al. have it (gSDF, CVPR 2023). ``f_scores``: one for each threshold.
    """

    distance: float
    chamfer: float
    f_scores: tuple[float, ...]


def surface_scores(own: Mesh, true: Mesh, thresholds: tuple[float, ...], seed: int = 0) -> SurfaceScores:
    """Surface errors from points on each surface and their exact distances.

    Others take the nearest of the points drawn on the other surface (Tatarchenko et al. 2019), which is never quite 0:
    of 30,000 points on a hand a tenth has none nearer than 1 mm. Here a perfect surface has the score 1.

    Args:
        own, true: vertices and faces, metres, same frame; of an empty surface distances are infinite and scores 0.
        thresholds: metres; strictly below counts.
        seed: of the points.
    """
    if not len(own[1]):
        return SurfaceScores(np.inf, np.inf, (0.0,) * len(thresholds))
    rng = np.random.default_rng(seed)
    there = distances.closest_points(meshes.sample_surface(*own, POINTS, rng), *true)[0]
    back = distances.closest_points(meshes.sample_surface(*true, POINTS, rng), *own)[0]
    precision, recall = (hand_metrics.fraction_within(part, np.nextafter(thresholds, 0)) for part in (there, back))
    scores = hand_metrics.harmonic_mean(precision, recall).tolist()
    distance, chamfer = (there.mean() + back.mean()) / 2, (there**2).mean() + (back**2).mean()
    return SurfaceScores(float(distance), float(chamfer), tuple(scores))
