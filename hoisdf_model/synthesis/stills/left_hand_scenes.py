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

"""Scenes of left hands, mirrored from those of right ones (see ``grasps.mirroring``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import poses, rotations
from hoisdf_model.synthesis.stills.scenes import Distractor, Scene


def mirrored_scene(scene: Scene, reflection: NDArray[np.float64]) -> Scene:
    """Left-hand scene from a right hand's.

    Hand, camera, lights and places mirrored, all objects as they are.

    Args:
        scene: with a right hand.
        reflection: (4, 4) of the object's frame, under which its shape doesn't change (``objects.mirror_plane``).
    """

    def moved(prop: Distractor) -> Distractor:
        return replace(prop, direction=prop.direction * poses.MIRROR_SIGNS)

    return replace(
        scene,
        side="left",
        object_pose=poses.MIRROR @ scene.object_pose @ reflection,
        hand_rotation=rotations.mirror_matrix(scene.hand_rotation),
        wrist=scene.wrist * poses.MIRROR_SIGNS,
        view=poses.MIRROR @ scene.view @ poses.MIRROR,
        camera=scene.camera.mirrored(),
        lighting=replace(scene.lighting, positions=scene.lighting.positions * poses.MIRROR_SIGNS),
        clutter=tuple(moved(prop) for prop in scene.clutter),
        occluder=None if scene.occluder is None else moved(scene.occluder),
    )
