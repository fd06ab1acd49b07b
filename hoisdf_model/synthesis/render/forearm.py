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

"""Forearm with a sleeve, closing the hand at its wrist.

Rigid with the hand's global rotation: MANO has no wrist joint. In MANO's rest frame, wrist at the origin, arm along +x.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import meshes
from hoisdf_model.objects import TexturedSurface
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.render.skin import mix, noise, palm_share

LENGTH = 0.42  # metres from the wrist; usually beyond the picture's border
CUFF, ROLLED_UP = 0.075, 0.23  # metres from the wrist to the sleeve's end, and to that of one rolled up to the elbow
WIDENING = 0.05  # of the arm's half axes, metres a metre
SLEEVE = (64, 48)  # rings along it, and corners of each


def forearm_surfaces(
    hand: PosableHand,
    tone: tuple[int, int, int],
    cloth: tuple[int, int, int] | None,
    rng: np.random.Generator,
    cuff: float = CUFF,
    fineness: tuple[int, int] = SLEEVE,
) -> tuple[TexturedSurface, TexturedSurface]:
    """Forearm skin and sleeve.

    Skin from the wrist to under the sleeve; MANO's rest frame, wrist joint at the origin.

    Args:
        hand: gives the wrist's outline.
        tone: sRGB of the skin.
        cloth: sRGB of the sleeve; None: its texture comes from elsewhere, and weaving one is a third of a still's time.
        rng: for folds and cloth.
        cuff: metres from the wrist to the sleeve's end.
        fineness: rings along the sleeve, and corners of each.
    """
    count, sides = fineness
    rim = _resampled(hand.rest_vertices[hand.wrist_loop], sides)
    start = float(rim[:, 0].mean())
    middle = rim[:, 1:].mean(0)
    stations = np.linspace(0, cuff + 0.02 - start, 10 if cuff == CUFF else 24)
    rings = []
    for x in stations:
        share = min(x / 0.05, 1.0)
        share = share * share * (3 - 2 * share)
        ring = (1 - share) * rim[:, 1:] + share * _ellipse(
            middle, 0.021 + WIDENING * x, 0.0285 + WIDENING * x, rim, middle
        )
        rings.append(np.column_stack([rim[:, 0] + x, ring]))
    skin = _skin(np.stack(rings), tone, rng)

    folds = noise((count, sides), rng, 5, 3)
    sleeve, loose = [], 0.012 + WIDENING * (cuff - CUFF)
    for i, x in enumerate(np.r_[cuff + 0.015, cuff + 0.002, cuff, np.linspace(cuff + 0.003, LENGTH, count - 3)]):
        grown = loose + 0.04 * (x - cuff)
        if i < 3:
            grown -= (0.006, 0.004, 0.002)[i]
        elif i > 3:
            grown = grown + 0.0028 * folds[i - 3]
        ring = _ellipse(middle, 0.0235 + grown, 0.031 + grown, rim, middle)
        sleeve.append(np.column_stack([np.full(sides, x), ring]))
    return skin, _cloth(np.stack(sleeve), cloth, rng)


def _resampled(loop: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The loop (N, 3) with ``count`` points, by angle around the x axis, so that rings match."""
    middle = loop.mean(0)
    angle = np.arctan2(loop[:, 2] - middle[2], loop[:, 1] - middle[1])
    order = np.argsort(angle)
    wanted = np.linspace(-np.pi, np.pi, count, endpoint=False)
    ticks = np.concatenate([angle[order] - 2 * np.pi, angle[order], angle[order] + 2 * np.pi])
    return np.stack([np.interp(wanted, ticks, np.tile(loop[order, i], 3)) for i in range(3)], 1)


def _ellipse(
    middle: NDArray[np.float64], half_y: object, half_z: object, rim: NDArray[np.float64], about: NDArray[np.float64]
) -> NDArray[np.float64]:
    angle = np.arctan2(rim[:, 2] - about[1], rim[:, 1] - about[0])
    return np.stack([middle[0] + np.asarray(half_y) * np.cos(angle), middle[1] + np.asarray(half_z) * np.sin(angle)], 1)


def _strip(rings: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A skin over rings (K, N, 3) that run counter-clockwise seen against the direction they advance in."""
    count, size, _ = rings.shape
    index = np.arange(count * size).reshape(count, size)
    a, b, c, d = index[:-1], np.roll(index[:-1], -1, 1), index[1:], np.roll(index[1:], -1, 1)
    faces = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    vertices = rings.reshape(-1, 3)
    middle = vertices.mean(0)
    normals = meshes.face_normals(vertices, faces)
    if ((vertices[faces].mean(1) - middle)[:, 1:] * normals[:, 1:]).sum() < 0:
        faces = faces[:, ::-1]
    return vertices, faces


def _surface(
    rings: NDArray[np.float64], texture: NDArray[np.uint8], shininess: float, repeat: float = 1.0
) -> TexturedSurface:
    vertices, faces = _strip(rings)
    normals = meshes.vertex_normals(vertices, faces)
    count, size, _ = rings.shape
    along = np.repeat(np.linspace(0, 1, count), size)
    # there and back around the arm, so that the texture meets itself
    around = np.tile(0.01 + 0.98 * np.abs(np.linspace(-1, 1, size, endpoint=False)), count)
    uv = np.stack([along * repeat, around], 1)
    arrays = [np.asarray(a, np.float32) for a in (vertices, normals, uv)]
    return TexturedSurface(arrays[0], arrays[1], arrays[2], faces.astype(np.int32), texture, shininess)


def _skin(rings: NDArray[np.float64], tone: tuple[int, int, int], rng: np.random.Generator) -> TexturedSurface:
    # down the texture from the arm's back to its inner side, as pale as the palm only near the wrist
    inner = palm_share(np.cos(np.linspace(0, np.pi, 128)))[:, None, None]
    fading = 1 - 0.7 * np.linspace(0, 1.3, 128).clip(0, 1)[None, :, None]
    colour = mix(tone, inner * fading) + 6 * noise((128, 128), rng)[..., None]
    return _surface(rings, np.clip(colour, 0, 255).astype(np.uint8), 0.05)


def _cloth(
    rings: NDArray[np.float64], colour: tuple[int, int, int] | None, rng: np.random.Generator
) -> TexturedSurface:
    if colour is None:
        return _surface(rings, np.zeros((1, 1, 3), np.uint8), 0.015)
    rows, columns = np.mgrid[:512, :512]
    weave = 0.05 * (np.sin(rows * np.pi / 2.0) * np.sin(columns * np.pi / 2.0))
    pattern = 1 + weave + 0.08 * noise((512, 512), rng, 4, 7)
    if rng.random() < 0.4:
        pattern *= np.where(columns % 64 < 20, 0.72, 1.0)
    texture = np.clip(np.array(colour) * pattern[..., None], 0, 255).astype(np.uint8)
    return _surface(rings, texture, 0.015)
