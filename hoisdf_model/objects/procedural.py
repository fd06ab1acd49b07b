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

"""Procedural look-alikes of the YCB objects.

Built from their dimensions: same names, sizes and model frames, own artwork.

Every builder works in an upright frame of its own (footprint along x and y, height along z); ``build`` then scales the
result to the measured footprint, turns it by the measured yaw and moves it to the measured box centre.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.objects import artwork, symmetry, tools, unwrapping
from hoisdf_model.objects.design import AXIS, BOX_TURNS, HALF_TURN, QUARTER_TURNS, Design
from hoisdf_model.objects.dimensions import YCB, Dimensions
from hoisdf_model.objects.solids import arrays, loft, rounded_box, superellipse, tube, turned
from hoisdf_model.objects.symmetry import Symmetry

Size = NDArray[np.float64]


@dataclass(frozen=True)
class Built:
    """Finished look-alike.

    Closed geometry, drawable surface and symmetry, all in the model frame, metres.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    surface: unwrapping.TexturedSurface
    symmetry: Symmetry


def build(dimensions: Dimensions) -> Built:
    """Look-alike of one row of ``dimensions.YCB``."""
    size = np.array([*dimensions.footprint, dimensions.extents[2]]) / 1000
    design = DESIGNS[dimensions.name](size)
    vertices, faces = arrays(design.solid)
    low, high = vertices.min(0), vertices.max(0)
    vertices = (vertices - (low + high) / 2) * (size / (high - low))
    layout = unwrapping.around_axis if design.rolled else unwrapping.around_box
    texture, uv = unwrapping.paint(layout(vertices, faces), design.painter)

    yaw = np.radians(dimensions.yaw)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    vertices = vertices @ turn.T
    low, high = vertices.min(0), vertices.max(0)
    # what rounding leaves between footprint and extents: at most a few percent
    fit = dimensions.extents_metres / (high - low)
    vertices = (vertices - (low + high) / 2) * fit + dimensions.center_metres
    middle = (
        dimensions.center_metres - (low + high) / 2 * fit
    )  # of the footprint: an oblique shape's box lies elsewhere
    surface = unwrapping.textured(vertices, faces, uv, texture, design.shininess)
    return Built(vertices, faces, surface, _symmetry(design, turn, middle))


def _symmetry(design: Design, turn: NDArray[np.float64], center: NDArray[np.float64]) -> Symmetry:
    axes = [turn @ axis for axis, _ in design.turns]
    if design.round:
        return symmetry.continuous(center, turn @ np.asarray(design.axis), bool(design.turns), design.looks_symmetric)
    if not axes:
        return symmetry.none(center)
    return symmetry.discrete(center, axes, [fold for _, fold in design.turns], design.looks_symmetric)


def _can(size: Size, painter: Any) -> Design:
    r, h = size[0] / 2, size[2]
    lip = 0.002
    profile = [
        (r - 2 * lip, lip), (r - lip, 0), (r, lip), (r, 2 * lip), (r - 0.4 * lip, 3 * lip),
        (r - 0.4 * lip, h - 3 * lip), (r, h - 2 * lip), (r, h - lip), (r - lip, h), (r - 2 * lip, h - lip),
    ]  # fmt: skip
    return Design(turned(profile), painter, rolled=True, round=True, turns=(HALF_TURN,), shininess=0.35)


def _carton(size: Size, painter: Any, radius: float = 0.0025, turns: Any = BOX_TURNS) -> Design:
    return Design(rounded_box(size, radius), painter, turns=turns)


def _bottle(size: Size, levels: list[tuple[float, float, float, float]], painter: Any) -> Design:
    """``levels``: height, half width and half depth as shares of the size's, and the exponent of the outline."""
    loops = []
    for height, wide, deep, exponent in levels:
        ring = superellipse(size[0] / 2 * wide, size[1] / 2 * deep, exponent)
        loops.append(np.column_stack([ring, np.full(len(ring), size[2] * height)]))
    return Design(loft(loops), painter, rolled=True, turns=((AXIS, 2),), shininess=0.3)


def _mustard(size: Size) -> Design:
    neck = 0.0165 / (size[0] / 2), 0.0165 / (size[1] / 2)
    tip = 0.005 / (size[0] / 2), 0.005 / (size[1] / 2)
    levels = [
        (0.0, 0.90, 0.84, 4.0), (0.012, 0.97, 0.95, 4.0), (0.035, 1.0, 1.0, 4.0), (0.30, 1.0, 1.0, 4.0),
        (0.50, 0.99, 0.98, 3.8), (0.60, 0.95, 0.95, 3.4), (0.68, 0.83, 0.88, 3.0), (0.74, 0.66, 0.78, 2.5),
        (0.785, 0.46, 0.68, 2.1), (0.80, neck[0], neck[1], 2.0), (0.802, neck[0] * 1.12, neck[1] * 1.12, 2.0),
        (0.885, neck[0] * 1.06, neck[1] * 1.06, 2.0), (0.895, neck[0] * 0.9, neck[1] * 0.9, 2.0),
        (0.91, tip[0] * 1.9, tip[1] * 1.9, 2.0), (0.985, tip[0], tip[1], 2.0), (1.0, tip[0] * 0.6, tip[1] * 0.6, 2.0),
    ]  # fmt: skip
    painter = artwork.bottle(
        (236, 186, 28), (238, 190, 34), (178, 26, 32), "MUSTARD", "CLASSIC YELLOW", (0.36, 0.86), 0.2
    )
    return _bottle(size, levels, painter)


def _bleach(size: Size) -> Design:
    neck = 0.019 / (size[0] / 2), 0.019 / (size[1] / 2)
    levels = [
        (0.0, 0.93, 0.90, 3.0), (0.01, 0.98, 0.97, 3.0), (0.03, 1.0, 1.0, 3.0), (0.52, 1.0, 1.0, 3.0),
        (0.62, 0.95, 0.98, 2.8), (0.72, 0.80, 0.90, 2.5), (0.80, 0.60, 0.80, 2.2), (0.855, neck[0], neck[1], 2.0),
        (0.86, neck[0] * 1.1, neck[1] * 1.1, 2.0), (0.985, neck[0] * 1.05, neck[1] * 1.05, 2.0),
        (1.0, neck[0] * 0.95, neck[1] * 0.95, 2.0),
    ]  # fmt: skip
    painter = artwork.bottle(
        (240, 240, 236), (36, 78, 160), (40, 92, 178), "CLEANSER", "WITH BLEACH", (0.42, 0.94), 0.14
    )
    return _bottle(size, levels, painter)


def _potted_meat(size: Size) -> Design:
    levels = [
        (0.02, 0.93, 0.90, 5.0), (0.0, 0.97, 0.95, 5.0), (0.02, 1.0, 1.0, 5.0), (0.06, 0.985, 0.975, 5.0),
        (0.94, 0.985, 0.975, 5.0), (0.98, 1.0, 1.0, 5.0), (1.0, 0.97, 0.95, 5.0), (0.98, 0.93, 0.90, 5.0),
    ]  # fmt: skip
    painter = artwork.tin((26, 62, 134), (18, 44, 104), "POTTED MEAT", "CLASSIC", 0.05)
    return replace(_bottle(size, levels, painter), turns=BOX_TURNS)


def _pitcher(size: Size) -> Design:
    r, h = 0.062, size[2]
    profile = [
        (0.050, 0), (0.053, 0.003), (0.0555, 0.06), (0.0585, 0.15), (r, h - 0.012), (r + 0.001, h), (r - 0.003, h),
        (r - 0.004, h - 0.012), (0.0545, 0.15), (0.0515, 0.06), (0.049, 0.007),
    ]  # fmt: skip
    body = turned(profile)
    bow = np.linspace(0, 1, 24)
    out = 0.05 + 0.066 * np.sin(np.pi * bow) ** 0.7
    handle = tube(np.stack([-out / np.sqrt(2), -out / np.sqrt(2), 0.05 + (h - 0.085) * bow], 1), 0.0095) - turned(
        [(0.001, -0.01), (0.051, 0.0), (0.053, 0.05), (0.0565, 0.15), (r - 0.002, h + 0.01)]
    )
    return Design(body + handle, artwork.plain((62, 122, 176), 0.02, 3), rolled=True, shininess=0.35)


def _bowl(size: Size) -> Design:
    profile = [
        (0.034, 0), (0.037, 0.0), (0.038, 0.004), (0.046, 0.007), (0.058, 0.016), (0.068, 0.028), (0.0755, 0.042),
        (0.0796, 0.0540), (0.0790, 0.0548), (0.0772, 0.0540), (0.073, 0.0425), (0.0655, 0.030), (0.0555, 0.0190),
        (0.043, 0.0105), (0.030, 0.0078),
    ]  # fmt: skip
    painter = artwork.plain((182, 34, 38), 0.02, 5)
    return Design(turned(profile), painter, rolled=True, round=True, shininess=0.45, looks_symmetric=True)


def _mug(size: Size) -> Design:
    r, h = size[1] / 2, size[2]
    profile = [
        (r - 0.006, 0.001), (r - 0.003, 0), (r, 0.003), (r, h - 0.002), (r - 0.0015, h), (r - 0.003, h - 0.002),
        (r - 0.004, 0.010), (r - 0.010, 0.006),
    ]  # fmt: skip
    bow = np.linspace(-np.pi / 2, np.pi / 2, 24)
    reach = size[0] - 2 * r
    path = np.stack([r - 0.003 + (reach - 0.0025) * np.cos(bow), 0 * bow, h / 2 + 0.026 * np.sin(bow)], 1)
    handle = tube(path, 0.0055) - turned([(0.001, -0.01), (r - 0.002, 0.0), (r - 0.002, h + 0.01)])
    return Design(turned(profile) + handle, artwork.plain((176, 32, 34), 0.02, 6), rolled=True, shininess=0.45)


def _banana(size: Size) -> Design:
    t = np.linspace(-1, 1, 40)
    bend = 0.72
    radius = 0.15
    path = np.stack([radius * np.sin(bend * t), -radius * np.cos(bend * t), 0 * t], 1)
    girth = 0.0178 * np.clip(1 - np.abs(t) ** 5, 0, 1) ** 0.5
    girth = np.maximum(girth, 0.0042)
    girth[t > 0.86] = np.linspace(0.0075, 0.0042, (t > 0.86).sum())

    def painter(name: str, canvas: artwork.Canvas) -> None:
        canvas.fill((224, 186, 52))
        if name in ("+z", "-z", "+y", "-y"):
            mirrored = name in ("+y", "-z")
            for x0, x1, colour in ((0.0, 0.02, (74, 56, 30)), (0.93, 1.0, (150, 140, 62)), (0.985, 1.0, (70, 54, 30))):
                canvas.rectangle(*((1 - x1, 0, 1 - x0, 1) if mirrored else (x0, 0, x1, 1)), colour)
        canvas.grain(0.06, 11)

    return Design(tube(path, girth, 12), painter, shininess=0.12)


def _pudding(size: Size) -> Design:
    painter = artwork.carton((96, 52, 30), (62, 32, 20), "PUDDING", "CHOCOLATE", ("+z", "-z"))
    return _carton(size, painter, 0.004)


DESIGNS: dict[str, Callable[[Size], Design]] = {
    "002_master_chef_can": lambda s: _can(s, artwork.tin((24, 46, 110), (16, 30, 74), "COFFEE", "GROUND", 0.03)),
    "003_cracker_box": lambda s: _carton(
        s, artwork.carton((184, 28, 30), (148, 18, 24), "CRACKERS", "BAKED WITH CHEESE", ("+y", "-y"))
    ),
    "004_sugar_box": lambda s: _carton(
        s, artwork.carton((232, 196, 48), (28, 74, 150), "SUGAR", "PURE CANE", ("+y", "-y"), (28, 60, 130))
    ),
    "005_tomato_soup_can": lambda s: _can(
        s, artwork.tin(artwork.WHITE, (186, 26, 30), "TOMATO", "SOUP", 0.03, ink=(186, 26, 30))
    ),
    "006_mustard_bottle": _mustard,
    "007_tuna_fish_can": lambda s: _can(s, artwork.tin((34, 96, 150), (222, 214, 190), "TUNA", "IN WATER", 0.08)),
    "008_pudding_box": _pudding,
    "009_gelatin_box": lambda s: _carton(
        s, artwork.carton((196, 40, 60), (236, 220, 214), "GELATIN", "STRAWBERRY", ("+z", "-z")), 0.003
    ),
    "010_potted_meat_can": _potted_meat,
    "011_banana": _banana,
    "019_pitcher_base": _pitcher,
    "021_bleach_cleanser": _bleach,
    "024_bowl": _bowl,
    "025_mug": _mug,
    "035_power_drill": tools.power_drill,
    "036_wood_block": lambda s: replace(
        _carton(s, artwork.plain((188, 142, 92), 0.10, 7, stretch=8), 0.004, QUARTER_TURNS), looks_symmetric=True
    ),
    "037_scissors": tools.scissors,
    "040_large_marker": tools.marker,
    "051_large_clamp": tools.clamp,
    "052_extra_large_clamp": tools.clamp,
    "061_foam_brick": lambda s: replace(_carton(s, artwork.plain((150, 60, 46), 0.06, 8), 0.003), looks_symmetric=True),
}

BY_NAME: dict[str, Dimensions] = {row.name: row for row in YCB}
