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

"""Contact and overlap of hand and object.

Penetration depth, intersection volume, contact.

Definitions of Hasson et al. (Learning joint reconstruction of hands and manipulated objects, CVPR 2019, section 5.1):
depth is the largest distance of the hand's vertices inside the object from the object's surface, volume is counted in
voxels of 5 mm. Shares of frames are those of Karunratanakul et al. (Grasping Field, 3DV 2020).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.geometry import distances

VOXEL = 0.005  # metres, edge
CONTACT = 0.004  # metres, as where grasps are recorded: skin gives, and labels are millimetres off
Integers = NDArray[np.integer[Any]]


class Interaction(NamedTuple):
    """Contact and overlap of one hand and one object.

    ``depth``: metres, how deep the deepest vertex of the hand lies in the object; 0 outside. ``volume``: cubic metres
    that both fill. ``contact``: whether a vertex is nearer than ``CONTACT``, or inside.
    """

    depth: float
    volume: float
    contact: bool


def interaction(
    hand_vertices: NDArray[Any],
    hand_faces: Integers,
    object_vertices: NDArray[Any],
    object_faces: Integers,
    voxel: float = VOXEL,
) -> Interaction:
    """Overlap of two closed meshes in the same frame, metres.

    Args:
        hand_vertices, hand_faces: (N, 3) and (M, 3); closed, see ``meshes.capped``.
        object_vertices, object_faces: (P, 3) and (Q, 3).
        voxel: edge of the voxels that the volume is counted in; it is off by no more than the voxels that the surface
            of what both fill goes through.

    Raises:
        InvalidInputError: a mesh isn't finite or has no such shape.
    """
    hand, obj = np.asarray(hand_vertices, np.float64), np.asarray(object_vertices, np.float64)
    low, high = obj.min(0), obj.max(0)
    near = hand[((hand > low - CONTACT) & (hand < high + CONTACT)).all(1)]
    # the hand's mesh is small and the object's may be large: it is asked once, and only about what lies in the hand
    shared = _voxels(np.maximum(low, hand.min(0)), np.minimum(high, hand.max(0)), voxel)
    if len(shared):
        shared = shared[distances.inside(shared, hand, hand_faces, exact=False)]
    if not len(near) + len(shared):
        return Interaction(0.0, 0.0, False)
    signed = distances.signed_distance(np.concatenate([near, shared]), obj, object_faces, exact=False)
    nearest = float(signed[: len(near)].min()) if len(near) else np.inf
    volume = int((signed[len(near) :] < 0).sum()) * voxel**3
    return Interaction(max(0.0, -nearest), volume, nearest < CONTACT)


def _voxels(low: Floats, high: Floats, edge: float) -> Floats:
    """Centres (V, 3) of the voxels that fill a box.

    From its lower corner on; none where the box is empty.
    """
    counts = np.ceil((high - low) / edge).astype(int)
    if (counts <= 0).any():
        return np.zeros((0, 3))
    axes = [start + (np.arange(count) + 0.5) * edge for start, count in zip(low, counts, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
