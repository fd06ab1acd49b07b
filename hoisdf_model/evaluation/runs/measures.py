"""Figures of hands, objects and fields that need meshes: what can be taken of a method beside its errors."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hoisdf_model.evaluation.metrics.interaction import interaction
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.sampled_points import joint_distances, surface_distances
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.methods import Estimates
from hoisdf_model.evaluation.runs.truth import mesh_known, truth_of
from hoisdf_model.geometry import meshes
from hoisdf_model.hand import HandLayer, HandModelLike, as_hand_model

Figures = dict[str, float]  # metric -> number, those that apply


class Measure(Protocol):
    """Takes figures of estimates."""

    def __call__(self, batch: FrameBatch, estimates: Estimates, /) -> list[Figures]:
        """For each frame of the batch."""


class Interaction:
    """How the estimated hand and the estimated object touch and overlap.

    Args:
        models: objects by name.
        hand: model with the faces of the estimated hands.
    """

    def __init__(self, models: Models, hand: HandModelLike) -> None:
        self.models, self.hand = models, as_hand_model(hand)

    def __call__(self, batch: FrameBatch, estimates: Estimates) -> list[Figures]:
        """Of frames with a mesh of the hand and a pose of an object that is known."""
        results: list[Figures] = [{} for _ in batch.numbers]
        hands, things = estimates.hands, estimates.things
        if hands.vertices is None:
            return results
        for k, (name, reflection) in enumerate(zip(batch.names, batch.reflections, strict=True)):
            vertices = hands.vertices[k] + hands.wrist[k]
            turn, place = things.rotation[k], things.translation[k]
            if not name or not all(np.isfinite(part).all() for part in (vertices, turn, place)):
                continue
            model = self.models(name, reflection)
            # in the object's frame, where its box is tight
            found = interaction(
                *meshes.capped((vertices - place) @ turn, self.hand.faces), model.vertices, model.faces
            )  # fmt: skip
            results[k] = {
                "penetration": found.depth * 1e3,
                "intersection": found.volume * 1e6,
                "contact": 100.0 * found.contact,
                "overlap": 100.0 * (found.depth > 0),
            }
        return results


class SampledPoints:
    """How far the points that a network looks at are from the true hand (paper, table 6).

    Args:
        hand_layer: the hand that the frames' poses and shapes are of.
    """

    def __init__(self, hand_layer: HandLayer) -> None:
        self.hand_layer = hand_layer

    def __call__(self, batch: FrameBatch, estimates: Estimates) -> list[Figures]:
        """Of frames with points and a true hand."""
        results: list[Figures] = [{} for _ in batch.numbers]
        points = estimates.hands.points
        if points is None:
            return results
        truth, model = truth_of(batch, self.hand_layer)[0], self.hand_layer.model
        assert truth.vertices is not None
        for k in np.flatnonzero(estimates.hand_found & batch.sample.hand_known.numpy()):
            results[k] = {name: value * 1e3 for name, value in joint_distances(points[k], truth.joints[k]).items()}
            if mesh_known(batch)[k]:
                found = surface_distances(points[k], truth.vertices[k], model)
                results[k] |= {name: value * 1e3 for name, value in found.items()}
        return results
