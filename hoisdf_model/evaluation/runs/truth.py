"""What is known of a batch: the labels as the metrics see them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.frame_errors import Hands, Things
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.methods import Estimates
from hoisdf_model.hand import HandLayer


def truth_of(batch: FrameBatch, hand_layer: HandLayer) -> tuple[Hands, Things]:
    """The labels of a batch; vertices are the source's own, else those of the hand model with true pose and shape."""
    sample = batch.sample
    with torch.no_grad():
        mesh = hand_layer(
            sample.mano_rotations.to(hand_layer.v_template.device), sample.mano_shape.to(hand_layer.v_template.device)
        )
    joints, wrist, center = (part.double().numpy() for part in (sample.joints, sample.hand_root, sample.object_center))
    vertices = mesh.vertices.double().cpu().numpy()
    for k, known in enumerate(batch.vertices):
        if known is not None:
            vertices[k] = known
    hands = Hands(joints, wrist, vertices)
    place = sample.object_translation.double().numpy() + center
    return hands, Things(sample.object_rotation.double().numpy(), place)


def mesh_known(batch: FrameBatch) -> NDArray[np.bool_]:
    """(B,) whether the vertices of the true hand are."""
    of_source = np.array([known is not None for known in batch.vertices], bool)
    return np.asarray(batch.sample.hand_known.numpy() & (batch.sample.pose_known.numpy() | of_source), bool)


def object_known(batch: FrameBatch) -> NDArray[np.bool_]:
    """(B,) whether the object's pose and mesh are."""
    return np.asarray(batch.sample.object_known.numpy() & np.array([bool(name) for name in batch.names]), bool)


class KnownTruth:
    """A method that says what is known, as a reference for figures that aren't 0 for the truth either.

    Args:
        hand_layer: the hand that the frames' poses and shapes are of.
    """

    def __init__(self, hand_layer: HandLayer) -> None:
        self.hand_layer = hand_layer

    def __call__(self, batch: FrameBatch) -> Estimates:
        """Not finite where nothing is known."""
        hands, things = truth_of(batch, self.hand_layer)
        hand, thing = mesh_known(batch), object_known(batch)
        assert hands.vertices is not None
        hands.vertices[~hand], things.translation[~thing] = np.nan, np.nan
        return Estimates(hands, things, hand, thing)
