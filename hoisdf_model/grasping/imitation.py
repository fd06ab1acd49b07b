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

"""Grasps that imitate the hand's own.

The jaw axis goes through the regions where thumb and fingers oppose each other.

Thumb and fingers act as two virtual fingers along an opposition axis (Iberall 1987; Arbib, Iberall and Lyons 1985); a
parallel gripper is two such fingers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.grasping import grasp_scores
from hoisdf_model.grasping.candidates import Reason, tool_frame
from hoisdf_model.grasping.certainty import chances, tolerances
from hoisdf_model.grasping.contacts import Contacts, find_contacts
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.hands import MIDDLE_KNUCKLE, HandShape
from hoisdf_model.grasping.jaws import aligned, close_jaws
from hoisdf_model.grasping.object_shapes import ObjectShape
from hoisdf_model.grasping.trials import Found, commonest, distinct, palm_is_free, rescored, take, weighed
from hoisdf_model.hand.hand_parts import REGIONS

TURNS = np.radians([0, 15, -15, 30, -30, 45, -45, 60, -60, 90, -90])  # of the approach about the jaw axis
BACK = (0.0, 0.008, 0.016, 0.026, 0.04)  # metres towards the palm of the hand, where the gripper's own is in the way
MOST, ENOUGH = 40, 16  # exact trials, and grasps after which no more are tried
NEAR_PAIRS, FARTHEST_TURN, FARTHEST_SHIFT = 8, np.radians(50), 0.05  # farther from the hand's own axis is no imitation
STRAIGHT = 0.96  # cosine: an approach so close to the jaw axis says nothing

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Opposition:
    """Opposition of thumb and fingers on an object; object frame.

    Attributes:
        thumb, fingers: (3,) middles of the opposing contact regions on the surface, metres.
        axis: (3,) unit, from the thumb's side to the fingers'.
        strength: 0 to 1, mean cosine of the contacts that oppose each other.
    """

    thumb: Floats
    fingers: Floats
    axis: Floats
    strength: float

    @property
    def middle(self) -> Floats:
        """Point (3,) halfway between the regions."""
        return (self.thumb + self.fingers) / 2


def opposition(contacts: Contacts) -> Opposition | None:
    """Opposing contact regions of thumb and fingers.

    Pairs of a thumb's and a finger's contact, weighted by how straight they oppose.

    Where the thumb doesn't touch, the palm stands in for it. None where nothing opposes.
    """
    fingers = contacts.of(contacts.region > 1)
    for region in (REGIONS.index("thumb"), REGIONS.index("palm")):
        against = contacts.of(contacts.region == region)
        if not len(against) or not len(fingers):
            continue
        between = fingers.points[None] - against.points[:, None]
        length = np.linalg.norm(between, axis=-1)
        direction = between / np.maximum(length, 1e-9)[..., None]
        leaving = -np.einsum("ijk,ik->ij", direction, against.normals)  # the axis enters at the thumb ...
        arriving = np.einsum("ijk,jk->ij", direction, fingers.normals)  # ... and leaves at the finger
        weight = np.clip(leaving, 0, None) * np.clip(arriving, 0, None) * (length > 1e-3)
        # the straight pairs decide; a pair at 45 degrees counts a sixteenth
        emphasised = weight**4
        if emphasised.sum() < 1e-6:
            continue
        share = emphasised / emphasised.sum()
        thumb, finger = share.sum(1) @ against.points, share.sum(0) @ fingers.points
        axis = finger - thumb
        size = float(np.linalg.norm(axis))
        if size < 1e-3:
            continue
        return Opposition(thumb, finger, axis / size, float((share * weight).sum()))
    return None


def approach_of(hand: HandShape, middle: Floats, axis: Floats) -> Floats | None:
    """Approach direction (3,) from the palm to the grasp.

    Along the palm's normal where that would be the jaw axis.

    None where the palm has no normal either, or that is the jaw axis too: such a hand makes no sense.
    """
    palm = (hand.joints[0] + hand.joints[MIDDLE_KNUCKLE]) / 2
    direction = middle - palm
    direction /= max(float(np.linalg.norm(direction)), 1e-9)
    if abs(direction @ axis) < STRAIGHT:
        return direction
    normal = np.cross(hand.joints[5] - hand.joints[0], hand.joints[17] - hand.joints[0])
    size = float(np.linalg.norm(normal))
    if size < 1e-9 or abs(normal @ axis) > STRAIGHT * size:
        return None
    return normal if normal @ direction >= 0 else -normal


def own_grasp(hand: HandShape, contacts: Contacts) -> Floats | Reason:
    """Tool pose (4, 4) in the place of thumb and fingers.

    Of a gripper; object frame; where there is none, why.
    """
    held = opposition(contacts)
    if held is None:
        return "no_contact"
    approach = approach_of(hand, held.middle, held.axis)
    return "degenerate_hand" if approach is None else tool_frame(held.axis, approach, held.middle)


def imitate(
    hand: HandShape, thing: ObjectShape, gripper: Gripper, settings: GraspSettings, covariance: Floats | None = None
) -> tuple[list[Found], Reason | None]:
    """Grasps like the hand's, best first.

    Args:
        hand: in the object's frame.
        thing: the object.
        gripper: the gripper.
        settings: contact threshold, travel, count.
        covariance: (6, 6) of the object's pose, its own axes; None: it doesn't count.

    Returns:
        Grasps without collision with the object, whether the hand is in their way or not; where there are none, why.
    """
    contacts = find_contacts(hand, thing, settings.contact)
    own = own_grasp(hand, contacts)
    if isinstance(own, str):
        return [], own
    failures: Counter[Reason] = Counter()
    starts = _starts(contacts, own, thing, gripper, failures)
    if not starts:
        # where anything was too wide, a larger gripper would find something: that is worth more to know
        return [], "too_wide" if failures["too_wide"] else commonest(failures, "not_antipodal")
    poses = np.concatenate([_variations(start) for start, _ in starts])
    widths = np.repeat([width for _, width in starts], len(poses) // len(starts))
    # y isn't settled before the jaws have closed: only collisions of the palm are known now
    free = palm_is_free(thing, poses, gripper, settings)
    poses, widths = poses[free], widths[free]
    failures.clear()
    if not len(poses):
        return [], "in_collision"
    likeness = _likeness(poses, own)
    promise = likeness * chances(covariance, poses, tolerances(widths, gripper, settings))
    found: list[Found] = []
    order = np.lexsort((likeness, promise))[::-1][:MOST]
    parts = np.split(order, range(ENOUGH, len(order), ENOUGH))
    trials = (take(thing, poses[part], gripper, settings) for part in parts)
    for taken in chain.from_iterable(trials):
        if isinstance(taken, str):
            failures[taken] += 1
            continue
        pose, contact = taken
        terms = {
            "antipodality": grasp_scores.antipodality_term(contact.antipodality),
            "stroke": grasp_scores.stroke_term(contact.width, gripper.stroke),
            "center": grasp_scores.center_term(pose[:3, 3], thing.center_of_mass, thing.diameter),
            "likeness": float(_likeness(pose[None], own)[0]),
        }
        found.append(Found(pose, contact, terms, grasp_scores.total(terms)))
        if len(found) == ENOUGH:
            break
    found = weighed(found, covariance, gripper, settings)
    return distinct(found, settings.count), None if found else commonest(failures, "not_antipodal")


def imitated_again(found: Sequence[Found], hand: HandShape, thing: ObjectShape, settings: GraspSettings) -> list[Found]:
    """Grasps of :func:`imitate`, scored by a hand that has moved a little.

    Best first; none where that hand holds nothing any more. Arguments are those of :func:`imitate`.
    """
    if not found:
        return []
    own = own_grasp(hand, find_contacts(hand, thing, settings.contact))
    if isinstance(own, str):
        return []
    likeness = _likeness(np.stack([one.pose for one in found]), own)
    return rescored(found, "likeness", likeness.tolist())


def _starts(
    contacts: Contacts, own: Floats, thing: ObjectShape, gripper: Gripper, failures: Counter[Reason]
) -> list[tuple[Floats, float]]:
    """Poses (4, 4) whose jaws hold, with their widths: the hand's own, those of the thumb with single fingers, and each
    turned into the surface's normals; what fails is counted in ``failures``.
    """
    raw = [own]
    for region in np.unique(contacts.region[contacts.region > 1]):
        held = opposition(contacts.of((contacts.region <= 1) | (contacts.region == region)))
        if held is not None and abs(held.axis @ own[:3, 2]) < STRAIGHT:
            raw.append(tool_frame(held.axis, own[:3, 2], held.middle))
    result = _holding(thing, raw, gripper, failures)
    tried = np.stack([*raw, *(() if result else _pairs_near(thing, own, gripper))])
    straightened, able = aligned(thing, tried, gripper)
    able &= np.abs(straightened[:, :3, 1] @ own[:3, 1]) >= np.cos(FARTHEST_TURN)
    failures["not_antipodal"] += int((~able).sum())
    return result + _holding(thing, straightened[able], gripper, failures)


def _holding(
    thing: ObjectShape, poses: Iterable[Floats], gripper: Gripper, failures: Counter[Reason]
) -> list[tuple[Floats, float]]:
    """Those of the poses (4, 4) whose pads hold, with their widths."""
    result = []
    tried = np.array(list(poses)).reshape(-1, 4, 4)
    for pose, contact in zip(tried, close_jaws(thing, tried, gripper), strict=True):
        if contact is not None and contact.width > gripper.stroke:
            failures["too_wide"] += 1
        elif contact is None or grasp_scores.slips(contact.antipodality):
            failures["not_antipodal"] += 1
        else:
            result.append((pose, contact.width))
    return result


def _pairs_near(thing: ObjectShape, own: Floats, gripper: Gripper) -> list[Floats]:
    """Poses that close on antipodal points of the object near the hand's own jaws, the likest first."""
    points, _ = thing.samples
    first, second, _ = thing.antipodal_pairs
    between = points[second] - points[first]
    length = np.linalg.norm(between, axis=1)
    cosine = between @ own[:3, 1] / np.maximum(length, 1e-9)
    offset = (points[first] + points[second]) / 2 - own[:3, 3]
    usable = (length < gripper.stroke) & (np.abs(cosine) > np.cos(FARTHEST_TURN))
    turn = np.arccos(np.minimum(np.abs(cosine), 1.0))
    merit = turn / grasp_scores.LIKENESS[0] + np.linalg.norm(offset, axis=1) / grasp_scores.LIKENESS[2]
    order = np.flatnonzero(usable)[np.argsort(merit[usable])][:NEAR_PAIRS]
    poses = []
    for k in order[np.linalg.norm(offset[order], axis=1) < FARTHEST_SHIFT]:
        axis = between[k] * np.sign(cosine[k])
        if abs(axis @ own[:3, 2]) < STRAIGHT * length[k]:
            poses.append(tool_frame(axis, own[:3, 2], own[:3, 3] + offset[k]))
    return poses


def _likeness(poses: Floats, own: Floats) -> Floats:
    """(K,) the term of the score; what lies along the jaw axis doesn't count, closing settles it."""
    cosines = np.clip((poses[:, :3, 1:3] * own[:3, 1:3]).sum(1), -1, 1)
    offset = poses[:, :3, 3] - own[:3, 3]
    across = np.linalg.norm(offset - own[:3, 1] * (offset @ own[:3, 1])[:, None], axis=1)
    return grasp_scores.likeness_terms(np.arccos(np.abs(cosines[:, 0])), np.arccos(cosines[:, 1]), across)


def _variations(start: Floats) -> Floats:
    """(T, 4, 4) the approach turned about the jaw axis, and the gripper drawn back."""
    turns = Rotation.from_rotvec(TURNS[:, None] * start[:3, 1]).as_matrix() @ start[:3, :3]
    result = np.tile(start, (len(TURNS), len(BACK), 1, 1))
    result[:, :, :3, :3] = turns[:, None]
    result[:, :, :3, 3] -= turns[:, None, :, 2] * np.array(BACK)[:, None]
    return result.reshape(-1, 4, 4)
