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

"""HO-3D's ``meta`` pickles, converted to OpenCV's camera frame.

They are in OpenGL's.

Layout (README of HO-3D v3, which also describes v2; shreyashampali/ho3d): ``camMat`` (3, 3), ``objTrans`` (3,),
``objRot`` (3, 1) axis-angle and ``objName`` in every frame. Training: ``handJoints3D`` (21, 3) in MANO's order,
``handPose`` (48,) axis-angle with the mean pose included, ``handTrans`` (3,), ``handBeta`` (10,). Evaluation: the wrist
alone as ``handJoints3D`` (3,), and ``handBoundingBox`` x0, y0, x1, y1. Frames without annotation hold None everywhere.

OpenGL's camera looks along -z with y up, so points are multiplied by ``S = diag(1, -1, -1)`` and rotations from the
left only, since the model's own axes stay: ``R_cv = S R_gl``. MANO turns about the wrist at rest ``J0``, hence
``wrist_cv = S (J0 + handTrans)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hoisdf_model.data.labelled_frames import Floats
from hoisdf_model.errors import NO_NUMBER, DatasetError, InvalidInputError
from hoisdf_model.geometry import poses, rotations
from hoisdf_model.hand import load_pickle, reorder
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_ROTATIONS, NUM_SHAPES

FLIP = np.array([1.0, -1.0, -1.0])
NUM_POSE = 3 * NUM_ROTATIONS


@dataclass(frozen=True)
class Ho3dMeta:
    """One frame's annotations: metres, OpenCV camera frame.

    Attributes:
        intrinsics: (3, 3) pixels.
        object_name: the YCB name.
        object_pose: (4, 4) model frame -> camera.
        wrist: (3,).
        joints: (21, 3), our order; None in evaluation frames, as for what follows.
        rotations: (16, 3, 3) MANO's order, the mean pose included.
        shape: (10,).
        hand_box: (4,) x0, y0, x1, y1 pixels; None in training frames.
    """

    intrinsics: Floats
    object_name: str
    object_pose: Floats
    wrist: Floats
    joints: Floats | None = None
    rotations: Floats | None = None
    shape: Floats | None = None
    hand_box: Floats | None = None


def read_meta(path: Path) -> Ho3dMeta:
    """One frame's annotations.

    Raises:
        UnsafeFileError: the pickle asks for anything but numbers and containers.
        DatasetError: the file is missing or damaged, lacks a field (named), or the frame isn't annotated.
    """
    try:
        stored = load_pickle(path)
    except InvalidInputError as error:
        raise DatasetError(f"HO-3D annotation: {error}") from error
    if not isinstance(stored, dict):
        raise DatasetError(f"{path} holds a {type(stored).__name__}, expected HO-3D's dictionary of annotations")
    if stored.get("objTrans") is None and stored.get("handJoints3D") is None and "objTrans" in stored:
        raise DatasetError(f"{path} isn't annotated (all fields are None); such frames aren't listed in train.txt")
    fields = _Fields(path, stored)
    pose = poses.rigid(
        opencv_rotation(fields.numbers("objRot", (3, 1), (3,)).reshape(3)),
        FLIP * fields.numbers("objTrans", (3,), (3, 1)).reshape(3),
    )
    joints = FLIP * fields.numbers("handJoints3D", (NUM_JOINTS, 3), (3,), (1, 3))
    name = stored.get("objName")
    if not isinstance(name, str) or not name:
        raise DatasetError(f"{path} lacks the object's name: objName is {name!r}")
    intrinsics = fields.numbers("camMat", (3, 3))
    if joints.size == 3:
        return Ho3dMeta(intrinsics, name, pose, joints.reshape(3), hand_box=fields.numbers("handBoundingBox", (4,)))
    joints = np.asarray(reorder(joints, "ho3d"), np.float64)
    axis_angles = fields.numbers("handPose", (NUM_POSE,)).reshape(NUM_ROTATIONS, 3)
    turns = rotations.rotation_matrices(axis_angles)
    turns[0] = opencv_rotation(axis_angles[0])
    return Ho3dMeta(intrinsics, name, pose, joints[0], joints, turns, fields.numbers("handBeta", (NUM_SHAPES,)))


def opencv_rotation(axis_angle: ArrayLike) -> Floats:
    """Rotation from OpenGL's to OpenCV's camera frame.

    (3,) radians, model frame -> OpenGL camera: (3, 3) model frame -> OpenCV camera.
    """
    return FLIP[:, None] * rotations.rotation_matrices(axis_angle)


def opengl_axis_angle(rotation: ArrayLike) -> Floats:
    """The inverse of :func:`opencv_rotation`: (3, 3) -> (3,) radians."""
    return rotations.rotation_vectors(FLIP[:, None] * np.asarray(rotation, np.float64))


@dataclass(frozen=True)
class _Fields:
    path: Path
    stored: Mapping[Any, Any]

    def numbers(self, key: str, *shapes: tuple[int, ...]) -> NDArray[np.float64]:
        """The field as finite float64 of one of the shapes."""
        value = self.stored.get(key)
        if value is None:
            raise DatasetError(f"{self.path} lacks {key}; there are {', '.join(sorted(map(str, self.stored)))}")
        try:
            array = np.asarray(value, np.float64)
        except NO_NUMBER as error:
            raise DatasetError(f"{self.path}: {key} isn't numeric: {error}") from error
        if array.shape not in shapes:
            raise DatasetError(f"{self.path}: {key} has the shape {array.shape}, expected {shapes[0]}")
        if not np.isfinite(array).all():
            raise DatasetError(f"{self.path}: {key} has values that aren't finite numbers")
        return array
