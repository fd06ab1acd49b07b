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

"""Skinning weights and pose correctives of the open hand."""

from __future__ import annotations

import igl
import numpy as np
from scipy.special import softmax

from hoisdf_model.hand.joints import MANO_FINGER_BASE, MANO_PARENTS, NUM_ROTATIONS
from hoisdf_model.hand.open_hand.anatomy import FOUR_FINGERS, Array, Digit, Skeleton
from hoisdf_model.hand.open_hand.meshing import Surface

# half lengths over which one bone hands over to the next: base, middle, last joint
_BLEND = (0.0125, 0.0080, 0.0065)
_THUMB_BLEND = (0.0095, 0.0080)
# on the palm's side of a finger base the fold lies beyond the joint
_PALM_SHIFT = 0.0055
# scale over which the skin between two fingers belongs to both
_BETWEEN = 0.0011
_SMALLEST = 0.012
# correctives act in full within this distance of a joint, and fade beyond it, metres
_FLESH, _FADE = 0.015, 0.009


def _step(x: Array) -> Array:
    """0 below -1, 1 above 1, smooth between."""
    t = np.clip(0.5 + 0.5 * x, 0, 1)
    return t * t * (3 - 2 * t)


def _to_segment(points: Array, start: Array, end: Array) -> Array:
    axis = end - start
    t = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    return np.linalg.norm(points - start - t[:, None] * axis, axis=1)


def _along(points: Array, digit: Digit, joint: int) -> Array:
    return (points - digit.joints[joint]) @ digit.direction


def skinning_weights(mesh: Surface, hand: Skeleton) -> Array:
    """Skinning weights (778, 16) of the open hand.

    Rows sum to 1, smooth over the mesh, zero where below about a hundredth.
    """
    points, size = mesh.vertices, hand.size
    weights = np.zeros((len(points), NUM_ROTATIONS))
    digits = [hand.digits[name] for name in FOUR_FINGERS]
    distance = np.stack([_to_segment(points, d.joints[0], d.joints[3]) for d in digits], 1)
    member = softmax(-distance / (_BETWEEN * size), axis=1)
    for name, digit, share in zip(FOUR_FINGERS, digits, member.T, strict=True):
        palmar = _step(-((points - digit.joints[0]) @ digit.dorsal) / (0.008 * size))
        moved = [
            _step((_along(points, digit, k) - (_PALM_SHIFT * size * palmar if k == 0 else 0)) / (_BLEND[k] * size))
            for k in range(3)
        ]
        _add_chain(weights, name, share, moved)

    thumb = hand.digits["thumb"]
    axis = thumb.joints[1] - thumb.joints[0]
    from_base = (points - thumb.joints[0]) @ axis / np.linalg.norm(axis)
    palm = np.min([_to_segment(points, np.zeros(3), d.joints[0]) for d in digits], 0)
    palm = np.minimum(palm, distance.min(1))
    root = np.minimum(_to_segment(points, *thumb.joints[:2]), _to_segment(points, thumb.joints[1], thumb.joints[3]))
    share = _step((palm - root + 0.001 * size) / (0.011 * size))
    moved = [_step((from_base - 0.006 * size) / (0.017 * size))]
    moved += [_step(_along(points, thumb, k + 1) / (_THUMB_BLEND[k] * size)) for k in range(2)]
    weights *= (1 - share * moved[0])[:, None]
    _add_chain(weights, "thumb", share, moved)
    weights[:, 0] = 1 - weights[:, 1:].sum(1)

    neighbours = igl.adjacency_matrix(mesh.faces).astype(float)
    degree = np.asarray(neighbours.sum(1))
    for _ in range(2):
        weights = 0.6 * weights + 0.4 * (neighbours @ weights) / degree
    weights[weights < _SMALLEST] = 0
    return weights / weights.sum(1, keepdims=True)


def _add_chain(weights: Array, name: str, share: Array, moved: list[Array]) -> None:
    """``moved[k]``: how much of the skin goes with joint k of the finger or with a joint beyond it."""
    base = MANO_FINGER_BASE[name]
    moved = [moved[0], np.minimum(moved[0], moved[1]), np.minimum(moved[0], np.minimum(moved[1], moved[2]))]
    for k in range(3):
        weights[:, base + k] += share * (moved[k] - (moved[k + 1] if k < 2 else 0))


def pose_correctives(vertices: Array, joints: Array, weights: Array) -> Array:
    """Pose correctives (778, 3, 135) of the open hand.

    They undo the shrinking of linear blend skinning at bent and twisted joints.

    Skin that goes by a share w with a joint turned by an angle a is moved by ``(1 - w) I + w R``, which in the plane of
    the turn is a rotation times ``rho = sqrt(1 - 2 w (1 - w) (1 - cos a))``: an elbow loses flesh, a wrist wrings. What
    keeps every point's distance to the joint, as dual quaternions and centres of rotation do (Le and Hodgins 2016), is
    to move it away from the joint by ``1/rho - 1`` beforehand. ``I - (R + R^T)/2 = (1 - cos a)(I - axis axis^T)`` acts
    in just that plane and is linear in MANO's pose features R - I. So the corrective is
    ``c(w) (I - (R + R^T)/2) (v - joint)``, with c(w) the least-squares factor for angles from 0 to 100 degrees.
    """
    angles = np.linspace(0, np.deg2rad(100), 101)
    turned = 1 - np.cos(angles)
    result = np.zeros((len(vertices), 3, NUM_ROTATIONS - 1, 3, 3))
    for joint in range(1, NUM_ROTATIONS):
        moves = weights[:, _beyond(joint)].sum(1)
        rho = np.sqrt(1 - 2 * (moves * (1 - moves))[:, None] * turned)
        factor = ((1 / rho - 1) @ turned) / (turned @ turned)
        arm = vertices - joints[joint]
        # skin far from the joint, as between thumb and palm, folds and stretches instead
        beyond = np.clip(np.linalg.norm(arm, axis=1) - _FLESH, 0, None)
        factor = factor * np.exp(-((beyond / _FADE) ** 2))
        for a in range(3):
            for b in range(3):
                # -(R + R^T)/2 arm: entry (a, b) of R moves coordinate a by arm[b] and coordinate b by arm[a]
                result[:, a, joint - 1, a, b] -= 0.5 * factor * arm[:, b]
                result[:, b, joint - 1, a, b] -= 0.5 * factor * arm[:, a]
    return result.reshape(len(vertices), 3, -1)


def _beyond(joint: int) -> list[int]:
    """The joint and those further out."""
    found = [joint]
    for child, parent in enumerate(MANO_PARENTS):
        if parent in found:
            found.append(child)
    return found
