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

"""Recorded grasps from demonstrations by a person.

The person holds an object in front of the camera; the result is one grasp in the object's frame.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import GraspError, InvalidInputError
from hoisdf_model.estimates import Estimate, ObjectEstimate
from hoisdf_model.geometry.poses import inverse, rigid, unknown_covariance
from hoisdf_model.grasping.candidates import GraspCandidate, Mode, Reason, Refusal, grasp_covariance, known
from hoisdf_model.grasping.contacts import ContactMap
from hoisdf_model.grasping.fusion import fuse_poses
from hoisdf_model.grasping.hands import hand_shape
from hoisdf_model.grasping.planner import GraspPlanner

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RecordedGrasp:
    """Recorded grasp in the object's frame.

    Attributes:
        object_name: as in the catalogue.
        gripper: name of the gripper's description.
        mode: how it was found.
        pose: (4, 4) tool -> object frame.
        width: metres; ``width_spread`` its standard deviation.
        score: 0 to 1, the median of the frames that were used.
        position_spread, rotation_spread: (3,) standard deviations, metres and radians, axes of the object.
        frames, used: with a grasp, and of these agreeing.
        contacts: of the palm and each finger that touched: share of the ``surface``, mean ``point`` and ``normal``.
    """

    object_name: str
    gripper: str
    mode: Mode
    pose: Floats
    width: float
    width_spread: float
    score: float
    position_spread: Floats
    rotation_spread: Floats
    frames: int
    used: int
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def place(self, thing: ObjectEstimate) -> GraspCandidate:
        """Recorded grasp on an observed object.

        Its covariance has the object's and the demonstration's own.

        Raises:
            InvalidInputError: another object.
        """
        if thing.name != self.object_name:
            raise InvalidInputError(f"the grasp is of {self.object_name!r}, the observed object is {thing.name!r}")
        object_pose = rigid(np.asarray(thing.rotation, np.float64), np.asarray(thing.translation, np.float64))
        pose = object_pose @ self.pose
        covariance = unknown_covariance(6)
        if known(thing.covariance):
            turn = object_pose[:3, :3]
            covariance = grasp_covariance(thing.covariance, object_pose, pose)
            covariance[:3, :3] += turn @ np.diag(self.position_spread**2) @ turn.T
            covariance[3:, 3:] += turn @ np.diag(self.rotation_spread**2) @ turn.T
        return GraspCandidate(
            self.mode, self.gripper, self.object_name, pose, self.pose, covariance, self.width, self.score
        )


class Demonstration:
    """Collects the best grasp of each frame, and contact maps, by object.

    Only what is relative counts: an error that hand and object share, such as that of the camera's distance, falls out.
    So the planner's limits on covariances don't apply here; outliers are rejected by :meth:`fuse`.

    Args:
        planner: with gripper, hand model, catalogue.
        mode: what to record.

    Attributes:
        frames: how many were added.
        refusals: how many frames gave no grasp, by reason.
        maps: by object.
    """

    def __init__(self, planner: GraspPlanner, mode: Mode = "imitate") -> None:
        if mode == "hand_only":
            raise InvalidInputError("a grasp is recorded in an object's frame: use imitate or handover")
        self._planner, self._mode = planner.for_demonstrations(), mode
        self._grasps: dict[str, list[GraspCandidate]] = {}
        self.frames = 0
        self.refusals: Counter[Reason] = Counter()
        self.maps: dict[str, ContactMap] = {}

    @property
    def found(self) -> dict[str, int]:
        """Grasps of each object, the most first."""
        return {name: len(self._grasps[name]) for name in sorted(self._grasps, key=lambda k: -len(self._grasps[k]))}

    def add(self, estimate: Estimate) -> GraspCandidate | Refusal:
        """Add one frame: its first hand and object.

        Returns the frame's grasp, or the reason why there is none.
        """
        self.frames += 1
        thing = estimate.held_by(0)
        first = Estimate(estimate.hands[:1], () if thing is None else (thing,))
        plan = self._planner.plan(first, (self._mode,))
        if plan.candidates:
            self._count_contacts(first)
            best = plan.candidates[0]
            self._grasps.setdefault(best.object_name, []).append(best)
            return best
        refusal = plan.refusals[0]
        self.refusals[refusal.reason] += 1
        return refusal

    def _count_contacts(self, estimate: Estimate) -> None:
        thing, hand = estimate.objects[0], hand_shape(estimate.hands[0], self._planner.hand_model)
        item = self._planner.shape(thing.name)
        object_pose = rigid(np.asarray(thing.rotation, np.float64), np.asarray(thing.translation, np.float64))
        mapped = self.maps.setdefault(thing.name, ContactMap(item))
        mapped.add(hand.moved(inverse(object_pose)), self._planner.settings.contact)

    def fuse(self, name: str | None = None) -> RecordedGrasp:
        """One grasp from all frames.

        Args:
            name: of the object; None: that which was held in most frames.

        Raises:
            GraspError: no frame gave a grasp of it, or the frames don't agree.
        """
        if not self._grasps or (name is not None and name not in self._grasps):
            what = "of anything" if name is None else f"of {name}"
            reasons = ", ".join(f"{reason} {count}" for reason, count in self.refusals.most_common())
            seen = ", ".join(self._grasps) or "none"
            raise GraspError(
                f"none of {self.frames} frames gave a grasp {what} (objects with one: {seen}; refused: {reasons})"
            )
        chosen = name or next(iter(self.found))
        grasps = self._grasps[chosen]
        poses = np.stack([one.pose_in_object for one in grasps if one.pose_in_object is not None])
        fused = fuse_poses(poses, self._planner.shape(chosen).symmetry)
        widths = np.array([one.width for one in grasps])[fused.used]
        return RecordedGrasp(
            object_name=chosen,
            gripper=grasps[0].gripper,
            mode=self._mode,
            pose=fused.pose,
            width=float(np.median(widths)),
            width_spread=float(widths.std()),
            score=float(np.median([one.score for one in grasps])),
            position_spread=fused.position_spread,
            rotation_spread=fused.rotation_spread,
            frames=len(grasps),
            used=int(fused.used.sum()),
            contacts=self.maps[chosen].regions(),
        )
