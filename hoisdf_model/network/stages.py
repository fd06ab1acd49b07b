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

"""Data passed between the stages of the network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hoisdf_model.network import search
from hoisdf_model.network.explicit import PlacedPoints


class FieldPoints(NamedTuple):
    """Points of hand and object with their field readers.

    None where there are none.
    """

    hand: search.Found
    object: search.Found
    readers: tuple[search.FieldReader, search.FieldReader] | None = None


class Tokens(NamedTuple):
    """Transformer inputs.

    ``hand`` (B, N + M, D): hand points, then object points seen from the hand; ``object`` (B, M + N, D) the other way
    round; own points alone where ``config.tokens.cross`` is ``none``. ``hand_points`` (B, N, 3): metres, relative to
    the wrist. ``object_count``: M. ``hand_points_object_sdf`` (B, N) and ``object_points_hand_sdf`` (B, M): the other
    field there, normalised, clamped; None where there are no fields.
    """

    hand: Tensor
    object: Tensor
    hand_points: Tensor
    object_count: int
    hand_points_object_sdf: Tensor | None
    object_points_hand_sdf: Tensor | None


class Attended(NamedTuple):
    """Normalised transformer outputs of L layers.

    ``hand`` points and, where there is one, the context (L, B, N + T, D), ``queries`` (L, B, Q, D), ``object`` points
    (L, B, M, D). No queries: None.
    """

    hand: Tensor
    queries: Tensor | None
    object: Tensor


class RegressedHand(NamedTuple):
    """A hand, each part None where the configured regression doesn't give it.

    ``joints`` (B, 21, 3) and ``vertices`` (B, 778, 3) metres, relative to the wrist; ``rotations`` (B, 16, 3, 3);
    ``shape`` (B, 10); ``reached`` (B,) bool, whether inverse kinematics succeeded; ``layers``: shape, rotations, joints
    and vertices of every layer, as in ``LayerPredictions``.
    """

    joints: Tensor
    vertices: Tensor | None = None
    rotations: Tensor | None = None
    shape: Tensor | None = None
    reached: Tensor | None = None
    layers: tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None] = (None, None, None, None)


def without_field(placed: PlacedPoints) -> search.Found:
    """Points of an explicit representation, with placeholder distances."""
    points = placed.points
    index = torch.full(points.shape[:2], -1, device=points.device)
    return search.Found(points, torch.zeros_like(points[..., 0]), index, placed.valid)
