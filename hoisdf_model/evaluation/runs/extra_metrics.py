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

"""Metrics of contact and sampled points, beside the errors of poses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hoisdf_model.evaluation.metrics.interaction import interaction
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.sampled_points import joint_distances, surface_distances
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.methods import Answer
from hoisdf_model.evaluation.runs.truth import truths_of
from hoisdf_model.geometry import meshes
from hoisdf_model.hand import HandLayer, HandModelLike, as_hand_model

Figures = dict[str, float]  # metric -> number, those that apply


class BatchMetric(Protocol):
    """Metric of a batch of estimates."""

    def __call__(self, batch: FrameBatch, answers: Sequence[Answer], /) -> list[Figures]:
        """For each frame of the batch."""


class Interaction:
    """Contact and overlap of the estimated hand and object.

    Args:
        models: objects by name.
        hand: model with the faces of the estimated hands.
    """

    def __init__(self, models: Models, hand: HandModelLike) -> None:
        self.models, self.hand = models, as_hand_model(hand)

    def __call__(self, batch: FrameBatch, answers: Sequence[Answer]) -> list[Figures]:
        """Figures of frames with a hand mesh and a known object pose."""
        results: list[Figures] = [{} for _ in batch.numbers]
        for k, (name, answer) in enumerate(zip(batch.names, answers, strict=True)):
            hand, obj = answer.hand, answer.object
            if not name or hand is None or obj is None or not len(hand.vertices):
                continue
            if not all(np.isfinite(part).all() for part in (hand.vertices, obj.rotation, obj.translation)):
                continue
            model = self.models(name)
            # in the object's frame, where its box is tight
            vertices, faces = meshes.capped((hand.vertices - obj.translation) @ obj.rotation, self.hand.faces)
            faces = faces if hand.side == self.hand.side else faces[:, ::-1]  # a left hand's point the other way round
            found = interaction(vertices, faces, model.vertices, model.faces)
            results[k] = {
                "penetration": found.depth * 1e3,
                "intersection": found.volume * 1e6,
                "contact": 100.0 * found.contact,
                "overlap": 100.0 * (found.depth > 0),
            }
        return results


class SampledPoints:
    """Distances of the network's sampled points to the true hand.

    Paper, table 6.

    Args:
        hand_layer: the hand that the frames' poses and shapes are of.
    """

    def __init__(self, hand_layer: HandLayer) -> None:
        self.hand_layer = hand_layer

    def __call__(self, batch: FrameBatch, answers: Sequence[Answer]) -> list[Figures]:
        """Figures of frames with sampled points and a true hand."""
        results: list[Figures] = [{} for _ in batch.numbers]
        for k, (answer, truth) in enumerate(zip(answers, truths_of(batch, self.hand_layer), strict=True)):
            if answer.points is None or not answer.sure[0] or not bool(batch.sample.hand_known[k]):
                continue
            hand, wrist = truth.hands[0], np.asarray(truth.hands[0].joints[0], np.float64)
            found = joint_distances(answer.points, hand.joints - wrist)
            if len(hand.vertices):
                found |= surface_distances(answer.points, hand.vertices - wrist, self.hand_layer.model)
            results[k] = {name: value * 1e3 for name, value in found.items()}
        return results
