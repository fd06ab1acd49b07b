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

"""Crops of frames as pictures with captions."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing import FONT
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.geometry import Pinhole, crops, poses

Pixels = NDArray[np.uint8]
SIZE, STRIP = 256, 22  # pixels: edge of a picture, height of its caption
PAPER, INK = (250, 250, 250), (30, 30, 30)


def crop_of(batch: FrameBatch) -> tuple[Pixels, Pinhole]:
    """First crop of a batch as a picture, with its intrinsics.

    (SIZE, SIZE, 3) uint8 RGB.

    Neither mirrored nor turned: what lies in the camera frame can be drawn into it.
    """
    sample = batch.sample
    image = (sample.image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    scale = SIZE / image.shape[0]
    image = np.ascontiguousarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR))
    camera = np.diag([scale, scale, 1.0]) @ sample.intrinsics[0].double().numpy()
    mirrored = bool(sample.mirrored[0])
    turn = batch.axes[0] * (poses.MIRROR_SIGNS if mirrored else 1.0)
    if (turn != np.eye(3)).any():
        back, middle = crops.turned_image(camera, turn.T), np.full(2, (SIZE - 1) / 2)
        back[:2, 2] += middle - crops.apply_affine(back, middle)
        image, camera = crops.crop_image(image, back, SIZE), back @ camera @ turn
    if mirrored:
        image, camera[0, 2] = np.ascontiguousarray(image[:, ::-1]), SIZE - 1 - camera[0, 2]
    fx, fy, cx, cy = camera[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()
    return image, Pinhole(fx, fy, cx, cy, SIZE, SIZE)


def captioned(picture: Pixels, words: str) -> Pixels:
    """Picture with a caption below it.

    (H, W, 3) -> (H + STRIP, W, 3), uint8 RGB.
    """
    strip = np.full((STRIP, picture.shape[1], 3), PAPER, np.uint8)
    cv2.putText(strip, words, (4, 15), FONT, 0.4, INK, 1, cv2.LINE_AA)
    return np.concatenate([picture, strip])
