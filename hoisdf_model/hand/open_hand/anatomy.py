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

"""Anatomical dimensions of the open hand.

Bones, joint centres and flesh of an average adult right hand, and variation between people.

Frame: MANO's rest frame: the fingers point along -x, the palm faces -y, the thumb is at +z; the wrist joint is the
origin. Metres.

Sources:
    bones: Buryanov and Kotiuk 2010, "Proportions of hand segments", Int. J. Morphol. 28(3), table I: means of 66 adults
        of the lengths of metacarpals and phalanges between the joints and of the fingertips' soft tissue.
    hand: ANSUR II (2012 Anthropometric Survey of U.S. Army Personnel), men and women together: hand length 189 mm,
        breadth 85 mm, wrist circumference 169 mm.
    fingers: Greiner 1991, "Hand anthropometry of U.S. Army personnel" (Natick TR-92/011): breadths at PIP, DIP and the
        thumb's IP, of men; here those of a hand between a woman's and a man's. Depths, and sections between the
        joints, are drawn after the eye.
    variation: standard deviations of 4 to 6 per cent, as those surveys find.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# MANO's finger order, which is the order of the model's joints
MANO_FINGERS = ("index", "middle", "little", "ring", "thumb")
FOUR_FINGERS = ("index", "middle", "ring", "little")

# proximal, middle, distal phalanx (thumb: metacarpal, proximal, distal) and the soft tissue beyond the last bone
BONE_LENGTHS = {
    "thumb": (0.0462, 0.0316, 0.0217, 0.0057),
    "index": (0.0398, 0.0224, 0.0158, 0.0038),
    "middle": (0.0446, 0.0263, 0.0174, 0.0040),
    "ring": (0.0414, 0.0257, 0.0173, 0.0040),
    "little": (0.0327, 0.0181, 0.0160, 0.0037),
}
# finger bases relative to the wrist joint: metacarpal length plus about 28 mm of carpus, on the transverse arch
_BASES = {
    "index": (-0.0920, 0.0012, 0.0232),
    "middle": (-0.0945, 0.0032, 0.0012),
    "ring": (-0.0870, 0.0016, -0.0190),
    "little": (-0.0780, -0.0030, -0.0368),
}
_THUMB_BASE = (-0.0225, -0.0105, 0.0225)
# resting directions: radial deviation and palmar inclination of each finger, radians
_DEVIATION = {"index": 0.100, "middle": 0.005, "ring": -0.085, "little": -0.190}
_INCLINATION = {"index": 0.045, "middle": 0.045, "ring": 0.060, "little": 0.085}
# the thumb's metacarpal and phalanges; its nail faces dorsally and radially, its pulp towards the index finger
_THUMB_METACARPAL = (-0.745, -0.275, 0.605)
_THUMB_PHALANGES = (-0.850, -0.215, 0.480)
_THUMB_DORSAL = (-0.20, 0.75, 0.62)
# half breadth, dorsal and palmar half depth in millimetres of the index finger along its length: in the palm, at the
# knuckle, at the web, before the PIP, PIP, mid middle phalanx, DIP, pulp, where the tip starts to round off
_INDEX_PROFILE = (
    (7.0, 6.0, 6.0),
    (7.8, 7.2, 7.4),
    (9.3, 8.4, 9.3),
    (8.9, 7.9, 8.9),
    (9.8, 9.0, 8.4),
    (8.6, 7.3, 8.5),
    (8.6, 7.3, 7.2),
    (8.3, 6.0, 7.9),
    (7.9, 5.3, 7.0),
)
_THICKNESS = {"index": 1.03, "middle": 1.04, "ring": 0.98, "little": 0.875}
# the thumb: metacarpal, MCP, mid proximal phalanx, IP, pulp, where the tip starts to round off
_THUMB_PROFILE = (
    (9.5, 8.5, 9.0),
    (11.2, 10.3, 10.6),
    (10.3, 9.0, 9.8),
    (10.9, 9.2, 9.0),
    (10.6, 7.2, 9.4),
    (9.4, 5.9, 8.0),
)


@dataclass(frozen=True)
class Proportions:
    """Proportions of one hand, in standard deviations (0 is average)."""

    size: float = 0.0
    finger_length: float = 0.0
    finger_thickness: float = 0.0
    palm_width: float = 0.0
    palm_length: float = 0.0
    palm_thickness: float = 0.0
    thumb_length: float = 0.0
    taper: float = 0.0
    ulnar_length: float = 0.0
    spread: float = 0.0

    @classmethod
    def from_vector(cls, values: Array) -> Proportions:
        """Proportions from a vector (10,) in the order of the fields."""
        return cls(*(float(v) for v in values))


NUM_PROPORTIONS = len(fields(Proportions))


@dataclass(frozen=True)
class Digit:
    """One finger at rest.

    Attributes:
        joints: (4, 3) the three joints, base first, and the tip of the flesh.
        direction: (3,) unit, along the phalanges, towards the tip.
        dorsal: (3,) unit, towards the nail.
        lateral: (3,) unit, across.
        knots: (K,) positions of the sections along ``direction``, from the first joint (thumb: the second).
        sections: (K, 3) half breadth, dorsal and palmar half depth there.
        cap: length of the rounded tip.
    """

    joints: Array
    direction: Array
    dorsal: Array
    lateral: Array
    knots: Array
    sections: Array
    cap: float


@dataclass(frozen=True)
class Skeleton:
    """Joints and cross-sections of one hand at rest.

    Attributes:
        digits: by finger name.
        size, palm_width, palm_thickness: factors against the average hand, for the flesh of palm and wrist.
    """

    digits: dict[str, Digit]
    size: float
    palm_width: float
    palm_thickness: float

    @property
    def joints(self) -> Array:
        """Joints (16, 3) in MANO's order."""
        return np.concatenate([np.zeros((1, 3)), *(self.digits[f].joints[:3] for f in MANO_FINGERS)])

    @property
    def tips(self) -> dict[str, Array]:
        """Fingertip positions, at the end of the flesh."""
        return {name: digit.joints[3] for name, digit in self.digits.items()}


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def _tapered(profile: tuple[tuple[float, float, float], ...], factor: float, taper: float) -> Array:
    sections = np.array(profile) * 1e-3 * factor
    return sections * (1 + taper * np.linspace(1, -1, len(sections)))[:, None]


def skeleton(proportions: Proportions | None = None) -> Skeleton:
    """Skeleton of a hand with given proportions."""
    p = proportions or Proportions()
    size, width = 1 + 0.05 * p.size, 1 + 0.045 * p.palm_width
    flesh, taper = 1 + 0.055 * p.finger_thickness, 0.05 * p.taper
    digits = {}
    for name in FOUR_FINGERS:
        base = np.array(_BASES[name]) * np.array([1 + 0.04 * p.palm_length, 1.0, width])
        deviation = _DEVIATION[name] + 0.03 * p.spread * (_DEVIATION[name] - _DEVIATION["middle"]) / 0.1
        direction = _unit(np.array([-1.0, -np.tan(_INCLINATION[name]), np.tan(deviation)]))
        dorsal = _unit(np.array([0.0, 1.0, 0.0]) - direction * direction[1])
        longer = 1 + 0.04 * p.finger_length + (0.04 * p.ulnar_length if name in ("ring", "little") else 0.0)
        lengths = np.array(BONE_LENGTHS[name]) * longer
        ends = np.cumsum(lengths)
        cap = 0.0078 * _THICKNESS[name] * flesh
        knots = np.array(
            [-0.020, 0.000, 0.48 * ends[0], 0.78 * ends[0], ends[0], ends[0] + 0.5 * lengths[1], ends[1],
             ends[1] + 0.5 * lengths[2], ends[3] - cap]
        )  # fmt: skip
        joints = base + direction * np.array([0.0, ends[0], ends[1], ends[3]])[:, None]
        sections = _tapered(_INDEX_PROFILE, _THICKNESS[name] * flesh, taper)
        digits[name] = _sized(joints, direction, dorsal, knots, sections, cap, size)
    digits["thumb"] = _thumb(p, size, width, flesh, taper)
    return Skeleton(digits, size, width, 1 + 0.055 * p.palm_thickness)


def _thumb(p: Proportions, size: float, width: float, flesh: float, taper: float) -> Digit:
    lengths = np.array(BONE_LENGTHS["thumb"]) * (1 + 0.045 * p.thumb_length + 0.02 * p.finger_length)
    base = np.array(_THUMB_BASE) * np.array([1.0, 1.0, width])
    mcp = base + _unit(np.array(_THUMB_METACARPAL)) * lengths[0]
    direction = _unit(np.array(_THUMB_PHALANGES))
    dorsal = np.array(_THUMB_DORSAL)
    dorsal = _unit(dorsal - direction * (direction @ dorsal))
    ip, end = lengths[1], lengths[1:].sum()
    cap = 0.0098 * flesh
    joints = np.stack([base, mcp, mcp + direction * ip, mcp + direction * end])
    knots = np.array([-0.018, 0.0, 0.5 * ip, ip, ip + 0.5 * lengths[2], end - cap])
    return _sized(joints, direction, dorsal, knots, _tapered(_THUMB_PROFILE, flesh, taper), cap, size)


def _sized(
    joints: Array, direction: Array, dorsal: Array, knots: Array, sections: Array, cap: float, size: float
) -> Digit:
    lateral = np.cross(direction, dorsal)
    return Digit(joints * size, direction, dorsal, lateral, knots * size, sections * size, cap * size)
