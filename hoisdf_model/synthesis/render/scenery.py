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

"""Scenery around the hand: table, out-of-focus room, lights."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.objects import TexturedSurface
from hoisdf_model.synthesis.render.renderer import Drawable, Lighting, Material
from hoisdf_model.synthesis.render.skin import noise

TABLE_SIZE = (1.7, 1.1)  # metres, x and y, its top at z = 0
ROOM_DISTANCE, ROOM_SIZE = 2.6, (7.0, 4.4)
TEXTURE = 1400  # pixels along the longer edge


def table(rng: np.random.Generator) -> Drawable:
    """Table top at z = 0 around the origin.

    Wooden, plain or checked.
    """
    width, height = TEXTURE, round(TEXTURE * TABLE_SIZE[1] / TABLE_SIZE[0])
    kind = rng.choice(["wood", "plain", "cloth"])
    if kind == "wood":
        colour = np.array([[170, 124, 80], [122, 82, 52], [196, 160, 118], [92, 64, 46]][rng.integers(4)], np.float32)
        grain = cv2.resize(noise((height, width // 24), rng, 24, 6), (width, height), interpolation=cv2.INTER_CUBIC)
        planks = np.arange(height) // (height // 5)
        shade = 1 + 0.06 * rng.standard_normal(6)[np.minimum(planks, 5)][:, None]
        joints = np.where(np.arange(height) % (height // 5) < 3, 0.6, 1.0)[:, None]
        pattern = shade * joints * (1 + 0.16 * grain)
    elif kind == "plain":
        colour = np.array([[214, 212, 206], [72, 76, 82], [150, 158, 150]][rng.integers(3)], np.float32)
        pattern = 1 + 0.05 * noise((height, width), rng, 3, 8)
    else:
        colour = np.array([[178, 186, 198], [196, 178, 150], [132, 150, 140]][rng.integers(3)], np.float32)
        rows, columns = np.mgrid[:height, :width]
        stripes = ((rows // 45) % 2 + (columns // 45) % 2) / 2
        pattern = 0.86 + 0.14 * stripes + 0.06 * noise((height, width), rng, 16, 5)
    pixels = np.clip(colour * np.asarray(pattern)[..., None], 0, 255).astype(np.uint8)
    x, y = TABLE_SIZE[0] / 2, TABLE_SIZE[1] / 2
    top = _quad(np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]]), pixels, 0.06 if kind == "wood" else 0.02)
    return Drawable(top, material=Material(gloss=18))


def room(rng: np.random.Generator) -> Drawable:
    """Wall with furniture-like shapes far behind the table.

    Blurred as by a lens focused on the hand.
    """
    width, height = TEXTURE, round(TEXTURE * ROOM_SIZE[1] / ROOM_SIZE[0])
    base = rng.uniform(95, 190) * np.array([1.0, rng.uniform(0.94, 1.04), rng.uniform(0.86, 1.06)])
    picture = np.tile(base.astype(np.float32), (height, width, 1))
    floor = int(height * 0.72)
    picture[floor:] = base * rng.uniform(0.45, 0.8) * np.array([1.0, 0.9, 0.78])
    for _ in range(rng.integers(18, 34)):  # cupboards, pictures, shelves
        w, h = rng.integers(30, 330), rng.integers(30, 300)
        x, y = rng.integers(-50, width), rng.integers(0, height - 60)
        colour = rng.uniform(30, 235) * rng.uniform(0.7, 1.15, 3)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1)
        if rng.random() < 0.5:
            for k in range(1, int(rng.integers(2, 6))):
                line = int(y + k * h / 6)
                cv2.line(picture, (int(x), line), (int(x + w), line), (colour * 0.6).tolist(), 5)
    for _ in range(rng.integers(10, 24)):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(8, 60)), int(rng.integers(8, 60)))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, rng.uniform(20, 240, 3).tolist(), -1)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(5, 9)), np.float32)
    picture *= 1 + 0.08 * noise((height, width), rng, 2, 4)[..., None]
    side, top = ROOM_SIZE[0] / 2, ROOM_SIZE[1] / 2
    corners = np.array([[-side, 0, -top], [side, 0, -top], [side, 0, top], [-side, 0, top]])
    corners[:, 1] = ROOM_DISTANCE
    return Drawable(_quad(corners, np.clip(picture, 0, 255).astype(np.uint8), 0.0))


def picture(corners: NDArray[np.float64], texture: NDArray[np.uint8]) -> TexturedSurface:
    """A flat picture; corners (4, 3) counter-clockwise from the texture's bottom left."""
    return _quad(corners, texture, 0.0)


def lighting(rng: np.random.Generator) -> Lighting:
    """Random lighting: key light with shadows, fill light, back light."""
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.6)
    key = np.array([0.8 * np.cos(azimuth), 0.8 * np.sin(azimuth), height])
    fill = np.array([-key[0] + rng.uniform(-0.3, 0.3), -0.9, 0.8])
    behind = np.array([rng.uniform(-0.8, 0.8), 1.0, 0.9])
    warmth = rng.uniform(-0.06, 0.08)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    colours = np.stack(
        [rng.uniform(0.75, 1.0) * tint, rng.uniform(0.15, 0.3) * np.ones(3), rng.uniform(0.1, 0.25) * tint[::-1]]
    )
    sky = rng.uniform(0.24, 0.36)
    return Lighting(
        np.stack([key, fill, behind]),
        colours,
        sky=(sky, sky, sky * 1.06),
        ground=(sky * 0.5, sky * 0.47, sky * 0.44),
        softness=float(rng.uniform(0.006, 0.016)),
        focus=(0.0, 0.0, 0.08),
        reach=0.75,
    )


def _quad(corners: NDArray[np.float64], texture: NDArray[np.uint8], shininess: float) -> TexturedSurface:
    """Four corners counter-clockwise from the texture's bottom left."""
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    normal /= np.linalg.norm(normal)
    return TexturedSurface(
        corners.astype(np.float32),
        np.tile(normal, (4, 1)).astype(np.float32),
        np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        texture,
        shininess,
    )
