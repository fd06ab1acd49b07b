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

"""Comparison of an estimate with the ground truth of the same image.

Camera frame, nothing mirrored, hand by hand.

The one comparison: of labelled frames under either protocol, of bags, in the evaluation node, of any two
:class:`Estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from hoisdf_model.data.bags.labelled_source import known_hands
from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.frame_errors import Hands, ObjectPoses, hand_errors, joint_distances, object_errors
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.records import Result, pose_of

NameVerdict = Literal["none", "right", "unknown", "wrong"]
DIGITS = 4  # of figures in records
OTHER_SIDE = 1e3  # metres: a hand of the right side is taken wherever it is


@dataclass(frozen=True)
class HandComparison:
    """Comparison of one true hand and its object.

    Attributes:
        object: the true object's name; empty: it holds none.
        result: errors. ``found`` says whether there was a hand for it, and an object that isn't called by another name.
        side: whether the side is right; None: no hand was found.
        name: of the estimated object: ``none`` was estimated, or its name is ``right``, ``unknown`` or ``wrong``.
        mesh: whether the object's mesh is known here; without it there are no errors of the object.
    """

    object: str
    result: Result
    side: bool | None
    name: NameVerdict
    mesh: bool = True


@dataclass(frozen=True)
class FrameComparison:
    """Comparisons of one frame's true hands.

    ``spurious``: estimated hands that belong to no true hand.
    """

    hands: tuple[HandComparison, ...]
    spurious: int = 0


class EstimateErrors:
    """Compares estimates with the truth.

    Each true hand gets at most one estimated hand, those of its side first, then the nearest wrist; the side may be
    wrong. Objects belong to hands as ``Estimate.held_by`` says, in the truth and in the estimate; further true objects
    aren't compared. An object that is called by another name than the true one isn't compared: its pose
    is of another frame. One without a name is taken for the true one, as networks don't know what they see.

    Args:
        models: objects by name.
    """

    def __init__(self, models: Models) -> None:
        self.models = models

    def __call__(self, estimate: Estimate, truth: Estimate) -> FrameComparison:
        """Comparison of a frame.

        Hands without a true wrist are left out, those with nothing else have no errors of the hand.
        """
        known = known_hands(truth)
        pairs = _matched([truth.hands[i] for i in known], estimate.hands)
        results = []
        for position, i in enumerate(known):
            j = pairs.get(position)
            obj = truth.held_by(i)
            found = None if j is None else estimate.held_by(j)
            hand = None if j is None else estimate.hands[j]
            results.append(self.pair(hand, found, truth.hands[i], obj))
        return FrameComparison(tuple(results), len(estimate.hands) - len(pairs))

    def pair(
        self, hand: HandEstimate | None, obj: ObjectEstimate | None, true: HandEstimate | None,
        held: ObjectEstimate | None, origin: Floats | None = None,
    ) -> HandComparison:  # fmt: skip
        """Comparison of one hand and one object with the true ones.

        Whatever their sides; what isn't finite isn't compared.

        ``origin`` (3,), object frame, metres: the point that OCE is of; None: the frame's origin.
        """
        errors: dict[str, Floats] = {}
        distances: tuple[float, ...] = ()
        pose: dict[str, Any] = {}
        if hand is not None and true is not None and np.isfinite([hand.joints, true.joints]).all():
            meshed = len(hand.vertices) == len(true.vertices) > 0 and bool(np.isfinite(true.vertices).all())
            own, other = _hands(hand, meshed), _hands(true, meshed)
            errors |= hand_errors(own, other)
            distances = tuple(np.round(joint_distances(own, other)[0], 2).tolist())
            pose |= pose_of(joints=np.asarray(hand.joints, np.float64))
        name, mesh = _name(obj, held), True
        if obj is not None and held is not None and name != "wrong" and _finite(obj):
            pose |= pose_of(rotation=obj.rotation, translation=obj.translation)
            try:
                model, origins = self.models(held.name), None if origin is None else origin[None]
                errors |= object_errors(_object_poses(obj), _object_poses(held), [model], origins)
            except MeshError:
                mesh = False
        rounded = {metric: round(float(values[0]), DIGITS) for metric, values in errors.items()}
        result = Result(rounded, (hand is not None, name in ("right", "unknown")), distances, pose)
        side = None if hand is None or true is None else hand.side == true.side
        return HandComparison(held.name if held is not None else "", result, side, name, mesh)


def _matched(true: Sequence[HandEstimate], found: Sequence[HandEstimate]) -> Mapping[int, int]:
    """True hand -> estimated hand."""
    if not true or not found:
        return {}
    gaps = np.array([[np.linalg.norm(own.joints[0] - hand.joints[0]) for own in found] for hand in true], np.float64)
    other = np.array([[OTHER_SIDE * (own.side != hand.side) for own in found] for hand in true])
    rows, columns = linear_sum_assignment(np.nan_to_num(gaps, nan=OTHER_SIDE / 2, posinf=OTHER_SIDE / 2) + other)
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def _name(obj: ObjectEstimate | None, held: ObjectEstimate | None) -> NameVerdict:
    if obj is None:
        return "none"
    if not obj.name or held is None:
        return "unknown"
    return "right" if obj.name == held.name else "wrong"


def _hands(hand: HandEstimate, mesh: bool) -> Hands:
    joints = np.asarray(hand.joints, np.float64)[None]
    vertices = np.asarray(hand.vertices, np.float64)[None] - joints[:, :1] if mesh else None
    return Hands(joints - joints[:, :1], joints[:, 0], vertices)


def _finite(obj: ObjectEstimate) -> bool:
    return bool(np.isfinite(obj.rotation).all() and np.isfinite(obj.translation).all())


def _object_poses(obj: ObjectEstimate) -> ObjectPoses:
    return ObjectPoses(np.asarray(obj.rotation, np.float64)[None], np.asarray(obj.translation, np.float64)[None])
