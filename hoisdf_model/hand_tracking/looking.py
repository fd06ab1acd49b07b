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

"""Landmark network on rotated square windows of an image.

Batched over hands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.geometry import Picture, pictures, rotations
from hoisdf_model.hand.upright import LEAST_PRESENCE, finger_direction
from hoisdf_model.hand_tracking.landmark_network import LANDMARK_IMAGE, LandmarkNetwork
from hoisdf_model.transfers import on_host

Floats = NDArray[np.float64]

# MediaPipe's window about landmarks: this many longest edges of their upright box, moved towards the fingers (the graph
# hand_landmark_landmarks_to_roi of its public source).
WINDOW, SHIFT = 2.0, 0.1
# Of the landmarks the ones that stay when fingers bend: wrist and the first two joints of each finger.
_PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)


@dataclass(frozen=True)
class Window:
    """Rotated square window in an image.

    Attributes:
        center: (2,) pixels.
        size: edge, pixels.
        angle: radians, from upwards in the image to upwards in the window, clockwise as one sees it.
    """

    center: Floats
    size: float
    angle: float = 0.0

    def affine(self, pixels: int) -> Floats:
        """Affine (2, 3) from image pixels to window pixels.

        The window is drawn with an edge of ``pixels``.
        """
        c, s, scale = np.cos(self.angle), np.sin(self.angle), pixels / self.size
        turn = scale * np.array([[c, s], [-s, c]])
        middle = (pixels - 1) / 2
        return np.concatenate([turn, (middle - turn @ self.center)[:, None]], 1)


@dataclass(frozen=True)
class SeenHand:
    """Hand detected by the landmark network in an image.

    Attributes:
        pixels: (21, 2) landmarks, pixels of the image.
        relative: (21, 3) metres, relative to the wrist, axes of the camera (x right, y down, z forward). The network
            sees no camera: it holds for a hand near the optical axis, of average size.
        presence: probability that there is a hand.
        right: probability that it is a right hand.
    """

    pixels: Floats
    relative: Floats
    presence: float
    right: float

    @property
    def angle(self) -> float:
        """Direction from wrist to fingers, radians clockwise from image-up."""
        return finger_direction(self.pixels)

    @property
    def box(self) -> Floats:
        """Box (4,) around all landmarks, pixels."""
        return np.concatenate([self.pixels.min(0), self.pixels.max(0)])

    def window(self) -> Window:
        """Window for the next frame of the same hand."""
        return window_about(self.pixels[list(_PALM)], self.angle)


def window_about(pixels: Floats, angle: float) -> Window:
    """Window around known hand points (N, 2) and finger direction."""
    c, s = np.cos(angle), np.sin(angle)
    to_upright = np.array([[c, s], [-s, c]])
    upright = pixels @ to_upright.T
    low, high = upright.min(0), upright.max(0)
    edges = high - low
    middle = (low + high) / 2 - [0.0, SHIFT * edges[1]]
    return Window(middle @ to_upright, float(max(edges.max(), 1.0)) * WINDOW, angle)


@torch.inference_mode()
def look(network: LandmarkNetwork, image: Picture, windows: Sequence[Window]) -> list[SeenHand]:
    """Landmarks in windows of an image.

    Args:
        network: on any device.
        image: (H, W, 3) uint8 RGB.
        windows: where.
    """
    if not windows:
        return []
    affines = [window.affine(LANDMARK_IMAGE) for window in windows]
    crops = np.stack([pictures.window_of(image, affine, LANDMARK_IMAGE) for affine in affines])
    device = next(network.parameters()).device
    batch = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float().div_(255)
    pixels, presence, right, world = on_host(*network(batch))
    return [_seen(window, affines[i], pixels[i], presence[i], right[i], world[i]) for i, window in enumerate(windows)]


def _seen(window: Window, affine: Floats, pixels: Floats, presence: float, right: float, world: Floats) -> SeenHand:
    in_image = (pixels[:, :2] - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
    turned = (world - world[0]) @ rotations.rotation_matrices([0.0, 0.0, window.angle]).T
    return SeenHand(in_image, turned, float(presence), float(right))


def placed_relative(hand: SeenHand, matrix: Floats) -> Floats:
    """Landmarks (21, 3) relative to the wrist, camera frame, metres.

    Wherever in the image the hand is.

    What the network says holds for a camera that points at the hand: it is turned by the rotation that takes the
    optical axis to the hand's ray, the shortest one.

    Args:
        hand: as it was seen.
        matrix: (3, 3) of the camera without distortion.
    """
    ray = np.linalg.inv(matrix) @ [*hand.pixels.mean(0), 1.0]
    x, y, z = ray / np.linalg.norm(ray)
    cross = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])  # of the axis (-y, x, 0), times the sine
    turn = np.eye(3) + cross + cross @ cross / (1 + z)
    return hand.relative @ turn.T


def mirrored(hand: SeenHand, width: int) -> SeenHand:
    """Landmarks of the hand in the horizontally mirrored image.

    ``width`` is the image's.
    """
    pixels = np.stack([width - 1 - hand.pixels[:, 0], hand.pixels[:, 1]], 1)
    return replace(hand, pixels=pixels, relative=hand.relative * [-1.0, 1.0, 1.0], right=1.0 - hand.right)


def refined(network: LandmarkNetwork, image: Picture, hand: SeenHand, looks: int) -> SeenHand:
    """Landmarks after several more passes.

    A hand that disappears is the last and doesn't count.
    """
    for _ in range(looks):
        again = look(network, image, [hand.window()])[0]
        if again.presence < LEAST_PRESENCE:
            break
        hand = again
    return hand
