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

"""Sample type: a crop with its inputs and targets.

Tensors on the CPU, float32 unless said. Frame: the crop's camera (optical: x right, y down, z forward), in which a left
hand is already mirrored to a right one. Pixels are those of the crop unless said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from hoisdf_model.errors import InvalidInputError


@dataclass(frozen=True)
class Sample:
    """One sample, or a batch with a leading ``B`` everywhere.

    What isn't known is marked by a flag, and its numbers are finite and meaningless.

    Attributes:
        index: () int64, position in the stream that the sample is a function of.
        source: () int64, number of its data source in the mixture.
        image: (3, S, S) RGB in [0, 1].
        intrinsics: (3, 3) pixels.
        axes: (3, 3) orthogonal, from the camera's axes to those of everything here: mirror of a left hand, then turn.
        mirrored: () bool, whether the scene was mirrored (a left hand).
        wrist: (3,) the true wrist, metres, which isn't given to the network.
        hand_root: (3,) wrist as given to the network, metres; with live jitter not the true wrist.
        object_center: (3,) a point near the object as given to the network, metres.
        hand_box, object_box: (4,) x0, y0, x1, y1.
        hand_known: () bool, whether there is a hand with known joints and field.
        pose_known: () bool, whether ``mano_rotations`` and ``mano_shape`` are known.
        object_known: () bool, whether there is an object with known pose and field.
        turn_known: () bool, whether the object's rotation can be known: random shapes have no frame that shows.
        masks_known: () bool, whether the masks are known.
        joints: (21, 3) metres, relative to the true wrist.
        joint_pixels: (21, 2).
        mano_rotations: (16, 3, 3), global rotation first, hand mean included; of the right (mirrored) hand.
        mano_shape: (10,).
        object_rotation: (3, 3) object frame to camera frame; of the mirrored object if ``mirrored``.
        object_translation: (3,) metres, relative to ``object_center``.
        object_symmetries: (K, 4, 4) transforms of the object frame that leave the object's shape as it is, the
            identity first.
        hand_mask, object_mask: (S/2, S/2) in {0, 1}, visible pixels; map pixel (x, y) is crop pixel (2x+1, 2y+1).
        hand_field_points: (N, 3) metres, relative to ``hand_root``.
        hand_field_distances: (N,) metres from the hand's surface there, negative inside.
        object_field_points: (N, 3) metres, relative to ``object_center``. object_field_distances: (N,) metres.
        hand_start_points: (M, 3) metres relative to ``hand_root``, near the surface; what the transformers are given
            in place of found points. object_start_points: (M, 3) relative to ``object_center``.
        hand_jitter, object_jitter: (M, 3) uniform in [-1, 1], to be scaled and added to the start points.
        landmarks: (21, 5) evidence as in ``NetworkInput``. landmark_presence: () how sure it is; 0: there is none.
    """

    index: Tensor
    source: Tensor
    image: Tensor
    intrinsics: Tensor
    axes: Tensor
    mirrored: Tensor
    wrist: Tensor
    hand_root: Tensor
    object_center: Tensor
    hand_box: Tensor
    object_box: Tensor
    hand_known: Tensor
    pose_known: Tensor
    object_known: Tensor
    turn_known: Tensor
    masks_known: Tensor
    joints: Tensor
    joint_pixels: Tensor
    mano_rotations: Tensor
    mano_shape: Tensor
    object_rotation: Tensor
    object_translation: Tensor
    object_symmetries: Tensor
    hand_mask: Tensor
    object_mask: Tensor
    hand_field_points: Tensor
    hand_field_distances: Tensor
    object_field_points: Tensor
    object_field_distances: Tensor
    hand_start_points: Tensor
    object_start_points: Tensor
    hand_jitter: Tensor
    object_jitter: Tensor
    landmarks: Tensor
    landmark_presence: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Sample:
        """Copy on another device."""
        return replace(self, **{name: value.to(device, non_blocking=non_blocking) for name, value in _items(self)})

    def pin_memory(self) -> Sample:
        """Copy in page-locked memory."""
        return replace(self, **{name: value.pin_memory() for name, value in _items(self)})

    def __len__(self) -> int:
        """The size of a batch."""
        if self.index.ndim == 0:
            raise InvalidInputError("a single sample has no length, collate it into a batch")
        return len(self.index)


def collate(samples: Sequence[Sample]) -> Sample:
    """Batch of single samples.

    Shorter lists of symmetries are filled up with the identity.

    Raises:
        InvalidInputError: no samples, or a field's shapes differ (named).
    """
    if not samples:
        raise InvalidInputError("a batch needs at least one sample")
    most = max(len(sample.object_symmetries) for sample in samples)
    batch: dict[str, Tensor] = {}
    for item in fields(Sample):
        values = [getattr(sample, item.name) for sample in samples]
        if item.name == "object_symmetries":
            values = [torch.cat([v, torch.eye(4).expand(most - len(v), 4, 4)]) for v in values]
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise InvalidInputError(f"samples of one batch differ in {item.name}: {sorted(shapes)}")
        batch[item.name] = torch.stack(values)
    return Sample(**batch)


def single(batch: Sample, position: int) -> Sample:
    """One sample of a batch."""
    return replace(batch, **{name: value[position] for name, value in _items(batch)})


def _items(sample: Sample) -> list[tuple[str, Tensor]]:
    return [(item.name, getattr(sample, item.name)) for item in fields(sample)]
