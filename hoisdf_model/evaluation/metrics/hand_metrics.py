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

"""Errors of hand joints and meshes: metres and fractions, one per frame.

Arrays are (..., N, 3) in metres; estimate and truth have the same frame, relative to the wrist or not, as the caller
wants the error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.spatial import cKDTree

from hoisdf_model.evaluation.metrics.alignment import Floats, checked_pair

AUC_LIMIT, AUC_STEPS = 0.05, 100  # metres, and thresholds from 0 to there: HO-3D's and FreiHAND's


class FScore(NamedTuple):
    """F-score with its precision and recall.

    Each (...): ``score`` is the harmonic mean of ``precision`` and ``recall``, which are fractions of points.
    """

    score: Floats
    precision: Floats
    recall: Floats


def distances(points: NDArray[Any], goal: NDArray[Any]) -> Floats:
    """Distance of each point to its corresponding one.

    (..., N), metres.
    """
    p, g = checked_pair(points, goal)
    return np.asarray(np.linalg.norm(p - g, axis=-1), np.float64)


def mean_distance(points: NDArray[Any], goal: NDArray[Any]) -> Floats:
    """Mean distance of corresponding points.

    (...), metres.

    MJE of joints relative to the wrist (the wrist counts, with its zero, as in the official code), MME of vertices; of
    aligned points PA-MJE, PA-MME and ST-MJE; of joints in the camera frame the camera-space error.
    """
    return np.asarray(distances(points, goal).mean(-1), np.float64)


def fraction_within(errors: NDArray[Any], thresholds: NDArray[Any]) -> Floats:
    """Fraction of the errors within each threshold: a PCK curve.

    Errors (..., N) and thresholds (T,) -> (..., T); an error equal to the threshold counts.
    """
    e, t = np.asarray(errors, np.float64), np.asarray(thresholds, np.float64)
    return np.asarray((e[..., None] <= t).mean(-2), np.float64)


def area_under_curve(errors: NDArray[Any], limit: float = AUC_LIMIT, steps: int = AUC_STEPS) -> Floats:
    """Area under the PCK curve, as a fraction of the whole.

    Errors (..., N) between 0 and ``limit`` -> (...).

    Trapezoids over ``steps`` evenly spaced thresholds (Zimmermann et al. 2019). The mean over frames is the area under
    the curve of all frames.
    """
    thresholds = np.linspace(0, limit, steps)
    return np.asarray(trapezoid(fraction_within(errors, thresholds), thresholds, axis=-1) / limit, np.float64)


def f_score(points: NDArray[Any], goal: NDArray[Any], threshold: float) -> FScore:
    """F-score of two surfaces' points (Knapitsch et al. 2017).

    From the fractions of points with a point of the other set nearer than the threshold.

    Args:
        points, goal: (..., N, 3) and (..., M, 3), metres.
        threshold: metres; strictly below counts, as in HO-3D's evaluation.
    """
    p, g = np.asarray(points, np.float64), np.asarray(goal, np.float64)
    rows = p.shape[:-2]
    flat = p.reshape(-1, *p.shape[-2:]), g.reshape(-1, *g.shape[-2:])
    precision, recall = np.empty(len(flat[0])), np.empty(len(flat[0]))
    for k, (a, b) in enumerate(zip(*flat, strict=True)):
        # the search stops at the threshold: what is farther away comes back as infinite
        precision[k] = (nearest_distances(a, b, threshold) < threshold).mean()
        recall[k] = (nearest_distances(b, a, threshold) < threshold).mean()
    return FScore(*(part.reshape(rows) for part in (harmonic_mean(precision, recall), precision, recall)))


def harmonic_mean(precision: NDArray[Any], recall: NDArray[Any]) -> Floats:
    """F-scores of precision and recall; 0 where both are.

    Fractions (...) -> (...).
    """
    total = np.asarray(precision, np.float64) + recall
    return np.asarray(np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0.0), np.float64)


def nearest_distances(points: NDArray[Any], others: NDArray[Any], limit: float = np.inf) -> Floats:
    """Distance from each point to the nearest of the others.

    Points (N, 3) and (M, 3) -> (N,); infinite beyond the limit.
    """
    return np.asarray(cKDTree(others).query(points, distance_upper_bound=limit)[0], np.float64)
