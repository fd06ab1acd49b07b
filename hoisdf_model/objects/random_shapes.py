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

"""Random hand-sized objects, against overfitting to the catalogue.

A shape is a function of its number alone: geometry, print, symmetry. Numbers of training and of testing never meet
(``synthesis.splits``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.distance import pdist

from hoisdf_model.objects import symmetry, unwrapping
from hoisdf_model.objects.catalogue import CatalogueObject
from hoisdf_model.objects.design import BOX_TURNS, HALF_TURN, Design
from hoisdf_model.objects.random_prints import random_print
from hoisdf_model.objects.solids import Solid, arrays, cylinder, loft, rounded_box, superellipse, tube, turned

PREFIX = "shape_"
KINDS = ("box", "cylinder", "lathe", "superquadric", "composite")
WIDEST_GRIP = 0.075  # metres: every shape is narrower than this somewhere, so that a hand can close around it

Rng = np.random.Generator


def shape_name(number: int) -> str:
    """The name of the shape of that number."""
    return f"{PREFIX}{number:08d}"


def is_random_shape(name: str) -> bool:
    """Whether a name is that of a random shape."""
    return name.startswith(PREFIX)


def shape_kind(number: int) -> str:
    """Kind (of ``KINDS``) of a numbered random shape."""
    return str(_generator(number).choice(KINDS))


def random_shape(number: int) -> CatalogueObject:
    """Random shape by number, metres.

    Its frame's origin is the middle of its bounding box, z its upright axis.

    Args:
        number: 0 or more; equal numbers give equal shapes.
    """
    rng = _generator(number)
    design = _BUILDERS[str(rng.choice(KINDS))](rng)
    vertices, faces = arrays(design.solid)
    vertices = vertices - (vertices.max(0) + vertices.min(0)) / 2
    layout = unwrapping.around_axis if design.rolled else unwrapping.around_box
    texture, uv = unwrapping.paint(layout(vertices, faces), design.painter)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    return CatalogueObject(
        shape_name(number),
        0,
        mesh,
        unwrapping.textured(vertices, faces, uv, texture, design.shininess),
        _symmetry(design),
        float(pdist(np.asarray(mesh.convex_hull.vertices, np.float64)).max()),
    )


def _generator(number: int) -> Rng:
    return np.random.default_rng([7411, number])


def _symmetry(design: Design) -> symmetry.Symmetry:
    if design.round:
        return symmetry.continuous(np.zeros(3), design.axis, bool(design.turns))
    if not design.turns:
        return symmetry.none()
    return symmetry.discrete(np.zeros(3), [axis for axis, _ in design.turns], [fold for _, fold in design.turns])


def _edges(rng: Rng) -> NDArray[np.float64]:
    """(3,) sizes of which at least one fits between thumb and fingers, in random order."""
    return rng.permutation([rng.uniform(0.018, WIDEST_GRIP), rng.uniform(0.03, 0.12), rng.uniform(0.05, 0.21)])


def _finish(rng: Rng) -> float:
    return float(rng.choice([0.02, 0.12, 0.25, 0.45], p=[0.2, 0.4, 0.25, 0.15]))


def _box(rng: Rng) -> Design:
    size = _edges(rng)
    radius = float(rng.uniform(0.05, 0.3) * min(size.min(), 0.04))
    return Design(rounded_box(size, radius), random_print(rng), turns=BOX_TURNS, shininess=_finish(rng))


def _cylinder(rng: Rng) -> Design:
    r, h = rng.uniform(0.009, WIDEST_GRIP / 2), rng.uniform(0.03, 0.2)
    edge = min(0.004, 0.2 * r, 0.2 * h) * rng.uniform(0.3, 1.0)
    solid = turned([(r - edge, 0), (r, edge), (r, h - edge), (r - edge, h)])
    return Design(
        solid, random_print(rng), rolled=True, round=True, turns=(HALF_TURN,), shininess=_finish(rng)
    )  # fmt: skip


def _lathe(rng: Rng) -> Design:
    count, height = int(rng.integers(4, 8)), rng.uniform(0.06, 0.2)
    radii = rng.uniform(0.008, WIDEST_GRIP / 2) * rng.uniform(0.45, 1.0, count)
    levels = np.linspace(0, 1, 24)
    curve = np.maximum(PchipInterpolator(np.linspace(0, 1, count), radii)(levels), 0.006)
    profile = [(0.85 * curve[0], 0.0), *zip(curve, 0.002 + (height - 0.004) * levels, strict=True)]
    profile.append((0.85 * curve[-1], height))
    return Design(turned(profile), random_print(rng), rolled=True, round=True, shininess=_finish(rng))


def _superquadric(rng: Rng) -> Design:
    half = _edges(rng) / 2
    around, up = rng.uniform(1.6, 6.0), rng.uniform(0.3, 1.1)
    angles = np.linspace(-0.49, 0.49, 25) * np.pi
    loops = []
    for angle in angles:
        share, height = np.cos(angle) ** up, np.sign(angle) * np.abs(np.sin(angle)) ** up
        ring = superellipse(half[0] * share, half[1] * share, float(around))
        loops.append(np.column_stack([ring, np.full(len(ring), half[2] * height)]))
    # powers below one crowd the levels together at the ends: keep those that advance
    kept = [loops[0]]
    for loop in loops[1:]:
        if loop[0, 2] - kept[-1][0, 2] > 1e-4:
            kept.append(loop)
    return Design(loft(kept), random_print(rng), rolled=bool(rng.random() < 0.5), turns=BOX_TURNS,
                  shininess=_finish(rng))  # fmt: skip


def _composite(rng: Rng) -> Design:
    """A body with a neck, a handle or a head: two to three parts that overlap."""
    body = _edges(rng) * np.array([0.8, 0.8, 0.6])
    solid: Solid = (
        rounded_box(body, 0.15 * float(body.min()))
        if rng.random() < 0.5
        else cylinder(float(body[:2].min()) / 2, float(body[2]))
    )
    for _ in range(int(rng.integers(1, 3))):
        solid = solid + _part(rng, body)
    return Design(_largest(solid), random_print(rng), shininess=_finish(rng))


def _part(rng: Rng, body: NDArray[np.float64]) -> Solid:
    kind = rng.choice(["rod", "block", "bow"])
    if kind == "rod":
        axis, length = int(rng.integers(0, 3)), rng.uniform(0.05, 0.16)
        rod = cylinder(rng.uniform(0.008, 0.02), length, axis)
        return rod.translate(np.sign(rng.normal()) * np.eye(3)[axis] * (length / 2 - 0.3 * body[axis]))
    if kind == "block":
        size, axis = rng.uniform(0.02, 0.06, 3), int(rng.integers(0, 3))
        place = np.sign(rng.normal()) * np.eye(3)[axis] * (body[axis] / 2 + 0.3 * size[axis])
        return rounded_box(size, 0.12 * float(size.min())).translate(place)
    bow = np.linspace(0, np.pi, 20)
    reach, high = rng.uniform(0.03, 0.05), rng.uniform(0.02, 0.04)
    foot = 0.35 * body[:2].min()
    path = np.stack([foot + reach * np.sin(bow), 0 * bow, -high * np.cos(bow)], 1)
    return tube(path, rng.uniform(0.005, 0.009), 12)


def _largest(solid: Solid) -> Solid:
    return max(solid.decompose(), key=lambda piece: piece.volume())


_BUILDERS: dict[str, Callable[[Rng], Design]] = {
    "box": _box,
    "cylinder": _cylinder,
    "lathe": _lathe,
    "superquadric": _superquadric,
    "composite": _composite,
}
