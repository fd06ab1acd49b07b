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

"""Symmetry detection by trial rotations.

The distance between turned and unturned surface is measured.

All axes of a body of even density go through its centre of mass. Tried are the model frame's axes, the axes of inertia,
two-fold axes at right angles to the best of those, and, where the moments of inertia are alike (cubes), the directions
in which large faces look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import meshes
from hoisdf_model.objects.symmetry import SAME, Symmetry, generated

TOLERANCE = 0.015  # of the diameter: how far a turned surface may be from the unturned; 16-sided cylinders are round
MOST_FOLDS = 72
SAMPLES, FIRST = 1500, 100  # points of the surface, and how many of them are looked at first
ANGLES = (0.13, 0.41, 0.77, 1.23, 1.86, 2.49, 2.97)  # radians, no fractions of a circle: only round bodies pass
PARALLEL = np.radians(2.0)
ALIKE = 0.03  # relative difference of moments of inertia
STEP = np.radians(0.5)  # between tried directions
DIRECTIONS = 30

Floats = NDArray[np.float64]
Turn = tuple[tuple[float, float, float], int]  # axis and fold


@dataclass(frozen=True)
class Turns:
    """Symmetry in a form that a person can check.

    Attributes:
        center: (3,) metres, model frame; all axes go through it.
        axis: unit vector of a round body, any turn about which leaves the shape as it is, or None.
        turns: axes with their fold: turns of 360 / fold degrees leave the shape as it is.
        deviation: metres, how far any of the turned surfaces is from the unturned.
    """

    center: tuple[float, float, float]
    axis: tuple[float, float, float] | None = None
    turns: tuple[Turn, ...] = ()
    deviation: float = 0.0

    def symmetry(self, looks: bool) -> Symmetry:
        """All rotations that follow.

        Raises:
            InvalidInputError: the axes don't fit each other.
        """
        rotations = generated([axis for axis, _ in self.turns], [fold for _, fold in self.turns])
        axis = None if self.axis is None else np.asarray(self.axis) / np.linalg.norm(self.axis)
        return Symmetry(np.asarray(self.center, np.float64), rotations, axis, looks)

    def words(self) -> str:
        """Description of the symmetry for people."""
        parts = [] if self.axis is None else [f"any turn about {axis_name(self.axis)}"]
        for axis, fold in self.turns:
            parts.append(f"{fold} turns of {360 / fold:.4g}° about {axis_name(axis)}" if fold > 2 else
                         f"half a turn about {axis_name(axis)}")  # fmt: skip
        return ", ".join(parts) or "none"


def axis_name(axis: tuple[float, float, float]) -> str:
    """Axis name ``x``, ``y`` or ``z``, else its numbers."""
    found = np.abs(axis)
    if found.max() > 1 - 1e-9:
        return "xyz"[int(found.argmax())]
    return "(" + ", ".join(f"{value:.3g}" for value in axis) + ")"


def find_turns(mesh: trimesh.Trimesh) -> Turns:
    """The rotations that leave a closed mesh as it is, to ``TOLERANCE``.

    Args:
        mesh: closed; metres.
    """
    body = _Body(mesh)
    found: list[tuple[Floats, int]] = []  # 0: round
    for axis in body.directions():
        if not any(_parallel(axis, known) for known, _ in found):
            fold = body.fold(axis)
            if fold != 1:
                found.append((axis, fold))
    round_axes = [axis for axis, fold in found if fold == 0]
    if len(round_axes) > 1:  # a ball; of its rotations those of a cube and any about one axis
        return body.turns(round_axes[0], [(axis, 4) for axis in _right_angles(round_axes[0])])
    if round_axes:
        across = _right_angles(round_axes[0])[0]
        return body.turns(round_axes[0], [(across, 2)] if body.unchanged(across, 2) else [])
    found.sort(key=lambda item: -item[1])
    main = found[0] if found else (body.special, 1)
    flip = body.flip(main[0], main[1])
    if flip is not None and not any(_parallel(flip, axis) for axis, _ in found):
        found.append((flip, 2))
    return body.discrete(found)


def declared(mesh: trimesh.Trimesh, text: str) -> Turns:
    """Symmetry from its notation: ``z:round``, ``z:24,x:2``.

    Args:
        mesh: closed; metres. Its centre of mass is the axes' common point.
        text: axes of the model frame with their folds.

    Raises:
        InvalidInputError: it isn't written like that, or more than one axis is round.
    """
    axis, turns = None, []
    for part in text.split(","):
        name, _, fold = part.strip().lower().partition(":")
        known = len(name) == 1 and name in "xyz"
        unit = (float(name == "x"), float(name == "y"), float(name == "z"))
        if known and fold == "round" and axis is None:
            axis = unit
        elif known and fold.isdigit() and 2 <= int(fold) <= MOST_FOLDS:
            turns.append((unit, int(fold)))
        else:
            raise InvalidInputError(
                f"the symmetry {text!r} must be auto, none, or axes with folds from 2 to {MOST_FOLDS} or one of them "
                f"round, such as z:round or z:24,x:2; {part.strip()!r} isn't"
            )
    body = _Body(mesh)
    return body.turns(None if axis is None else np.array(axis), [(np.array(unit), fold) for unit, fold in turns])


class _Body:
    """A mesh that is turned about its centre of mass."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        import igl

        self.vertices = np.ascontiguousarray(mesh.vertices, np.float64)
        self.faces = np.ascontiguousarray(mesh.faces, np.int64)
        self.tree: Any = igl.AABB()
        self.tree.init(self.vertices, self.faces)
        rng = np.random.default_rng(0)
        # corners are where turned bodies differ most
        corners = self.vertices[rng.permutation(len(self.vertices))[: SAMPLES // 2]]
        points = np.concatenate([meshes.sample_surface(self.vertices, self.faces, SAMPLES, rng), corners])
        self.center = np.asarray(mesh.center_mass, np.float64)
        self.points = rng.permutation(points) - self.center
        self.allowed = TOLERANCE * 2 * float(np.linalg.norm(self.vertices - self.center, axis=1).max())
        moments, axes = np.linalg.eigh(np.asarray(mesh.moment_inertia, np.float64))
        self.inertia, self.moments = axes.T, moments
        self.special = self.inertia[2 if moments[1] - moments[0] < moments[2] - moments[1] else 0]

    def directions(self) -> list[Floats]:
        """Axes to try, those of the frame first."""
        tried = [*np.eye(3), *self.inertia]
        if np.ptp(self.moments) < ALIKE * self.moments.max():
            normals = meshes.face_normals(self.vertices, self.faces)
            areas = np.linalg.norm(normals, axis=1)
            keys = np.round(normals / np.maximum(areas[:, None], 1e-15), 2)
            which = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
            sums = np.stack([np.bincount(which, normals[:, k]) for k in range(3)], 1)
            sides = sums[np.argsort(-np.linalg.norm(sums, axis=1))[:DIRECTIONS]]
            spread = np.linalg.norm(self.vertices - self.center, axis=1)
            tips = (self.vertices - self.center)[spread > 0.98 * spread.max()][:DIRECTIONS]
            tried += [v / np.linalg.norm(v) for v in (*sides, *tips) if np.linalg.norm(v) > 1e-9]
        kept: list[Floats] = []
        for axis in tried:
            if not any(_parallel(axis, other, 1e-3) for other in kept):
                kept.append(axis * np.sign(axis[np.abs(axis).argmax()]))
        return kept

    def deviation(self, rotation: Floats, points: Floats | None = None) -> float:
        """Metres: how far the turned surface is from the surface, at the worst point."""
        moved = np.ascontiguousarray((self.points if points is None else points) @ rotation.T + self.center)
        return float(np.sqrt(np.asarray(self.tree.squared_distance(self.vertices, self.faces, moved)[0]).max()))

    def unchanged(self, axis: Floats, fold: float) -> bool:
        """Whether a turn by 360 / fold degrees leaves the shape as it is."""
        rotation = _turn(axis, 2 * np.pi / fold)
        return (
            self.deviation(rotation, self.points[:FIRST]) <= self.allowed and self.deviation(rotation) <= self.allowed
        )

    def fold(self, axis: Floats) -> int:
        """0 for a round body, else the largest number of turns to a circle that all leave the shape as it is."""
        if all(self.unchanged(axis, 2 * np.pi / angle) for angle in ANGLES):
            return 0
        for fold in range(MOST_FOLDS, 1, -1):
            if all(self.unchanged(axis, fold / k) for k in range(1, fold // 2 + 1)):
                return fold
        return 1

    def flip(self, main: Floats, fold: int) -> Floats | None:
        """A two-fold axis at a right angle to another axis."""
        first, second = _right_angles(main)
        near = [axis for axis in (*np.eye(3), *self.inertia) if abs(axis @ main) < np.sin(PARALLEL)]
        for axis in near:
            level = axis - main * (axis @ main)
            if self.unchanged(level / np.linalg.norm(level), 2):
                return np.asarray(level / np.linalg.norm(level))
        span = np.pi / fold
        few = self.points[:FIRST]

        def worst(angle: float) -> float:
            return self.deviation(_turn(np.cos(angle) * first + np.sin(angle) * second, np.pi), few)

        tried = np.arange(0, span, STEP)
        best = float(tried[int(np.argmin([worst(angle) for angle in tried]))])
        best = float(minimize_scalar(worst, bounds=(best - STEP, best + STEP), method="bounded").x)
        axis = np.cos(best) * first + np.sin(best) * second
        return np.asarray(axis) if self.unchanged(axis, 2) else None

    def discrete(self, found: list[tuple[Floats, int]]) -> Turns:
        """The fewest of the turns that the others follow from; those that lead to a turn that changes the shape aren't
        taken.
        """
        kept: list[tuple[Floats, int]] = []
        group = np.eye(3)[None]
        for axis, fold in found:
            if np.abs(group - _turn(axis, 2 * np.pi / fold)).max((1, 2)).min() <= SAME:
                continue
            try:
                wider = generated([a for a, _ in (*kept, (axis, fold))], [n for _, n in (*kept, (axis, fold))])
            except InvalidInputError:
                continue
            if max(self.deviation(rotation, self.points[:FIRST]) for rotation in wider) <= 1.5 * self.allowed:
                group = wider
                kept.append((axis, fold))
        return self.turns(None, kept)

    def turns(self, axis: Floats | None, turns: list[tuple[Floats, int]]) -> Turns:
        """With the largest deviation of all the rotations that follow."""
        described = tuple((_numbers(direction), fold) for direction, fold in turns)
        result = Turns(_numbers(self.center), None if axis is None else _numbers(axis), described)
        all_turns = result.symmetry(False).transforms(len(ANGLES))[:, :3, :3]
        return Turns(result.center, result.axis, result.turns, max(self.deviation(turn) for turn in all_turns))


def _turn(axis: Floats, angle: float) -> Floats:
    return np.asarray(Rotation.from_rotvec(angle * axis).as_matrix(), np.float64)


def _parallel(a: Floats, b: Floats, angle: float = PARALLEL) -> bool:
    return bool(np.linalg.norm(np.cross(a, b)) < np.sin(angle))


def _right_angles(axis: Floats) -> tuple[Floats, Floats]:
    """Two directions at right angles to the axis and to each other, along the model frame where that goes."""
    first = np.eye(3)[int(np.abs(axis).argmin())]
    first = first - axis * (axis @ first)
    first = first / np.linalg.norm(first)
    return first, np.cross(axis, first)


def _numbers(vector: Floats) -> tuple[float, float, float]:
    x, y, z = (float(np.round(value, 7)) + 0.0 for value in vector)
    return x, y, z
