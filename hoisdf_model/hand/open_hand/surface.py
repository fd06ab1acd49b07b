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

"""Skin of the open hand as a signed distance function.

Zero level of a smooth function of space, negative inside, in metres near the surface.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.interpolate import PchipInterpolator

from hoisdf_model.hand.open_hand.anatomy import FOUR_FINGERS, Array, Digit, Skeleton

# the forearm is cut here, beyond the wrist joint, before scaling by the hand's size
WRIST_CUT = 0.021
_CARPUS = np.array([-0.014, 0.0, 0.0])


def _smooth_union(a: Array, b: Array, radius: float) -> Array:
    """Polynomial smooth minimum (Quilez 2013): fillets of about ``radius`` where two bodies meet."""
    h = np.clip(0.5 + 0.5 * (b - a) / radius, 0, 1)
    return b + (a - b) * h - radius * h * (1 - h)


def _cone(points: Array, start: Array, end: Array, start_radius: float, end_radius: float) -> Array:
    """Capsule whose radius changes linearly from one end to the other."""
    axis = end - start
    t = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    return np.linalg.norm(points - start - t[:, None] * axis, axis=1) - (start_radius + (end_radius - start_radius) * t)


def _ellipsoid(scaled: Array, scaled_twice: Array) -> Array:
    """First-order distance to an ellipsoid from ``p / r`` and ``p / r^2``."""
    k = np.linalg.norm(scaled, axis=1)
    return k * (k - 1) / np.maximum(np.linalg.norm(scaled_twice, axis=1), 1e-9)


def _pad(points: Array, center: Array, axis: Array, radii: tuple[float, float, float]) -> Array:
    """Ellipsoid with its first radius along ``axis`` and its second as near y as that allows."""
    z = np.cross(axis, [0.0, 1.0, 0.0])
    z /= np.linalg.norm(z)
    local = (points - center) @ np.stack([axis, np.cross(z, axis), z], 1)
    r = np.array(radii)
    return _ellipsoid(local / r, local / r**2)


def _sweep(local: Array, knots: Array, sections: Array, start_cap: float, end_cap: float) -> Array:
    """Egg-shaped sections swept along a straight axis, closed by half an ellipsoid at either end.

    Args:
        local: (N, 3) along the axis, up, across.
        knots, sections: (K,) positions on the axis; (K, 3) half breadth, upper and lower half depth there.
        start_cap, end_cap: lengths of the rounded ends, beyond the knots.
    """
    along, up, across = local.T
    inside = np.clip(along, knots[0], knots[-1])
    breadth, above, below = PchipInterpolator(knots, sections)(inside).T
    depth = np.where(up > 0, above, below)
    beyond = along - inside
    length = np.where(beyond > 0, end_cap, start_cap)
    return _ellipsoid(
        np.stack([beyond / length, across / breadth, up / depth], 1),
        np.stack([beyond / length**2, across / breadth**2, up / depth**2], 1),
    )


def _finger(points: Array, digit: Digit, origin: Array) -> Array:
    local = (points - origin) @ np.stack([digit.direction, digit.dorsal, digit.lateral], 1)
    return _sweep(local, digit.knots, digit.sections, float(digit.sections[0].mean()), digit.cap)


def finger_webs(hand: Skeleton) -> list[tuple[Array, Array]]:
    """Axes of the three finger webs.

    Finger to finger: two fifths along the first phalanx, nearer the palm than the back.
    """
    shift = np.array([0.001, -0.0028, 0.0]) * hand.size
    at = [0.6 * hand.digits[f].joints[0] + 0.4 * hand.digits[f].joints[1] + shift for f in FOUR_FINGERS]
    return list(itertools.pairwise(at))


def _palm(points: Array, hand: Skeleton) -> Array:
    size, width, thick = hand.size, hand.palm_width, hand.palm_thickness * hand.size
    base = {name: hand.digits[name].joints[0] for name in FOUR_FINGERS}
    result = np.full(len(points), np.inf)
    for name, radius in zip(FOUR_FINGERS, (0.0122, 0.0126, 0.0120, 0.0112), strict=True):
        start = _CARPUS * size + np.array([0.0, 0.0, 0.52 * base[name][2]])
        end = base[name] + np.array([0.001, -0.0014, 0.0]) * size
        bone = _cone(points, start, end, radius * 1.08 * thick, radius * 0.86 * thick)
        result = bone if not np.isfinite(result).any() else _smooth_union(result, bone, 0.011 * size)
        head = np.linalg.norm(points - base[name] - np.array([0.0, 0.0054, 0.0]) * size, axis=1) - 0.0080 * size
        result = _smooth_union(result, head, 0.007 * size)
    for start, end in finger_webs(hand):
        result = _smooth_union(result, _cone(points, start, end, 0.0050 * size, 0.0050 * size), 0.009 * size)
    heel = _pad(
        points, np.array([-0.038, -0.0080, -0.0265 * width]) * size, np.array([-0.97, 0.0, -0.24]),
        (0.036 * size, 0.0130 * thick, 0.0130 * size),
    )  # fmt: skip
    return _smooth_union(result, heel, 0.011 * size)


def _wrist(points: Array, hand: Skeleton) -> Array:
    """Carpus and the end of the forearm; sections in millimetres from the carpus to the elbow."""
    size = hand.size
    knots = np.array([-0.026, -0.008, 0.006, WRIST_CUT + 0.015]) * size
    sections = np.array([(25.5, 12.5, 15.0), (28.5, 16.0, 17.5), (29.0, 18.0, 18.5), (30.0, 19.0, 19.5)]) * 1e-3 * size
    sections *= np.array([hand.palm_width, hand.palm_thickness, hand.palm_thickness])
    return _sweep(points * np.array([1.0, 1.0, -1.0]), knots, sections, 0.012 * size, 0.012 * size)


def _thumb_root(points: Array, hand: Skeleton) -> Array:
    """The thenar eminence around the thumb's metacarpal and the web to the index finger."""
    size, thick = hand.size, hand.palm_thickness * hand.size
    base, mcp = hand.digits["thumb"].joints[:2]
    bone = _cone(points, base, mcp, 0.0120 * thick, 0.0108 * size)
    axis = (mcp - base) / np.linalg.norm(mcp - base)
    middle = 0.52 * base + 0.48 * mcp + np.array([-0.002, -0.0025, -0.0065]) * size
    result = _smooth_union(
        bone, _pad(points, middle, axis, (0.031 * size, 0.0132 * thick, 0.0168 * size)), 0.010 * size
    )
    index = hand.digits["index"].joints[0]
    for along_thumb, along_index, radius in ((0.55, 0.62, 0.0085), (0.86, 0.80, 0.0058)):
        web = _cone(points, base + along_thumb * (mcp - base), along_index * index, radius * size, radius * size)
        result = _smooth_union(result, web, 0.010 * size)
    return result


def hand_distance(points: Array, hand: Skeleton) -> Array:
    """Signed distances (N,) to the skin, negative inside.

    Points (N, 3).
    """
    size = hand.size
    result = _smooth_union(_palm(points, hand), _wrist(points, hand), 0.016 * size)
    result = _smooth_union(result, _thumb_root(points, hand), 0.013 * size)
    fingers = [_finger(points, hand.digits[name], hand.digits[name].joints[0]) for name in FOUR_FINGERS]
    together = fingers[0]
    for finger in fingers[1:]:
        together = _smooth_union(together, finger, 0.0025 * size)
    result = _smooth_union(result, together, 0.009 * size)
    thumb = hand.digits["thumb"]
    return _smooth_union(result, _finger(points, thumb, thumb.joints[1]), 0.009 * size)


def hand_gradient(points: Array, hand: Skeleton, step: float = 2e-4) -> tuple[Array, Array]:
    """Signed distance (N,) and gradient (N, 3) by central differences."""
    offsets = step * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    values = hand_distance((points[None] + offsets[:, None]).reshape(-1, 3), hand).reshape(7, -1)
    return values[0], (values[1:4] - values[4:]).T / (2 * step)


def project(points: Array, hand: Skeleton, level: Array | float = 0.0, steps: int = 3) -> Array:
    """Projection of points (N, 3) onto a level set of the hand.

    Moves along the gradient to ``level`` (metres outside the skin).
    """
    for _ in range(steps):
        value, gradient = hand_gradient(points, hand)
        squared = np.maximum((gradient**2).sum(1), 0.1)
        points = points - np.clip((value - level) / squared, -0.004, 0.004)[:, None] * gradient
    return points
