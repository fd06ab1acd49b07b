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

"""Image processing of the released code.

Nearest-neighbour crops, and Pillow's blur and colours on 8-bit images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from hoisdf_model.data.samples.augmentation import AugmentationConfig

Pixels = TypeVar("Pixels", bound=np.generic)
STEPS = ("brightness", "saturation", "hue", "contrast")


@dataclass(frozen=True)
class ColourDraws:
    """Random numbers of the colour augmentation.

    Attributes:
        blur: radius of the Gaussian blur, pixels of the crop.
        brightness, contrast, saturation: factors.
        hue: shift as a share of the circle.
        order: permutation of 0..3, positions in ``STEPS``, the first one is done first.
    """

    blur: float
    brightness: float
    contrast: float
    saturation: float
    hue: float
    order: tuple[int, ...]


def drawn_colours(config: AugmentationConfig, rng: np.random.Generator) -> ColourDraws:
    """Random colour changes, drawn in the official order."""
    blur = rng.random() * config.blur
    brightness, contrast, saturation = (
        rng.uniform(1 - amount, 1 + amount) for amount in (config.brightness, config.contrast, config.saturation)
    )
    hue = rng.uniform(-config.hue, config.hue)
    order = tuple(int(i) for i in rng.permutation(len(STEPS)))
    return ColourDraws(blur, brightness, contrast, saturation, hue, order)


def nearest_crop(image: NDArray[Pixels], affine: NDArray[np.floating[Any]], size: int) -> NDArray[Pixels]:
    """Nearest-neighbour crop (size, size, ...) of an image.

    (H, W) or (H, W, C): at every pixel's centre the pixel of the image there, zeros outside.
    """
    inverse = np.linalg.inv(affine)[:2].ravel().tolist()
    source: NDArray[Any] = image.view(np.uint8) if image.dtype == np.bool_ else image
    picture = Image.fromarray(np.ascontiguousarray(source))
    cut = np.array(picture.transform((size, size), Image.Transform.AFFINE, inverse))
    return cut.view(np.bool_) if image.dtype == np.bool_ else cut


def changed_colours(image: NDArray[np.uint8], draws: ColourDraws) -> NDArray[np.uint8]:
    """Blurred and colour-augmented image (H, W, 3) RGB."""
    picture = Image.fromarray(image).filter(ImageFilter.GaussianBlur(draws.blur))
    steps: dict[str, Callable[[Image.Image], Image.Image]] = {
        "brightness": lambda p: ImageEnhance.Brightness(p).enhance(draws.brightness),
        "saturation": lambda p: ImageEnhance.Color(p).enhance(draws.saturation),
        "hue": lambda p: _hue_shifted(p, draws.hue),
        "contrast": lambda p: ImageEnhance.Contrast(p).enhance(draws.contrast),
    }
    for position in draws.order:
        picture = steps[STEPS[position]](picture)
    return np.array(picture, np.uint8)


def _hue_shifted(picture: Image.Image, shift: float) -> Image.Image:
    hue, saturation, value = picture.convert("HSV").split()
    turned = (np.asarray(hue).astype(np.int64) + int(shift * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), saturation, value)).convert("RGB")
