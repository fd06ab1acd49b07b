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

"""Feasibility of gripper poses, and lists of feasible grasps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.grasping.box_solids import box_distance, boxes_hold
from hoisdf_model.grasping.candidates import Reason, alike, in_tool_frames
from hoisdf_model.grasping.certainty import chances, tolerances
from hoisdf_model.grasping.grasp_scores import slips, total
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.jaws import YIELD, JawContact, centred, close_jaws
from hoisdf_model.grasping.object_shapes import ObjectShape

ALIKE_ANGLE, ALIKE_DISTANCE = 0.26, 0.012  # radians, metres: grasps nearer to each other count as one

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Feasible grasp.

    ``pose`` (4, 4) tool -> object frame, the pads' ``contact``, its score's ``terms``.
    """

    pose: Floats
    contact: JawContact
    terms: dict[str, float]
    score: float
    hand_clearance: float = float("nan")


def take(
    thing: ObjectShape, poses: Floats, gripper: Gripper, settings: GraspSettings
) -> list[tuple[Floats, JawContact] | Reason]:
    """Feasible grasps with the jaws closed at poses.

    ``poses`` (K, 4, 4), tool -> object frame.

    Returns:
        For each the pose with its origin midway between the pads, and what they found; or why it can't be done.
    """
    result: list[tuple[Floats, JawContact] | Reason] = []
    holding, swept = [], []
    for k, (pose, contact) in enumerate(zip(poses, close_jaws(thing, poses, gripper), strict=True)):
        if contact is None:
            result.append("not_antipodal")
        elif contact.width > gripper.stroke:
            result.append("too_wide")
        elif slips(contact.antipodality):
            result.append("not_antipodal")
        else:
            result.append((centred(pose, contact), contact))
            opening = settings.opening(contact.width, gripper.stroke)
            # the approach, and closing until just before the pads touch: nothing else of the fingers may touch first
            swept.append(gripper.boxes(opening, settings.travel, min(opening, contact.width + 2 * YIELD)))
            holding.append(k)
    if holding:
        placed = np.stack([result[k][0] for k in holding])
        for k in np.array(holding)[thing.solid.meets(np.stack(swept), placed)]:
            result[k] = "in_collision"
    return result


def palm_is_free(thing: ObjectShape, poses: Floats, gripper: Gripper, settings: GraspSettings) -> NDArray[np.bool_]:
    """Whether an object leaves the palm's way free, whatever the jaws do.

    (K,) of ``poses`` (K, 4, 4), as far as samples of the surface tell.
    """
    palm = gripper.boxes(0.0, settings.travel)[2:]
    return ~boxes_hold(in_tool_frames(thing.samples[0], poses), palm)


def point_clearance(points: Floats, poses: Floats, boxes: Floats) -> Floats:
    """Upper bound of clearance from a mesh's points to a gripper, metres.

    (K,) from points (N, 3) to the gripper's ``boxes`` (B, 2, 3) at poses (K, 4, 4); 0 inside. A mesh is no farther.
    """
    local = in_tool_frames(points, poses)
    np.abs(local[1], out=local[1])  # a gripper is the same on both sides: one of its fingers will do
    return box_distance(local, boxes[boxes[:, 1, 1] > 0])


def rescored(found: Sequence[Found], term: str, values: Sequence[float]) -> list[Found]:
    """Grasps with another value of one of their terms, best first."""
    result = []
    for one, value in zip(found, values, strict=True):
        terms = {**one.terms, term: value}
        result.append(replace(one, terms=terms, score=total(terms)))
    return sorted(result, key=lambda one: -one.score)


def weighed(
    found: Sequence[Found], covariance: Floats | None, gripper: Gripper, settings: GraspSettings
) -> list[Found]:
    """Grasps scored by their chances too, best first.

    ``covariance`` (6, 6) is of the object's pose, along its own axes; None: it doesn't count.
    """
    if covariance is None or not found:
        return sorted(found, key=lambda one: -one.score)
    bearable = tolerances(np.array([one.contact.width for one in found]), gripper, settings)
    return rescored(found, "covariance", chances(covariance, np.stack([one.pose for one in found]), bearable).tolist())


def distinct(found: list[Found], count: int) -> list[Found]:
    """Best ``count`` grasps without near duplicates."""
    kept: list[Found] = []
    poses = np.zeros((0, 4, 4))
    for candidate in sorted(found, key=lambda one: -one.score):
        if not alike(candidate.pose, poses, ALIKE_DISTANCE, ALIKE_ANGLE).any():
            kept.append(candidate)
            poses = np.concatenate([poses, candidate.pose[None]])
        if len(kept) == count:
            break
    return kept


def commonest(failures: Counter[Reason], fallback: Reason) -> Reason:
    """Most frequent reason of failed trials."""
    return failures.most_common(1)[0][0] if failures else fallback
