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

"""Transformer tokens from positions, image features and distances.

Paper, section 3.3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hoisdf_model.network.config_sections import FieldConfig, TokensConfig
from hoisdf_model.network.fields import Density, positional_code


class Seen(NamedTuple):
    """Points in the order of one transformer.

    N of the hand, then M of the object.

    ``positions`` (B, N + M, 3) metres, relative to its field's origin; ``distances`` (B, N + M) of its field,
    normalised, clamped, and ``density`` of its field; None where there are no fields.
    """

    positions: Tensor
    distances: Tensor | None = None
    density: Density | None = None


def make_tokens(
    image: Tensor, by_hand: Seen, by_object: Seen, hand_count: int, config: TokensConfig, field: FieldConfig
) -> tuple[Tensor, Tensor]:
    """Tokens of the hand's and of the object's transformer.

    Its own points, then those of the other field.

    A transformer gets no gradient through the points of the other field.

    Args:
        image: (B, N + M, F) image features of hand points, then object points.
        by_hand, by_object: the points as either transformer sees them.
        hand_count: N.
        config: what tokens say beside a point's position.
        field: scale and frequencies of the positional code.

    Returns:
        (B, N + M, D) and (B, M + N, D); (B, N, D) and (B, M, D) where transformers don't see the other field's points.
    """
    augmented = [_augmented(image, seen, config.augmentation) for seen in (by_hand, by_object)]
    # what the hand's transformer sees of object points, and the object's of hand points
    across = {
        "field": augmented,
        "target_feature": augmented[::-1],
        "image_feature": [image, image],
        "none": [],
    }[config.cross]
    hand, object_ = slice(None, hand_count), slice(hand_count, None)
    result = []
    for number, (seen, own, other) in enumerate(((by_hand, hand, object_), (by_object, object_, hand))):
        placed = torch.cat([seen.positions, positional_code(seen.positions * field.scale, field.frequencies)], 2)
        parts = [torch.cat([placed[:, own], augmented[number][:, own]], 2)]
        if across:
            parts.append(torch.cat([placed[:, other], across[number][:, other]], 2).detach())
        result.append(torch.cat(parts, 1))
    return result[0], result[1]


def _augmented(image: Tensor, seen: Seen, augmentation: str) -> Tensor:
    """Image features with what the transformer's field says about the points: (B, N + M, F or F + 1)."""
    if augmentation == "none":
        return image
    assert seen.distances is not None
    assert seen.density is not None
    if augmentation == "distance_concatenated":
        return torch.cat([image, seen.distances[..., None]], 2)
    density = seen.density(seen.distances)[..., None]
    return torch.cat([image, density], 2) if augmentation == "density_concatenated" else image * density
