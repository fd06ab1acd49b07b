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

"""Losses of the hand-root head: error and predicted spread."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hoisdf_model.network import RootPrediction
from hoisdf_model.training.targets import Target
from hoisdf_model.training.trained_parts import Part, known_mean

ROOT_LOSSES = ("root", "root_spread")
BEND = 0.02  # errors below this are squared: share of the crop's edge, and relative depth


def root_parts(root: RootPrediction, target: Target) -> dict[str, Part]:
    """Sums and counts of both losses by name."""
    error, spread = root_error(root, target)
    distance = functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=BEND)
    return {
        "root": known_mean(distance, target.hand_known),
        "root_spread": known_mean(spread_cost(error.detach(), spread), target.hand_known),
    }


def root_error(root: RootPrediction, target: Target) -> tuple[Tensor, Tensor]:
    """Errors (B, 3) of the wrist with predicted spreads.

    Of its pixel, in fractions of the crop's edge, and of its log extent.
    """
    size = 2 * target.hand_mask.shape[-1]
    pixel, depth = (root.pixel - target.wrist_pixel) / size, root.log_extent - target.wrist_log_extent
    across = (root.pixel_spread / size)[:, None]
    return torch.cat([pixel, depth[:, None]], 1), torch.cat([across, across, root.depth_spread[:, None]], 1)


def spread_cost(error: Tensor, spread: Tensor) -> Tensor:
    """Negative log-likelihood of errors under normal distributions.

    Of those standard deviations (both of one shape and unit), up to a constant, entry by entry.

    Least, on average, where the spread is the error's root mean square. The error comes without its gradient, so that
    the spread learns how large errors are and the prediction isn't drawn to samples of which the spread thinks highly.
    """
    return (error / spread).square() / 2 + spread.log()
