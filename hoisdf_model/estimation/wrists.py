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

"""Wrist positions from the network's head and tracker landmarks.

In the camera frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.estimates import Landmarks
from hoisdf_model.estimation.views import View
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand.joints import BONES
from hoisdf_model.hand.upright import LEAST_PRESENCE
from hoisdf_model.network import RootPrediction

# Of wrists that landmarks place, on 65 photographs with known joints and cameras: the middle eight tenths of the depths
# are 9 % too small to 11 % too large. Wider than that, so that 95 % ellipsoids hold what they say, outliers too.
DEPTH_SPREAD, PIXEL_SPREAD = 0.12, 0.06


@dataclass(frozen=True)
class SeenWrist:
    """A wrist that was seen.

    Attributes:
        root: (3,) metres, camera frame.
        along: standard deviation along the ray from the camera, metres.
        across: standard deviation in each direction across it, metres.
    """

    root: NDArray[np.float64]
    along: float
    across: float


def seen_wrists(found: RootPrediction, views: Sequence[View], crop_size: int) -> list[SeenWrist]:
    """Wrist positions from the network's head, axes of the camera.

    Args:
        found: on the host, of float64.
        views: which the network saw.
        crop_size: edge of their crops, pixels.
    """
    intrinsics = torch.from_numpy(np.stack([view.intrinsics for view in views]))
    roots = found.position(intrinsics, crop_size).numpy()
    across = (found.pixel_spread / crop_size * found.log_extent.exp()).numpy()
    along = found.depth_spread.numpy() * np.linalg.norm(roots, axis=1)
    return [
        SeenWrist(root @ view.axes, float(a), float(b))
        for view, root, a, b in zip(views, roots, along, across, strict=True)
    ]


def landmark_wrist(landmarks: Landmarks | None, camera: Pinhole, bones: float) -> SeenWrist | None:
    """Wrist position from landmarks of a hand of known size.

    None where there are none to trust.

    Linear least squares: with ``X`` a landmark relative to the wrist ``t``, ``fx (X + t)_x = (u - cx) (X + t)_z`` and
    the same for y, each row with the same weight.

    Args:
        landmarks: pixels of the camera without distortion.
        camera: that camera.
        bones: metres, all bones of the hand together.
    """
    if landmarks is None or landmarks.presence < LEAST_PRESENCE:
        return None
    relative = landmarks.relative * (bones / bone_length(landmarks.relative))
    x, y = (landmarks.pixels - [camera.cx, camera.cy]).T
    zero = np.zeros(len(x))
    rows = np.concatenate([np.stack([zero + camera.fx, zero, -x], 1), np.stack([zero, zero + camera.fy, -y], 1)])
    wanted = np.concatenate(
        [x * relative[:, 2] - camera.fx * relative[:, 0], y * relative[:, 2] - camera.fy * relative[:, 1]]
    )
    root = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    if not np.isfinite(root).all() or root[2] <= 0.05:
        return None
    edge = float((landmarks.pixels.max(0) - landmarks.pixels.min(0)).max())
    across = PIXEL_SPREAD * edge * float(root[2]) / camera.fx
    return SeenWrist(root, DEPTH_SPREAD * float(np.linalg.norm(root)), across)


def scaled(seen: SeenWrist, size: float) -> SeenWrist:
    """Wrist of a hand scaled in size and distance.

    It has the same appearance.
    """
    return SeenWrist(seen.root * size, seen.along * size, seen.across * size)


def fused(one: SeenWrist | None, other: SeenWrist | None) -> SeenWrist | None:
    """Variance-weighted mean of two wrist positions.

    It isn't taken to be surer than the surer one: both see the same picture, and err together.
    """
    if one is None or other is None:
        return other if one is None else one
    far, wide = np.array([one.along, other.along]) ** -2.0, np.array([one.across, other.across]) ** -2.0
    distances = np.linalg.norm([one.root, other.root], axis=1)
    rays = np.stack([one.root, other.root]) / distances[:, None]
    ray = wide @ rays
    root = ray / np.linalg.norm(ray) * float(far @ distances / far.sum())
    return SeenWrist(root, min(one.along, other.along), min(one.across, other.across))


def bone_length(joints: NDArray[np.float64]) -> float:
    """Metres, all bones between the joints (21, 3) together."""
    parent, child = np.array(BONES).T
    return float(np.linalg.norm(joints[child] - joints[parent], axis=1).sum())
