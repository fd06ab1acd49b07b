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

"""Backgrounds of stills.

Rooms out of focus, gradients, noise with natural spectra, the user's own pictures.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.messages import read_image
from hoisdf_model.paths import is_litter
from hoisdf_model.synthesis.render.appearance import PLAIN
from hoisdf_model.synthesis.render.photograph import Noises

SIZE = 320  # pixels
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

Image = NDArray[np.uint8]


def find_pictures(folder: str | Path) -> tuple[Path, ...]:
    """All pictures under a folder, in the order of their names.

    Raises:
        InvalidInputError: the folder doesn't exist or holds none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InvalidInputError(f"the folder of background pictures {root} doesn't exist")
    under = (path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = tuple(sorted(path for path in under if not is_litter(path.relative_to(root))))
    if not found:
        raise InvalidInputError(f"no pictures in {root}; endings looked for: {' '.join(SUFFIXES)}")
    return found


def backdrop(
    rng: np.random.Generator,
    pictures: tuple[Path, ...] = (),
    noises: Noises | None = None,
    own_share: float = PLAIN.own_pictures,
) -> Image:
    """Random background (SIZE, SIZE, 3) uint8 RGB.

    Args:
        rng: decides everything.
        pictures: the user's own.
        noises: where noise comes from; drawn anew where not given.
        own_share: of the backdrops, where the user has pictures.
    """
    if pictures and rng.random() < own_share:
        return _part_of(pictures[int(rng.integers(len(pictures)))], rng)
    kind = rng.choice(["room", "gradient", "noise"], p=[0.7, 0.13, 0.17])
    picture = {"room": _room, "gradient": _gradient, "noise": _noise}[str(kind)](rng, noises or Noises())
    return np.clip(picture, 0, 255).astype(np.uint8)


def _part_of(path: Path, rng: np.random.Generator) -> Image:
    """A random square of a picture file."""
    image = _read(path)
    edge = int(min(image.shape[:2]) * rng.uniform(0.35, 1.0))
    y, x = (int(rng.integers(0, n - edge + 1)) for n in image.shape[:2])
    square = cv2.resize(image[y : y + edge, x : x + edge], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(square[:, ::-1] if rng.random() < 0.5 else square, np.uint8)


@lru_cache(maxsize=64)
def _read(path: Path) -> Image:
    try:
        image = read_image(path, upright=True)
    except ImageError as error:
        raise InvalidInputError(f"the background picture {path} {error}: delete it or mend it") from error
    scale = min(1.0, 2 * SIZE / min(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small)


def _room(rng: np.random.Generator, noises: Noises) -> NDArray[np.float32]:
    """A wall, a floor and furniture-like shapes with shading, out of focus by a random amount."""
    base = rng.uniform(60, 215) * rng.uniform(0.85, 1.1, 3)
    picture = np.tile(base.astype(np.float32), (SIZE, SIZE, 1))
    floor = int(SIZE * rng.uniform(0.5, 1.1))
    picture[floor:] = rng.uniform(30, 200) * rng.uniform(0.8, 1.15, 3)
    for _ in range(int(rng.integers(8, 40))):
        colour = rng.uniform(10, 245) * rng.uniform(0.6, 1.3, 3)
        middle, size = rng.uniform(0, SIZE, 2), rng.uniform(6, 110, 2)
        angle = 0.0 if rng.random() < 0.6 else rng.uniform(0, 180)
        if rng.random() < 0.7:
            corners = cv2.boxPoints((tuple(middle.tolist()), tuple(size.tolist()), angle))
            cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], colour.tolist(), cv2.LINE_AA)
            if rng.random() < 0.4:
                cv2.polylines(picture, [np.round(corners).astype(np.int32)], True, (colour * 0.5).tolist(), 2)
        else:
            axes = (int(size[0] / 2) + 1, int(size[1] / 2) + 1)
            cv2.ellipse(picture, (int(middle[0]), int(middle[1])), axes, angle, 0, 360, colour.tolist(), -1,
                        cv2.LINE_AA)  # fmt: skip
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(np.exp(rng.uniform(-1.0, 2.0)))), np.float32)
    slope = np.linspace(-1, 1, SIZE, dtype=np.float32)
    picture *= 1 + rng.uniform(-0.3, 0.3) * slope[:, None, None] + rng.uniform(-0.3, 0.3) * slope[None, :, None]
    return picture + rng.uniform(0, 14) * noises.natural((SIZE, SIZE), rng)


def _gradient(rng: np.random.Generator, _: Noises) -> NDArray[np.float32]:
    corners = rng.uniform(10, 245, (2, 2, 1)) * rng.uniform(0.7, 1.2, (2, 2, 3))
    return np.asarray(cv2.resize(corners.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR), np.float32)


def _noise(rng: np.random.Generator, noises: Noises) -> NDArray[np.float32]:
    ground = rng.uniform(50, 200) * rng.uniform(0.7, 1.2, 3)
    return np.asarray(ground + rng.uniform(15, 55) * noises.natural((SIZE, SIZE), rng), np.float32)
