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

"""Distances between the network's sampled points and the true hand.

By the part of the hand (paper, table 6).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hoisdf_model.evaluation.metrics.hand_metrics import nearest_distances
from hoisdf_model.geometry import distances, meshes
from hoisdf_model.hand import HandModel
from hoisdf_model.hand.hand_parts import PHALANGES, parts, phalanx_of_part

# joints of the five fingers by their place; the thumb's CMC, MCP and IP count as MCP, PIP and DIP
JOINTS = {"MCP": slice(1, 21, 4), "PIP": slice(2, 21, 4), "DIP": slice(3, 21, 4), "tip": slice(4, 21, 4)}


def joint_distances(points: NDArray[Any], joints: NDArray[Any]) -> dict[str, float]:
    """Mean distance from the true joints to the nearest sampled point, metres.

    A reading of the table "distance of sampled hand points to the true joints", with its columns and its "Mean", which
    is that of the four kinds of joints.

    Args:
        points: (N, 3) metres.
        joints: (21, 3) metres, same frame.
    """
    nearest = nearest_distances(joints, points)
    found = {f"{kind} to points": float(nearest[which].mean()) for kind, which in JOINTS.items()}
    return {"joints to points": float(np.mean(list(found.values()))), **found}


def surface_distances(points: NDArray[Any], vertices: NDArray[Any], model: HandModel) -> dict[str, float]:
    """Mean distance from the sampled points to the true hand's surface.

    Over all and by part, metres.

    A point belongs to the part of the nearest vertex; parts without points are left out.

    Args:
        points: (N, 3) metres.
        vertices: (778, 3) metres, same frame.
        model: with the faces and the parts.
    """
    gaps = distances.closest_points(points, *meshes.capped(vertices, model.faces))[0]
    part = phalanx_of_part()[parts(model)][cKDTree(vertices).query(points)[1]]
    found = {"points to surface": float(gaps.mean())}
    for number, name in enumerate(("palm", *PHALANGES)):
        if (part == number).any():
            found[f"points at {name}"] = float(gaps[part == number].mean())
    return found
