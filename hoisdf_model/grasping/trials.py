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
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.grasping.box_solids import box_distance
from hoisdf_model.grasping.candidates import Reason, alike
from hoisdf_model.grasping.grasp_scores import slips
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.jaws import YIELD, JawContact, centred, close_jaws
from hoisdf_model.grasping.object_shapes import ObjectShape
from hoisdf_model.grasping.settings import GraspSettings

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
) -> Iterator[tuple[Floats, JawContact] | Reason]:
    """Feasible grasps with the jaws closed at poses.

    ``poses`` (K, 4, 4), tool -> object frame; collisions are checked only as far as results are requested.

    Yields:
        The pose with its origin midway between the pads, and what they found; or why it can't be done.
    """
    for pose, contact in zip(poses, close_jaws(thing, poses, gripper), strict=True):
        if contact is None:
            yield "not_antipodal"
        elif contact.width > gripper.stroke:
            yield "too_wide"
        elif slips(contact.antipodality):
            yield "not_antipodal"
        else:
            placed = centred(pose, contact)
            opening = settings.opening(contact.width, gripper.stroke)
            # the approach, and closing until just before the pads touch: nothing else of the fingers may touch first
            swept = gripper.boxes(opening, settings.travel, min(opening, contact.width + 2 * YIELD))
            yield "in_collision" if thing.solid.meets(swept, placed) else (placed, contact)


def point_clearance(points: Floats, poses: Floats, boxes: Floats) -> Floats:
    """Lower bound of clearance from points to boxes, metres.

    (K,) from points (N, 3) to ``boxes`` (B, 2, 3) at poses (K, 4, 4); 0 inside. A mesh is no farther.
    """
    turns = poses[:, :3, :3]
    shift = np.einsum("ki,kic->ck", poses[:, :3, 3], turns)
    local = np.stack([turns[:, :, axis] @ points.T for axis in range(3)]) - shift[:, :, None]
    return box_distance(np.moveaxis(local, 0, -1), boxes)


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
