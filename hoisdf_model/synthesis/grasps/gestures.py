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

"""Gestures of empty hands.

Open, relaxed, pointing, pinching, counting, a fist.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.synthesis.grasps.articulation import CHAINS, THUMB, Postures

# radians from the palm outwards. The last two joints of a finger bend together, the last about two thirds as far, since
# one muscle (flexor digitorum profundus) moves both.
STRAIGHT, LOOSE, CUPPED, CURLED = (0.05, 0.10, 0.06), (0.40, 0.60, 0.35), (0.70, 0.80, 0.50), (1.35, 1.55, 0.85)
# the thumb's flexion, and its opposition
OUT, RESTING, OPPOSED, OVER = (-0.20, -0.05, 0.0), (0.05, 0.15, 0.15), (0.25, 0.40, 0.45), (0.60, 0.75, 0.50)
_FINGERS = {"straight": STRAIGHT, "loose": LOOSE, "cupped": CUPPED, "curled": CURLED}
_THUMBS = {"out": (OUT, 0.1), "resting": (RESTING, 0.35), "opposed": (OPPOSED, 0.55), "over": (OVER, 0.45)}

# index, middle, ring and little finger; thumb; how often
GESTURES: dict[str, tuple[tuple[str, str, str, str], str, float]] = {
    "open": (("straight", "straight", "straight", "straight"), "out", 3),
    "relaxed": (("loose", "loose", "loose", "loose"), "resting", 4),
    "cupped": (("cupped", "cupped", "cupped", "cupped"), "opposed", 2),
    "pointing": (("straight", "curled", "curled", "curled"), "over", 2),
    "pinch": (("cupped", "loose", "loose", "loose"), "opposed", 2),
    "ring of two": (("cupped", "straight", "straight", "straight"), "opposed", 1),
    "fist": (("curled", "curled", "curled", "curled"), "over", 1.5),
    "thumb up": (("curled", "curled", "curled", "curled"), "out", 1),
    "two": (("straight", "straight", "curled", "curled"), "over", 1),
    "three": (("straight", "straight", "straight", "curled"), "opposed", 0.5),
    "four": (("straight", "straight", "straight", "straight"), "over", 0.5),
    "gun": (("straight", "curled", "curled", "curled"), "out", 0.5),
    "horns": (("straight", "curled", "curled", "straight"), "over", 0.3),
}
FINGERS = ("index", "middle", "ring", "little")
TOWARDS_LITTLE = 0.07  # radians that a relaxed finger bends more than its neighbour on the thumb's side


def gesture(rng: np.random.Generator, name: str | None = None) -> Postures:
    """Random posture of a gesture, with variation of strength and joints.

    Args:
        rng: decides everything else.
        name: of ``GESTURES``; by their shares where not given.
    """
    names = list(GESTURES)
    shares = np.array([GESTURES[known][2] for known in names])
    chosen = names[int(rng.choice(len(names), p=shares / shares.sum()))] if name is None else name
    fingers, thumb, _ = GESTURES[chosen]
    flexion: NDArray[np.float64] = np.zeros((1, len(CHAINS), 3))
    for number, (finger, how) in enumerate(zip(FINGERS, fingers, strict=True)):
        flexion[0, CHAINS.index(finger)] = np.array(_FINGERS[how]) + TOWARDS_LITTLE * number * (how == "loose")
    flexion[0, THUMB], opposition = _THUMBS[thumb]
    # all of it by the same amount, each finger, each joint
    flexion *= rng.uniform(0.85, 1.1) * rng.normal(1, 0.07, (1, len(CHAINS), 1))
    flexion += rng.normal(0, 0.06, (1, len(CHAINS), 1)) + rng.normal(0, 0.04, flexion.shape)
    spread = rng.uniform(0.0, 0.3) if "straight" in fingers else rng.uniform(-0.02, 0.08)
    return Postures(flexion, np.clip(opposition + rng.normal(0, 0.08, 1), 0, 1), np.array([spread]))
