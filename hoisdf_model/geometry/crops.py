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

"""Square crop of the network: window, affine, intrinsics, image.

There is one crop. ``image -> crop`` is the affine ``A`` (3, 3) with ``crop_pixel = A image_pixel`` and the crop's
camera is ``A K``, so a camera point projects to the same place either way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.geometry import boxes
from hoisdf_model.geometry.pictures import Picture, window_of

CROP_SIZE = 256


@dataclass(frozen=True)
class SquareWindow:
    """Square in the image: centre (2,) and edge length, pixels."""

    center: tuple[float, float]
    size: float

    def affine(self, crop_size: int = CROP_SIZE) -> NDArray[np.float64]:
        """``A``, (3, 3): image pixels -> pixels of the crop."""
        s = crop_size / self.size
        return np.array(
            [[s, 0, crop_size / 2 - s * self.center[0]], [0, s, crop_size / 2 - s * self.center[1]], [0, 0, 1]]
        )


def window_around(*regions: ArrayLike, width: int, height: int, margin: float = 1.5) -> SquareWindow:
    """Square window around boxes.

    Each box is first enlarged by ``margin``, their union is clipped to the image.

    The window may reach beyond the image; what lies outside is black in the crop.

    Raises:
        InvalidInputError: no boxes, or none of them touches the image.
    """
    if not regions:
        raise InvalidInputError("a crop window needs at least one box")
    box = boxes.clipped(boxes.union(*(boxes.scaled(r, margin) for r in regions)), width, height)
    edges = box[2:] - box[:2]
    if (edges <= 0).any():
        raise InvalidInputError(f"no box touches the image of {width}x{height} pixels: {np.asarray(regions).tolist()}")
    x, y = boxes.center(box)
    return SquareWindow((float(x), float(y)), float(edges.max()))


def crop_image(picture: Picture, affine: NDArray[np.float64], crop_size: int = CROP_SIZE) -> NDArray[np.uint8]:
    """Crop of a picture (H, W, 3) by ``affine``, antialiased.

    Black outside the image.

    Returns:
        (crop_size, crop_size, 3) uint8.
    """
    if isinstance(picture, np.ndarray) and (
        picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or picture.size == 0
    ):
        raise ImageError(f"an image must be (H, W, 3) uint8 and not empty, got {picture.shape} {picture.dtype}")
    return window_of(picture, affine, crop_size)


def apply_affine(affine: NDArray[np.float64], pixels: ArrayLike) -> NDArray[np.float64]:
    """Transformed pixels (..., 2) by an affine (3, 3)."""
    p = np.asarray(pixels, np.float64)
    return p @ affine[:2, :2].T + affine[:2, 2]


def map_box(affine: NDArray[np.float64], box: ArrayLike) -> NDArray[np.float64]:
    """Box (4,) in the other image.

    Around the ellipse that fills the first.
    Where the affine only shifts, scales and mirrors, that is the box itself. A turned box's corners, where hands and
    most objects have nothing, would make it too large.
    """
    b = np.asarray(box, np.float64)
    middle = apply_affine(affine, boxes.center(b))
    half = np.hypot(*(affine[:2, :2] * (b[2:] - b[:2]) / 2).T)
    return np.concatenate([middle - half, middle + half])


def turned_image(matrix: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine (3, 3) of an image whose camera is turned.

    About its optical axis: ``K Rz K^-1`` takes pixels to pixels of the camera ``matrix`` turned by ``turn`` (3, 3),
    whatever the focal lengths.
    """
    affine = matrix @ turn @ np.linalg.inv(matrix)
    affine[2] = 0.0, 0.0, 1.0
    return affine
