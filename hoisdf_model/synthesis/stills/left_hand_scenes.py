"""Scenes of left hands, mirrored from those of right ones (see ``grasps.mirroring``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import rotations
from hoisdf_model.synthesis.grasps.mirroring import FLIP, MIRROR
from hoisdf_model.synthesis.stills.staging import Prop, Scene


def mirrored_scene(scene: Scene, reflection: NDArray[np.float64]) -> Scene:
    """A right hand's scene as a left hand's: hand, camera, lights and places mirrored, all objects as they are.

    Args:
        scene: with a right hand.
        reflection: (4, 4) of the object's frame, under which its shape doesn't change (``objects.mirror_plane``).
    """

    def moved(prop: Prop) -> Prop:
        return replace(prop, direction=prop.direction * FLIP)

    return replace(
        scene,
        side="left",
        object_pose=MIRROR @ scene.object_pose @ reflection,
        hand_rotation=rotations.mirror_matrix(scene.hand_rotation),
        wrist=scene.wrist * FLIP,
        view=MIRROR @ scene.view @ MIRROR,
        camera=scene.camera.mirrored(),
        lighting=replace(scene.lighting, positions=scene.lighting.positions * FLIP),
        clutter=tuple(moved(prop) for prop in scene.clutter),
        occluder=None if scene.occluder is None else moved(scene.occluder),
    )
