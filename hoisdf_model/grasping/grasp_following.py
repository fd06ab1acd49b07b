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

"""Temporal filtering of grasps.

Planned frame by frame, given out once several frames agree, and averaged over these.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ConfigError, GraspError
from hoisdf_model.estimates import Estimate, ObjectEstimate, Side
from hoisdf_model.geometry.poses import inverse, rigid
from hoisdf_model.grasping.candidates import (
    MODES,
    GraspCandidate,
    GraspPlan,
    Mode,
    Refusal,
    at,
    known,
    nearest_turn,
    turned_covariance,
)
from hoisdf_model.grasping.contacts import ContactMap
from hoisdf_model.grasping.demonstration import RecordedGrasp
from hoisdf_model.grasping.fusion import deviations, fuse_poses, nearest_equivalents
from hoisdf_model.grasping.grasp_memory import GraspMemory
from hoisdf_model.grasping.handover import hand_clearance, hand_obstacle
from hoisdf_model.grasping.hands import HandShape, hand_shape
from hoisdf_model.grasping.planner import GraspPlanner, at_wrist
from hoisdf_model.grasping.trials import take
from hoisdf_model.objects import Symmetry
from hoisdf_model.objects.symmetry import none

CONSIDERED = 12  # of a frame's best grasps
KEPT = 0.9  # the best of the frame before stays the best until another's score is better than by this factor
SAME = 1e-6  # metres, radians: poses so near to each other are one

# Grasps of two frames are compared where these agree: side of the hand, name of what it holds, which of several such
# pairs, mode. Not the hand's place in the estimate, which changes when another hand comes, goes or takes something.
Key = tuple[Side, str, int, Mode]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Steadiness:
    """Settings of the agreement between frames.

    Attributes:
        frames: number of frames in which a grasp must have been found, and in half of those checked: the last
            ``2 frames - 1``, or more where ``seconds`` asks for it.
        seconds: between the first and the last of them.
        distance, angle: metres and radians within which two grasps are the same, in the object's frame.

    Raises:
        ConfigError: a value out of range.
    """

    frames: int = 3
    seconds: float = 0.0
    distance: float = 0.02
    angle: float = 0.35

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f"a grasp must be found in at least 1 frame, got {self.frames}")
        if self.seconds < 0 or not (self.distance > 0 and self.angle > 0):
            raise ConfigError(f"seconds must be at least 0, distance and angle above 0, got {self}")


@dataclass(frozen=True)
class SteadyGrasp:
    """A grasp that several frames agree on.

    Attributes:
        candidate: at the mean pose; its covariance, where known, has the spread in it.
        hand: number of the hand in the estimate.
        position_spread, rotation_spread: (3,) standard deviations over the frames, metres and radians, axes of the
            object (of the camera with ``hand_only``); 0 where one search served for all frames.
        frames, used: looked at, and of these agreeing.
    """

    candidate: GraspCandidate
    hand: int
    position_spread: Floats
    rotation_spread: Floats
    frames: int
    used: int


@dataclass(frozen=True)
class SteadyPlan:
    """Plan with the grasps that several frames agree on.

    ``grasps``, best first; ``plan`` of the newest frame alone; ``waiting``: the progress of those not yet confirmed.
    """

    grasps: tuple[SteadyGrasp, ...]
    plan: GraspPlan
    waiting: str = ""


@dataclass(frozen=True)
class _Frame:
    stamp: float
    poses: dict[Key, Floats]  # (N, 4, 4) tool -> object frame, camera frame with hand_only


class GraspFollower:
    """Grasp planner for a stream of frames.

    Grasps that were found serve for some frames more while the hand stays where it is on the object
    (``GraspMemory``). A mean pose is tried anew on the newest frame (object, and hand for hand-overs); where it can't
    be taken, the newest frame's own pose is given.

    Args:
        planner: plans each frame.
        steadiness: when grasps are given out.
    """

    def __init__(self, planner: GraspPlanner, steadiness: Steadiness | None = None) -> None:
        self.planner, self.steadiness = planner, steadiness or Steadiness()
        self._frames: deque[_Frame] = deque()
        self._best: tuple[Key, Floats] | None = None
        self._memories: dict[tuple[Side, str, int], GraspMemory] = {}

    def reset(self) -> None:
        """Clear the history."""
        self._frames.clear()
        self._memories.clear()
        self._best = None

    def add(self, stamp: float, estimate: Estimate, modes: Iterable[Mode]) -> SteadyPlan:
        """Plan a frame.

        Args:
            stamp: seconds; not before that of the frame before.
            estimate: what was seen.
            modes: see ``GraspPlanner.plan``.

        Raises:
            ConfigError: an unknown mode.
        """
        plan, found = self._plan(estimate, tuple(modes))
        poses: dict[Key, list[Floats]] = {}
        for key, _, one in found:
            poses.setdefault(key, []).append(_own_pose(one))
        self._frames.append(_Frame(stamp, {key: np.stack(own) for key, own in poses.items()}))
        self._trim()
        steady, most = [], 0
        for key, number, one in found[:CONSIDERED]:
            same = self._same(key, one)
            most = max(most, len(same[0]))
            grasp = self._fused(number, one, estimate, *same)
            if grasp is not None:
                steady.append((key, grasp))
        grasps = self._ranked(steady)
        waiting = "" if grasps or not found else self._waiting(most)
        return SteadyPlan(grasps, plan, waiting)

    def recorded(self, grasp: SteadyGrasp, estimate: Estimate) -> RecordedGrasp:
        """Grasp in its object's frame, for a file.

        With the contacts of the estimate that it was given for.

        Raises:
            GraspError: no object is known.
        """
        one = grasp.candidate
        hand, thing = estimate.hands[grasp.hand], estimate.held_by(grasp.hand)
        if one.pose_in_object is None or thing is None:
            raise GraspError("a grasp is recorded in its object's frame, and no object is known")
        contacts = ContactMap(self.planner.shape(one.object_name))
        local = hand_shape(hand, self.planner.hand_model).moved(inverse(_pose_of(thing)))
        contacts.add(local, self.planner.settings.contact)
        return RecordedGrasp(
            object_name=one.object_name,
            gripper=one.gripper,
            mode=one.mode,
            pose=one.pose_in_object,
            width=one.width,
            width_spread=0.0,
            score=one.score,
            position_spread=grasp.position_spread,
            rotation_spread=grasp.rotation_spread,
            frames=grasp.frames,
            used=grasp.used,
            contacts=contacts.regions(),
        )

    def _plan(
        self, estimate: Estimate, modes: tuple[Mode, ...]
    ) -> tuple[GraspPlan, list[tuple[Key, int, GraspCandidate]]]:
        """The frame's plan, and its grasps with the numbers of their hands; hands are planned one by one."""
        memories, self._memories = self._memories, {}
        if not estimate.hands or set(modes) - set(MODES):
            return self.planner.plan(estimate, modes), []
        refusals: list[Refusal] = []
        found = []
        alike: Counter[tuple[Side, str]] = Counter()
        for number, hand in enumerate(estimate.hands):
            thing = estimate.held_by(number)
            pair = hand.side, "" if thing is None else thing.name
            key = (*pair, alike[pair])
            alike[pair] += 1
            self._memories[key] = memories.get(key) or GraspMemory()
            plan = self.planner.plan_hand(hand, thing, modes, number, self._memories[key])
            refusals += plan.refusals
            found += [((*key, one.mode), number, one) for one in plan.candidates]
        found.sort(key=lambda item: -item[2].score)
        return GraspPlan(tuple(one for _, _, one in found), tuple(refusals)), found

    def _trim(self) -> None:
        newest = self._frames[-1].stamp
        while len(self._frames) > 2 * self.steadiness.frames - 1 and (
            self._frames[1].stamp <= newest - self.steadiness.seconds
        ):
            self._frames.popleft()

    def _same(self, key: Key, one: GraspCandidate) -> tuple[Floats, float]:
        """Of each frame that has it, the same grasp (K, 4, 4), as it would be in the newest; seconds between them."""
        reference, symmetry = _own_pose(one), self._symmetry(one)
        frames = [(frame.stamp, frame.poses[key]) for frame in self._frames if key in frame.poses]
        images = nearest_equivalents(np.concatenate([poses for _, poses in frames]), reference, symmetry)
        shift, angle = deviations(images, reference)
        cost = np.maximum(shift / self.steadiness.distance, angle / self.steadiness.angle)
        kept, stamps, start = [], [], 0
        for stamp, poses in frames:
            nearest = start + int(cost[start : start + len(poses)].argmin())
            start += len(poses)
            if cost[nearest] <= 1:
                kept.append(images[nearest])
                stamps.append(stamp)
        return np.stack(kept), stamps[-1] - stamps[0]

    def _symmetry(self, one: GraspCandidate) -> Symmetry:
        return self.planner.shape(one.object_name).symmetry if one.pose_in_object is not None else none()

    def _fused(
        self, number: int, one: GraspCandidate, estimate: Estimate, poses: Floats, seconds: float
    ) -> SteadyGrasp | None:
        wanted, frames = self.steadiness, len(self._frames)
        if len(poses) < max(wanted.frames, frames / 2) or seconds < wanted.seconds:
            return None
        spread, used = (np.zeros(3), np.zeros(3)), len(poses)
        if max(map(np.max, deviations(poses, _own_pose(one)))) > SAME:
            try:
                fused = fuse_poses(poses, none(), least=min(wanted.frames, len(poses)))
            except GraspError:
                return None
            if one.pose_in_object is not None:
                one = self._retaken(number, one, estimate, nearest_turn(fused.pose, one.pose_in_object)) or one
            spread, used = (fused.position_spread, fused.rotation_spread), int(fused.used.sum())
        thing = estimate.held_by(number)
        if known(one.covariance) and thing is not None:
            turn = np.asarray(thing.rotation, np.float64)
            covariance = one.covariance.copy()
            for part, deviation in zip((slice(0, 3), slice(3, 6)), spread, strict=True):
                covariance[part, part] += turn @ np.diag(deviation**2) @ turn.T
            one = replace(one, covariance=covariance)
        return SteadyGrasp(one, number, *spread, frames, used)

    def _retaken(self, number: int, one: GraspCandidate, estimate: Estimate, pose: Floats) -> GraspCandidate | None:
        """The grasp at another pose (4, 4) on its object, if the gripper can do that on this frame."""
        planner, thing = self.planner, estimate.held_by(number)
        if thing is None:
            return None
        object_pose = _pose_of(thing)
        (taken,) = take(planner.shape(thing.name), pose[None], planner.gripper, planner.settings)
        if isinstance(taken, str):
            return None
        placed, contact = taken
        hand = hand_shape(estimate.hands[number], planner.hand_model)
        result = replace(at(one, placed, object_pose, thing.covariance), width=contact.width)
        if one.mode == "handover":
            clearance = self._clearance(hand.moved(inverse(object_pose)), placed, contact.width)
            if clearance < planner.settings.clearance:
                return None
            result = replace(result, hand_clearance=clearance)
        return None if at_wrist(result, hand) else result

    def _clearance(self, hand: HandShape, pose: Floats, width: float) -> float:
        settings = self.planner.settings
        return hand_clearance(hand_obstacle(hand, settings), [(pose, width)], self.planner.gripper, settings)[0]

    def _ranked(self, found: list[tuple[Key, SteadyGrasp]]) -> tuple[SteadyGrasp, ...]:
        """Best first; a robot on its way shouldn't be sent elsewhere for a little better score."""
        if not found:
            self._best = None
            return ()
        found = sorted(found, key=lambda item: -item[1].candidate.score)
        if self._best is not None:
            least = KEPT * found[0][1].candidate.score
            key, pose = self._best
            cost = [self._cost(item, key, pose) if item[1].candidate.score >= least else np.inf for item in found]
            if min(cost) <= 1:
                found.insert(0, found.pop(int(np.argmin(cost))))
        self._best = (found[0][0], _own_pose(found[0][1].candidate))
        return tuple(grasp for _, grasp in found)

    def _cost(self, item: tuple[Key, SteadyGrasp], key: Key, reference: Floats) -> float:
        """How far a grasp is from another: up to 1 they are the same; infinite where it is of another kind."""
        if item[0] != key:
            return np.inf
        pose = _own_pose(item[1].candidate)
        shift, angle = deviations(nearest_turn(pose, reference)[None], reference)
        return float(max(shift[0] / self.steadiness.distance, angle[0] / self.steadiness.angle))

    def _waiting(self, most: int) -> str:
        wanted = self.steadiness
        return f"found in {most} of the last {len(self._frames)} frames, {wanted.frames} must agree" + (
            f" over {wanted.seconds:g} s" if wanted.seconds else ""
        )


def moved(candidate: GraspCandidate, transform: Floats) -> GraspCandidate:
    """Grasp in another frame than the camera's.

    ``transform`` is (4, 4) camera frame -> that frame.
    """
    covariance = turned_covariance(candidate.covariance, transform[:3, :3])
    return replace(candidate, pose=transform @ candidate.pose, covariance=covariance)


def drawn_back(pose: Floats, distance: float) -> Floats:
    """Start pose (4, 4) of the straight approach to ``pose``.

    ``distance`` metres before it.
    """
    result = pose.copy()
    result[:3, 3] -= distance * pose[:3, 2]
    return result


def _pose_of(thing: ObjectEstimate) -> Floats:
    return rigid(np.asarray(thing.rotation, np.float64), np.asarray(thing.translation, np.float64))


def _own_pose(candidate: GraspCandidate) -> Floats:
    return candidate.pose if candidate.pose_in_object is None else candidate.pose_in_object
