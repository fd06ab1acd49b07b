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

"""Network inputs of targets.

The crop, mirrored for a left hand and turned where networks want hands upright, with everything in its pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.estimates import Frame
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.mirroring import MIRROR
from hoisdf_model.geometry import crops
from hoisdf_model.hand.upright import upright_turn
from hoisdf_model.network import NetworkInput


@dataclass(frozen=True)
class View:
    """One element of the network's batch.

    Of the mirrored scene for a left hand, and of a camera turned about its optical axis where hands are upright.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        intrinsics: (3, 3) of the crop, pixels.
        hand_root, object_center: (3,) metres.
        hand_box, object_box: (4,) pixels of the crop.
        axes: (3, 3) orthogonal, from the camera's axes to those of the crop's camera: mirror, then turn.
        affine: (3, 3) from pixels of the rectified image to those of the crop, with mirror and turn.
        landmarks: (21, 5) as in ``NetworkInput``; zeros where there are none, and ``presence`` is 0.
    """

    image: NDArray[np.uint8]
    intrinsics: NDArray[np.float64]
    hand_root: NDArray[np.float64]
    object_center: NDArray[np.float64]
    hand_box: NDArray[np.float64]
    object_box: NDArray[np.float64]
    axes: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    affine: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    landmarks: NDArray[np.float64] = field(default_factory=lambda: np.zeros((21, 5)))
    presence: float = 0.0

    @property
    def turn(self) -> NDArray[np.float64]:
        """Turn (3, 3) about the optical axis, without the mirror."""
        return self.axes * (MIRROR if np.linalg.det(self.axes) < 0 else 1.0)


def look(frame: Frame, target: Target, crop_size: int = crops.CROP_SIZE, upright: bool = False) -> View:
    """View of a target in a rectified frame.

    A left hand is shown as the right hand that a mirror with the normal x would show: image, principal point, boxes and
    positions change sides, and the network, which knows right hands only, needs no other code.

    Args:
        frame: rectified.
        target: in it.
        crop_size: edge of the crop, pixels.
        upright: whether the camera is turned about its optical axis until the hand points up, as its landmarks say.

    Raises:
        InvalidInputError: neither box touches the image.
    """
    camera, to_camera, axes = frame.intrinsics, np.eye(3), np.eye(3)
    if target.side == "left":
        to_camera = np.array([[-1.0, 0.0, camera.width - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        camera, axes = camera.mirrored(), np.diag(MIRROR)
    hand_box, object_box = (crops.map_box(to_camera, box) for box in (target.hand_box, target.object_box))
    window = crops.window_around(hand_box, object_box, width=camera.width, height=camera.height)
    seen = target.landmarks
    if upright and seen is not None:
        turn = upright_turn(crops.apply_affine(to_camera, seen.pixels), seen.presence, camera.matrix)
        turned = crops.turned_image(camera.matrix, turn)
        to_camera, axes = turned @ to_camera, turn @ axes
        window = replace(window, center=tuple(crops.apply_affine(turned, window.center)))
    cut = window.affine(crop_size)
    affine = cut @ to_camera
    landmarks, presence = np.zeros((21, 5)), 0.0
    if seen is not None:
        landmarks = np.concatenate([crops.apply_affine(affine, seen.pixels), seen.relative @ axes.T], 1)
        presence = seen.presence
    return View(
        image=crops.crop_image(frame.picture, affine, crop_size),
        intrinsics=cut @ camera.matrix,
        hand_root=axes @ target.root,
        object_center=axes @ target.object_center,
        hand_box=crops.map_box(affine, target.hand_box),
        object_box=crops.map_box(affine, target.object_box),
        axes=axes,
        affine=affine,
        landmarks=landmarks,
        presence=presence,
    )


def moved(view: View, target: Target, object_box: NDArray[np.float64] | None = None) -> View:
    """View with updated target and unchanged picture.

    The target's root and object centre, another object's box.
    """
    box = view.object_box if object_box is None else object_box
    return replace(
        view, hand_root=view.axes @ target.root, object_center=view.axes @ target.object_center, object_box=box
    )


def box_in_image(view: View, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """A box (4,) of the crop in pixels of the rectified image."""
    return crops.map_box(np.asarray(np.linalg.inv(view.affine), np.float64), box)


def onto_masks(view: View, scale: float, frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Affine of a rectified frame to its view's masks.

    Args:
        view: of the frame.
        scale: pixels of the masks for each of the crop, along either edge.
        frame: rectified.

    Returns:
        (3, 3) from pixels of the frame to those of the masks; (S, S) whether pixels of the masks lie in the frame.
    """
    middle = (scale - 1) / 2  # of the crop's first pixel
    affine = np.array([[scale, 0, middle], [0, scale, middle], [0, 0, 1]]) @ view.affine
    height, width = frame.picture.shape[:2]
    size = round(scale * len(view.image))
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1)
    inside = crops.apply_affine(np.asarray(np.linalg.inv(affine), np.float64), pixels)
    return affine, np.all((inside >= -0.5) & (inside <= [width - 0.5, height - 0.5]), axis=-1)


def to_batch(views: Sequence[View], device: torch.device) -> NetworkInput:
    """The views as the network's input on the device, float32."""
    return NetworkInput(
        image=images_to_tensor(np.stack([view.image for view in views]), device),
        intrinsics=_stacked(views, "intrinsics", device),
        hand_root=_stacked(views, "hand_root", device),
        object_center=_stacked(views, "object_center", device),
        hand_box=_stacked(views, "hand_box", device),
        object_box=_stacked(views, "object_box", device),
        landmarks=_stacked(views, "landmarks", device),
        landmark_presence=_stacked(views, "presence", device),
    )


def moved_batch(batch: NetworkInput, views: Sequence[View]) -> NetworkInput:
    """Batch of views after :func:`moved`, with unchanged pictures."""
    device = batch.image.device
    return replace(
        batch,
        hand_root=_stacked(views, "hand_root", device),
        object_center=_stacked(views, "object_center", device),
        object_box=_stacked(views, "object_box", device),
    )


def _stacked(views: Sequence[View], name: str, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.stack([getattr(view, name) for view in views]).astype(np.float32)).to(device)


def images_to_tensor(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Image tensor (B, 3, S, S) float32 in [0, 1].

    From (B, S, S, 3) uint8, sent to the device as bytes; the channels stay last in memory, as convolutions like it.
    """
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float().div_(255)
