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

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry.cameras import Pinhole

OUTSIDE = -1e4  # pixels: so far outside of every image that nothing is seen there
LEAST_SCALE = 0.75  # below this linear interpolation, which reads four pixels, skips some


class Distorted:
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
        """Pixels of the raw image (size, size, 2) that a window of the undistorted one shows."""
        maps = self._camera.undistortion_map(self.shape[1], self.shape[0])
        return np.asarray(cv2.warpAffine(maps, affine[:2], (size, size), borderValue=(OUTSIDE, OUTSIDE)))


Picture = NDArray[np.uint8] | Distorted


def warped(picture: Picture, affine: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Window of a picture, bilinearly sampled; black outside of it.

    Args:
        picture: (H, W, 3) uint8.
        affine: (2, 3) or (3, 3), from pixels of the undistorted image to those of the window.
        size: edge of the window, pixels.
    """
    return _sampled(picture, affine, size, 1)


def averaged(picture: Picture, affine: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Window of a picture, antialiased: averaged first where it is made smaller.

    Arguments and result: as of :func:`warped`.
    """
    scale = float(np.sqrt(abs(np.linalg.det(affine[:2, :2]))))
    factor = round(1 / scale) if scale < LEAST_SCALE else 1
    return _sampled(picture, affine, size, min(factor, *picture.shape[:2]))


def _sampled(picture: Picture, affine: NDArray[np.float64], size: int, k: int) -> NDArray[np.uint8]:
    """Window of a picture whose pixels are averaged k by k first; see :func:`warped`."""
    image: NDArray[Any] = picture.raw if isinstance(picture, Distorted) else picture
    middle = (k - 1) / 2  # the centre of the small pixel i lies at k i + (k - 1) / 2 of the large image
    if k > 1:
        h, w = image.shape[0] // k, image.shape[1] // k
        image = cv2.resize(image[: h * k, : w * k], (w, h), interpolation=cv2.INTER_AREA)
    if isinstance(picture, Distorted):
        places = (picture.places(affine, size) - np.float32(middle)) / np.float32(k)
        return np.asarray(cv2.remap(image, places, None, cv2.INTER_LINEAR))  # type: ignore[call-overload]
    matrix = affine[:2] @ np.array([[k, 0, middle], [0, k, middle], [0, 0, 1]])
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR))
