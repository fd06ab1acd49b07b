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

"""Random changes of a view that leave its labels right.

Geometry: a turn about the optical axis and another window. A turn of the camera by ``Rz`` moves pixels by the affine
``K Rz K^-1``, exactly, whatever the focal lengths; the crop's intrinsics stay ``W K`` with the window's affine ``W``.
Appearance: brightness, contrast, saturation, hue, blur, noise. Live: what the network gets about root and boxes is
as wrong as it is in live use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import boxes, rotations
from hoisdf_model.geometry.crops import SquareWindow, apply_affine

Floats = NDArray[np.float64]


@dataclass
class AugmentationConfig:
    """Strength of each augmentation; zeros change nothing.

    Attributes:
        turned: share of the samples that are turned about the optical axis.
        turn: degrees, standard deviation of the turn. turn_limit: degrees, where it is cut off.
        turn_uniform: whether every turn up to the limit is as likely (HO-3D's recipe); ``turn`` says nothing then.
        scale: standard deviation of the window's size, relative; cut off there.
        center: the window's centre moves by up to this share of its size.
        brightness, contrast, saturation: factors are drawn from 1 minus this to 1 plus this.
        hue: shift of up to this share of the colour circle.
        blur: largest standard deviation of a Gaussian blur, pixels of the crop.
        noise: largest standard deviation of sensor noise, in grey levels.
        root_depth: standard deviation of the wrist's depth as given to the network, relative to the depth.
        root_sideways: standard deviation of the wrist's position across the line of sight, metres.
        box: standard deviation of each edge of both boxes, relative to the box's size.
        visible: share of the samples in which the hand's box is around its visible skin, as a detector's is, and not
            around its joints; where the mask is known.
        landmarks_unseen: share of the samples whose landmarks are hidden from the network. landmarks_true: share in
            which true ones with errors such as a tracker's stand in for a tracker's own.
        box_followed: share of the samples with landmarks whose hand box is around these, as that of a hand that is
            followed through a film is.
    """

    turned: float = 0.0
    turn: float = 30.0
    turn_limit: float = 60.0
    turn_uniform: bool = False
    scale: float = 0.0
    center: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    root_depth: float = 0.0
    root_sideways: float = 0.0
    box: float = 0.0
    visible: float = 0.0
    landmarks_unseen: float = 0.0
    landmarks_true: float = 0.0
    box_followed: float = 0.0


def draw_turn(config: AugmentationConfig, rng: np.random.Generator) -> Floats:
    """Random rotation (3, 3) about the optical axis: ``X' = Rz X``."""
    gate, turn = rng.random(), rng.normal() * config.turn
    if config.turn_uniform:
        turn = rng.uniform(-config.turn_limit, config.turn_limit)
    angle = np.radians(np.clip(turn, -config.turn_limit, config.turn_limit)) if gate < config.turned else 0.0
    return rotations.rotation_matrices([0.0, 0.0, angle])


def jittered_window(
    window: SquareWindow, turned: Floats, config: AugmentationConfig, rng: np.random.Generator
) -> SquareWindow:
    """Randomly shifted and scaled window.

    Around what it showed before the image was ``turned`` (3, 3).
    """
    shift, zoom = rng.uniform(-1, 1, 2) * config.center, rng.normal() * config.scale
    center = apply_affine(turned, np.asarray(window.center) + shift * window.size)
    return SquareWindow(
        (float(center[0]), float(center[1])), window.size * (1 + np.clip(zoom, -config.scale, config.scale))
    )


def jittered_box(box: Floats, config: AugmentationConfig, rng: np.random.Generator) -> Floats:
    """Box (4,) with jittered edges, never past the middle."""
    size = np.tile(box[2:] - box[:2], 2)
    moved = box + rng.normal(size=4) * config.box * size
    middle = np.tile(boxes.center(box), 2)
    outwards = np.array([-1, -1, 1, 1])
    return np.where((moved - middle) * outwards > 0.1 * size, moved, middle + outwards * 0.1 * size)


def jittered_root(root: Floats, config: AugmentationConfig, rng: np.random.Generator) -> Floats:
    """Randomly shifted wrist (3,), metres, camera frame.

    Along the line of sight and across it.
    """
    along, across = rng.normal() * config.root_depth, rng.normal(size=2) * config.root_sideways
    return root * max(1 + along, 0.5) + np.append(across, 0.0)


def changed_colours(
    image: NDArray[np.uint8], config: AugmentationConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Colour-augmented image (H, W, 3) RGB.

    Brightness, contrast, saturation, hue, blur and noise.
    """
    brightness, contrast, saturation = (
        1 + rng.uniform(-amount, amount) for amount in (config.brightness, config.contrast, config.saturation)
    )
    hue, blur, noise = rng.uniform(-config.hue, config.hue), rng.random() * config.blur, rng.random() * config.noise
    result: NDArray[Any] = image
    if blur > 0.05:  # narrower than that, a Gaussian changes nothing
        result = cv2.GaussianBlur(result, (0, 0), blur)
    if hue:
        hsv = cv2.cvtColor(result, cv2.COLOR_RGB2HSV_FULL)
        hsv[..., 0] += np.uint8(round(hue * 256) % 256)  # wraps around, as the circle does
        result = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
    if result is image and not noise and (brightness, contrast, saturation) == (1, 1, 1):
        return image
    colours = result.astype(np.float32) * brightness
    grey = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    colours = grey[..., None] * (1 - saturation) + colours * saturation
    colours = grey.mean() * (1 - contrast) + colours * contrast
    if noise:
        colours += rng.standard_normal(colours.shape, np.float32) * noise
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)
