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

"""Planning of short manipulation sequences on a table.

A hand reaches for one object after the other, lifts it, turns it, puts it down, lets go.

World frame: metres, origin on the table top, z up, x to the right and y away from the camera. An object stands still on
the table before and after, and follows the hand rigidly between closing and opening of the fingers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import poses
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.grasps.articulation import Postures, blended
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.grasps.table_grasps import Grasp, GraspSampler
from hoisdf_model.synthesis.motion import Track, handheld_camera, minimum_jerk, progress
from hoisdf_model.synthesis.plays.clearance import deepest_overlap

_LOG = logging.getLogger(__name__)

# shares of an object's time: come near, reach, close, lift, turn, put down, open, leave
PHASES = np.array([0.22, 0.12, 0.09, 0.15, 0.15, 0.14, 0.06, 0.07])
NEAR, REACHED, CLOSED, LIFTED, TURNED, DOWN, OPENED, LEFT = range(8)
GAP = 0.16  # metres between neighbours on the table
STAGGER = 0.035  # metres that each object stands further back than the one before: arms come from the right
# where the open hand is before and after a grasp, metres along palm normal, forearm and world z: near, and withdrawn
NEAR_OFFSET, FAR_OFFSET = (0.045, 0.05, 0.01), (0.055, 0.15, 0.05)
ARM_AZIMUTH = (
    -0.75,
    0.25,
)  # where the elbow is seen from the hand: mean and spread, radians, towards the camera's right
CANDIDATES = 6  # grasps per object among which a clear way is looked for
PLANS = 80
ALLOWED = 0.003  # metres: how far anything may reach into anything else


@dataclass(frozen=True)
class Sequence:
    """A planned play; T frames, K objects, world frame.

    Attributes:
        times: (T,) seconds from the start.
        views: (T, 4, 4) world -> camera.
        hand: the hand that plays.
        rotations: (T, 16, 3, 3) MANO's, global first.
        joints: (T, 21, 3) metres.
        vertices: (T, 778, 3) metres.
        objects: K objects.
        object_poses: (T, K, 4, 4) object frame -> world.
        attended: (T,) index of the object the hand deals with.
        held: (T,) bool, whether the hand holds it.
        side: which hand; ``hand`` is a right one in any case.
    """

    times: NDArray[np.float64]
    views: NDArray[np.float64]
    hand: PosableHand
    rotations: NDArray[np.float64]
    joints: NDArray[np.float64]
    vertices: NDArray[np.float64]
    objects: tuple[CatalogueObject, ...]
    object_poses: NDArray[np.float64]
    attended: NDArray[np.int64]
    held: NDArray[np.bool_]
    side: Literal["right", "left"] = "right"


@dataclass(frozen=True)
class _Act:
    """What happens to one object: when, with which grasp, and its poses (4, 4) in the world."""

    times: NDArray[np.float64]  # (9,) start of each phase, and the end
    grasp: Grasp
    resting: NDArray[np.float64]
    lifted: NDArray[np.float64]
    turned: NDArray[np.float64]
    placed: NDArray[np.float64]


def plan_sequence(
    hand: PosableHand, objects: Many[CatalogueObject], seconds: float, rate: float, rng: np.random.Generator
) -> Sequence:
    """Plan a play with each of the objects in turn.

    Args:
        hand: who plays.
        objects: at least one.
        seconds: length; at least 1.5 s for each object.
        rate: frames per second.
        rng: decides everything that is left open.

    Raises:
        InvalidInputError: there is too little time, or an object for which no grasp was found.
    """
    if not objects or seconds < 1.5 * len(objects) or rate <= 0:
        raise InvalidInputError(
            f"{len(objects)} objects in {seconds} s at {rate} Hz: give at least one object, 1.5 s for each, and a rate"
        )
    samplers = [GraspSampler(hand, thing) for thing in objects]
    grasps = [sampler.sample(CANDIDATES, rng) for sampler in samplers]
    for thing, found in zip(objects, grasps, strict=True):
        if not found:
            raise InvalidInputError(f"found no grasp of {thing.name!r} that fits this hand")
    times = np.arange(round(seconds * rate)) / rate
    best: tuple[float, Sequence] | None = None
    for _ in range(PLANS):
        acts = _direct(objects, grasps, seconds, rng)
        play = _perform(hand, objects, acts, times, rng)
        worst = deepest_overlap(play.joints, play.vertices, play.rotations[:, 0], play.object_poses, samplers)
        if best is None or worst < best[0]:
            best = (worst, play)
        if worst < ALLOWED:
            break
    assert best is not None
    if best[0] >= ALLOWED:
        _LOG.warning(
            "none of %d plans is free of collisions: hand and objects overlap by %.1f mm", PLANS, best[0] * 1000
        )
    return best[1]


def _direct(
    objects: Many[CatalogueObject], grasps: Many[list[Grasp]], seconds: float, rng: np.random.Generator
) -> list[_Act]:
    """Choose grasps, and put the objects on the table so that the arm comes from the camera's right."""
    acts = []
    starts = np.linspace(0, seconds, len(objects) + 1)
    spots = _spots(objects)
    for k, (thing, found) in enumerate(zip(objects, grasps, strict=True)):
        grasp = found[min(int(rng.exponential(1.0)), len(found) - 1)]
        arm = grasp.rotation[:, 0]
        yaw = rng.normal(*ARM_AZIMUTH) - np.arctan2(arm[1], arm[0])
        spot = spots[k] + rng.normal(0, 0.01, 2)
        resting = _standing(thing, spot, yaw)
        up = rng.uniform(0.09, 0.14)
        lifted = _moved(thing, resting, (0, -0.02, up), rng.uniform(-0.2, 0.2, 3))
        turned = _moved(thing, resting, (rng.uniform(-0.05, 0.05), -0.04, up + rng.uniform(-0.02, 0.04)),
                        rng.uniform(-1, 1, 3) * np.array([0.35, 0.35, 0.6]))  # fmt: skip
        placed = _standing(thing, spot + rng.uniform(-0.02, 0.02, 2), yaw + rng.uniform(-0.25, 0.25))
        shares = np.concatenate([[0], np.cumsum(PHASES)])
        acts.append(_Act(starts[k] + shares * (starts[k + 1] - starts[k]), grasp, resting, lifted, turned, placed))
    return acts


def _spots(objects: Many[CatalogueObject]) -> NDArray[np.float64]:
    """(K, 2) places on the table, left to right around its middle."""
    radii = np.array([np.linalg.norm(np.ptp(thing.mesh.bounds[:, :2], axis=0)) / 2 for thing in objects])
    x = np.concatenate([[0.0], np.cumsum(radii[:-1] + radii[1:] + GAP)])
    steps = np.arange(len(objects)) - (len(objects) - 1) / 2
    return np.stack([x - x.mean(), steps * STAGGER], 1)


def _perform(
    hand: PosableHand,
    objects: Many[CatalogueObject],
    acts: list[_Act],
    times: NDArray[np.float64],
    rng: np.random.Generator,
) -> Sequence:
    count = len(times)
    poses = np.empty((count, len(acts), 4, 4))
    rotation, wrist = _free_hand(acts).at(times)
    attended, held = np.zeros(count, np.int64), np.zeros(count, bool)
    for k, act in enumerate(acts):
        poses[:, k] = np.where((times < act.times[LIFTED])[:, None, None], act.resting, act.placed)
        attended[times >= act.times[0]] = k
        holding = (times >= act.times[LIFTED]) & (times < act.times[OPENED])
        held |= holding
        knots = [act.resting, act.lifted, act.turned, act.placed]
        track = Track(
            act.times[[LIFTED, TURNED, DOWN, OPENED]],
            np.stack([p[:3, :3] for p in knots]), np.stack([p[:3, 3] for p in knots]), np.ones(4, bool),
        )  # fmt: skip
        turn, shift = track.at(times[holding])
        poses[holding, k, :3, :3], poses[holding, k, :3, 3] = turn, shift
        rotation[holding] = turn @ act.grasp.rotation
        wrist[holding] = np.einsum("tij,j->ti", turn, act.grasp.wrist) + shift
    posed = hand.pose(_fingers(acts, times), rotation, wrist)
    return Sequence(
        times, _views(acts, times, poses, rng), hand, posed.rotations, posed.joints, posed.vertices, tuple(objects),
        poses, attended, held,
    )  # fmt: skip


def _free_hand(acts: list[_Act]) -> Track:
    """The hand where it holds nothing; where it does, the object leads."""
    knots: list[tuple[float, NDArray[np.float64], NDArray[np.float64], bool]] = []
    for k, act in enumerate(acts):
        t = act.times
        before, after = _hand_at(act.grasp, act.resting), _hand_at(act.grasp, act.placed)
        if k == 0:
            knots.append((t[0], before[0], _beside(before, FAR_OFFSET), True))
        else:
            knots.append((0.65 * t[0] + 0.35 * t[REACHED], before[0], _beside(before, FAR_OFFSET), False))
        knots.append((t[REACHED], before[0], _beside(before, NEAR_OFFSET), False))
        knots += [(t[CLOSED], *before, True), (t[LIFTED], *before, True)]
        knots += [(t[OPENED], *after, True), (t[LEFT], *after, True)]
        if k == len(acts) - 1:
            knots.append((t[LEFT + 1], after[0], _beside(after, NEAR_OFFSET), True))
        else:
            following = acts[k + 1].times
            knots.append((t[LEFT + 1], after[0], _beside(after, NEAR_OFFSET), False))
            away = 0.85 * following[0] + 0.15 * following[REACHED]
            knots.append((away, after[0], _beside(after, FAR_OFFSET), False))
    return Track(
        np.array([k[0] for k in knots]),
        np.stack([k[1] for k in knots]),
        np.stack([k[2] for k in knots]),
        np.array([k[3] for k in knots]),
    )


def _beside(
    hand: tuple[NDArray[np.float64], NDArray[np.float64]], offset: tuple[float, float, float]
) -> NDArray[np.float64]:
    """The wrist (3,) drawn back from where the hand grasps, by ``offset`` along palm normal, forearm and world z."""
    rotation, wrist = hand
    return wrist + offset[0] * rotation[:, 1] + offset[1] * rotation[:, 0] + np.array([0.0, 0.0, offset[2]])


def _fingers(acts: list[_Act], times: NDArray[np.float64]) -> Postures:
    """Postures (T) from open to closed and back, one object after the other."""
    knots, keys = [], []
    for act in acts:
        opened, closed = act.grasp.opened, act.grasp.closed
        for phase, posture in ((REACHED, opened), (CLOSED, opened), (LIFTED, closed), (OPENED, closed), (LEFT, opened)):
            knots.append(act.times[phase])
            keys.append(posture)
    at = np.array(knots)
    step, share = progress(at, np.clip(times, at[0], at[-1]))
    table = Postures(
        np.concatenate([p.flexion for p in keys]),
        np.concatenate([p.opposition for p in keys]),
        np.concatenate([p.spread for p in keys]),
    )
    return blended(table[step], table[step + 1], minimum_jerk(share))


def _views(
    acts: list[_Act], times: NDArray[np.float64], poses: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """A camera held in front of the table that follows what happens, sideways and upwards."""
    knots = np.array([t for act in acts for t in (act.times[REACHED], act.times[LEFT])])
    spots = np.array([p[0, 3] for act in acts for p in (act.resting, act.placed)])
    step, share = progress(knots, np.clip(times, knots[0], knots[-1]))
    share = minimum_jerk(share)
    follow = np.zeros((len(times), 3))
    follow[:, 0] = spots[step] * (1 - share) + spots[step + 1] * share
    follow[:, 2] = (poses[:, :, 2, 3] - poses[:1, :, 2, 3]).sum(1) * 0.7
    eye = np.array([rng.uniform(-0.12, 0.06), rng.uniform(-0.57, -0.48), rng.uniform(0.40, 0.50)])
    target = np.array([0.02, 0.0, 0.11])
    return handheld_camera(times, eye + follow * 0.75, target + follow * 0.85, rng)


def _hand_at(grasp: Grasp, pose: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (3, 3) and wrist (3,) of the hand that holds an object at ``pose`` (4, 4)."""
    return pose[:3, :3] @ grasp.rotation, pose[:3, :3] @ grasp.wrist + pose[:3, 3]


def _standing(thing: CatalogueObject, spot: NDArray[np.float64], yaw: float) -> NDArray[np.float64]:
    """(4, 4) object -> world, its z axis up, the middle of its box above ``spot``, its lowest point on the table."""
    pose = poses.rigid(Rotation.from_euler("z", yaw).as_matrix())
    pose[:2, 3] = spot - (pose[:3, :3] @ thing.center)[:2]
    pose[2, 3] = -float(thing.mesh.bounds[0, 2])
    return pose


def _moved(
    thing: CatalogueObject, pose: NDArray[np.float64], shift: tuple[float, float, float], turn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The pose shifted, and turned by the rotation vector ``turn`` (world) about the object's middle."""
    rotation = Rotation.from_rotvec(turn).as_matrix()
    middle = pose[:3, :3] @ thing.center + pose[:3, 3]
    moved = poses.rigid(rotation @ pose[:3, :3])
    moved[:3, 3] = middle + np.array(shift) - moved[:3, :3] @ thing.center
    return moved
