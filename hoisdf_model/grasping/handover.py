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

"""Hand-over grasps on the part of an object not covered.

The gripper's whole path stays clear of the hand.

Antipodal pairs of surface points (Nguyen 1988) are sampled, approached from all around, and tried exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import distances
from hoisdf_model.grasping import grasp_scores
from hoisdf_model.grasping.box_solids import Solid
from hoisdf_model.grasping.candidates import Reason
from hoisdf_model.grasping.certainty import chances, tolerances
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.hands import HandShape
from hoisdf_model.grasping.jaws import aligned
from hoisdf_model.grasping.object_shapes import FACING, ObjectShape
from hoisdf_model.grasping.trials import (
    Found,
    commonest,
    distinct,
    palm_is_free,
    point_clearance,
    rescored,
    take,
    weighed,
)

PAIRS, DIRECTIONS = 48, 12  # pairs tried, and approaches of each
DEPTHS = (0.0, 0.35)  # shares of the pad's length by which it reaches less deep
MOST, ENOUGH = 24, 14  # exact trials, and grasps after which no more are tried
THINNED, THINNED_MORE = 3, 12  # every third vertex of the hand serves for a look, every 36th for a first one
VARIED = 0.25  # pairs farther apart than this, in diameters of the object, are as different as can be
CHUNK = 48  # poses looked at together

Floats = NDArray[np.float64]


def hand_over(
    hand: HandShape, thing: ObjectShape, gripper: Gripper, settings: GraspSettings, covariance: Floats | None = None
) -> tuple[list[Found], Reason | None]:
    """Grasps that leave the hand alone, best first.

    Args:
        hand: in the object's frame.
        thing: the object.
        gripper: the gripper.
        settings: clearance, travel, count.
        covariance: (6, 6) of the object's pose, its own axes; None: it doesn't count.

    Returns:
        Grasps with at least ``settings.clearance`` to the hand; where there are none, why.
    """
    obstacle = hand_obstacle(hand, settings)
    starts = _free_pairs(hand, thing, gripper, settings.clearance)
    if not len(starts):
        return [], "no_free_part"
    poses = _approaches(starts, gripper)
    widths = np.repeat(np.linalg.norm(starts[:, 1] - starts[:, 0], axis=1), len(poses) // len(starts))
    certainty = chances(covariance, poses, tolerances(widths, gripper, settings))
    failures: Counter[Reason] = Counter()
    found: list[Found] = []
    promising = poses[_promising(poses, certainty, thing, obstacle, gripper, settings)]
    for start in range(0, len(promising), ENOUGH):
        some = promising[start : start + ENOUGH]
        straight, able = aligned(thing, some, gripper)
        some[able] = straight[able]
        trials = take(thing, some, gripper, settings)
        held = [(trial[0], trial[1].width) for trial in trials if not isinstance(trial, str)]
        room = iter(hand_clearance(obstacle, held, gripper, settings))
        for trial in trials:
            if isinstance(trial, str):
                failures[trial] += 1
                continue
            (pose, contact), clearance = trial, next(room)
            if clearance < settings.clearance:
                failures["no_free_part"] += 1
                continue
            terms = {
                "antipodality": grasp_scores.antipodality_term(contact.antipodality),
                "stroke": grasp_scores.stroke_term(contact.width, gripper.stroke),
                "clearance": grasp_scores.clearance_term(clearance),
                "center": grasp_scores.center_term(pose[:3, 3], thing.center_of_mass, thing.diameter),
            }
            found.append(Found(pose, contact, terms, grasp_scores.total(terms), clearance))
        if len(found) >= ENOUGH:
            break
    found = weighed(found[:ENOUGH], covariance, gripper, settings)
    return distinct(found, settings.count), None if found else commonest(failures, "no_free_part")


def handed_over_again(
    found: Sequence[Found], hand: HandShape, gripper: Gripper, settings: GraspSettings
) -> list[Found]:
    """Grasps of :func:`hand_over`, scored by a hand that has moved a little.

    Best first, without those that it comes too near to. Arguments are those of :func:`hand_over`.
    """
    if not found:
        return []
    swept = [(one.pose, one.contact.width) for one in found]
    room = hand_clearance(hand_obstacle(hand, settings), swept, gripper, settings)
    clear = [
        replace(one, hand_clearance=gap) for one, gap in zip(found, room, strict=True) if gap >= settings.clearance
    ]
    return rescored(clear, "clearance", [grasp_scores.clearance_term(one.hand_clearance) for one in clear])


def hand_obstacle(hand: HandShape, settings: GraspSettings) -> Solid:
    """Hand as an obstacle, with its forearm on request."""
    return hand.solid_with_forearm if settings.forearm else hand.solid


def hand_clearance(
    obstacle: Solid, grasps: Sequence[tuple[Floats, float]], gripper: Gripper, settings: GraspSettings
) -> list[float]:
    """Clearance between hand and gripper path, metres.

    For each of the grasps, poses (4, 4) and widths, from the start of the approach until the gripper has closed.

    Below ``settings.clearance`` any number below it.
    """
    if not grasps:
        return []
    poses, widths = zip(*grasps, strict=True)
    boxes = [gripper.boxes(settings.opening(width, gripper.stroke), settings.travel, width) for width in widths]
    return obstacle.clearance(np.stack(boxes), np.stack(poses), settings.clearance).tolist()


def _free_pairs(hand: HandShape, thing: ObjectShape, gripper: Gripper, clearance: float) -> Floats:
    """(P, 2, 3) antipodal points, both farther than ``clearance`` from the hand; varied, the most promising first."""
    points, _ = thing.samples
    first, second, straight = thing.antipodal_pairs
    away = distances.closest_points(points, hand.closed_vertices, hand.closed_faces)[0]
    width = np.linalg.norm(points[first] - points[second], axis=1)
    usable = (away[first] > clearance) & (away[second] > clearance) & (width < gripper.stroke)
    first, second, straight = first[usable], second[usable], straight[usable]
    if not len(first):
        return np.zeros((0, 2, 3))
    middle = (points[first] + points[second]) / 2
    off_center = np.linalg.norm(middle - thing.center_of_mass, axis=1) / max(thing.diameter, 1e-6)
    room = np.minimum(away[first], away[second])
    merit = (straight - FACING) / (1 - FACING) + np.clip(room / grasp_scores.AMPLE, 0, 1) - 2 * off_center
    axis = (points[second] - points[first]) / np.linalg.norm(points[second] - points[first], axis=1, keepdims=True)
    place = np.concatenate([middle / max(thing.diameter, 1e-6), 0.3 * axis], 1).T.copy()
    chosen = [int(merit.argmax())]
    gap = np.minimum(_gaps(place, chosen[0]), VARIED)
    while len(chosen) < min(PAIRS, len(first)):
        following = int((merit + 6 * gap).argmax())
        if gap[following] == 0:
            break
        chosen.append(following)
        gap = np.minimum(gap, _gaps(place, following))
        merit[following] = -np.inf
    return np.stack([points[first[chosen]], points[second[chosen]]], 1)


def _gaps(place: Floats, number: int) -> Floats:
    """(P,) distances of columns of ``place`` (4, P) to one of them."""
    between = place - place[:, number, None]
    between *= between
    return np.sqrt(between.sum(0))


def _approaches(pairs: Floats, gripper: Gripper) -> Floats:
    """(P, 2, 3) -> (K, 4, 4): tool poses that close on each pair, approached from ``DIRECTIONS`` sides."""
    axis = pairs[:, 1] - pairs[:, 0]
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    start = np.cross(axis, np.eye(3)[np.abs(axis).argmin(1)])
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    angle = 2 * np.pi * np.arange(DIRECTIONS)[:, None] / DIRECTIONS
    approach = np.cos(angle) * start[:, None] + np.sin(angle) * np.cross(axis, start)[:, None]
    closing = np.broadcast_to(axis[:, None], approach.shape)
    poses = np.tile(np.eye(4), (*approach.shape[:2], len(DEPTHS), 1, 1))
    poses[..., :3, :3] = np.stack([np.cross(closing, approach), closing, approach], -1)[:, :, None]
    back = approach[:, :, None] * np.array(DEPTHS)[:, None] * gripper.pad_length
    poses[..., :3, 3] = pairs.mean(1)[:, None, None] - back
    return poses.reshape(-1, 4, 4)


def _promising(
    poses: Floats, certainty: Floats, thing: ObjectShape, obstacle: Solid, gripper: Gripper, settings: GraspSettings
) -> NDArray[np.int64]:
    """At most ``MOST`` poses for exact trials: those with room around the hand, near the centre of mass, and with a
    good chance to bear the errors of the object's pose, ``certainty`` (K,).

    Few points of the hand bound the room of all poses from above; more points, and those of the object in the way of
    the palm, are asked of those that may still be among the best.
    """
    # what is there whatever the width
    part = gripper.boxes(gripper.stroke, settings.travel)
    if settings.opening_margin is not None:
        part = part[2:]
    points = obstacle.vertices[::THINNED]
    off_center = np.linalg.norm(poses[:, :3, 3] - thing.center_of_mass, axis=1) / max(thing.diameter, 1e-6)
    against = off_center - certainty
    most_room = point_clearance(points[::THINNED_MORE], poses, part)
    bound = np.clip(most_room / grasp_scores.AMPLE, 0, 1) - against
    waiting = np.argsort(-bound, kind="stable")
    waiting = waiting[most_room[waiting] > settings.clearance]
    kept, merit = np.zeros(0, np.int64), np.zeros(0)
    for start in range(0, len(waiting), CHUNK):
        chunk = waiting[start : start + CHUNK]
        if len(kept) >= MOST and np.partition(merit, -MOST)[-MOST] > bound[chunk[0]]:
            break
        chunk = chunk[palm_is_free(thing, poses[chunk], gripper, settings)]
        room = point_clearance(points, poses[chunk], part)
        chunk, room = chunk[room > settings.clearance], room[room > settings.clearance]
        kept = np.concatenate([kept, chunk])
        merit = np.concatenate([merit, np.clip(room / grasp_scores.AMPLE, 0, 1) - against[chunk]])
    return kept[np.lexsort((kept, -merit))][:MOST]
