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

"""Smooth motion: minimum-jerk steps between poses, and a camera held by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, Slerp

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import poses

ARM = 0.1  # metres that a radian of turning counts for


def minimum_jerk(share: ArrayLike) -> NDArray[np.float64]:
    """Progress 0 to 1 of a minimum-jerk movement.

    At rest at both ends (Flash and Hogan 1985); any shape.
    """
    t = np.clip(np.asarray(share, np.float64), 0, 1)
    return t**3 * (10 - 15 * t + 6 * t**2)


@dataclass(frozen=True)
class Track:
    """Pose trajectory of minimum-jerk movements.

    From stop to stop, in smooth curves past the poses between.

    Attributes:
        times: (K,) seconds, increasing. Stops are reached at their times; the poses between are passed where their
            share of the way says, whatever their times.
        rotations: (K, 3, 3).
        positions: (K, 3) metres.
        stops: (K,) bool, where the movement comes to rest; the first and the last are stops.

    Raises:
        InvalidInputError: fewer than two times, or times that don't increase.
    """

    times: NDArray[np.float64]
    rotations: NDArray[np.float64]
    positions: NDArray[np.float64]
    stops: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if len(self.times) < 2 or (np.diff(self.times) <= 0).any():
            raise InvalidInputError(f"a track needs at least two increasing times, got {self.times.tolist()}")

    def at(self, times: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rotations (T, 3, 3) and positions (T, 3) at times.

        At rest before the first and after the last time.
        """
        t = np.clip(np.atleast_1d(np.asarray(times, np.float64)), self.times[0], self.times[-1])
        stops = np.flatnonzero(self.stops | (np.arange(len(self.times)) % (len(self.times) - 1) == 0))
        movement, _ = progress(self.times[stops], t)
        rotations, positions = np.empty((len(t), 3, 3)), np.empty((len(t), 3))
        for index in np.unique(movement):
            first, last = stops[index], stops[index + 1] + 1
            begin, end = self.times[first], self.times[last - 1]
            here = movement == index
            way = self._way(first, last)
            # clipped: rounding may put the last instant an ulp beyond the last pose, where Slerp refuses
            now = np.clip(minimum_jerk((t[here] - begin) / (end - begin)), way[0], way[-1])
            rotations[here] = Slerp(way, Rotation.from_matrix(self.rotations[first:last]))(now).as_matrix()
            curve = CubicSpline(way, self.positions[first:last], bc_type="natural")
            positions[here] = curve(now)
        return rotations, positions

    def _way(self, first: int, last: int) -> NDArray[np.float64]:
        """Share of a movement's length (0 to 1) at each of its poses, turning counted with an arm's length."""
        moved = np.linalg.norm(np.diff(self.positions[first:last], axis=0), axis=1)
        turns = Rotation.from_matrix(self.rotations[first:last])
        length = moved + ARM * (turns[1:] * turns[:-1].inv()).magnitude() + 1e-6
        return np.concatenate([[0.0], np.cumsum(length) / length.sum()])


def progress(knots: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Interval and fraction of each time among ``knots``.

    Interval (T,) of ``knots`` (K,), and the fraction of it that has passed (T,).
    """
    step = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    return step, (times - knots[step]) / (knots[step + 1] - knots[step])


def looking_at(eye: ArrayLike, target: ArrayLike, roll: float = 0.0) -> NDArray[np.float64]:
    """Transform (4, 4) world -> camera of a camera at ``eye``.

    Optical frame; world z is upwards in its picture.
    """
    start = np.asarray(eye, np.float64)
    forward = np.asarray(target, np.float64) - start
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    turn = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ turn
    return poses.rigid(turn, -turn @ start)


def handheld_camera(
    times: ArrayLike, eye: ArrayLike, target: ArrayLike, rng: np.random.Generator, sway: float = 0.02
) -> NDArray[np.float64]:
    """Views (T, 4, 4) of a swaying, handheld camera.

    It sways by about ``sway`` metres around ``eye`` and keeps ``target`` in sight.
    """
    t = np.asarray(times, np.float64)

    def drift(size: float) -> NDArray[np.float64]:
        frequency, phase = rng.uniform(0.05, 0.35, (3, 3)), rng.uniform(0, 2 * np.pi, (3, 3))
        waves = np.sin(2 * np.pi * frequency * t[:, None, None] + phase)
        return size * (waves * np.array([0.6, 0.3, 0.1])).sum(-1)

    eyes, targets, rolls = np.asarray(eye) + drift(sway), np.asarray(target) + drift(sway * 0.6), drift(0.03)[:, 0]
    return np.stack([looking_at(*pose) for pose in zip(eyes, targets, rolls, strict=True)])
