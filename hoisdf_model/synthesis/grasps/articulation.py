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

"""Low-dimensional hand postures: flexion, spread, thumb opposition.

Axes and limits are those of ``hand.joint_limits``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.hand import JointLimits

CHAINS = ("index", "middle", "little", "ring", "thumb")  # MANO's order, three joints each
THUMB = CHAINS.index("thumb")
# how fast the joints of a closing finger move against each other
CLOSING_RATES = np.array([[1.0, 0.85, 0.55]] * 4 + [[0.5, 0.8, 0.8]])
SPREAD_SHARES = np.array([1.0, 0.1, 1.0, 0.5])  # of index, middle, little, ring
OPPOSITION_ABDUCTION, OPPOSITION_TWIST = 0.85, 1.1  # radians at full opposition


@dataclass(frozen=True)
class Postures:
    """A batch of finger postures.

    Attributes:
        flexion: (B, 5, 3) radians, order of ``CHAINS``, from the palm outwards; positive closes the hand.
        opposition: (B,) 0 to 1, the thumb turned in front of the palm.
        spread: (B,) radians, of the index finger away from the middle finger.
    """

    flexion: NDArray[np.float64]
    opposition: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.flexion)

    def with_flexion(self, flexion: NDArray[np.float64]) -> Postures:
        """Copy with another flexion (B, 5, 3)."""
        return replace(self, flexion=flexion)

    def __getitem__(self, index: NDArray[np.int64] | slice) -> Postures:
        return Postures(self.flexion[index], self.opposition[index], self.spread[index])


def open_postures(opposition: NDArray[np.float64], spread: NDArray[np.float64]) -> Postures:
    """Pre-grasp postures: fingers slightly bent, thumb out.

    ``opposition`` and ``spread`` are (B,).
    """
    rest = np.array([[0.15, 0.20, 0.10]] * 4 + [[-0.30, -0.10, -0.10]])
    return Postures(np.tile(rest, (len(opposition), 1, 1)), opposition, spread)


def blended(a: Postures, b: Postures, share: NDArray[np.float64] | float) -> Postures:
    """Interpolated postures, joint by joint.

    ``a`` for ``share`` 0, ``b`` for 1; ``share`` is (B,) or a number.
    """
    t = np.asarray(share, np.float64)
    wide = t[..., None, None] if t.ndim else t
    return Postures(
        a.flexion + wide * (b.flexion - a.flexion),
        a.opposition + t * (b.opposition - a.opposition),
        a.spread + t * (b.spread - a.spread),
    )


def finger_rotations(limits: JointLimits, postures: Postures) -> NDArray[np.float64]:
    """Finger joint rotations (B, 15, 3, 3) in MANO's order."""
    count = len(postures)
    flexion = np.clip(postures.flexion.reshape(count, 15), limits.flexion[1:, 0], limits.flexion[1:, 1])
    abduction, twist = np.zeros((count, 5)), np.zeros((count, 5))
    abduction[:, :THUMB] = SPREAD_SHARES * postures.spread[:, None]
    abduction[:, THUMB] = OPPOSITION_ABDUCTION * postures.opposition
    twist[:, THUMB] = OPPOSITION_TWIST * postures.opposition
    matrices = _turns(limits.flexion_axes[1:] * flexion[..., None])
    first = 3 * np.arange(5)
    sideways = _turns(limits.abduction_axes[1 + first] * abduction[..., None])
    twisted = _turns(limits.twist_axes[1 + first] * twist[..., None])
    matrices[:, first] = matrices[:, first] @ sideways @ twisted
    return matrices


def _turns(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, J, 3) rotation vectors -> (B, J, 3, 3)."""
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    return np.asarray(matrices.reshape(*vectors.shape, 3), np.float64)
