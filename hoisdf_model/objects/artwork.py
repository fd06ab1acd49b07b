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

"""Drawing of package labels and prints.

A canvas in fractions of its own size, and the prints that packages carry.

The products are made up; names say what is inside and nothing more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
WHITE: Colour = (245, 243, 238)
BLACK: Colour = (28, 28, 30)
METAL: Colour = (178, 180, 184)
OVERSAMPLING = 2  # Pillow's shapes have hard edges: draw larger, then average


class Canvas:
    """Drawing surface in relative coordinates.

    Positions are fractions of its width and height, from the top left, y down.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.aspect = width / height
        self._image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, colour: Colour) -> None:
        """Fill with one colour."""
        self.rectangle(0, 0, 1, 1, colour)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A filled rectangle."""
        self._draw.rectangle(self._pixels(x0, y0, x1, y1), fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse around (x, y); ``rx`` in widths, ``ry`` in heights."""
        self._draw.ellipse(self._pixels(x - rx, y - ry, x + rx, y + ry), fill=colour)

    def circle(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle, its radius in heights."""
        self.ellipse(x, y, radius / self.aspect, radius, colour)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([self._pixels(x, y) for x, y in points], fill=colour)

    def text(self, x: float, y: float, words: str, size: float, colour: Colour, width: float | None = None) -> None:
        """Text centred at (x, y).

        ``size`` in heights; made smaller to fit ``width``, in widths.
        """
        pixels = max(6, size * self.height * OVERSAMPLING)
        if width is not None:
            wide = _font(round(pixels)).getlength(words)
            pixels *= min(1.0, width * self.width * OVERSAMPLING / max(wide, 1))
        self._draw.text(
            self._pixels(x, y), words, fill=colour, font=_font(max(6, round(pixels))), anchor="mm",
            stroke_width=max(0, round(pixels / 28)), stroke_fill=colour,
        )  # fmt: skip

    def small_print(self, x0: float, y0: float, x1: float, y1: float, lines: int, colour: Colour, seed: int) -> None:
        """Lines of words too small to read: dashes of random lengths."""
        rng = np.random.default_rng(seed)
        step = (y1 - y0) / lines
        for line in range(lines):
            x, y = x0, y0 + line * step
            while x < x1:
                length = rng.uniform(0.02, 0.1)
                self.rectangle(x, y, min(x + length, x1), y + step * 0.45, colour)
                x += length + 0.012

    def barcode(self, x0: float, y0: float, x1: float, y1: float, seed: int) -> None:
        """A barcode on white."""
        rng = np.random.default_rng(seed)
        self.rectangle(x0, y0, x1, y1, WHITE)
        for at in np.linspace(x0, x1, 40)[1:-2]:
            if rng.random() < 0.6:
                self.rectangle(at, y0 + 0.08 * (y1 - y0), at + (x1 - x0) / 70, y1 - 0.12 * (y1 - y0), BLACK)

    def grain(self, strength: float, seed: int, stretch: float = 1.0) -> None:
        """Brightness noise at all scales, stretched along y.

        ``stretch``: how many times longer along y (wood, brushed metal).
        """
        rng = np.random.default_rng(seed)
        pattern = np.zeros((self._image.height, self._image.width), np.float32)
        for cells, weight in ((4, 1.0), (12, 0.7), (40, 0.45), (120, 0.3)):
            shape = (max(2, round(cells / stretch)), cells)
            field = rng.standard_normal(shape).astype(np.float32)
            pattern += weight * cv2.resize(field, pattern.shape[::-1], interpolation=cv2.INTER_CUBIC)
        pixels = np.asarray(self._image, np.float32) * (1 + strength * pattern[..., None])
        self._image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        self._draw = ImageDraw.Draw(self._image)

    def repeat_start_at_end(self, share: float) -> None:
        """Copy the left edge over the right one.

        Over the last ``share`` of the width: the print of a roll overlaps at its seam.
        """
        columns = round(self._image.width * share)
        self._image.paste(self._image.crop((0, 0, columns, self._image.height)), (self._image.width - columns, 0))

    def pixels(self) -> NDArray[np.uint8]:
        """Pixels (height, width, 3) uint8."""
        small = cv2.resize(np.asarray(self._image), (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    def _pixels(self, *fractions: float) -> Any:
        scale = (self.width * OVERSAMPLING, self.height * OVERSAMPLING)
        return tuple(fraction * scale[i % 2] for i, fraction in enumerate(fractions))


@lru_cache(maxsize=64)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


SEAM = 2.0 / 48 / (1 + 2.0 / 48)  # what ``unwrapping.around_axis`` prints beyond a roll's seam


def carton(
    ground: Colour, accent: Colour, title: str, subtitle: str, front: tuple[str, str], ink: Colour = WHITE
) -> Any:
    """Print of a cardboard box with panels ``front`` on both faces."""

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill(ground)
        seed = sum(map(ord, title + name))
        if name in front:
            canvas.rectangle(0, 0.66, 1, 1, accent)
            canvas.polygon([(0, 0.60), (1, 0.52), (1, 0.68), (0, 0.68)], WHITE)
            canvas.text(0.5, 0.2, title, 0.17, ink, 0.88)
            canvas.text(0.5, 0.38, subtitle, 0.09, ink, 0.8)
            for k in range(5):
                x, y = 0.2 + 0.15 * k, 0.76 + 0.06 * (k % 2)
                canvas.circle(x, y, 0.085, (214, 160, 84))
                canvas.circle(x, y, 0.07, (232, 188, 118))
            canvas.small_print(0.08, 0.93, 0.6, 0.98, 2, ink, seed)
        elif name in ("+z", "-z"):
            canvas.text(0.5, 0.5, title, 0.4, ink, 0.8)
        else:
            canvas.rectangle(0, 0.85, 1, 1, accent)
            canvas.text(0.5, 0.12, title, 0.08, ink, 0.86)
            canvas.rectangle(0.1, 0.22, 0.9, 0.62, WHITE)
            canvas.small_print(0.15, 0.25, 0.85, 0.6, 12, BLACK, seed)
            canvas.barcode(0.15, 0.68, 0.85, 0.8, seed)
        canvas.grain(0.02, seed)

    return painter


def tin(
    ground: Colour,
    accent: Colour,
    title: str,
    subtitle: str,
    rim: float = 0.03,
    lid: Colour = METAL,
    ink: Colour = WHITE,
) -> Any:
    """Paper sleeve of a tin with metal rims.

    ``rim`` in heights; the title stands twice around.
    """

    def painter(name: str, canvas: Canvas) -> None:
        seed = sum(map(ord, title + name))
        canvas.fill(lid)
        if name == "side":
            canvas.rectangle(0, rim, 1, 1 - rim, ground)
            canvas.rectangle(0, 0.5, 1, 1 - rim, accent)
            for x in (0.25, 0.75):
                canvas.ellipse(x, 0.5, 0.09, 0.2, (226, 186, 72))
                canvas.ellipse(x, 0.5, 0.08, 0.175, WHITE)
                canvas.text(x, 0.5, subtitle, 0.1, accent, 0.14)
                canvas.text(x, 0.2, title, 0.19, ink, 0.34)
                canvas.text(x, 0.83, subtitle, 0.1, ink, 0.3)
            canvas.rectangle(0.43, 0.14, 0.57, 0.9, WHITE)
            canvas.small_print(0.44, 0.18, 0.56, 0.62, 11, BLACK, seed)
            canvas.barcode(0.45, 0.66, 0.55, 0.86, seed)
            canvas.repeat_start_at_end(SEAM)
        else:
            for radius, shade in ((0.46, 150), (0.43, 196), (0.36, 165), (0.34, 190)):
                canvas.ellipse(0.5, 0.5, radius, radius, _shaded(lid, shade / 180))
        canvas.grain(0.02, seed)

    return painter


def bottle(body: Colour, cap: Colour, label: Colour, title: str, subtitle: str, span: tuple[float, float], top: float,
           ink: Colour = WHITE) -> Any:  # fmt: skip
    """Bottle print with two labels and a cap.

    A label on both broad sides between the heights ``span`` and a cap above ``top`` (from the top).
    """

    def painter(name: str, canvas: Canvas) -> None:
        seed = sum(map(ord, title + name))
        canvas.fill(cap if name == "top" else body)
        if name == "side":
            canvas.rectangle(0, 0, 1, top, cap)
            y0, y1 = span
            middle, high = (y0 + y1) / 2, (y1 - y0) / 2
            roll = 1 - SEAM
            for x in (0.25 * roll, 0.75 * roll):
                canvas.ellipse(x, middle, 0.17, high, WHITE)
                canvas.ellipse(x, middle, 0.16, high * 0.95, label)
                canvas.text(x, middle - high * 0.25, title, high * 0.42, ink, 0.27)
                canvas.text(x, middle + high * 0.15, subtitle, high * 0.22, ink, 0.24)
                canvas.small_print(x - 0.07, middle + high * 0.42, x + 0.07, middle + high * 0.7, 4, ink, seed)
            canvas.repeat_start_at_end(SEAM)
        canvas.grain(0.015, seed)

    return painter


def _shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(c * factor)) for c in colour)
    return red, green, blue


def plain(colour: Colour, strength: float = 0.05, seed: int = 0, stretch: float = 1.0) -> Any:
    """Print of one colour with uneven brightness."""

    def painter(name: str, canvas: Canvas) -> None:
        canvas.fill(colour)
        canvas.grain(strength, seed + sum(map(ord, name)), stretch)

    return painter
