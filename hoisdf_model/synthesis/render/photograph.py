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

"""Simulated camera effects on rendered pictures.

Exposure, white balance, motion blur, noise, JPEG, and changed spectra.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.synthesis.render.appearance import PLAIN, Appearance

BLUR, LONGEST_BLUR = 0.15, 9.0  # share of the pictures, and pixels
DEFOCUS = 0.12
JPEG = 0.5
EXPONENTS = (0.7, 1.5)  # of natural images' amplitude spectra, about 1 / f
LINEAR = (np.arange(256, dtype=np.uint8) / np.float32(255)) ** np.float32(2.2)  # light of each grey level
STORED, STORED_GRAINS = 320, 2**21  # pixels, edge of a stored field of natural noise; stored normal numbers

Image = NDArray[np.uint8]


class Noises:
    """Source of image noise.

    Drawn anew each time, or parts of a store that all pictures share, which costs a tenth.

    Args:
        count: fields in the store, made when first needed; 0: no store.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = count
        self._field = lru_cache(None)(_stored_field)
        self._grains = lru_cache(None)(_stored_grains)

    def natural(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """Natural noise (H, W, 3), as :func:`natural_noise`.

        Of the store no more than ``STORED`` pixels each way.
        """
        if not self._count:
            return natural_noise(shape, rng)
        field = self._field(int(rng.integers(self._count)))[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        y, x = rng.integers(STORED, size=2)
        # the field goes on where it begins: anywhere may be its border
        return np.asarray(np.roll(field, (y, x), (0, 1))[: shape[0], : shape[1]])

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Standard normal numbers."""
        if not self._count:
            return rng.standard_normal(shape, np.float32)
        grains, size = self._grains(), int(np.prod(shape))
        begin = int(rng.integers(len(grains) - size))
        return grains[begin : begin + size].reshape(shape)


def photographed(
    image: Image, rng: np.random.Generator, noises: Noises | None = None, appearance: Appearance = PLAIN
) -> Image:
    """Picture with random camera effects.

    (H, W, 3) uint8, the same size.
    """
    noises, camera = noises or Noises(), appearance
    light = LINEAR[image]
    light *= np.exp(rng.normal(0, camera.exposure)) * np.exp(rng.normal(0, camera.balance, 3)).astype(np.float32)
    if rng.random() < BLUR:
        light = _moved(light, rng.uniform(2.0, LONGEST_BLUR) * image.shape[0] / 320, rng.uniform(0, np.pi))
    if rng.random() < DEFOCUS:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.5, 1.4)), np.float32)
    shot, read = rng.uniform(0, camera.shot), rng.uniform(0.0, camera.read)
    light += noises.white(light.shape, rng) * np.sqrt(shot * np.maximum(light, 0) + read**2)
    shown = np.clip(light, 0, None) ** np.float32(1 / (2.2 * np.exp(rng.normal(0, 0.12))))
    grey = shown.mean(-1, keepdims=True)
    shown = grey + (shown - grey) * rng.uniform(*camera.saturation)
    shown = 0.5 + (shown - 0.5) * rng.uniform(0.8, 1.15) + rng.normal(0, 0.03)
    if rng.random() < camera.spectrum:
        shown = _another_spectrum(shown, rng, noises)
    result = np.clip(shown * 255 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < JPEG:
        _, packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
        result = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return result


def natural_noise(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise (H, W, 3) with the spectrum of natural images.

    Correlated colours, mean 0 and deviation 1.
    """
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / max(shape)) ** rng.uniform(*EXPONENTS)
    fields = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((3, *shape)), axes=(1, 2)) * falling, shape, axes=(1, 2))
    fields = (fields - fields.mean((1, 2), keepdims=True)) / fields.std((1, 2), keepdims=True)
    mixed = np.einsum("cd,dhw->hwc", np.array([[1, 0.35, 0.1], [1, 0, -0.2], [1, -0.35, 0.1]]), fields)
    return np.asarray(mixed / mixed.std(), np.float32)


def _moved(light: NDArray[np.float32], length: float, direction: float) -> NDArray[np.float32]:
    size = int(length) // 2 * 2 + 3
    kernel = np.zeros((size, size), np.float32)
    middle = np.array([size // 2, size // 2])
    reach = np.array([np.cos(direction), np.sin(direction)]) * length / 2
    ends = [tuple(round(v) for v in middle + s * reach) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT), np.float32)


def _stored_field(number: int) -> NDArray[np.float32]:
    return natural_noise((STORED, STORED), np.random.default_rng([7, number]))


def _stored_grains() -> NDArray[np.float32]:
    return np.random.default_rng(8).standard_normal(STORED_GRAINS, np.float32)


def _another_spectrum(shown: NDArray[np.float32], rng: np.random.Generator, noises: Noises) -> NDArray[np.float32]:
    """Amplitudes mixed with those of natural noise, phases kept: shapes stay (Xu et al. 2021, Amplitude Mix)."""
    own = np.fft.rfft2(shown, axes=(0, 1))
    other = np.fft.rfft2(noises.natural(shown.shape[:2], rng) * shown.std(), axes=(0, 1))
    other[0, 0] = own[0, 0]  # brightness stays
    amount = rng.uniform(0.05, 0.3)
    amplitude = (1 - amount) * np.abs(own) + amount * np.abs(other)
    mixed = np.fft.irfft2(amplitude * np.exp(1j * np.angle(own)), shown.shape[:2], axes=(0, 1))
    return np.asarray(mixed, np.float32)
