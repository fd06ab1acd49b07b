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

"""Networks that compute nothing, for tests: one knows the truth, the other reads it off coloured dots in the crop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch

from hoisdf_model.network import ImageFeatures, NetworkInput, NetworkOutput

MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Truth:
    """A hand and its object in the camera frame, metres, in a world where the hand is a right hand."""

    joints: np.ndarray  # (21, 3)
    vertices: np.ndarray  # (778, 3)
    rotations: np.ndarray  # (16, 3, 3)
    shape: np.ndarray  # (10,)
    object_rotation: np.ndarray  # (3,) axis-angle
    object_translation: np.ndarray  # (3,)

    def mirrored(self) -> Truth:
        """The same world in a mirror: points change sides, rotations turn the other way about y and z."""
        m = np.diag(MIRROR)
        return replace(
            self,
            joints=self.joints * MIRROR,
            vertices=self.vertices * MIRROR,
            rotations=m @ self.rotations @ m,
            object_rotation=self.object_rotation * -MIRROR,
            object_translation=self.object_translation * MIRROR,
        )


def output_for(batch: NetworkInput, **known: np.ndarray) -> NetworkOutput:
    """An output that honours the contract: what isn't known is zero, every mask is 1, everything is valid."""
    b = len(batch.image)

    def tensor(name: str, *shape: int, fill: float = 0.0) -> torch.Tensor:
        if name in known:
            return torch.as_tensor(np.asarray(known[name], np.float32)).reshape(b, *shape)
        return torch.full((b, *shape), fill)

    index = torch.zeros(b, 4, dtype=torch.int64)
    half = batch.image.shape[-1] // 2
    return NetworkOutput(
        maps=tensor("maps", 3, half, half, fill=1.0),
        hand_points=torch.zeros(b, 4, 3), hand_sdf=torch.zeros(b, 4), hand_grid_index=index,
        object_points=torch.zeros(b, 4, 3), object_sdf=torch.zeros(b, 4), object_grid_index=index,
        hand_points_object_sdf=torch.zeros(b, 4), object_points_hand_sdf=torch.zeros(b, 4),
        voted_joints=tensor("joints", 21, 3), vote_spread=tensor("vote_spread", 21),
        mano_rotations=tensor("rotations", 16, 3, 3) if "rotations" in known else torch.eye(3).expand(b, 16, 3, 3),
        mano_shape=tensor("shape", 10),
        joints=tensor("joints", 21, 3), vertices=tensor("vertices", 778, 3),
        object_rotation=tensor("object_rotation", 3), object_translation=tensor("object_translation", 3),
        object_rotation_spread=tensor("object_rotation_spread"),
        object_translation_spread=tensor("object_translation_spread"),
        hand_valid=tensor("hand_valid", fill=1.0).bool(), object_valid=tensor("object_valid", fill=1.0).bool(),
    )  # fmt: skip


@dataclass
class KnowingNetwork:
    """Says the truth (one per row of the batch) relative to whatever root and object centre it is given."""

    truths: list[Truth]
    known: dict = field(default_factory=dict)
    seen: list[NetworkInput] = field(default_factory=list)

    def __call__(self, batch: NetworkInput, features: ImageFeatures | None = None) -> NetworkOutput:
        self.seen.append(batch)
        root, center = batch.hand_root.numpy()[:, None], batch.object_center.numpy()
        return output_for(
            batch,
            joints=np.stack([t.joints for t in self.truths]) - root,
            vertices=np.stack([t.vertices for t in self.truths]) - root,
            rotations=np.stack([t.rotations for t in self.truths]),
            shape=np.stack([t.shape for t in self.truths]),
            object_rotation=np.stack([t.object_rotation for t in self.truths]),
            object_translation=np.stack([t.object_translation for t in self.truths]) - center,
            **self.known,
        )

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        return ImageFeatures(torch.zeros(len(image), 3, image.shape[-1] // 2, image.shape[-1] // 2), ())


DOT_HUES = [(index * 179) // 21 for index in range(21)]  # OpenCV's hues go from 0 to 179


def draw_dots(image: np.ndarray, pixels: np.ndarray, radius: int = 3) -> None:
    """A disc of its own hue for each of 21 pixels, drawn with sub-pixel precision."""
    for (x, y), hue in zip(pixels, DOT_HUES, strict=True):
        colour = cv2.cvtColor(np.uint8([[[hue, 255, 255]]]), cv2.COLOR_HSV2RGB)[0, 0].tolist()
        cv2.circle(image, (round(x * 16), round(y * 16)), radius * 16, colour, -1, cv2.LINE_8, 4)


@dataclass
class ReadingNetwork:
    """Finds the 21 dots in each crop and back-projects them with the crop's intrinsics at the depths it is told.

    It is told no x and y: only if crop, mirroring and intrinsics agree do the joints come out right.
    """

    depths: list[np.ndarray]

    def __call__(self, batch: NetworkInput, features: ImageFeatures | None = None) -> NetworkOutput:
        images = (batch.image.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
        joints = []
        for image, k, root, depth in zip(
            images, batch.intrinsics.numpy(), batch.hand_root.numpy(), self.depths, strict=True
        ):
            hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(int)
            points = []
            for hue, z in zip(DOT_HUES, depth, strict=True):
                away = np.abs((hsv[..., 0] - hue + 90) % 180 - 90)
                ys, xs = np.nonzero((away <= 3) & (hsv[..., 1] > 200) & (hsv[..., 2] > 128))
                assert len(xs), f"the dot of hue {hue} isn't in the crop"
                points.append([(xs.mean() - k[0, 2]) / k[0, 0] * z, (ys.mean() - k[1, 2]) / k[1, 1] * z, z])
            joints.append(np.array(points) - root)
        return output_for(batch, joints=np.stack(joints))

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        raise AssertionError("nothing was to be searched for")
