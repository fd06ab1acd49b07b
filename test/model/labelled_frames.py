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

"""Labelled frames made of geometry: the open hand before a box, as flat colours. Fast, and needs no renderer."""

from functools import cache

import cv2
import numpy as np
import torch
import trimesh
from scipy.spatial.transform import Rotation

from hoisdf_model.data.labelled_frames import HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.sdf_samples import FieldBank, sample_field
from hoisdf_model.geometry import Pinhole, meshes
from hoisdf_model.hand import HandLayer, load_hand_model

CAMERA = Pinhole(310.0, 300.0, 158.0, 117.0, 320, 240)
BOX = trimesh.creation.box((0.06, 0.09, 0.15))
TURNS_OF_BOX = np.stack([np.diag([*r, 1.0]) for r in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))])


@cache
def hand_layer():
    return HandLayer(load_hand_model())


@cache
def box_bank():
    return FieldBank(BOX.vertices, BOX.faces, 4000)


def posed(seed=0):
    """Joints, vertices (camera frame) and rotations, shape of a right hand somewhere before the camera."""
    rng = np.random.default_rng(seed)
    rotations = Rotation.from_rotvec(rng.normal(size=(16, 3)) * 0.2).as_matrix()
    rotations[0] = Rotation.random(random_state=seed).as_matrix()
    shape = rng.normal(size=10) * 0.3
    with torch.no_grad():
        mesh = hand_layer()(torch.tensor(rotations[None]).float(), torch.tensor(shape[None]).float())
    wrist = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05), rng.uniform(0.45, 0.6)])
    return mesh.joints[0].double().numpy() + wrist, mesh.vertices[0].double().numpy() + wrist, rotations, shape


def frame(seed=0, field_samples=1500, hand=True, thing=True):
    """A labelled frame; the same for the same seed."""
    rng = np.random.default_rng(seed)
    joints, vertices, rotations, shape = posed(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed + 1).as_matrix()
    pose[:3, 3] = joints[9] + [0.04, 0.02, 0.05]
    image = np.full((240, 320, 3), 60 + seed % 5 * 20, np.uint8)
    masks = np.zeros((2, 240, 320), np.uint8)
    corners = trimesh.bounds.corners(BOX.bounds)
    if thing:
        outline = CAMERA.project(corners @ pose[:3, :3].T + pose[:3, 3])
        cv2.fillConvexPoly(masks[1], cv2.convexHull(np.round(outline).astype(np.int32)), 1)
        image[masks[1] > 0] = (200, 180, 40)
    if hand:
        triangles = np.round(CAMERA.project(vertices)).astype(np.int32)[hand_layer().model.faces]
        for triangle in triangles:  # all at once, overlaps would cancel out
            cv2.fillConvexPoly(masks[0], triangle, 1)
        masks[1] &= ~masks[0] & 1
        image[masks[0] > 0] = (220, 150, 120)
    closed = meshes.capped(vertices, hand_layer().model.faces)
    return LabelledFrame(
        image,
        CAMERA,
        HandLabel("right", joints, sample_field(*closed, field_samples, rng), rotations, shape) if hand else None,
        ObjectLabel("box", pose, corners, box_bank().draw(pose, field_samples, rng), TURNS_OF_BOX) if thing else None,
        masks[0].astype(bool),
        masks[1].astype(bool),
    )


class Frames:
    """A source of a few of them."""

    def __init__(self, count=4, field_samples=1500):
        self._frames = [frame(i, field_samples) for i in range(count)]

    def __len__(self):
        return len(self._frames)

    def frame(self, index):
        return self._frames[index]
