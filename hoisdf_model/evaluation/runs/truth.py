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

"""Ground truth of a batch, with the meshes of hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hoisdf_model.estimates import Estimate
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.methods import Answer
from hoisdf_model.hand import HandLayer


def truths_of(batch: FrameBatch, hand_layer: HandLayer) -> tuple[Estimate, ...]:
    """Labels of a batch as estimates with hand meshes.

    A hand without vertices of the source gets those of its pose and shape, where these are known.
    """
    known = (batch.sample.hand_known & batch.sample.pose_known).tolist()
    bare = [k for k, truth in enumerate(batch.truths) if known[k] and not len(truth.hands[0].vertices)]
    if not bare:
        return batch.truths
    device = hand_layer.v_template.device
    with torch.no_grad():
        mesh = hand_layer(batch.sample.mano_rotations[bare].to(device), batch.sample.mano_shape[bare].to(device))
    truths = list(batch.truths)
    for k, vertices in zip(bare, mesh.vertices.double().cpu().numpy(), strict=True):
        hand = truths[k].hands[0]
        placed = (vertices @ batch.axes[k] + hand.joints[0]).astype(np.float32)
        truths[k] = replace(truths[k], hands=(replace(hand, vertices=placed),))
    return tuple(truths)


class KnownTruth:
    """Method that gives the labels.

    A reference for metrics that aren't 0 for the truth either.

    Args:
        hand_layer: the hand that the frames' poses and shapes are of.
    """

    def __init__(self, hand_layer: HandLayer) -> None:
        self.hand_layer = hand_layer

    def __call__(self, batch: FrameBatch) -> list[Answer]:
        """The labels; a hand is found where its mesh is known."""
        return [
            Answer(truth, (any(len(hand.vertices) > 0 for hand in truth.hands), bool(name)))
            for truth, name in zip(truths_of(batch, self.hand_layer), batch.names, strict=True)
        ]
