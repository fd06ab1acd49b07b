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

"""``hoisdf/HandObject`` and its parts <-> :class:`hoisdf_model.estimates.Estimate` and its parts.

Joints and object poses travel as float64, the rest of a hand as float32: what comes back is bit for bit what went in,
except an object's rotation, which passes through a quaternion (float64 rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import (
    Estimate,
    HandEstimate,
    HandModelInfo,
    ObjectEstimate,
    Regions,
    RootSource,
    Side,
    held_objects,
)
from hoisdf_model.messages.items import Refused, read_items
from hoisdf_model.messages.regions import SIDES, message_to_regions, regions_to_message, side_of
from hoisdf_model.messages.types import MessageTypes, make_point, read_numbers

# ROOT_UNKNOWN, ROOT_GIVEN, ROOT_DEPTH, ROOT_MONOCULAR, ROOT_TRACKED of hoisdf/HandJoints
ROOT_SOURCES: tuple[RootSource, ...] = ("unknown", "given", "depth", "monocular", "tracked")
Part = TypeVar("Part")
JOINTS, VERTICES, ROTATIONS, SHAPES = 21, 778, 16, 10


def estimate_to_hand_object(estimate: Estimate, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/HandObject``; every part carries ``header``, a ``std_msgs/Header`` of the same class set."""
    return types.create(
        "hoisdf/msg/HandObject",
        header=header,
        hands=[hand_to_hand_joints(hand, header, types) for hand in estimate.hands],
        objects=[object_to_object_pose(item, header, types) for item in estimate.objects],
        regions=regions_to_message(estimate.regions, header, types),
        stages=list(estimate.timing),
        stage_seconds=types.sequence(np.array(list(estimate.timing.values()), np.float32)),
    )


def hand_object_to_estimate(message: Any, refused: Refused | None = None) -> Estimate:
    """:class:`Estimate` from ``hoisdf/HandObject``.

    Args:
        message: hands and objects.
        refused: called with each hand, object, region or list of times that is wrong, and the others are taken; None:
            it is raised. What a hand holds stays its own (``Estimate.held_by``): those that are left move together.

    Raises:
        InvalidInputError: a hand has no side or another number of vertices than 0 or 778, an object's quaternion has
            not the length 1 or its side isn't one, a box is malformed, or there is not one duration a stage; says
            which. With ``refused`` only where no hand, or no object, is left of some.
    """
    hands = read_items(message.hands, hand_joints_to_hand, "hands", refused)
    objects = read_items(message.objects, object_pose_to_object, "objects", refused)
    if len(hands) < len(message.hands) or len(objects) < len(message.objects):
        hands, objects = _moved_together(message, hands, objects, refused)
    return Estimate(
        hands=tuple(hands.values()),
        objects=tuple(objects.values()),
        regions=_optional(lambda: message_to_regions(message.regions, refused), Regions(), refused),
        timing=_optional(lambda: _timing(message), {}, refused),
    )


def _moved_together(
    message: Any, hands: dict[int, HandEstimate], objects: dict[int, ObjectEstimate], refused: Refused | None
) -> tuple[dict[int, HandEstimate], dict[int, ObjectEstimate]]:
    """Hands with their objects first, so that sides and places still tell what belongs together."""
    sides = [SIDES[hand.side] if hand.side < len(SIDES) else None for hand in message.hands]
    held = held_objects(sides, [item.side if item.side in get_args(Side) else None for item in message.objects])
    pairs = {i: held[i] for i in hands if held.get(i) in objects}
    free = [i for i in hands if i not in pairs]
    open_sides = {hands[i].side for i in hands if i in free or objects[pairs[i]].side is None}
    orphans = []
    for j in (j for j in objects if j not in pairs.values()):
        if objects[j].side in open_sides or (objects[j].side is None and free):  # it would be taken for another hand's
            if refused is not None:
                message_text = f"objects[{j}] belongs to a hand that was refused, others are without objects"
                refused(InvalidInputError(message_text))
        else:
            orphans.append(j)
    return {i: hands[i] for i in [*pairs, *free]}, {j: objects[j] for j in [*pairs.values(), *orphans]}


def _optional(read: Callable[[], Part], otherwise: Part, refused: Refused | None) -> Part:
    """What isn't needed for hands and objects to be right."""
    try:
        return read()
    except InvalidInputError as error:
        if refused is None:
            raise
        refused(error)
        return otherwise


def _timing(message: Any) -> dict[str, float]:
    if len(message.stages) != len(message.stage_seconds):
        raise InvalidInputError(
            f"stage_seconds must be as long as stages, got {len(message.stage_seconds)} and {len(message.stages)}"
        )
    return {str(stage): float(s) for stage, s in zip(message.stages, message.stage_seconds, strict=True)}


def hand_to_hand_joints(hand: HandEstimate, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/HandJoints``."""
    return types.create(
        "hoisdf/msg/HandJoints",
        header=header,
        side=SIDES.index(hand.side),
        score=float(hand.score),
        joints=[make_point(types, joint) for joint in np.asarray(hand.joints, np.float64).tolist()],
        joint_scores=_flat(hand.joint_scores, np.float32),
        pose=_flat(hand.pose, np.float32),
        shape=_flat(hand.shape, np.float32),
        hand_model=hand.model.name,
        hand_model_hash=hand.model.hash,
        vertices=types.sequence(_flat(hand.vertices, np.float32)),
        root_source=ROOT_SOURCES.index(hand.root_source),
        root_covariance=_flat(hand.root_covariance, np.float64),
    )


def hand_joints_to_hand(message: Any, what: str = "the hand") -> HandEstimate:
    """:class:`HandEstimate` from ``hoisdf/HandJoints``; ``vertices`` is (0, 3) where the message has none.

    Raises:
        InvalidInputError: no side, an unknown root source, another number of vertices than 0 or 778, or a number that
            isn't finite; ``what`` names the hand in the message. Joints, pose and shape may be NaN as a whole: unknown.
    """
    side = side_of(message, what)
    if side is None:
        raise InvalidInputError(f"{what} must say its side: 1 (right) or 2 (left), got 0 (unknown)")
    if not 0 <= message.root_source < len(ROOT_SOURCES):
        raise InvalidInputError(
            f"root_source of {what} must be one of 0 to {len(ROOT_SOURCES) - 1}, got {message.root_source}"
        )
    if len(message.vertices) not in (0, VERTICES * 3):
        raise InvalidInputError(
            f"{what} must have {VERTICES} x 3 = {VERTICES * 3} numbers in vertices or none, got {len(message.vertices)}"
        )
    joints = [(j.x, j.y, j.z) for j in message.joints]
    return HandEstimate(
        side=side,
        score=_score(message, what),
        joints=read_numbers(joints, np.float32, (JOINTS, 3), f"joints of {what}", "rows"),
        joint_scores=read_numbers(message.joint_scores, np.float32, (JOINTS,), f"joint_scores of {what}"),
        vertices=read_numbers(message.vertices, np.float32, (-1, 3), f"vertices of {what}"),
        pose=read_numbers(message.pose, np.float32, (ROTATIONS, 3), f"pose of {what}", "all"),
        shape=read_numbers(message.shape, np.float32, (SHAPES,), f"shape of {what}", "all"),
        root_covariance=read_numbers(message.root_covariance, np.float64, (3, 3), f"root_covariance of {what}"),
        root_source=ROOT_SOURCES[message.root_source],
        model=HandModelInfo(str(message.hand_model), str(message.hand_model_hash)),
    )


def object_to_object_pose(item: ObjectEstimate, header: Any, types: MessageTypes) -> Any:
    """``hoisdf/ObjectPose``."""
    x, y, z, w = Rotation.from_matrix(item.rotation).as_quat(canonical=True).tolist()
    pose = types.create(
        "geometry_msgs/msg/Pose",
        position=make_point(types, item.translation),
        orientation=types.create("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
    )
    covariance = _flat(item.covariance, np.float64)
    return types.create(
        "hoisdf/msg/ObjectPose",
        header=header,
        name=item.name,
        score=float(item.score),
        pose=types.create("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=covariance),
        side=item.side or "",
    )


def object_pose_to_object(message: Any, what: str = "the object") -> ObjectEstimate:
    """:class:`ObjectEstimate` from ``hoisdf/ObjectPose``.

    Raises:
        InvalidInputError: the orientation isn't a quaternion of length 1, a number isn't finite, or the side is no
            side; ``what`` names the object in the message.
    """
    if message.side not in ("", *get_args(Side)):
        raise InvalidInputError(f"side of {what} must be 'right', 'left' or empty (unknown), got {message.side!r}")
    position, q = message.pose.pose.position, message.pose.pose.orientation
    quaternion = np.array([q.x, q.y, q.z, q.w], np.float64)
    length = float(np.linalg.norm(quaternion))
    if not abs(length - 1) < 1e-3:  # NaN fails the comparison too
        raise InvalidInputError(f"orientation of {what} must be a quaternion of length 1, got {quaternion.tolist()}")
    return ObjectEstimate(
        name=str(message.name),
        score=_score(message, what),
        rotation=Rotation.from_quat(quaternion).as_matrix(),
        translation=read_numbers([position.x, position.y, position.z], np.float64, (3,), f"position of {what}"),
        covariance=read_numbers(message.pose.covariance, np.float64, (6, 6), f"covariance of {what}"),
        side=message.side or None,
    )


def _score(message: Any, what: str) -> float:
    return float(read_numbers(message.score, np.float64, (), f"score of {what}"))


def _flat(values: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype).reshape(-1)
