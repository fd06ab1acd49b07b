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

"""Assembly of a sample from a cropped labelled frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, Floats, LabelledFrame
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.data.samples.sample import Sample
from hoisdf_model.geometry import poses
from hoisdf_model.hand.joints import NUM_ROTATIONS, NUM_SHAPES
from hoisdf_model.objects import is_random_shape


@dataclass(frozen=True)
class FieldRows:
    """Selected rows of a surface's field samples.

    ``field`` (N,) to compare at, ``start`` (M,) to start from.
    """

    field: NDArray[np.int64]
    start: NDArray[np.int64]


@dataclass(frozen=True)
class Cropped:
    """Cropped frame of a sample.

    ``scene`` is right-handed and in the crop's camera.

    Attributes:
        scene: labels.
        image: (S, S, 3) uint8 RGB.
        hand_mask, object_mask: (S/2, S/2) bool; zeros where the scene has none.
        intrinsics: (3, 3) of the crop.
        turn: (3, 3) rotation of the camera about its optical axis before the crop was cut.
        root, center: (3,) metres, wrist and object as given to the network.
        hand_box, object_box: (4,) pixels of the crop.
        joint_pixels: (21, 2) pixels of the crop.
        hand_rows, object_rows: field samples taken; None: there are none.
        landmarks: (21, 5) and their presence, as in ``NetworkInput``.
    """

    scene: LabelledFrame
    image: NDArray[np.uint8]
    hand_mask: NDArray[np.bool_]
    object_mask: NDArray[np.bool_]
    intrinsics: Floats
    turn: Floats
    root: Floats
    center: Floats
    hand_box: Floats
    object_box: Floats
    joint_pixels: Floats
    hand_rows: FieldRows | None
    object_rows: FieldRows | None
    landmarks: Floats = field(default_factory=lambda: np.zeros((21, 5)))
    landmark_presence: float = 0.0


def anchor(scene: LabelledFrame) -> Floats:
    """Reference position (3,): the wrist, else the object's origin, metres."""
    if scene.hand is not None:
        return scene.hand.joints[0]
    assert scene.object is not None
    return scene.object.pose[:3, 3]


def assembled(
    cropped: Cropped, config: PreparationConfig, rng: np.random.Generator, mirrored: bool, index: int, source: int
) -> Sample:
    """Assembled sample.

    What isn't known gets finite numbers; ``rng`` draws the start points' jitter.
    """
    scene = cropped.scene
    hand, thing = scene.hand, scene.object
    place = anchor(scene)
    known = hand is not None and bool(np.isfinite(hand.joints).all())
    joints = hand.joints if hand is not None and known else np.zeros((21, 3)) + place
    pixels = cropped.joint_pixels if known or hand is None else np.zeros((21, 2)) + cropped.joint_pixels[0]
    pose = thing.pose if thing else np.eye(4) + np.pad(place[:, None], ((0, 1), (3, 0)))
    mano_rotations, mano_shape, pose_known = np.tile(np.eye(3), (NUM_ROTATIONS, 1, 1)), np.zeros(NUM_SHAPES), False
    if hand is not None and hand.rotations is not None and hand.shape is not None:
        mano_rotations, mano_shape, pose_known = hand.rotations, hand.shape, True
    hand_points = _taken(hand.samples if hand else None, cropped.hand_rows, cropped.root, config, "hand")
    object_points = _taken(thing.samples if thing else None, cropped.object_rows, cropped.center, config, "object")
    return Sample(
        index=torch.tensor(index),
        source=torch.tensor(source),
        image=torch.from_numpy(cropped.image).permute(2, 0, 1).float().div_(255).contiguous(),
        intrinsics=_tensor(cropped.intrinsics),
        axes=_tensor(cropped.turn * (poses.MIRROR_SIGNS if mirrored else 1.0)),
        mirrored=torch.tensor(mirrored),
        wrist=_tensor(place),
        hand_root=_tensor(cropped.root),
        object_center=_tensor(cropped.center),
        hand_box=_tensor(cropped.hand_box),
        object_box=_tensor(cropped.object_box),
        hand_known=torch.tensor(known),
        pose_known=torch.tensor(pose_known),
        object_known=torch.tensor(thing is not None),
        turn_known=torch.tensor(thing is not None and not is_random_shape(thing.name)),
        masks_known=torch.tensor(scene.hand_mask is not None and scene.object_mask is not None),
        joints=_tensor(joints - joints[0]),
        joint_pixels=_tensor(pixels),
        mano_rotations=_tensor(mano_rotations),
        mano_shape=_tensor(mano_shape),
        object_rotation=_tensor(pose[:3, :3]),
        object_translation=_tensor(pose[:3, 3] - cropped.center),
        object_symmetries=_tensor(thing.symmetries if thing else np.eye(4)[None]),
        hand_mask=_tensor(cropped.hand_mask),
        object_mask=_tensor(cropped.object_mask),
        hand_field_points=hand_points[0],
        hand_field_distances=hand_points[1],
        object_field_points=object_points[0],
        object_field_distances=object_points[1],
        hand_start_points=hand_points[2],
        object_start_points=object_points[2],
        hand_jitter=_tensor(rng.uniform(-1, 1, (config.hand_start_points, 3))),
        object_jitter=_tensor(rng.uniform(-1, 1, (config.object_start_points, 3))),
        landmarks=_tensor(cropped.landmarks),
        landmark_presence=_tensor(cropped.landmark_presence),
    )


def masks(scene: LabelledFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Hand and object masks (H, W); empty ones where they aren't known."""
    if scene.hand_mask is None or scene.object_mask is None:
        nothing = np.zeros(scene.image.shape[:2], bool)
        return nothing, nothing
    return scene.hand_mask, scene.object_mask


def _taken(
    samples: FieldSamples | None, rows: FieldRows | None, origin: Floats, config: PreparationConfig, what: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points (N, 3) and distances (N,) to compare at, and start points (M, 3), relative to ``origin``."""
    if samples is None or rows is None:
        count: int = getattr(config, f"{what}_field_points")
        return torch.zeros(count, 3), torch.zeros(count), torch.zeros(getattr(config, f"{what}_start_points"), 3)
    return (
        _tensor(samples.points[rows.field] - origin),
        _tensor(samples.distances[rows.field]),
        _tensor(samples.points[rows.start] - origin),
    )


def _tensor(values: ArrayLike) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))
