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

"""Rendering of a planned sequence through a camera.

Images, depth, masks, detector-like boxes and ground truth, frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimates import Estimate, Frame, HandEstimate, HandRegion, ObjectEstimate, ObjectRegion, Regions
from hoisdf_model.geometry import Pinhole, poses, rotations
from hoisdf_model.synthesis.plays.sequences import Sequence
from hoisdf_model.synthesis.render import scenery
from hoisdf_model.synthesis.render.forearm import forearm_surfaces
from hoisdf_model.synthesis.render.renderer import Drawable, Picture, Renderer
from hoisdf_model.synthesis.render.skin import SKIN_TONES, HandSkin
from hoisdf_model.synthesis.render.surfaces import CLOTH, HAND, SKIN

DEPTH_RANGE = 1.5  # metres: what a short-range depth camera still measures
CAMERA = Pinhole(615.0, 615.0, 319.5, 239.5, 640, 480)  # close to the colour cameras of DexYCB
SEEN = 80  # pixels that a detector needs to find something


@dataclass(frozen=True)
class Shot:
    """One frame of a synthetic sequence.

    Attributes:
        time: seconds from the start.
        frame: image, camera, depth.
        identities: (H, W) uint8 mask: ``HAND``, 1.. for the objects, 0 elsewhere (forearm, table, room).
        regions: boxes as a detector would give them: of what is visible, a little off, no positions.
        truth: ground truth in the camera frame; ``objects[0]`` is the one that the hand deals with.
    """

    time: float
    frame: Frame
    identities: NDArray[np.uint8]
    regions: Regions
    truth: Estimate


class Studio:
    """Appearance of one sequence, chosen by ``rng``.

    Skin, sleeve, table, room, light.

    Args:
        play: what happens.
        rng: chooses the looks, and the noise of camera and detector.
        camera: intrinsics without distortion.
        jitter: standard deviation of the boxes' edges, as a share of the box's size.
        noise: standard deviation of the image's noise, grey levels.
    """

    def __init__(
        self,
        play: Sequence,
        rng: np.random.Generator,
        camera: Pinhole = CAMERA,
        jitter: float = 0.03,
        noise: float = 1.5,
    ) -> None:
        self.play, self.camera = play, camera
        self._rng, self._jitter, self._noise = rng, jitter, noise
        tone = SKIN_TONES[rng.integers(len(SKIN_TONES))]
        red, green, blue = (int(level) for level in rng.integers(40, 200, 3))
        self._skin = HandSkin(play.hand, tone, rng)
        self._arm = forearm_surfaces(play.hand, tone, (red, green, blue), rng)
        self._scenery = [scenery.table(rng), scenery.room(rng)]
        self._lighting = scenery.lighting(rng)

    def film(self, renderer: Renderer) -> Iterator[Shot]:
        """All shots in order; the same ``rng`` gives the same ones."""
        for index in range(len(self.play.times)):
            yield self._shot(renderer, index)

    def _shot(self, renderer: Renderer, index: int) -> Shot:
        picture = renderer.render(self._drawables(index), self.camera, self.play.views[index], self._lighting)
        noise = self._rng.normal(0, self._noise, picture.image.shape)
        image = np.clip(np.round(picture.image + noise), 0, 255).astype(np.uint8)
        depth = np.where(picture.depth <= DEPTH_RANGE, picture.depth, 0).astype(np.float32)
        frame = Frame(image, self.camera, depth)
        return Shot(
            float(self.play.times[index]),
            frame,
            picture.identities,
            self._regions(picture, index),
            truth(self.play, index),
        )

    def _drawables(self, index: int) -> list[Drawable]:
        play = self.play
        wrist = poses.rigid(play.rotations[index, 0], play.joints[index, 0])
        seen, vertices = np.eye(4), play.vertices[index]
        if play.side == "left":  # drawn as a right one in a mirror
            seen, vertices = poses.MIRROR, vertices * poses.MIRROR.diagonal()[:3]
            wrist = wrist @ poses.MIRROR
        things = [
            Drawable(thing.surface, play.object_poses[index, k], identity=k + 1) for k, thing in enumerate(play.objects)
        ]
        return [
            Drawable(self._skin.surface(vertices), seen, HAND, SKIN),
            Drawable(self._arm[0], wrist, material=SKIN),
            Drawable(self._arm[1], wrist, material=CLOTH),
            *things,
            *self._scenery,  # last: what stands before it needn't be shaded
        ]

    def _regions(self, picture: Picture, index: int) -> Regions:
        attended = int(self.play.attended[index])
        hand = self._box(picture.identities == HAND)
        thing = self._box(picture.identities == attended + 1)
        score = np.round(self._rng.beta(30, 2, 2), 3)
        return Regions(
            () if hand is None else (HandRegion(hand, self.play.side, float(score[0])),),
            () if thing is None else (ObjectRegion(thing, self.play.objects[attended].name, float(score[1])),),
        )

    def _box(self, mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """(4,) pixels around the visible part, each edge off by a little; None where too little is visible."""
        errors = self._rng.normal(0, self._jitter, 4)
        if mask.sum() < SEEN:
            return None
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
        size = np.tile(box[2:] - box[:2], 2)
        height, width = mask.shape
        box = np.clip(box + np.clip(errors, -0.15, 0.15) * size, 0, [width, height, width, height])
        return box if (box[2:] - box[:2] >= 2).all() else None


def truth(play: Sequence, index: int) -> Estimate:
    """Ground truth of one frame in the camera frame.

    The attended object first, no regions and no timing.
    """
    view = play.views[index]
    turn, shift = view[:3, :3], view[:3, 3]
    pose = play.rotations[index].copy()
    pose[0] = turn @ pose[0]
    hand = HandEstimate(
        side=play.side,
        score=1.0,
        joints=(play.joints[index] @ turn.T + shift).astype(np.float32),
        joint_scores=np.ones(21, np.float32),
        vertices=(play.vertices[index] @ turn.T + shift).astype(np.float32),
        pose=rotations.rotation_vectors(pose).astype(np.float32),
        shape=play.hand.shape.astype(np.float32),
        root_covariance=np.zeros((3, 3)),
        root_source="given",
        model=play.hand.model.info,
    )
    attended = int(play.attended[index])
    order = [attended, *(k for k in range(len(play.objects)) if k != attended)]
    poses = view @ play.object_poses[index]
    things = tuple(
        ObjectEstimate(
            play.objects[k].name,
            1.0,
            poses[k, :3, :3],
            poses[k, :3, 3],
            np.zeros((6, 6)),
            side=play.side if k == attended else None,
        )
        for k in order
    )
    return Estimate((hand,), things)
