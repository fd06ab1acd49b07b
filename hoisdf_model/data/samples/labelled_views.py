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

"""A labelled frame seen otherwise: in a mirror, by a turned camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hoisdf_model.data.labelled_frames import Floats, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.geometry import boxes, poses, rotations

_LEFTWARDS = np.array([-1, 1], np.float32)


def right_handed(frame: LabelledFrame) -> LabelledFrame:
    """Frame with a right hand; left hands are mirrored.

    In a mirror with the normal x.
    """
    hand, thing = frame.hand, frame.object
    if hand is None or hand.side == "right":
        return frame
    width = frame.image.shape[1]
    hand = HandLabel(
        "right",
        hand.joints @ poses.MIRROR[:3, :3],
        hand.samples.moved(poses.MIRROR),
        None if hand.rotations is None else rotations.mirror_matrix(hand.rotations),
        hand.shape,
        None if hand.pixels is None else hand.pixels * _LEFTWARDS + np.array([width - 1, 0], np.float32),
        None if hand.box is None else boxes.mirrored(hand.box, width),
    )
    if thing is not None:
        # M T S is the pose of what the mirror shows of the object, reflected by S in its own frame: M T x = M T S (S x)
        reflection = thing.reflection
        thing = ObjectLabel(
            thing.name,
            poses.MIRROR @ thing.pose @ reflection,
            thing.corners @ reflection[:3, :3].T + reflection[:3, 3],
            thing.samples.moved(poses.MIRROR),
            reflection @ thing.symmetries @ reflection,
            reflection,
        )
    masks = [None if mask is None else mask[:, ::-1] for mask in (frame.hand_mask, frame.object_mask)]
    seen = frame.landmarks
    if seen is not None:
        pixels = seen.pixels * _LEFTWARDS + [width - 1, 0]
        seen = replace(seen, pixels=pixels, relative=seen.relative @ poses.MIRROR[:3, :3])
    return LabelledFrame(frame.image[:, ::-1], frame.camera.mirrored(), hand, thing, masks[0], masks[1], seen)


def turned(scene: LabelledFrame, turn: Floats) -> LabelledFrame:
    """Labels rotated about the optical axis by (3, 3).

    Image, masks, pixels aren't touched.
    """
    if (turn == np.eye(3)).all():
        return scene
    move = poses.rigid(turn)
    hand, thing = scene.hand, scene.object
    if hand is not None:
        pose = hand.rotations
        if pose is not None:
            pose = np.concatenate([turn @ pose[:1], pose[1:]])
        hand = replace(hand, joints=hand.joints @ turn.T, samples=hand.samples.moved(move), rotations=pose)
    if thing is not None:
        thing = replace(thing, pose=move @ thing.pose, samples=thing.samples.moved(move))
    seen = scene.landmarks
    if seen is not None:
        seen = replace(seen, relative=seen.relative @ turn.T)
    return replace(scene, hand=hand, object=thing, landmarks=seen)
