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

"""Inputs and outputs of the network."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from hoisdf_model.errors import InvalidInputError


@dataclass(frozen=True)
class NetworkInput:
    """A batch of image crops with what is known about them.

    Attributes:
        image: (B, 3, S, S) RGB in [0, 1], S as configured (256); no mean is subtracted.
        intrinsics: (B, 3, 3) of the crop, pixels.
        hand_root: (B, 3) wrist, camera frame, metres; the origin of the hand field.
        object_center: (B, 3) a point near the object, camera frame, metres; the origin of the object field.
        hand_box, object_box: (B, 4) x0, y0, x1, y1 in pixels of the crop; points are looked for inside.
        hand_queries, object_queries: (B, N, 3) points to use in place of those the search would find, in the field's
            normalised coordinates; for training.
        landmarks: (B, 21, 5) evidence of another network: x and y in pixels of the crop, and the position relative to
            the wrist, metres, camera frame; None: there is none.
        landmark_presence: (B,) how sure that network is, 0 to 1; 0: it saw nothing, the row of ``landmarks`` is unused.
    """

    image: Tensor
    intrinsics: Tensor
    hand_root: Tensor
    object_center: Tensor
    hand_box: Tensor
    object_box: Tensor
    hand_queries: Tensor | None = None
    object_queries: Tensor | None = None
    landmarks: Tensor | None = None
    landmark_presence: Tensor | None = None

    def to(self, device: torch.device | str) -> NetworkInput:
        """Copy on another device."""
        moved = {f.name: value.to(device) for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(self, **moved)

    def check(self, image_size: int) -> None:
        """Compare all shapes.

        Raises:
            InvalidInputError: a tensor has a wrong shape; named with what would be right.
        """
        batch = self.image.shape[0]
        expected: dict[str, tuple[int | None, ...]] = {
            "image": (batch, 3, image_size, image_size),
            "intrinsics": (batch, 3, 3),
            "hand_root": (batch, 3),
            "object_center": (batch, 3),
            "hand_box": (batch, 4),
            "object_box": (batch, 4),
            "hand_queries": (batch, None, 3),
            "object_queries": (batch, None, 3),
            "landmarks": (batch, 21, 5),
            "landmark_presence": (batch,),
        }
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is None and name.endswith(("queries", "landmarks", "presence")):
                continue
            actual = tuple(value.shape)
            if len(actual) != len(shape) or any(s not in (None, a) for a, s in zip(actual, shape, strict=True)):
                wanted = ", ".join("N" if s is None else str(s) for s in shape)
                raise InvalidInputError(f"{name} must have the shape ({wanted}), got {actual}")


@dataclass(frozen=True)
class ImageFeatures:
    """Outputs of the network's image encoder.

    Attributes:
        maps: (B, 3, S/2, S/2): joint heatmap (trained towards 255 at a joint), hand mask and object mask in [0, 1].
        pyramid: maps that points sample, (B, C, S/2, S/2) down to (B, C, S/32, S/32).
        coarsest: (B, C, S/32, S/32) the encoder's own; None where nothing reads them.
    """

    maps: Tensor
    pyramid: tuple[Tensor, ...]
    coarsest: Tensor | None = None


@dataclass(frozen=True)
class RootPrediction:
    """Wrists in crops, as the head for them sees them (:mod:`hoisdf_model.network.root`).

    Attributes:
        pixel: (B, 2) pixels of the crop, inside it or not.
        log_extent: (B,) logarithm of the metres that the crop's edge spans at the wrist's depth.
        pixel_spread: (B,) pixels, standard deviation along x and along y.
        depth_spread: (B,) standard deviation of ``log_extent``, which is the depth's relative one.
    """

    pixel: Tensor
    log_extent: Tensor
    pixel_spread: Tensor
    depth_spread: Tensor

    def position(self, intrinsics: Tensor, size: int) -> Tensor:
        """Wrist position (B, 3) in metres, camera frame.

        Of crops with these ``intrinsics`` (B, 3, 3) and this edge in pixels.
        """
        depth = self.log_extent.exp() * focal_length(intrinsics) / size
        rays = functional.pad(self.pixel, (0, 1), value=1.0)[:, :, None]
        return (torch.linalg.inv(intrinsics) @ rays)[..., 0] * depth[:, None]


def log_extent(depth: Tensor, intrinsics: Tensor, size: int) -> Tensor:
    """Logarithm of the crop's extent in metres at a depth.

    (B,) metres and (B, 3, 3) -> (B,).
    """
    return (depth * size / focal_length(intrinsics)).log()


def focal_length(intrinsics: Tensor) -> Tensor:
    """Focal length (...), pixels, the geometric mean of both.

    Intrinsics (..., 3, 3).
    """
    return (intrinsics[..., 0, 0] * intrinsics[..., 1, 1]).sqrt()


@dataclass(frozen=True)
class LayerPredictions:
    """Predictions of every transformer layer, for training.

    L counts layers and the last one is the one used.

    Attributes:
        vote_offsets: (L, B, N, 20, 3) metres, from each hand point to each joint but the wrist; None where points
            don't vote, as are the next two.
        vote_logits: (L, B, N, 20) a point's weight among the N points, before the softmax.
        voted_joints: (L, B, 21, 3) metres, relative to the wrist.
        mano_shape: (L, B, 10); None where there is no hand model.
        mano_rotations: (L, B, 16, 3, 3); None where there is none or inverse kinematics finds the rotations, as are the
            next two.
        joints: (L, B, 21, 3) metres, relative to the wrist.
        vertices: (L, B, 778, 3) metres, relative to the wrist.
        object_rotations: (L, B, M, 3) axis-angle or (L, B, M, 6), as configured, for each object point.
        object_translations: (L, B, M, 3) metres, relative to ``object_center``.
    """

    vote_offsets: Tensor | None
    vote_logits: Tensor | None
    voted_joints: Tensor | None
    mano_shape: Tensor | None
    mano_rotations: Tensor | None
    joints: Tensor | None
    vertices: Tensor | None
    object_rotations: Tensor
    object_translations: Tensor


@dataclass(frozen=True)
class NetworkOutput:
    """Predictions of the network for a batch.

    Normalised units are metres times the fields' scale (3.1).

    Attributes:
        maps: (B, 3, S/2, S/2) as in ``ImageFeatures``.
        hand_points, object_points: (B, N, 3) points looked at, normalised, about the wrist and the object's centre;
            nearest to the surface first, where that is what they were chosen by.
        hand_sdf, object_sdf: (B, N) their predicted distances, normalised, clamped; negative inside. None where an
            explicit representation stands in for the fields, as are the two of the other field.
        hand_grid_index, object_grid_index: (B, N) int64 flat index into the grid, z fastest; -1 where the points were
            handed in, aren't a grid's, or the box holds none. Points that were moved have that of where they began.
        hand_points_object_sdf, object_points_hand_sdf: (B, N) the other field at the same points.
        voted_joints: (B, 21, 3) metres, relative to the wrist; None where points don't vote, as is the next.
        vote_spread: (B, 21) metres, root mean square distance of the weighted votes from the voted joint.
        mano_rotations: (B, 16, 3, 3). mano_shape: (B, 10). None where there is no hand model.
        joints: (B, 21, 3) and vertices: (B, 778, 3) of the hand model, metres, relative to the wrist. Without a hand
            model ``joints`` are the voted ones and ``vertices`` are None.
        object_rotation: (B, 3) axis-angle, radians, object frame to camera frame.
        object_translation: (B, 3) metres, relative to ``object_center``.
        object_rotation_spread: (B,) radians and object_translation_spread: (B,) metres, how far the points disagree
            (root mean square).
        hand_valid, object_valid: (B,) bool; false where no point lies in the box or inverse kinematics refused.
        layers, features: per-layer predictions and image features; only when the network is in training mode.
        root: the wrists as the head for them sees them, where the network has one; only then, too.
    """

    maps: Tensor
    hand_points: Tensor
    hand_sdf: Tensor | None
    hand_grid_index: Tensor
    object_points: Tensor
    object_sdf: Tensor | None
    object_grid_index: Tensor
    hand_points_object_sdf: Tensor | None
    object_points_hand_sdf: Tensor | None
    voted_joints: Tensor | None
    vote_spread: Tensor | None
    mano_rotations: Tensor | None
    mano_shape: Tensor | None
    joints: Tensor
    vertices: Tensor | None
    object_rotation: Tensor
    object_translation: Tensor
    object_rotation_spread: Tensor
    object_translation_spread: Tensor
    hand_valid: Tensor
    object_valid: Tensor
    layers: LayerPredictions | None = None
    features: ImageFeatures | None = None
    root: RootPrediction | None = None
