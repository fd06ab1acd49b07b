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

"""Explicit intermediate representations in place of the distance fields.

Paper, table 5; they give the points.

The paper's table names 2D keypoints, 2D segmentation and 3D vertices; the released code has the fields only. So how the
other three are built is decided here. All of them keep everything else of the network: the same backbone, the same
tokens (position, positional code, image features at the point's pixel), transformers and heads; without distances there
is nothing to augment image features with. A representation that is an ordered list (keypoints, vertices) adds to each
token a learnt code of its place in the list, since attention doesn't know the order. As with the fields, no gradient
goes through the points themselves: each representation learns from losses of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hoisdf_model.hand import HandModel
from hoisdf_model.hand.joints import NUM_JOINTS
from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.network.heads import Head
from hoisdf_model.network.interface import ImageFeatures, NetworkInput
from hoisdf_model.network.unet import image_head

AXIS_LENGTH = 0.05  # metres
# The object's keypoints: its origin and a point on each half axis of its own frame. They follow from its pose alone.
OBJECT_KEYPOINTS = torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)]) * AXIS_LENGTH
CODE_DEVIATION = 0.02  # of the codes of places at the start
SURE = 0.5  # mask probability


class Keypoints(NamedTuple):
    """2D keypoints, pixels of the crop.

    ``hand`` (B, 21, 2), the joints; ``object`` (B, 7, 2), ``OBJECT_KEYPOINTS``.
    """

    hand: Tensor
    object: Tensor


class SurfacePoints(NamedTuple):
    """Surface points, normalised.

    ``hand`` (B, N, 3), the hand model's vertices ``numbers`` (N,); ``object`` (B, M, 3), in no order.
    """

    hand: Tensor
    object: Tensor
    numbers: Tensor


Explicit = Keypoints | SurfacePoints


class PlacedPoints(NamedTuple):
    """Points in space with their validity.

    ``points`` (B, N, 3) normalised; ``valid`` (B,) bool, false where the box holds no pixel of the image maps.
    """

    points: Tensor
    valid: Tensor


class KeypointRepresentation(nn.Module):
    """2D keypoint representation by integral regression.

    Expected positions in a heatmap for each keypoint (Sun et al. 2018).

    A keypoint becomes a point at the depth of the field's origin, the wrist's or that of the object's centre.

    Args:
        inputs: channels of the finest map.
        hidden: hidden channels of both heads.
        width: of a token.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], width: int) -> None:
        super().__init__()
        self.hand = image_head(inputs, hidden, NUM_JOINTS)
        self.object = image_head(inputs, hidden, len(OBJECT_KEYPOINTS))
        self.code = nn.Parameter(torch.randn(NUM_JOINTS + len(OBJECT_KEYPOINTS), width) * CODE_DEVIATION)

    def forward(self, features: ImageFeatures) -> Keypoints:
        """2D keypoints of hand and object."""
        finest = features.pyramid[0]
        return Keypoints(*(_expected_pixel(head(finest).float()) for head in (self.hand, self.object)))

    def points(self, features: ImageFeatures, batch: NetworkInput, scale: float) -> tuple[PlacedPoints, PlacedPoints]:
        """The points of hand and object for the transformers."""
        hand, object_ = self(features)
        seen = [_in_box(features.maps, box).any(1) for box in (batch.hand_box, batch.object_box)]
        return (
            PlacedPoints(_at_depth_of(batch.hand_root, hand, batch.intrinsics, scale), seen[0]),
            PlacedPoints(_at_depth_of(batch.object_center, object_, batch.intrinsics, scale), seen[1]),
        )


class SegmentationRepresentation(nn.Module):
    """2D segmentation representation: pixels of the predicted masks.

    Spread evenly over them inside the box.

    A pixel becomes a point at the depth of the field's origin. Where a mask has no sure pixel in its box, the whole box
    stands in for it. Masks are image maps in every network, so that this one has no parameters of its own.

    Args:
        hand_points, object_points: how many points are wanted.
    """

    code = None

    def __init__(self, hand_points: int, object_points: int) -> None:
        super().__init__()
        self.counts = hand_points, object_points

    def forward(self, features: ImageFeatures) -> None:
        """Empty output: the image maps hold the masks."""

    def points(self, features: ImageFeatures, batch: NetworkInput, scale: float) -> tuple[PlacedPoints, PlacedPoints]:
        """The points of hand and object for the transformers."""
        hand, object_ = (
            _mask_points(features.maps, channel, box, origin, batch.intrinsics, wanted, scale)
            for channel, box, origin, wanted in (
                (1, batch.hand_box, batch.hand_root, self.counts[0]),
                (2, batch.object_box, batch.object_center, self.counts[1]),
            )
        )
        return hand, object_


class VertexRepresentation(nn.Module):
    """3D vertex representation: regressed surface points.

    A coarse set of each surface's points, from the mean of the coarsest features.

    Args:
        inputs: channels of the coarsest map.
        width: hidden features of both heads, and of a token.
        numbers: (N,) vertices of the hand model.
        object_points: points on the object.
    """

    numbers: Tensor

    def __init__(self, inputs: int, width: int, numbers: Tensor, object_points: int) -> None:
        super().__init__()
        hand_points = len(numbers)
        self.register_buffer("numbers", numbers, persistent=False)
        self.hand = Head([inputs, width, width, 3 * hand_points])
        self.object = Head([inputs, width, width, 3 * object_points])
        self.code = nn.Parameter(torch.randn(hand_points + object_points, width) * CODE_DEVIATION)

    def forward(self, features: ImageFeatures) -> SurfacePoints:
        """Surface points of hand and object."""
        mean = features.pyramid[-1].mean((2, 3))
        hand, object_ = (head(mean).unflatten(1, (-1, 3)) for head in (self.hand, self.object))
        return SurfacePoints(hand, object_, self.numbers)

    def points(self, features: ImageFeatures, batch: NetworkInput, scale: float) -> tuple[PlacedPoints, PlacedPoints]:
        """The points of hand and object for the transformers."""
        hand, object_, _ = self(features)
        seen = [_in_box(features.maps, box).any(1) for box in (batch.hand_box, batch.object_box)]
        return PlacedPoints(hand, seen[0]), PlacedPoints(object_, seen[1])


Representation = KeypointRepresentation | SegmentationRepresentation | VertexRepresentation


def explicit_representation(config: NetworkConfig, hand_model: HandModel) -> Representation | None:
    """Explicit representation of the configuration; None with distance fields."""
    points, width = (config.sampling.hand_points, config.sampling.object_points), config.attention.width
    if config.representation == "keypoints_2d":
        return KeypointRepresentation(config.decoder.fused[-1], config.decoder.head_hidden, width)
    if config.representation == "segmentation_2d":
        return SegmentationRepresentation(*points)
    if config.representation == "vertices_3d":
        numbers = coarse_vertices(hand_model.v_template, points[0])
        return VertexRepresentation(config.pyramid_channels[-1], width, numbers, points[1])
    return None


def coarse_vertices(vertices: NDArray[np.float32], count: int) -> Tensor:
    """Evenly spread subset of vertex numbers.

    (count,) int64, all different, of the vertices (V, 3).

    The first one, then always the one that is farthest from those before (farthest point sampling).
    """
    spacing = np.full(len(vertices), np.inf)
    numbers = [0]
    while len(numbers) < count:
        spacing = np.minimum(spacing, np.linalg.norm(vertices - vertices[numbers[-1]], axis=1))
        spacing[numbers] = -1  # vertices may coincide
        numbers.append(int(spacing.argmax()))
    return torch.tensor(numbers)


def _map_pixels(maps: Tensor) -> Tensor:
    """(H W, 2) pixels of the crop that the pixels of the maps are, row by row; as ``Sample.hand_mask`` has it."""
    height, width = maps.shape[-2:]
    rows, columns = (torch.arange(n, device=maps.device, dtype=torch.float32) * 2 + 1 for n in (height, width))
    return torch.stack([columns.expand(height, -1), rows[:, None].expand(-1, width)], -1).view(-1, 2)


def _expected_pixel(logits: Tensor) -> Tensor:
    """(B, K, H, W) -> (B, K, 2) pixels of the crop."""
    with torch.autocast(logits.device.type, enabled=False):
        return logits.flatten(2).softmax(2) @ _map_pixels(logits).to(logits.dtype)


def _in_box(maps: Tensor, box: Tensor) -> Tensor:
    """(B, H W) bool: pixels of the maps strictly inside each box (B, 4)."""
    pixels = _map_pixels(maps).to(box.dtype)
    return ((pixels > box[:, None, :2]) & (pixels < box[:, None, 2:])).all(2)


def _at_depth_of(origin: Tensor, pixels: Tensor, intrinsics: Tensor, scale: float) -> Tensor:
    """Pixels (B, N, 2) at the depth of ``origin`` (B, 3) -> points (B, N, 3) about it, normalised."""
    with torch.autocast(pixels.device.type, enabled=False):
        seen = torch.cat([pixels, torch.ones_like(pixels[..., :1])], 2).to(origin.dtype) * origin[:, None, 2:]
        camera = torch.linalg.solve(intrinsics, seen.mT).mT
    return (camera - origin[:, None]) * scale


def _mask_points(
    maps: Tensor, channel: int, box: Tensor, origin: Tensor, intrinsics: Tensor, wanted: int, scale: float
) -> PlacedPoints:
    inside = _in_box(maps, box)
    chosen = inside & (maps[:, channel].flatten(1) > SURE)
    chosen = torch.where(chosen.any(1, keepdim=True), chosen, inside)
    count = chosen.sum(1, keepdim=True)
    number = torch.arange(wanted, device=maps.device)
    # too few pixels are repeated, of too many every so-manieth is taken
    rank = torch.where(count < wanted, number % count.clamp(min=1), number * count // wanted)
    pixel = (~chosen).to(torch.uint8).argsort(dim=1, stable=True).gather(1, rank)
    points = _at_depth_of(origin, _map_pixels(maps)[pixel], intrinsics, scale)
    valid = inside.any(1)
    return PlacedPoints(points.where(valid[:, None, None], torch.zeros_like(points)), valid)
