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

"""Labelled frames by index, the output of a data source.

Everything from a frame to a sample is ``preparation``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import Pinhole, poses

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FieldSamples:
    """Points with their distances to one surface.

    Attributes:
        points: (P, 3) metres, camera frame; most of them near the surface.
        distances: (P,) metres, negative inside.
    """

    points: Floats
    distances: Floats

    def moved(self, transform: Floats) -> FieldSamples:
        """Samples transformed by a rigid or mirroring (4, 4)."""
        return FieldSamples(self.points @ transform[:3, :3].T + transform[:3, 3], self.distances)


@dataclass(frozen=True)
class HandLabel:
    """Hand label in a frame.

    A left hand is not mirrored.

    Attributes:
        side: which hand.
        joints: (21, 3) metres, camera frame, our order; where only the wrist is known (HO-3D's evaluation), the others
            are NaN.
        samples: of the hand's field; empty where nothing is known of it.
        rotations: (16, 3, 3) in MANO's order, global first, the mean pose included; None where unknown.
        shape: (10,); None where unknown.
        pixels: (21, 2) float32, the joints in the image as the data set gives them; None: their projection. Only the
            official protocol asks for them.
        box: (4,) pixels, around the hand, where the data set gives it and not the joints; None: around the joints.
    """

    side: Literal["right", "left"]
    joints: Floats
    samples: FieldSamples
    rotations: Floats | None = None
    shape: Floats | None = None
    pixels: NDArray[np.float32] | None = None
    box: Floats | None = None


@dataclass(frozen=True)
class ObjectLabel:
    """An object in a frame.

    Attributes:
        name: the catalogue's.
        pose: (4, 4) object frame -> camera frame, metres.
        corners: (8, 3) of the model's axis-aligned bounding box, object frame; the object's box in the image is around
            them.
        samples: of the object's field.
        symmetries: (K, 4, 4) transforms of the object frame that leave the shape as it is, the identity first.
        reflection: (4, 4) reflection of the object frame that leaves the shape as it is, where there is one; what a
            mirror shows is then the object itself in another pose, and else a mirrored one.
    """

    name: str
    pose: Floats
    corners: Floats
    samples: FieldSamples
    symmetries: Floats = field(default_factory=lambda: np.eye(4)[None])
    reflection: Floats = field(default_factory=poses.MIRROR.copy)


@dataclass(frozen=True)
class LandmarkLabel:
    """The hand's landmarks as a hand tracker sees them; not the truth.

    Attributes:
        pixels: (21, 2) of the image.
        relative: (21, 3) metres, relative to the wrist, camera frame.
        presence: how sure the tracker is, 0 to 1.
    """

    pixels: Floats
    relative: Floats
    presence: float


@dataclass(frozen=True)
class LabelledFrame:
    """Image with labels of a hand, an object or both.

    Attributes:
        image: (H, W, 3) uint8 RGB, without distortion.
        camera: its camera, with its size.
        hand, object: None where there is none, or nothing is known about it.
        hand_mask, object_mask: (H, W) bool, visible pixels; both or neither.
        landmarks: what a hand tracker says about the hand; None: nothing.
    """

    image: NDArray[np.uint8]
    camera: Pinhole
    hand: HandLabel | None
    object: ObjectLabel | None
    hand_mask: NDArray[np.bool_] | None = None
    object_mask: NDArray[np.bool_] | None = None
    landmarks: LandmarkLabel | None = None


@runtime_checkable
class FrameSource(Protocol):
    """Labelled frames by index.

    ``frame`` must be a pure function of its argument and safe to call in several processes: resumed training then sees
    the data that it would have seen. An endless source (a generator) gives a large length, such as ``2**31``.
    """

    def __len__(self) -> int:
        """How many different frames there are."""

    def frame(self, index: int) -> LabelledFrame:
        """The frame of that index, from 0 to the length."""
