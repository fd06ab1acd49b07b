"""Left hands: the mirror images of right ones, with objects that keep their true shape and print.

All is planned with right hands. A mirror with the normal x makes left ones of them, and of every object another one,
which exists only where its shape has a mirror plane. Two ways around that are used, and both give hands that fit:

- A play is planned with the mirrored objects; its mirror image then has the objects themselves (``mirrored_play``).
- A grasp of a library was found with the object itself. Where the object has a mirror plane, it is put where the mirror
  shows it (``mirrored_scene``); where it has none, there is no left hand.

Mirroring a pose: ``M T S`` is a rigid motion that puts the object's points where the mirror ``M`` shows those of the
object in the pose ``T``, if the reflection ``S`` of its own frame leaves the object's shape as it is.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.geometry import rotations
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.grasps.posing import PosedHands
from hoisdf_model.synthesis.plays.sequences import Sequence
from hoisdf_model.synthesis.stills.staging import Prop, Scene

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
_FLIP = np.array([-1.0, 1.0, 1.0])


def mirrored_object(thing: CatalogueObject) -> CatalogueObject:
    """The object's shape in a mirror with the normal x of its own frame, to plan with; it can't be drawn."""
    vertices, faces = np.asarray(thing.mesh.vertices) * _FLIP, np.asarray(thing.mesh.faces)[:, ::-1]
    return replace(thing, mesh=trimesh.Trimesh(vertices, faces, process=False))


def mirrored_play(play: Sequence, objects: Many[CatalogueObject]) -> Sequence:
    """The play of a right hand with mirrored objects as one of a left hand with the ``objects`` themselves."""
    return replace(
        play,
        side="left",
        views=MIRROR @ play.views @ MIRROR,
        rotations=rotations.mirror_matrix(play.rotations),
        joints=play.joints * _FLIP,
        vertices=play.vertices * _FLIP,
        objects=tuple(objects),
        object_poses=MIRROR @ play.object_poses @ MIRROR,
    )


def mirrored_hands(posed: PosedHands) -> PosedHands:
    """Right hands as left ones, or the other way round; vertices keep their numbers."""
    return PosedHands(posed.joints * _FLIP, posed.vertices * _FLIP, rotations.mirror_matrix(posed.rotations))


def mirrored_scene(scene: Scene, reflection: NDArray[np.float64]) -> Scene:
    """A right hand's scene as a left hand's: hand, camera, lights and places mirrored, all objects as they are.

    Args:
        scene: with a right hand.
        reflection: (4, 4) of the object's frame, under which its shape doesn't change (``objects.mirror_plane``).
    """

    def moved(prop: Prop) -> Prop:
        return replace(prop, direction=prop.direction * _FLIP)

    return replace(
        scene,
        side="left",
        object_pose=MIRROR @ scene.object_pose @ reflection,
        hand_rotation=rotations.mirror_matrix(scene.hand_rotation),
        wrist=scene.wrist * _FLIP,
        view=MIRROR @ scene.view @ MIRROR,
        camera=scene.camera.mirrored(),
        lighting=replace(scene.lighting, positions=scene.lighting.positions * _FLIP),
        clutter=tuple(moved(prop) for prop in scene.clutter),
        occluder=None if scene.occluder is None else moved(scene.occluder),
    )
