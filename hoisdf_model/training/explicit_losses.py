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

"""Losses of the explicit intermediate representations.

In place of the fields (paper, table 5).

The paper names the representations and not their losses; these are ours. Keypoints are compared in pixels, vertices of
the hand one by one, and the object's points, which have no order, by chamfer distance.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.network.explicit import OBJECT_KEYPOINTS, Explicit, Keypoints, SurfacePoints
from hoisdf_model.network.pyramid import pixels_of
from hoisdf_model.training.targets import Target
from hoisdf_model.training.trained_parts import Part, known_mean

SURFACE_SHARE = 4  # one of this number of field points, the nearest, represents the surface
EXPLICIT_LOSSES = ("hand_keypoints", "object_keypoints", "hand_points", "object_points")


class ExplicitReading(NamedTuple):
    """Explicit representation with its targets beside a ``Target``.

    ``predicted``; ``joint_pixels`` (B, 21, 2) and ``object_pixels`` (B, K, 7, 2), of each pose that looks the same,
    pixels of the crop; ``object_surface`` (B, P, 3) points on the object's surface, normalised; ``image_size`` pixels;
    ``scale`` normalised units per metre.
    """

    predicted: Explicit
    joint_pixels: Tensor
    object_pixels: Tensor
    object_surface: Tensor
    image_size: int
    scale: float


def explicit_reading(predicted: Explicit, batch: Sample, target: Target, scale: float) -> ExplicitReading:
    """Explicit representation with its targets from a batch.

    Surfaces are the quarter of the field points that lie nearest to them.

    Args:
        predicted: of these samples.
        batch: samples.
        target: of them.
        scale: normalised units per metre.
    """
    place = batch.object_center[:, None] + target.object_translations
    keypoints = OBJECT_KEYPOINTS.to(place.device)
    posed = torch.einsum("bkij,pj->bkpi", target.object_rotations, keypoints) + place[:, :, None]
    count = max(batch.object_field_points.shape[1] // SURFACE_SHARE, 1)
    nearest = batch.object_field_distances.abs().topk(count, dim=1, largest=False).indices
    surface = batch.object_field_points.gather(1, nearest[..., None].expand(-1, -1, 3))
    return ExplicitReading(
        predicted,
        batch.joint_pixels,
        pixels_of(posed, batch.intrinsics[:, None, None]),
        surface * scale,
        batch.image.shape[-1],
        scale,
    )


def explicit_parts(reading: ExplicitReading, target: Target) -> dict[str, Part]:
    """Sums and counts of the losses of an explicit representation by name."""
    hand, pose, thing = target.hand_known, target.pose_known, target.object_known
    if isinstance(reading.predicted, Keypoints):
        return {
            "hand_keypoints": keypoint_part(
                reading.predicted.hand, reading.joint_pixels[:, None], hand, reading.image_size
            ),
            "object_keypoints": keypoint_part(
                reading.predicted.object, reading.object_pixels, thing, reading.image_size
            ),
        }
    assert isinstance(reading.predicted, SurfacePoints)
    vertices = target.vertices[:, reading.predicted.numbers] * reading.scale
    return {
        "hand_points": known_mean((reading.predicted.hand - vertices).abs(), pose),
        "object_points": known_mean(chamfer(reading.predicted.object, reading.object_surface)[:, None], thing),
    }


def keypoint_part(predicted: Tensor, alike: Tensor, known: Tensor, size: int) -> Part:
    """Smooth-L1 loss of keypoints inside the crop, pixels.

    (B, P, 2); true ones outside of the crop of that ``size`` don't count.

    Of the sets ``alike`` (B, K, P, 2) that look the same, each sample is compared with the one that fits it best.
    """
    inside = ((alike >= 0) & (alike <= size - 1)).all(-1)
    wanted = alike.nan_to_num().clamp(-size, 2 * size)  # what is outside has no say, but it must not be infinite
    error = functional.smooth_l1_loss(predicted[:, None].expand_as(wanted), wanted, reduction="none").mean(-1) * inside
    with torch.no_grad():
        # one set of keypoints has more of them in the crop than another: only the mean of those can be compared
        mean = error.sum(2) / inside.sum(2).clamp(min=1)
        best = mean.where(inside.any(2), torch.inf).argmin(1)
    rows = torch.arange(len(best), device=best.device)
    return Part((error[rows, best].sum(1) * known).sum(), (inside[rows, best].sum(1) * known).sum())


def chamfer(a: Tensor, b: Tensor) -> Tensor:
    """Chamfer distance (B,), averaged over both directions.

    (B, N, 3) and (B, M, 3): mean distance to the other set's nearest point.
    """
    pairwise = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return (pairwise.amin(2).mean(1) + pairwise.amin(1).mean(1)) / 2
