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

"""DexYCB's hand poses: 51 numbers with principal components.

``pose_m`` is the global rotation (3, axis-angle), 45 coefficients of the model's principal components, to which its
mean pose is added (manopth's ``flat_hand_mean=False``), and a translation (3) that is added to the posed hand: the
wrist is where the shaped model has it, plus that. All zeros say that there is no hand.
"""

from __future__ import annotations

import numpy as np

from hoisdf_model.data.labelled_frames import Floats
from hoisdf_model.geometry import rotations
from hoisdf_model.hand import HandModel
from hoisdf_model.hand.joints import NUM_ROTATIONS

POSE_NUMBERS = 51


def decoded(pose: Floats, model: HandModel) -> Floats:
    """Joint rotations of a DexYCB pose.

    (..., 51) -> (..., 16, 3, 3) rotations, the global one first, the mean pose included.
    """
    fingers = pose[..., 3:48] @ model.hands_components.astype(np.float64) + model.hands_mean
    vectors = np.concatenate([pose[..., :3], fingers], -1).reshape(*pose.shape[:-1], NUM_ROTATIONS, 3)
    return rotations.rotation_matrices(vectors)


def encoded(pose: Floats, wrist: Floats, shape: Floats, model: HandModel) -> Floats:
    """DexYCB pose (51,) of a hand, inverse of :func:`decoded`.

    Rotations (16, 3, 3), the wrist (3,) in metres and the shape (10,).

    Any 45 angles are a combination of a model's 45 components. The open hand's are the angles themselves.
    """
    vectors = rotations.rotation_vectors(pose)
    fingers = vectors[1:].ravel() - model.hands_mean
    coefficients = np.linalg.solve(model.hands_components.astype(np.float64).T, fingers)
    return np.concatenate([vectors[0], coefficients, wrist - shaped_wrist(model, shape)])


def shaped_wrist(model: HandModel, shape: Floats) -> Floats:
    """Wrist (3,) of the unposed hand of shape (10,), metres.

    Neither pose nor turn moves it.
    """
    vertices = model.v_template.astype(np.float64) + model.shapedirs.astype(np.float64) @ shape
    return np.asarray(model.joint_regressor[0].astype(np.float64) @ vertices)
