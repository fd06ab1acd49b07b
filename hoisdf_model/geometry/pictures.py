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

"""Affine windows of images, with or without lens distortion."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry.cameras import Pinhole

OUTSIDE = -1e4  # pixels: so far outside of every image that nothing is seen there
LEAST_SCALE = 0.75  # below this linear interpolation, which reads four pixels, skips some


class DistortedImage:
    """Image of a distorted camera, undistorted where it is read.

    To undistort all of a large image takes longer than all windows that are read of it.

    Args:
        image: (H, W, 3) uint8 of the raw camera.
        camera: the raw camera, with the image's size.

    Attributes:
        shape: (H, W, 3), that of the undistorted image too.
    """

    def __init__(self, image: NDArray[np.uint8], camera: Pinhole) -> None:
        self.raw, self._camera = image, camera
        self.shape = image.shape

    def whole(self) -> NDArray[np.uint8]:
        """Undistorted image (H, W, 3)."""
        return self._camera.undistort(self.raw)

    def places(self, affine: NDArray[np.float64], size: int) -> NDArray[np.float32]:
        """Raw pixels of a window of the undistorted image, (size, size, 2)."""
        maps = self._camera.undistortion_map(self.shape[1], self.shape[0])
        return np.asarray(cv2.warpAffine(maps, affine[:2], (size, size), borderValue=(OUTSIDE, OUTSIDE)))


Picture = NDArray[np.uint8] | DistortedImage


def window_of(picture: Picture, affine: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Square window of a picture, antialiased; black outside of the picture.

    Args:
        picture: (H, W, 3) uint8.
        affine: (2, 3) or (3, 3), from pixels of the undistorted image to those of the window.
        size: edge of the window, pixels.

    Returns:
        (size, size, 3) uint8.
    """
    image = picture.raw if isinstance(picture, DistortedImage) else picture
    scale = float(np.sqrt(abs(np.linalg.det(affine[:2, :2]))))
    k = min(round(1 / scale), *image.shape[:2]) if scale < LEAST_SCALE else 1
    places = picture.places(affine, size) if isinstance(picture, DistortedImage) else None
    if k == 1:
        return _sampled(image, affine, places, size)
    first, image = _averaged(image, k, *_reach(image, affine, places, size))
    # the centre of the small pixel i lies at first + k i + (k - 1) / 2 of the large image
    middle = first + (k - 1) / 2
    if places is not None:
        return _sampled(image, affine, ((places - middle) / k).astype(np.float32), size)
    return _sampled(image, affine[:2] @ np.array([[k, 0, middle[0]], [0, k, middle[1]], [0, 0, 1]]), None, size)


def _reach(
    image: NDArray[np.uint8], affine: NDArray[np.float64], places: NDArray[np.float32] | None, size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest column and row that a window reads."""
    height, width = image.shape[:2]
    if places is None:
        edges = np.array([[0, 0], [0, size], [size, 0], [size, size]], np.float64)
        read = (edges - affine[:2, 2]) @ np.linalg.inv(affine[:2, :2]).T
    else:
        read = places[places[..., 0] > OUTSIDE / 2]
    if not len(read):
        return np.zeros(2), np.zeros(2)
    limit = [width, height]
    return np.clip(read.min(0), 0, limit), np.clip(read.max(0), 0, limit)


def _averaged(
    image: NDArray[np.uint8], k: int, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """First column and row, and means of k by k pixels, of the part of an image from ``low`` to ``high``."""
    limit = np.array(image.shape[1::-1]) // k
    start = np.clip(np.floor(low / k).astype(int) - 1, 0, limit - 1)
    stop = np.clip(np.ceil(high / k).astype(int) + 1, start + 1, limit)
    (x0, y0), (x1, y1) = start * k, stop * k
    small = cv2.resize(image[y0:y1, x0:x1], (stop - start).tolist(), interpolation=cv2.INTER_AREA)
    return start * k, np.asarray(small)


def _sampled(
    image: NDArray[np.uint8], affine: NDArray[np.float64], places: NDArray[np.float32] | None, size: int
) -> NDArray[np.uint8]:
    """Bilinear samples: at ``places`` of the image or, without them, by ``affine``."""
    if places is None:
        return np.asarray(cv2.warpAffine(image, affine[:2], (size, size), flags=cv2.INTER_LINEAR))
    return np.asarray(cv2.remap(image, places, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
