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

"""Grasp quality: weighted geometric mean of terms from 0 to 1.

One bad term can't be compensated by the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FRICTION = 0.5  # Coulomb's coefficient of rubber pads on packaging, on the careful side
SPARE = 0.1  # share of the stroke that should be left over on a perfect grasp
AMPLE = 0.05  # metres of clearance to the hand beyond which more is no better
WEIGHTS = {"antipodality": 2.0, "stroke": 1.0, "clearance": 1.0, "center": 1.0, "covariance": 1.0, "likeness": 3.0}
LIKENESS = np.array(
    [0.5, 1.2, 0.03]
)  # radians, radians, metres: what a gripper closes on matters more than its way there

Floats = NDArray[np.float64]


def slips(antipodality: float) -> bool:
    """Whether a pad presses from outside of the friction cone.

    Nguyen 1988.
    """
    return antipodality < np.cos(np.arctan(FRICTION))


def antipodality_term(cosine: float) -> float:
    """Antipodality score of a grasp.

    1 where both pads lie flat, 0 at the edge of the friction cone.
    """
    edge = float(np.cos(np.arctan(FRICTION)))
    return float(np.clip((cosine - edge) / (1 - edge), 0.0, 1.0))


def stroke_term(width: float, stroke: float) -> float:
    """Stroke score of a grasp.

    1 up to 90 % of the stroke, 0 at all of it.
    """
    return float(np.clip((1 - width / stroke) / SPARE, 0.0, 1.0))


def clearance_term(clearance: float) -> float:
    """Rises from 0 where the hand is touched to 1 at ``AMPLE``."""
    return float(np.clip(clearance / AMPLE, 0.0, 1.0))


def center_term(origin: Floats, center_of_mass: Floats, diameter: float) -> float:
    """Centre-of-mass score of a grasp.

    1 where the pads hold it, falling to 1/2 a radius of the object away: the rest is torque.
    """
    distance = float(np.linalg.norm(origin - center_of_mass))
    return 1.0 / (1.0 + 2 * distance / max(diameter, 1e-6))


def position_deviation(covariance: Floats) -> float:
    """Largest standard deviation of a position, metres.

    From a covariance (3, 3) or (6, 6).
    """
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance[:3, :3])[-1], 0.0)))


def rotation_deviation(covariance: Floats) -> float:
    """Largest standard deviation of the rotation, radians, of a covariance (6, 6)."""
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance[3:, 3:])[-1], 0.0)))


def likeness_terms(axis: Floats, approach: Floats, distance: Floats) -> Floats:
    """Similarity scores (K,) of grasps to the hand's own.

    1 for a grasp like it; where only one of the three is off, 1/e at the scales of ``LIKENESS``.

    Args:
        axis, approach: (K,) radians between the jaw axes, and between the approaches.
        distance: (K,) metres between the grasps, across the jaw axis.
    """
    off = np.stack([axis, approach, distance], 1) / LIKENESS
    return np.exp(-np.einsum("kc,kc->k", off, off))


def total(terms: Mapping[str, float]) -> float:
    """The weighted geometric mean, 0 to 1."""
    weights = np.array([WEIGHTS[name] for name in terms])
    values = np.array(list(terms.values()))
    if not len(values) or (values <= 0).any():
        return 0.0
    return float(np.exp(weights @ np.log(values) / weights.sum()))
