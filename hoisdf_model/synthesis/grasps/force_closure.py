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

"""Force closure quality of contacts.

The largest disturbance that they resist (Ferrari and Canny 1992).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

FRICTION = 0.6  # skin on packaging
EDGES = 6  # of the pyramid that stands in for a friction cone
MOST = 8  # contacts; the convex hull in six dimensions grows fast

Floats = NDArray[np.float64]


def wrenches(points: Floats, normals: Floats, center: Floats, reach: float, friction: float = FRICTION) -> Floats:
    """Wrenches of unit forces along each contact's friction cone.

    Forces and torques.

    Args:
        points: (C, 3) metres.
        normals: (C, 3) unit, out of the object; a finger presses against them.
        center: (3,) about which torques are taken.
        reach: metres, by which torques are divided.
        friction: Coulomb's coefficient.

    Returns:
        (C * EDGES, 6).
    """
    inwards = -normals
    helper = np.eye(3)[np.abs(inwards).argmin(1)]
    across = np.cross(inwards, helper)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(inwards, across)
    angle = 2 * np.pi * np.arange(EDGES) / EDGES
    forces = inwards[:, None] + friction * (
        np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * other[:, None]
    )
    forces /= np.linalg.norm(forces, axis=-1, keepdims=True)
    torques = np.cross((points - center)[:, None], forces) / reach
    return np.concatenate([forces, torques], -1).reshape(-1, 6)


def closure_quality(points: Floats, normals: Floats, center: Floats, reach: float, friction: float = FRICTION) -> float:
    """Radius of the largest resisted wrench ball.

    Around zero; 0 where the contacts don't hold.

    Arguments are those of :func:`wrenches`.
    """
    if len(points) < 3:
        return 0.0  # two point contacts never resist a turn about their line
    try:
        hull = ConvexHull(wrenches(points, normals, center, reach, friction), qhull_options="QJ Pp")
    except QhullError:  # all in one plane
        return 0.0
    return max(0.0, float(-hull.equations[:, -1].max()))


def contact_patches(
    vertices: Floats, normals: Floats, link: NDArray[np.int64], touching: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """One contact for each touching link of the hand.

    The middles of what touches, and their normals.

    Args:
        vertices: (V, 3) of the hand.
        normals: (V, 3) of the object there.
        link: (V,) which link each vertex belongs to.
        touching: (V,).

    Returns:
        points (C, 3) and unit normals (C, 3), the largest patches first, at most ``MOST``.
    """
    patches = sorted((np.flatnonzero(touching & (link == k)) for k in np.unique(link[touching])), key=len)[::-1]
    if not patches:
        return np.zeros((0, 3)), np.zeros((0, 3))
    points = np.stack([vertices[patch].mean(0) for patch in patches[:MOST]])
    mean = np.stack([normals[patch].mean(0) for patch in patches[:MOST]])
    return points, mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
