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

"""Protocols of the estimator, its network and its localiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from hoisdf_model.estimates import Estimate, Frame, Prior
from hoisdf_model.network import ImageFeatures, NetworkInput, NetworkOutput, RootPrediction, RuntimeConfig


class Localiser(Protocol):
    """Finds hands in a frame."""

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        """Priors with at least a hand box, best first.

        Pixels of ``frame`` (rectified); empty: no hand is seen.
        """
        ...


class Network(Protocol):
    """Network protocol of the estimator; :class:`hoisdf_model.network.Hoisdf` satisfies it."""

    runtime: RuntimeConfig

    def __call__(self, batch: NetworkInput, /, *, features: ImageFeatures | None = None) -> NetworkOutput:
        """A batch of views, and their features if they have been looked at -> everything that is estimated from them.

        Features are those that ``find_root`` or ``encode`` gave for the same images.
        """
        ...

    def find_root(self, batch: NetworkInput, /) -> tuple[ImageFeatures, RootPrediction]:
        """Features and predicted wrists of images, boxes and landmarks.

        Called only if there is a head for them.
        """
        ...

    def encode(self, image: torch.Tensor, /) -> ImageFeatures:
        """Features with at least the image maps.

        (B, 3, S, S) in [0, 1].
        """
        ...


class FrameEstimator(Protocol):
    """Protocol of an :class:`Estimator`, as used by nodes and evaluations."""

    def __call__(self, frame: Frame, prior: Sequence[Prior] | None = None) -> Estimate:
        """The estimate for one frame; no priors: it looks for itself, an empty sequence: there is nothing to see."""

    def reset(self) -> None:
        """Reset tracking."""
