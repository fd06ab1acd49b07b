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

"""Hand landmarks as network input, tracked or simulated.

A hand tracker's, or true ones with errors such as a tracker's.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import Floats, LabelledFrame
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.geometry import boxes
from hoisdf_model.geometry.crops import apply_affine

# Errors of MediaPipe's hand network on photographs with annotated joints, as far as they can be separated: in pixels
# as shares of the hand's box, in space relative to the wrist. A finger's errors add up along its bones.
SHIFT, JOINT = 0.02, 0.015  # shares of the box: of all landmarks together, of each
BONE = 0.0045  # metres along each axis, of each bone
TURN, SIZE, DEPTH = 0.12, 0.08, 0.15  # radians; relative, of all of the hand, and of its depth beside that
FOLLOWED_MARGIN = 1.1  # of the box around landmarks, as the estimator's follower gives it
SAME_HAND = 0.3  # overlap of boxes below which a tracker looks at something else
_FINGERS = np.arange(1, 21).reshape(5, 4)
_STREAM, _ERRORS = 4, 5  # of random numbers; the rest of the augmentation has another

Origin = Literal["hidden", "true", "tracked"]


def landmark_origin(settings: AugmentationConfig, seed: int, index: int) -> Origin:
    """Origin of the landmarks of a sample.

    Known before its frame is read, so that none is tracked in vain.

    Args:
        settings: how often the tracker's landmarks are hidden, or true ones with errors stand in for them.
        seed, index: of the sample.
    """
    if not (settings.landmarks_unseen or settings.landmarks_true):
        return "tracked"
    draw = np.random.default_rng([seed, index, _STREAM]).random()
    if draw < settings.landmarks_unseen:
        return "hidden"
    return "true" if draw < settings.landmarks_unseen + settings.landmarks_true else "tracked"


def evidence(
    scene: LabelledFrame, affine: Floats, joint_pixels: Floats, settings: AugmentationConfig, seed: int, index: int
) -> tuple[NDArray[np.float64], float]:
    """Landmark evidence (21, 5) with its certainty.

    Pixels and metres relative to the wrist, as in ``NetworkInput``.

    Args:
        scene: right-handed, in the camera as it is held.
        affine: (3, 3) from pixels of the scene's image to those of that camera.
        joint_pixels: (21, 2) the true joints, pixels of that camera.
        settings: see :func:`landmark_origin`; where joints aren't known, the scene's own stand in for true ones.
        seed, index: of the sample; other draws of it don't hang on the errors of true landmarks.
    """
    nothing, origin = (np.zeros((21, 5)), 0.0), landmark_origin(settings, seed, index)
    if origin == "hidden":
        return nothing
    hand = scene.hand
    if origin == "true" and hand is not None:
        relative, rng = hand.joints - hand.joints[0], np.random.default_rng([seed, index, _ERRORS])
        if np.isfinite(relative).all():
            return np.concatenate([_moved_pixels(joint_pixels, rng), _moved_joints(relative, rng)], 1), 1.0
    if scene.landmarks is None:
        return nothing
    pixels = apply_affine(affine, scene.landmarks.pixels)
    return np.concatenate([pixels, scene.landmarks.relative], 1), scene.landmarks.presence


def followed_box(landmarks: Floats, hand_box: Floats) -> Floats | None:
    """Box (4,) around landmarks (21, 5), pixels.

    None where they lie elsewhere than the hand's own box.
    """
    box = boxes.around(landmarks[:, :2], FOLLOWED_MARGIN)
    return box if boxes.overlap(box, hand_box) > SAME_HAND else None


def _moved_pixels(pixels: Floats, rng: np.random.Generator) -> Floats:
    edge = float((pixels.max(0) - pixels.min(0)).max())
    return pixels + edge * (rng.normal(0, SHIFT, 2) + rng.normal(0, JOINT, (21, 2)))


def _moved_joints(relative: Floats, rng: np.random.Generator) -> Floats:
    """Turned, stretched, with bones that point a little elsewhere; the wrist stays the origin."""
    vector = rng.normal(0, TURN, 3)
    turn = np.eye(3) + np.cross(np.eye(3), vector)
    u, _, v = np.linalg.svd(turn)
    moved = relative @ (u @ v).T * np.exp(rng.normal(0, SIZE))
    moved[:, 2] *= np.exp(rng.normal(0, DEPTH))
    moved[_FINGERS] += rng.normal(0, BONE, (5, 4, 3)).cumsum(1)
    return moved
