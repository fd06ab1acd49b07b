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

"""Palm detection: anchors, decoding, weighted non-maximum suppression.

As MediaPipe's public documentation and graphs describe them (Bazarevsky et al., BlazeFace, 2019, for the suppression;
Zhang et al., MediaPipe Hands, 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.geometry import Picture, boxes, pictures
from hoisdf_model.hand_tracking.looking import Window
from hoisdf_model.hand_tracking.palm_network import ANCHORS_COARSE, ANCHORS_FINE, PALM_IMAGE, PalmNetwork
from hoisdf_model.transfers import on_host

Floats = NDArray[np.float64]

LEAST_SCORE = 0.5
SAME_PALM = 0.3  # intersection over union from which on two detections are one palm
# The window about a palm: this many longest edges of its box, moved by half an edge towards the fingers.
WINDOW, SHIFT = 2.6, 0.5
_WRIST, _MIDDLE = 0, 2  # keypoints
_LARGEST_LOGIT = 100.0


@dataclass(frozen=True)
class Palm:
    """A palm.

    Attributes:
        box: (4,) pixels of the image.
        keypoints: (7, 2) pixels: wrist, bases of index, middle, ring and little finger, thumb's first two joints.
        score: 0 to 1.
    """

    box: Floats
    keypoints: Floats
    score: float

    def window(self) -> Window:
        """Window for the hand's landmarks."""
        along = self.keypoints[_MIDDLE] - self.keypoints[_WRIST]
        angle = float(np.arctan2(along[0], -along[1]))
        width, height = self.box[2:] - self.box[:2]
        upwards = np.array([np.sin(angle), -np.cos(angle)])
        return Window(boxes.center(self.box) + SHIFT * height * upwards, WINDOW * float(max(width, height)), angle)


@torch.inference_mode()
def find_palms(network: PalmNetwork, image: Picture, windows: Sequence[Window]) -> list[Palm]:
    """Palms in square windows of an image, best first.

    Palms in several windows are merged.

    Args:
        network: on any device.
        image: (H, W, 3) uint8 RGB.
        windows: upright ones; see :func:`whole_image` and :func:`closer_windows`.
    """
    affines = [window.affine(PALM_IMAGE) for window in windows]
    crops = np.stack([pictures.window_of(image, affine, PALM_IMAGE) for affine in affines])
    device = next(network.parameters()).device
    batch = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float().div_(255)
    codes, logits = on_host(*network(batch))
    scores = 1 / (1 + np.exp(-np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT)))
    found = []
    for affine, code, score in zip(affines, codes, scores, strict=True):
        (kept,) = np.nonzero(score >= LEAST_SCORE)
        points = _points(code[kept], _ANCHORS[kept])
        points = (points - affine[:, 2]) / np.diag(affine)  # windows are upright
        found += [(float(s), p) for s, p in zip(score[kept], points, strict=True)]
    return _suppressed(found)


def whole_image(width: int, height: int, padding: float = 0.0) -> Window:
    """Square around an image, with a border.

    ``padding``: the border on each side, in longest edges.
    """
    return Window(np.array([width - 1, height - 1]) / 2, max(width, height) * (1 + 2 * padding))


def closer_windows(width: int, height: int) -> list[Window]:
    """Overlapping windows for small hands, and a bordered one.

    The last is the image with a border around it.

    A border helps with hands that fill the image.
    """
    edge = 0.6 * max(width, height)
    columns = np.linspace(edge / 2, width - edge / 2, 2) if width > edge else [width / 2]
    rows = np.linspace(edge / 2, height - edge / 2, 2) if height > edge else [height / 2]
    tiles = [Window(np.array([x, y]), edge) for y in rows for x in columns]
    return [whole_image(width, height, 0.25), *tiles]


def _anchors() -> Floats:
    """(2016, 2) middles of all anchors, pixels of the network's image; the fine map first."""
    middles = []
    for cells, count in ((PALM_IMAGE // 8, ANCHORS_FINE), (PALM_IMAGE // 16, ANCHORS_COARSE)):
        steps = (np.arange(cells) + 0.5) * (PALM_IMAGE / cells)
        y, x = np.meshgrid(steps, steps, indexing="ij")
        middles.append(np.repeat(np.stack([x, y], 2).reshape(-1, 2), count, 0))
    return np.concatenate(middles)


_ANCHORS = _anchors()


def _points(codes: Floats, anchors: Floats) -> Floats:
    """(N, 18) codes -> (N, 9, 2) pixels: two corners of the box, seven keypoints; pixel centres at whole numbers."""
    middle, size = codes[:, :2] + anchors, codes[:, 2:4]
    keypoints = codes[:, 4:].reshape(-1, 7, 2) + anchors[:, None]
    corners = np.stack([middle - size / 2, middle + size / 2], 1)
    return np.concatenate([corners, keypoints], 1) - 0.5


def _suppressed(found: list[tuple[float, Floats]]) -> list[Palm]:
    """Detections that overlap become one, the mean weighted by their scores."""
    left = sorted(found, key=lambda item: -item[0])
    palms = []
    while left:
        best = left[0][1][:2].ravel()
        same = [item for item in left if boxes.overlap(best, item[1][:2].ravel()) > SAME_PALM] or left[:1]
        weights = np.array([score for score, _ in same])
        mean = (np.stack([points for _, points in same]) * weights[:, None, None]).sum(0) / weights.sum()
        palms.append(Palm(mean[:2].ravel(), mean[2:], left[0][0]))
        kept = {id(item) for item in same}
        left = [item for item in left if id(item) not in kept]
    return palms
