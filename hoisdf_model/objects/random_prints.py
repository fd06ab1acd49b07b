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

"""Random prints for random shapes.

Plain, striped, dotted, checked, labelled, with meaningless words.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np

from hoisdf_model.objects.artwork import BLACK, WHITE, Canvas, Colour

KINDS = ("plain", "stripes", "dots", "checks", "label", "patches")
_CONSONANTS, _VOWELS = "BCDFGKLMNPRSTVZ", "AEIOU"


def random_print(rng: np.random.Generator) -> Callable[[str, Canvas], None]:
    """Random painter of panels.

    All panels of an object share its colours and words.
    """
    seed = int(rng.integers(2**31))
    kind = str(rng.choice(KINDS, p=[0.2, 0.14, 0.1, 0.1, 0.34, 0.12]))

    def painter(name: str, canvas: Canvas) -> None:
        shared = np.random.default_rng(seed)
        colours = [random_colour(shared) for _ in range(4)]
        words = [random_word(shared) for _ in range(3)]
        strength, stretch = shared.uniform(0.01, 0.1), float(shared.choice([1.0, 1.0, 6.0]))
        own = np.random.default_rng([seed, sum(map(ord, name))])
        canvas.fill(colours[0])
        _PAINTERS[kind](canvas, colours, words, own)
        canvas.grain(float(strength), int(own.integers(2**31)), stretch)

    return painter


def random_colour(rng: np.random.Generator) -> Colour:
    """Any colour; greys and packaging's strong colours are frequent."""
    saturation = 0.0 if rng.random() < 0.2 else rng.beta(2, 1.6)
    red, green, blue = (
        round(255 * x) for x in colorsys.hsv_to_rgb(rng.random(), saturation, 0.12 + 0.85 * rng.random())
    )
    return red, green, blue


def random_word(rng: np.random.Generator) -> str:
    """Two to four syllables, sometimes with a number."""
    word = "".join(
        rng.choice(list(_CONSONANTS)) + rng.choice(list(_VOWELS)) for _ in range(int(rng.integers(2, 5)))
    )  # fmt: skip
    return f"{word} {rng.integers(1, 99)}" if rng.random() < 0.3 else word


def _ink(ground: Colour) -> Colour:
    """White or black, whichever can be read on it."""
    return WHITE if sum(ground) < 380 else BLACK


def _plain(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        canvas.text(0.5, rng.uniform(0.2, 0.8), words[0], rng.uniform(0.08, 0.25), _ink(colours[0]), 0.7)


def _stripes(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    count = int(rng.integers(2, 9))
    for k in range(count):
        at = (k + 0.25) / count
        canvas.rectangle(0, at, 1, at + 0.5 / count, colours[1 + k % 2])


def _dots(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    for x, y in rng.random((int(rng.integers(8, 40)), 2)):
        canvas.circle(float(x), float(y), float(rng.uniform(0.02, 0.09)), colours[int(rng.integers(1, 4))])


def _checks(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    rows = int(rng.integers(2, 9))
    columns = max(2, round(rows * canvas.aspect))
    for row in range(rows):
        for column in range(row % 2, columns, 2):
            canvas.rectangle(column / columns, row / rows, (column + 1) / columns, (row + 1) / rows, colours[1])


def _label(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    low, high = rng.uniform(0.05, 0.3), rng.uniform(0.6, 0.95)
    canvas.rectangle(0, low, 1, high, colours[1])
    ink = _ink(colours[1])
    for x in (0.25, 0.75) if canvas.aspect > 1.8 else (0.5,):
        width = 0.4 if canvas.aspect > 1.8 else 0.85
        canvas.circle(x, (low + high) / 2, 0.3 * (high - low), colours[2])
        canvas.text(x, low + 0.25 * (high - low), words[0], 0.3 * (high - low), ink, width)
        canvas.text(x, low + 0.55 * (high - low), words[1], 0.16 * (high - low), ink, width)
        canvas.small_print(x - width / 2, low + 0.75 * (high - low), x + width / 2, high - 0.03, 4, ink,
                           int(rng.integers(2**31)))  # fmt: skip
    if rng.random() < 0.4:
        canvas.barcode(0.7, 0.7, 0.95, 0.9, int(rng.integers(2**31)))


def _patches(canvas: Canvas, colours: list[Colour], words: list[str], rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(3, 12))):
        corners = rng.random(2) + rng.normal(0, 0.25, (int(rng.integers(3, 6)), 2))
        canvas.polygon([(float(x), float(y)) for x, y in corners], colours[int(rng.integers(1, 4))])


_PAINTERS: dict[str, Callable[[Canvas, list[Colour], list[str], np.random.Generator], None]] = {
    "plain": _plain,
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "label": _label,
    "patches": _patches,
}
