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

"""Appearance of hands: skin tones, gloves, rings, sleeves.

A palette by number, made when first needed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.hand import HandModel
from hoisdf_model.objects import TexturedSurface
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.render.forearm import CUFF, ROLLED_UP, SLEEVE, forearm_surfaces
from hoisdf_model.synthesis.render.skin import SKIN_TONES, HandSkin, noise

SKINS, SLEEVES = 40, 48  # in one palette
FINENESS = 0.5  # of the skin's texture: stills are small, and every process keeps a palette
GLOVED = 0.08  # share of the skins that are gloves
HANDS_KEPT, PALETTE_KEPT = 256, 48
METALS = ((212, 176, 92), (196, 198, 204), (170, 120, 96), (60, 60, 64))
RING_THICKNESS = 0.0011  # metres

Tone = tuple[int, int, int]


def skin_tone(share: float) -> Tone:
    """Skin tone (sRGB) between the palest (0) and the darkest (1)."""
    place = np.clip(share, 0, 1) * (len(SKIN_TONES) - 1)
    red, green, blue = (
        round(np.interp(place, np.arange(len(SKIN_TONES)), [tone[c] for tone in SKIN_TONES])) for c in range(3)
    )
    return red, green, blue


class HandPalette:
    """Skins, gloves, sleeves and forearms for hands of one model, by number.

    Args:
        model: the hand model.
        split, seed: decide about the palette.
        sleeve: rings along a sleeve, and corners of each.
    """

    def __init__(self, model: HandModel, split: splits.Split, seed: int, sleeve: tuple[int, int] = SLEEVE) -> None:
        self._split, self._seed, self._fineness = split, seed, sleeve
        self._mean = PosableHand(model, np.zeros(10))
        self.hand = lru_cache(HANDS_KEPT)(self._hand)
        self.skin = lru_cache(PALETTE_KEPT)(self._skin)
        self._sleeve_texture = lru_cache(PALETTE_KEPT)(self._woven)
        self._arm_shape = lru_cache(HANDS_KEPT)(self._arm)

    def hand_surface(self, skin: int, vertices: NDArray[np.float64]) -> TexturedSurface:
        """Numbered skin or glove on posed hand vertices (778, 3)."""
        painted, _, glove = self.skin(skin)
        surface = painted.surface(vertices)
        return surface if glove is None else replace(surface, texture=glove, shininess=0.02)

    def arm_surfaces(
        self, skin: int, sleeve: int, shape: tuple[float, ...], rolled_up: bool = False
    ) -> tuple[TexturedSurface, TexturedSurface]:
        """Forearm and sleeve for a hand shape (10 betas).

        MANO's rest frame, wrist at the origin.
        """
        bare, cloth = self._arm_shape(shape, ROLLED_UP if rolled_up else CUFF)
        _, texture, _ = self.skin(skin)
        return replace(bare, texture=texture), replace(cloth, texture=self._sleeve_texture(sleeve))

    def _hand(self, shape: tuple[float, ...]) -> PosableHand:
        return self._mean.reshaped(np.array(shape))

    def _arm(self, shape: tuple[float, ...], cuff: float) -> tuple[TexturedSurface, TexturedSurface]:
        hand = self.hand(shape)
        return forearm_surfaces(hand, SKIN_TONES[0], None, np.random.default_rng(0), cuff, self._fineness)

    def _skin(self, number: int) -> tuple[HandSkin, NDArray[np.uint8], NDArray[np.uint8] | None]:
        """Skin, texture of the forearm, and the glove's texture if it is one."""
        rng = splits.generator(self._split, self._seed, 101, number)
        tone = skin_tone((number + rng.random()) / SKINS)  # the palette covers the range evenly
        painted = HandSkin(self._mean, tone, rng)
        small = cv2.resize(painted.texture, None, fx=FINENESS, fy=FINENESS, interpolation=cv2.INTER_AREA)
        painted.texture = np.asarray(small, np.uint8)
        bare, _ = forearm_surfaces(self._mean, tone, (128, 128, 128), rng)
        glove = None
        if rng.random() < GLOVED:
            colour = rng.uniform(20, 230) * rng.uniform(0.6, 1.2, 3)
            weave = 1 + 0.1 * noise((256, 256), rng, 16, 4)[..., None]
            glove = np.clip(colour * weave, 0, 255).astype(np.uint8)
        return painted, bare.texture, glove

    def _woven(self, number: int) -> NDArray[np.uint8]:
        rng = splits.generator(self._split, self._seed, 102, number)
        red, green, blue = (int(level) for level in np.clip(rng.uniform(15, 235) * rng.uniform(0.5, 1.3, 3), 0, 255))
        return forearm_surfaces(self._mean, SKIN_TONES[0], (red, green, blue), rng)[1].texture


def ring(joints: NDArray[np.float64], vertices: NDArray[np.float64], finger: int, metal: int) -> TexturedSurface:
    """A ring around a finger's first bone.

    Args:
        joints: (21, 3), our order; the frame of the result.
        vertices: (778, 3).
        finger: 1 to 4, index to little.
        metal: number of its colour.
    """
    base, end = joints[1 + 4 * finger], joints[2 + 4 * finger]
    axis = (end - base) / np.linalg.norm(end - base)
    place = base + 0.55 * (end - base)
    offset = vertices - place
    height = offset @ axis
    across = offset - height[:, None] * axis
    radius = np.linalg.norm(across, axis=1)
    near = (np.abs(height) < 0.006) & (radius < 0.014)
    middle = place + (across[near].mean(0) if near.any() else 0.0)
    size = float(np.linalg.norm(across[near] - (middle - place), axis=1).mean()) + 0.0006 if near.any() else 0.0095
    side = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    side /= np.linalg.norm(side)
    angle = np.linspace(0, 2 * np.pi, 33)[:-1]
    circle = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(axis, side)
    hoop = np.stack([middle + size * circle + s * axis for s in (-RING_THICKNESS, RING_THICKNESS)])
    outer = hoop + 0.0007 * circle
    rings = np.stack([hoop[0], outer[0], outer[1], hoop[1]])
    index = np.arange(4 * 32).reshape(4, 32)
    a, b = index[:-1], np.roll(index[:-1], -1, 1)
    c, d = index[1:], np.roll(index[1:], -1, 1)
    faces = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    points = rings.reshape(-1, 3)
    normals = np.tile(circle, (4, 1))
    colour = np.tile(np.array(METALS[metal % len(METALS)], np.uint8), (2, 2, 1))
    flat = np.full((len(points), 2), 0.5, np.float32)
    return TexturedSurface(
        points.astype(np.float32), normals.astype(np.float32), flat, faces.astype(np.int32), colour, 0.6
    )  # fmt: skip
