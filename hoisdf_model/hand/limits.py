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

"""Joint limits of the fingers: axes of rotation and angle ranges.

The axes come from the model's own joints at rest, so they hold for MANO, the open hand and their mirror images alike.
Each finger bends about its own axis (the back of the hand x its direction): about one axis for all, the little finger
would cross the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.hand.joints import MANO_FINGER_BASE, NUM_ROTATIONS, TIP_VERTICES
from hoisdf_model.hand.model_file import HandModelLike, as_hand_model

Array = NDArray[np.float64]

# Active ranges of motion of healthy adults, degrees, flexion positive, about the normal values of the American Academy
# of Orthopaedic Surgeons: first, second, last joint
_FINGER_FLEXION = ((-25, 90), (-5, 100), (-10, 90))
_THUMB_FLEXION = ((-20, 45), (-10, 60), (-15, 80))
_FINGER_ABDUCTION = (-12, 20)
_THUMB_ABDUCTION = (-10, 60)
# opposition turns the thumb by up to 70 to 80 degrees in all, at its three joints; here the first does it alone
_THUMB_TWIST = (-10, 70)
# the thumb's nail at rest faces this much towards the back of the hand and this much to the side
_THUMB_NAIL = (0.77, 0.64)


@dataclass(frozen=True)
class JointLimits:
    """Joint axes and angle ranges of a hand.

    Axes (16, 3), unit or zero, in the model's rest frame, and ranges (16, 2) in radians, in MANO's joint order.

    Row 0, the whole hand, has no axes.

    Attributes:
        flexion_axes, flexion: bending towards the palm; the thumb's first joint: across the palm.
        abduction_axes, abduction: finger bases only; away from the middle finger (the middle finger itself: towards
            the thumb); the thumb's first joint: out of the palm's plane, to the front.
        twist_axes, twist: the thumb's first joint only; turns its pulp towards the fingers, as opposing thumbs do.
    """

    flexion_axes: Array
    flexion: Array
    abduction_axes: Array
    abduction: Array
    twist_axes: Array
    twist: Array

    def pose(self, flexion: ArrayLike, abduction: ArrayLike = 0.0, twist: ArrayLike = 0.0) -> Array:
        """Pose within the joint limits from one angle per joint.

        (16, 3) axis-angle from angles (16,) in radians, those beyond a range clipped; no global rotation.

        Twist comes first, then abduction, then flexion: a bent finger still spreads sideways.
        """
        rotation = Rotation.identity(NUM_ROTATIONS)
        for axes, limits, angle in (
            (self.twist_axes, self.twist, twist),
            (self.abduction_axes, self.abduction, abduction),
            (self.flexion_axes, self.flexion, flexion),
        ):
            turn = np.clip(np.broadcast_to(np.asarray(angle, np.float64), NUM_ROTATIONS), limits[:, 0], limits[:, 1])
            rotation = Rotation.from_rotvec(axes * turn[:, None]) * rotation
        return rotation.as_rotvec()


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def _across(vector: Array, direction: Array) -> Array:
    """The part of ``vector`` perpendicular to the unit ``direction``, made unit."""
    return _unit(vector - direction * (direction @ vector))


def joint_limits(model: HandModelLike) -> JointLimits:
    """Joint axes of a hand model with adult angle ranges."""
    model = as_hand_model(model)
    joints = model.joints.astype(np.float64)
    tips = {name: model.v_template[number].astype(np.float64) for name, number in TIP_VERTICES.items()}
    base = {name: joints[number] for name, number in MANO_FINGER_BASE.items()}
    axes = {kind: np.zeros((NUM_ROTATIONS, 3)) for kind in ("flexion", "abduction", "twist")}
    ranges = {kind: np.zeros((NUM_ROTATIONS, 2)) for kind in ("flexion", "abduction", "twist")}
    back = _unit(np.cross(base["little"] - joints[0], base["index"] - joints[0]))
    if back @ (tips["thumb"] - joints[0]) > 0:  # a left hand; the thumb lies in front of the palm in both
        back = -back
    radial = _unit(base["index"] - base["little"])

    for name, first in MANO_FINGER_BASE.items():
        if name == "thumb":
            continue
        direction = _unit(tips[name] - base[name])
        outward = -radial if name in ("ring", "little") else radial
        axes["flexion"][first : first + 3] = np.cross(_across(back, direction), direction)
        ranges["flexion"][first : first + 3] = _FINGER_FLEXION
        axes["abduction"][first] = np.cross(direction, _across(outward, direction))
        ranges["abduction"][first] = _FINGER_ABDUCTION

    first = MANO_FINGER_BASE["thumb"]
    metacarpal = _unit(joints[first + 1] - joints[first])
    phalanges = _unit(tips["thumb"] - joints[first + 1])
    nail = _across(_THUMB_NAIL[0] * back + _THUMB_NAIL[1] * radial, phalanges)
    axes["flexion"][first] = np.cross(metacarpal, _across(-radial, metacarpal))
    axes["flexion"][first + 1 : first + 3] = np.cross(nail, phalanges)
    ranges["flexion"][first : first + 3] = _THUMB_FLEXION
    axes["abduction"][first] = np.cross(_across(back, metacarpal), metacarpal)
    ranges["abduction"][first] = _THUMB_ABDUCTION
    # positive is the sense that lifts the pulp (-nail) towards the back of the hand, where opposed fingers are
    axes["twist"][first] = metacarpal * np.sign(np.cross(metacarpal, -nail) @ back)
    ranges["twist"][first] = _THUMB_TWIST
    return JointLimits(
        axes["flexion"], np.deg2rad(ranges["flexion"]),
        axes["abduction"], np.deg2rad(ranges["abduction"]),
        axes["twist"], np.deg2rad(ranges["twist"]),
    )  # fmt: skip


def flexion_axes(model: HandModelLike) -> Array:
    """Flexion axis of each joint.

    (16, 3) unit axes in the model's rest frame about which a positive angle bends the joint towards the palm.

    Row 0, the whole hand, is zero.
    """
    return joint_limits(model).flexion_axes
