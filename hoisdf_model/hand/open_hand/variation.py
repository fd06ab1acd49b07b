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

"""Shape variation of the open hand.

Ten shape directions, and a joint regressor that follows them.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from hoisdf_model.hand.joints import MANO_FINGER_BASE, NUM_ROTATIONS, NUM_SHAPES
from hoisdf_model.hand.open_hand.anatomy import (
    NUM_PROPORTIONS,
    Array,
    Proportions,
    Skeleton,
    skeleton,
)
from hoisdf_model.hand.open_hand.meshing import Surface, boundary_loop
from hoisdf_model.hand.open_hand.surface import hand_distance, project


def _transferred(mesh: Surface, weights: Array, average: Skeleton, other: Skeleton, level: Array) -> Array:
    """The average hand's vertices on another person's skin: along with their bones, then onto the surface."""
    width, thick = other.palm_width / average.palm_width, other.palm_thickness / average.palm_thickness
    length = other.digits["middle"].joints[0, 0] / average.digits["middle"].joints[0, 0]
    size = other.size / average.size
    moved = weights[:, :1] * mesh.vertices * np.array([length, thick * size, width * size])
    for name, base in MANO_FINGER_BASE.items():
        old, new = average.digits[name], other.digits[name]
        flesh = float((new.sections / old.sections).mean())
        for k in range(3):
            a, b = old.joints[k : k + 2]
            a2, b2 = new.joints[k : k + 2]
            along = (mesh.vertices - a) @ (b - a) / ((b - a) @ (b - a))
            across = mesh.vertices - a - along[:, None] * (b - a)
            moved += weights[:, base + k, None] * (a2 + along[:, None] * (b2 - a2) + across * flesh)
    placed = project(moved, other, level)
    rim = boundary_loop(mesh.faces)
    placed[rim, 0] = mesh.vertices[rim, 0] * size
    return placed


def shape_directions(mesh: Surface, weights: Array, average: Skeleton) -> tuple[Array, Array]:
    """Principal directions of a population whose proportions vary independently with unit deviation.

    Returns:
        (778, 3, 10) displacement of the vertices and (16, 3, 10) of the joints per unit of shape, largest first; each
        positive towards the longer hand.
    """
    level = hand_distance(mesh.vertices, average)
    skin, bones = [], []
    for i in range(NUM_PROPORTIONS):
        step = np.eye(NUM_PROPORTIONS)[i]
        hands = [skeleton(Proportions.from_vector(sign * step)) for sign in (1.0, -1.0)]
        more, less = (_transferred(mesh, weights, average, hand, level) for hand in hands)
        skin.append((more - less).ravel() / 2)
        bones.append((hands[0].joints - hands[1].joints).ravel() / 2)
    # the population is skin^T z with z standard normal: its principal directions are the right singular vectors
    mixing, scale, directions = np.linalg.svd(np.array(skin), full_matrices=False)
    longer = np.sign((scale[:, None] * directions).reshape(NUM_SHAPES, -1, 3)[..., 0].sum(1))
    longer = -np.where(longer == 0, 1, longer)  # fingers point along -x
    vertices = (directions * (scale * longer)[:, None]).reshape(NUM_SHAPES, -1, 3)
    joints = ((mixing.T @ np.array(bones)) * longer[:, None]).reshape(NUM_SHAPES, NUM_ROTATIONS, 3)
    return vertices.transpose(1, 2, 0), joints.transpose(1, 2, 0)


def joint_regressor(vertices: Array, shapedirs: Array, joints: Array, jointdirs: Array) -> Array:
    """Joint regressor (16, 778) for the mean and all shapes.

    Rows of non-negative numbers that sum to 1.

    Non-negative least squares over the nearest vertices; the sum is an equation of large weight.
    """
    result = np.zeros((NUM_ROTATIONS, len(vertices)))
    for j in range(NUM_ROTATIONS):
        near = np.argsort(np.linalg.norm(vertices - joints[j], axis=1))[: 90 if j == 0 else 48]
        rows = [vertices[near].T, shapedirs[near].transpose(1, 2, 0).reshape(-1, len(near)), np.ones((1, len(near)))]
        right = [joints[j], jointdirs[j].ravel(), np.ones(1)]
        solution, _ = nnls(np.concatenate(rows), np.concatenate(right))
        result[j, near] = solution / solution.sum()
    return result
