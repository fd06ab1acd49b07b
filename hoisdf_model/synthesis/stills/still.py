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

"""Rendered training stills: library grasps in random scenes.

With full ground truth.

Still ``i`` is a function of split, seed and ``i`` alone, however many processes make them. Only the part of the
camera's picture around hand and object is drawn, at about the resolution at which the network sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, boxes, meshes, poses
from hoisdf_model.geometry.rotations import mirror_matrix
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import CatalogueObject, find_object
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.library import GraspLibrary
from hoisdf_model.synthesis.grasps.mirrored_grasps import mirrored_hands
from hoisdf_model.synthesis.grasps.posing import PosedHands
from hoisdf_model.synthesis.render import scenery
from hoisdf_model.synthesis.render.appearance import Appearance
from hoisdf_model.synthesis.render.backdrops import backdrop
from hoisdf_model.synthesis.render.fineness import Fineness
from hoisdf_model.synthesis.render.forearm import LENGTH as FOREARM_LENGTH
from hoisdf_model.synthesis.render.hand_palette import HandPalette, ring
from hoisdf_model.synthesis.render.photograph import Noises, photographed
from hoisdf_model.synthesis.render.renderer import Drawable, Lighting, Material, Picture, Renderer
from hoisdf_model.synthesis.render.surfaces import CLOTH, HAND, SKIN
from hoisdf_model.synthesis.stills.scenes import Distractor, Scene

OBJECT = 1  # in the masks; ``HAND`` for the hand
MARGIN = 2.1  # of the drawn square over the boxes: the network's 1.5, and room for turning and shifting it
BACKDROP_DISTANCE = 3.0  # metres
NEAR_SURFACE = 0.025  # metres: a joint less far behind what is seen there counts as visible
LEAST_VISIBLE = 4  # joints; where an occluder leaves fewer, it is taken away
OBJECTS_KEPT = 400
ELBOW_RADIUS = 0.05  # metres

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Still:
    """One picture; camera frame, metres, pixels of ``image``.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        camera: its camera.
        depth: (H, W) float32, 0 where there is nothing.
        identities: (H, W) uint8: ``HAND``, ``OBJECT``, 0 for all else.
        scene: what was drawn.
        side: which hand.
        rotations: (16, 3, 3) MANO's, global first, camera frame; None where there is no hand, as for all of the hand.
        shape: (10,).
        joints: (21, 3). vertices: (778, 3).
        visible: (21,) bool, joints that nothing hides.
        touching: (778,) bool, vertices in contact with the object.
        hand_box: (4,) around the projected joints.
        object_pose: (4, 4) object frame -> camera; None where there is no object.
        object_box: (4,) around the projected corners of its box.
    """

    image: NDArray[np.uint8]
    camera: Pinhole
    depth: NDArray[np.float32]
    identities: NDArray[np.uint8]
    scene: Scene
    side: Literal["right", "left"]
    rotations: Floats | None
    shape: Floats | None
    joints: Floats | None
    vertices: Floats | None
    visible: NDArray[np.bool_] | None
    touching: NDArray[np.bool_] | None
    hand_box: Floats | None
    object_pose: Floats | None
    object_box: Floats | None


class StillStudio:
    """Renderer of scenes.

    Holds one OpenGL renderer and palettes, and so belongs to one process.

    Args:
        library: the grasps; their split is the palettes' split.
        hand_model: the right hand that the library was made for.
        seed: decides about the palettes.
        fineness: how finely.
        appearance: how they look.
        pictures: background pictures of one's own.

    Raises:
        InvalidInputError: the library was made for another hand model.
        DependencyError: nothing to render with.
    """

    def __init__(
        self,
        library: GraspLibrary,
        hand_model: HandModelLike,
        seed: int,
        fineness: Fineness,
        appearance: Appearance,
        pictures: tuple[Path, ...] = (),
    ) -> None:
        hand_model = as_hand_model(hand_model)
        library.check(hand_model)
        self._library, self._seed, self._pictures = library, seed, pictures
        self._split = library.settings.split
        self.fineness, self.appearance, self._noises = fineness, appearance, Noises(fineness.noises)
        self._palette = HandPalette(hand_model, self._split, seed, fineness.sleeve)
        self.object = lru_cache(OBJECTS_KEPT)(partial(find_object, catalogue=library.settings.catalogue))
        self._table = lru_cache(None)(self._new_table)
        self._renderer = Renderer(fineness.drawn, fineness.drawn, fineness.samples, fineness.shadow_map)
        self.device, self.catalogue = self._renderer.device, library.settings.catalogue

    def shoot(self, scene: Scene) -> Still:
        """Draw one scene."""
        posed = self._posed(scene)
        thing = None if scene.mode == "hand" else self.object(scene.name)
        camera = self._window(scene, posed, thing)
        drawables = self._drawables(scene, posed, thing)
        hidden = [] if scene.occluder is None else [self._occluder(scene, scene.occluder, posed)]
        backdrop_ = self._backdrop(scene, camera)
        lighting = _brighter(scene.lighting, self.appearance.light)
        picture = self._renderer.render([*hidden, *drawables, backdrop_], camera, scene.view, lighting)
        if hidden and self._too_little(scene, picture, camera, posed, thing):
            picture = self._renderer.render([*drawables, backdrop_], camera, scene.view, lighting)
        return self._finished(scene, picture, camera, posed, thing)

    def closed_hand(self, still: Still) -> tuple[Floats, NDArray[np.int64]]:
        """Hand mesh with closed wrist.

        Vertices (779, 3), camera frame, and faces.

        Raises:
            InvalidInputError: there is no hand.
        """
        if still.vertices is None:
            raise InvalidInputError("the still shows no hand")
        hand = self._palette.hand(tuple(still.scene.shape.tolist()))
        # a mirror turns faces inside out
        return hand.closed(still.vertices), hand.closed_faces[:, :: -1 if still.side == "left" else 1]

    def close(self) -> None:
        """Release the renderer."""
        self._renderer.close()

    def _posed(self, scene: Scene) -> PosedHands | None:
        if scene.mode == "object":
            return None
        hand = self._palette.hand(tuple(scene.shape.tolist()))
        if scene.side == "right":
            return hand.pose(scene.posture, scene.hand_rotation[None], scene.wrist[None])
        turn, wrist = mirror_matrix(scene.hand_rotation), _moved(poses.MIRROR, scene.wrist)
        return mirrored_hands(hand.pose(scene.posture, turn[None], wrist[None]))

    def _window(self, scene: Scene, posed: PosedHands | None, thing: CatalogueObject | None) -> Pinhole:
        """The camera of the square that is drawn."""
        seen = [] if posed is None else [scene.camera.project(_moved(scene.view, posed.joints[0]))]
        if thing is not None:
            seen.append(scene.camera.project(_moved(scene.view @ scene.object_pose, corners(thing))))
        box = boxes.around(np.concatenate(seen))
        edge, middle = float((box[2:] - box[:2]).max()) * MARGIN, boxes.center(box)
        drawn = self.fineness.drawn
        scale = drawn / edge
        c = scene.camera
        # a window's left border lies half a pixel left of its first pixel's centre
        corner = middle - edge / 2
        place = (np.array([c.cx, c.cy]) - corner) * scale - 0.5
        return Pinhole(c.fx * scale, c.fy * scale, float(place[0]), float(place[1]), drawn, drawn)

    def _drawables(self, scene: Scene, posed: PosedHands | None, thing: CatalogueObject | None) -> list[Drawable]:
        result: list[Drawable] = []
        taken: list[Floats] = []
        lowest = np.inf
        if posed is not None:
            # a left hand is drawn as a right one in a mirror
            seen = poses.MIRROR if scene.side == "left" else np.eye(4)
            own = posed if scene.side == "right" else mirrored_hands(posed)
            vertices, pose = own.vertices[0], np.eye(4)
            pose[:3, :3], pose[:3, 3] = own.rotations[0, 0], own.joints[0, 0]
            arm = seen @ pose
            skin = Material(SKIN.gloss, SKIN.wrap, scene.skin_tint, flesh=self.appearance.flesh)
            shape = tuple(scene.shape.tolist())
            bare, cloth = self._palette.arm_surfaces(scene.skin, scene.sleeve, shape, scene.bare_arm)
            result += [Drawable(self._palette.hand_surface(scene.skin, vertices), seen, HAND, skin)]
            result += [Drawable(bare, arm, material=skin), Drawable(cloth, arm, material=CLOTH)]
            if scene.ring and self._palette.skin(scene.skin)[2] is None:
                hoop = ring(own.joints[0], vertices, scene.ring, scene.metal)
                result.append(Drawable(hoop, seen, HAND, Material(60.0)))
            elbow = arm[:3, 3] + FOREARM_LENGTH * arm[:3, 0] - np.array([0.0, 0.0, ELBOW_RADIUS])
            lowest = min(lowest, float(vertices[:, 2].min()), float(elbow[2]))
            taken.append(posed.vertices[0])
        if thing is not None:
            painted = Material(tint=scene.object_tint)
            result.append(Drawable(thing.surface, scene.object_pose, OBJECT, painted))
            taken.append(_moved(scene.object_pose, np.array(thing.mesh.vertices, np.float64)))
            lowest = min(lowest, float(taken[-1][:, 2].min()))
        floor = lowest - scene.table_gap
        reach = max(float(np.linalg.norm(points, axis=1).max()) for points in taken)
        result += [self._standing(scene, prop, reach, floor) for prop in scene.clutter]
        if scene.table is not None:
            top = self._table(scene.table)
            lowered = np.eye(4)
            lowered[2, 3] = floor
            result.append(Drawable(top.surface, lowered, material=top.material))
        return result

    def _standing(self, scene: Scene, prop: Distractor, reach: float, floor: float) -> Drawable:
        """Beside what is there, on the table where there is one."""
        thing = self.object(prop.name)
        points = np.asarray(thing.mesh.vertices) @ prop.rotation.T
        radius = reach + thing.diameter / 2
        pose = poses.rigid(prop.rotation)
        direction = prop.direction.copy()
        if scene.table is not None:
            direction[2] = 0.0
            direction /= np.linalg.norm(direction)
        pose[:3, 3] = direction * radius * (1 + prop.share)
        if scene.table is not None:
            pose[2, 3] = floor - points[:, 2].min()
        return Drawable(thing.surface, pose, material=Material(tint=prop.tint))

    def _occluder(self, scene: Scene, prop: Distractor, posed: PosedHands | None) -> Drawable:
        """Between the camera and the hand, beside the line of sight to one joint, so that it hides a part."""
        thing = self.object(prop.name)
        eye = -scene.view[:3, :3].T @ scene.view[:3, 3]
        aim = np.zeros(3) if posed is None else posed.joints[0, scene.hidden]
        along = aim - eye
        sideways = prop.direction - along * (prop.direction @ along) / (along @ along)
        sideways /= np.linalg.norm(sideways)
        near = 0.45 + 0.3 * prop.share
        pose = poses.rigid(prop.rotation)
        middle = eye + near * along + sideways * 0.3 * near * thing.diameter
        pose[:3, 3] = middle - prop.rotation @ thing.center
        return Drawable(thing.surface, pose, material=Material(tint=prop.tint))

    def _backdrop(self, scene: Scene, camera: Pinhole) -> Drawable:
        image = backdrop(
            np.random.default_rng(scene.backdrop_seed), self._pictures, self._noises, self.appearance.own_pictures
        )
        end = self.fineness.drawn
        pixels = np.array([[-1, end], [end, end], [end, -1], [-1, -1]], np.float64)
        corners = camera.back_project(pixels, np.full(4, BACKDROP_DISTANCE))
        back = np.asarray(np.linalg.inv(scene.view), np.float64)
        return Drawable(scenery.picture(_moved(back, corners), image), material=Material(glow=1.0))

    def _new_table(self, number: int) -> Drawable:
        return scenery.table(splits.generator(self._split, self._seed, 103, number))

    def _too_little(
        self, scene: Scene, picture: Picture, camera: Pinhole, posed: PosedHands | None, thing: CatalogueObject | None
    ) -> bool:
        if posed is not None:
            joints = _moved(scene.view, posed.joints[0])
            return int(_visible(joints, picture.depth, camera).sum()) < LEAST_VISIBLE
        return thing is not None and bool((picture.identities == OBJECT).mean() < 0.01)

    def _finished(
        self, scene: Scene, picture: Picture, camera: Pinhole, posed: PosedHands | None, thing: CatalogueObject | None
    ) -> Still:
        image, depth, identities, camera = _as_taken(scene, picture, camera, self.fineness)
        image = photographed(image, np.random.default_rng(scene.photo_seed), self._noises, self.appearance)
        known: dict[str, Any] = dict.fromkeys(
            ("rotations", "shape", "joints", "vertices", "visible", "touching", "hand_box", "object_pose", "object_box")
        )
        if posed is not None:
            rotations = posed.rotations[0].copy()
            rotations[0] = scene.view[:3, :3] @ rotations[0]
            joints, vertices = (_moved(scene.view, points[0]) for points in (posed.joints, posed.vertices))
            touching = self._library.touching_of(scene.grasp) if scene.mode == "grasp" else np.zeros(778, bool)
            known.update(
                rotations=rotations, shape=scene.shape, joints=joints, vertices=vertices, touching=touching,
                visible=_visible(joints, depth, camera), hand_box=boxes.around(camera.project(joints)),
            )  # fmt: skip
        if thing is not None:
            pose = scene.view @ scene.object_pose
            known.update(
                object_pose=pose, object_box=boxes.around(camera.project(_moved(pose, corners(thing))))
            )  # fmt: skip
        return Still(image, camera, depth, identities, scene, scene.side, **known)


def corners(thing: CatalogueObject) -> Floats:
    """Corners (8, 3) of the object's bounding box, object frame."""
    return meshes.box_corners(thing.mesh.bounds)


def _moved(pose: Floats, points: NDArray[np.floating[Any]]) -> Floats:
    return points @ pose[:3, :3].T + pose[:3, 3]


def _brighter(lighting: Lighting, factor: float) -> Lighting:
    sky, ground = ((r * factor, g * factor, b * factor) for r, g, b in (lighting.sky, lighting.ground))
    return replace(lighting, colours=lighting.colours * factor, sky=sky, ground=ground)


def _visible(joints: Floats, depth: NDArray[np.float32], camera: Pinhole) -> NDArray[np.bool_]:
    """(21,) joints at which nothing much nearer than themselves is seen."""
    columns, rows = np.round(camera.project(joints)).astype(int).T
    inside = (rows >= 0) & (columns >= 0) & (rows < depth.shape[0]) & (columns < depth.shape[1])
    seen = depth[np.clip(rows, 0, depth.shape[0] - 1), np.clip(columns, 0, depth.shape[1] - 1)]
    return np.asarray(inside & ((seen == 0) | (seen > joints[:, 2] - NEAR_SURFACE)), bool)


def _as_taken(
    scene: Scene, picture: Picture, camera: Pinhole, fineness: Fineness
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], Pinhole]:
    """At no more than the camera's own resolution, and without what lies outside of its picture."""
    whole = scene.camera
    image, depth, identities = picture.image, picture.depth, picture.identities
    scale = min(1.0, whole.fx / camera.fx)  # of pixels as drawn to pixels as taken
    drawn = fineness.drawn
    edge = max(32, min(fineness.kept, round(drawn * scale)))
    if edge < drawn:
        image = np.asarray(cv2.resize(image, (edge, edge), interpolation=cv2.INTER_AREA), np.uint8)
        depth = np.asarray(cv2.resize(depth, (edge, edge), interpolation=cv2.INTER_NEAREST), np.float32)
        identities = np.asarray(cv2.resize(identities, (edge, edge), interpolation=cv2.INTER_NEAREST), np.uint8)
    s = edge / drawn
    fx, fy, cx, cy = camera.fx * s, camera.fy * s, (camera.cx + 0.5) * s - 0.5, (camera.cy + 0.5) * s - 0.5
    zoom = np.array([fx / whole.fx, fy / whole.fy])
    first = np.array([cx, cy]) - (np.array([whole.cx, whole.cy]) + 0.5) * zoom + 0.5
    last = first + np.array([whole.width, whole.height]) * zoom
    x0, y0 = np.clip(np.ceil(first), 0, edge - 1).astype(int)
    x1, y1 = np.clip(np.floor(last), 1, edge).astype(int)
    taken = Pinhole(fx, fy, cx - x0, cy - y0, int(x1 - x0), int(y1 - y0))
    return image[y0:y1, x0:x1], depth[y0:y1, x0:x1].copy(), identities[y0:y1, x0:x1].copy(), taken
