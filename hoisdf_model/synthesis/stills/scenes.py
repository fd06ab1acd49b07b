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

"""Random still scenes as numbers, without posing or rendering.

Hand, object, grasp, camera and light.

World frame: metres, z up, origin between the hand and the object that it deals with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import Pinhole, poses
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.articulation import CHAINS, Postures, blended
from hoisdf_model.synthesis.grasps.gestures import gesture
from hoisdf_model.synthesis.grasps.library import GraspLibrary
from hoisdf_model.synthesis.motion import looking_at
from hoisdf_model.synthesis.render.hand_palette import SKINS, SLEEVES
from hoisdf_model.synthesis.render.renderer import Lighting

Mode = Literal["grasp", "approach", "hand", "object"]
MODES: tuple[Mode, ...] = ("grasp", "approach", "hand", "object")
WIDTH, HEIGHT = 640, 480  # of the whole camera picture, of which the part around hand and object is drawn
TABLES = 12  # in one palette
PALM = np.array([-0.07, -0.01, 0.0])  # about the palm's middle in MANO's rest frame
ROOM_NEEDED = 0.15  # metres: half of what a hand with an object takes up
ARM_TOWARDS_CAMERA = 0.7  # cosine: arms that come straight out of the camera hide everything
ARM_TRIES = 12
LOWEST_ARM = -0.15  # sine of the forearm's slope: arms don't come out of tables

Floats = NDArray[np.float64]

# settings and parts of scenes that came later, with what there was before: where they hold it, all is as it was
LATER: dict[str, Any] = {
    "left_hands": 0.0, "bare_arms": 0.0, "objects": [], "gestures": 0.0, "side": "right", "bare_arm": False,
}  # fmt: skip


@dataclass
class SceneSettings:
    """Settings of random scenes.

    Attributes:
        modes: shares of grasps, of hands before and after a grasp, of hands alone and of objects alone.
        catalogue_share: of the objects, the rest are random shapes.
        occluded: share of the scenes with something between camera and hand.
        clutter: largest number of other things around.
        tables: share of the scenes seen from above that have a table.
        rings: share of the bare hands that wear one.
        distances: metres from the camera, the least and the most.
        focal: pixels of a 640x480 picture, the least and the most.
        from_below: share of the cameras below the horizon.
        left_hands: share of left hands, of those whose object has a mirror plane; see ``grasps.mirroring``.
        bare_arms: share of the arms with the sleeve rolled up to the elbow.
        gestures: share of the hands alone that show a gesture; the fingers of the others bend anyhow.
        objects: names of those of the library that scenes are about; empty: all. Around them stands anything.
    """

    modes: tuple[float, float, float, float] = (0.62, 0.15, 0.18, 0.05)
    catalogue_share: float = 0.65
    occluded: float = 0.25
    clutter: int = 4
    tables: float = 0.7
    rings: float = 0.08
    distances: tuple[float, float] = (0.3, 1.2)
    focal: tuple[float, float] = (430.0, 900.0)
    from_below: float = 0.15
    left_hands: float = 0.3
    bare_arms: float = 0.25
    gestures: float = 0.8
    objects: list[str] = field(default_factory=list)

    def described(self) -> dict[str, Any]:
        """Settings by name, for provenance.

        Without those that change nothing.
        """
        return {name: value for name, value in asdict(self).items() if name not in LATER or value != LATER[name]}


@dataclass(frozen=True)
class Distractor:
    """Distractor object: name, placement and colours."""

    name: str
    direction: Floats  # (3,) unit, from the middle of the scene or, for what hides the hand, from the line of sight
    share: float  # 0 to 1, how far along the room that there is
    rotation: Floats  # (3, 3)
    tint: tuple[float, float, float]


@dataclass(frozen=True)
class Scene:
    """Random still scene; palette entries are numbers.

    Attributes:
        mode: what is going on.
        grasp: number in the library.
        name: the object's name; also set where it isn't shown.
        object_pose: (4, 4) object frame -> world.
        hand_rotation, wrist: (3, 3) and (3,) MANO's rest frame -> world.
        posture: one.
        shape: (10,) betas.
        view: (4, 4) world -> camera.
        camera: of the whole picture.
        skin, sleeve, ring: numbers; ring is the finger (1 to 4), 0 for none. metal: number of its colour.
        skin_tint, object_tint: factors on the colour.
        lighting: the lights.
        table: number of the table top, None for none; ``table_gap``: metres that it lies below everything.
        clutter: other things. occluder: the one that hides a part of the hand or the object.
        hidden: joint (0 to 20) that the occluder is aimed at.
        backdrop_seed, photo_seed: seeds of what is drawn behind and of the camera's errors.
        side: which hand. ``posture`` and ``shape`` mean the same for both, ``hand_rotation`` is that of its own model.
        bare_arm: the sleeve is rolled up.
    """

    mode: Mode
    grasp: int
    name: str
    object_pose: Floats
    hand_rotation: Floats
    wrist: Floats
    posture: Postures
    shape: Floats
    view: Floats
    camera: Pinhole
    skin: int
    sleeve: int
    ring: int
    metal: int
    skin_tint: tuple[float, float, float]
    object_tint: tuple[float, float, float]
    lighting: Lighting
    table: int | None
    table_gap: float
    clutter: tuple[Distractor, ...]
    occluder: Distractor | None
    hidden: int
    backdrop_seed: int
    photo_seed: int
    side: Literal["right", "left"] = "right"
    bare_arm: bool = False


class SceneSampler:
    """Sampler of random scenes from a library.

    Args:
        library: the grasps.
        settings: what scenes are like.
        split, seed: together with a scene's number they decide about everything.

    Raises:
        InvalidInputError: the settings name an object of which the library has no grasp.
    """

    def __init__(self, library: GraspLibrary, settings: SceneSettings, split: splits.Split, seed: int) -> None:
        self.library, self.settings, self._split, self._seed = library, settings, split, seed
        holds = [np.flatnonzero(library.object == k) for k in range(len(library.objects))]
        kept = [k for k in range(len(holds)) if len(holds[k])]
        self._grasps = {k: holds[k] for k in kept}
        self._shapes = [k for k in kept if library.objects[k].startswith("shape_")]
        self._named = [k for k in kept if k not in self._shapes]
        without = set(settings.objects) - {library.objects[k] for k in kept}
        if without:
            raise InvalidInputError(
                f"stage.objects: the grasp library has no grasps of {', '.join(sorted(without))}; it has some of "
                f"{', '.join(library.objects[k] for k in self._named)}"
            )
        self._wanted = [k for k in kept if library.objects[k] in settings.objects]

    def scene(self, index: int, occluded: bool | None = None, random_shape: bool | None = None) -> Scene:
        """The scene of that number.

        Args:
            index: 0 or more.
            occluded: whether something hides a part of it; left to chance where not given.
            random_shape: whether the object is a random shape; left to chance where not given.
        """
        rng = splits.generator(self._split, self._seed, 201, index)
        later = splits.generator(self._split, self._seed, 203, index)  # so that what ``rng`` decides stays as it was
        s = self.settings
        mode = MODES[int(rng.choice(len(MODES), p=np.array(s.modes) / sum(s.modes)))]
        strange = rng.random() >= s.catalogue_share
        grasp = self._grasp(strange if random_shape is None else random_shape, rng)
        rotation, wrist, approach = self.library.placement(grasp)
        posture = self._posture(mode, grasp, rng)
        bare_arm = bool(later.random() < s.bare_arms)
        if mode == "hand" and later.random() < s.gestures:
            posture = gesture(later)
        if mode == "approach":
            wrist = wrist + approach * rng.uniform(0.0, 0.07)
        turn = _object_turn(rng)
        middle = (wrist + rotation @ PALM) * 0.5
        hand_rotation, wrist = turn @ rotation, turn @ (wrist - middle)
        pose = poses.rigid(turn, -turn @ middle)
        view, camera, above = self._camera(None if mode == "object" else hand_rotation[:, 0], rng)
        hides, number = rng.random() < s.occluded, int(rng.integers(TABLES))
        rising = mode == "object" or hand_rotation[2, 0] > LOWEST_ARM
        return Scene(
            mode=mode,
            grasp=grasp,
            name=self.library.objects[int(self.library.object[grasp])],
            object_pose=pose,
            hand_rotation=hand_rotation,
            wrist=wrist,
            posture=posture,
            shape=self.library.shape[grasp],
            view=view,
            camera=camera,
            skin=int(rng.integers(SKINS)),
            sleeve=int(rng.integers(SLEEVES)),
            ring=int(rng.integers(1, 5)) if rng.random() < s.rings else 0,
            metal=int(rng.integers(4)),
            skin_tint=_tint(rng, 0.08, 0.03),
            object_tint=_tint(rng, 0.15, 0.08),
            lighting=_lighting(rng),
            table=number if above and rising and rng.random() < s.tables else None,
            table_gap=float(rng.choice([0.001, rng.uniform(0.0, 0.05), rng.uniform(0.05, 0.3)])),
            clutter=tuple(self._prop(rng) for _ in range(int(rng.integers(0, s.clutter + 1)))),
            occluder=self._prop(rng) if (hides if occluded is None else occluded) else None,
            hidden=int(rng.integers(21)),
            backdrop_seed=int(rng.integers(2**31)),
            photo_seed=int(rng.integers(2**31)),
            bare_arm=bare_arm,
        )

    def _grasp(self, strange: bool, rng: np.random.Generator) -> int:
        group = (self._shapes or self._named) if strange else (self._named or self._shapes)
        group = self._wanted or group
        return int(rng.choice(self._grasps[int(rng.choice(group))]))

    def _posture(self, mode: Mode, grasp: int, rng: np.random.Generator) -> Postures:
        opened, closed = self.library.postures(grasp)
        if mode == "grasp":
            return closed
        if mode == "approach":
            return blended(opened, closed, float(rng.uniform(0.0, 0.8)))
        flexion = rng.uniform(-0.1, 1.25, (1, 5, 1)) * rng.uniform(0.6, 1.2, (1, 5, 3))
        together = rng.random() < 0.5  # fingers often bend together
        if together:
            flexion[:, : len(CHAINS) - 1] = flexion[:, :1] * rng.uniform(0.85, 1.15, (1, len(CHAINS) - 1, 1))
        return Postures(flexion, rng.uniform(0, 1, 1), rng.uniform(-0.05, 0.3, 1))

    def _camera(self, arm: Floats | None, rng: np.random.Generator) -> tuple[Floats, Pinhole, bool]:
        s = self.settings
        focal = float(np.exp(rng.uniform(*np.log(s.focal))))
        nearest = max(s.distances[0], ROOM_NEEDED * focal / (0.45 * HEIGHT))
        distance = float(rng.triangular(nearest, max(nearest, 0.55) + 1e-6, max(s.distances[1], nearest + 2e-6)))
        for _ in range(ARM_TRIES):
            low = rng.random() < s.from_below
            elevation = rng.uniform(-1.1, 0.05) if low else rng.uniform(0.05, 1.3)
            azimuth = rng.uniform(0, 2 * np.pi)
            eye = np.array(
                [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
            )
            if arm is None or eye @ arm < ARM_TOWARDS_CAMERA:
                break
        roll = rng.uniform(-np.pi, np.pi) if rng.random() < 0.1 else rng.normal(0, 0.25)
        view = looking_at(eye * distance, rng.normal(0, 0.01, 3), float(roll))
        # turn the camera so that the hand isn't always in the middle of the picture
        free = np.maximum(np.array([WIDTH, HEIGHT]) / 2 - 0.7 * ROOM_NEEDED * focal / distance, 0)
        x, y = rng.uniform(-1, 1, 2) * free / focal
        aside = poses.rigid(Rotation.from_euler("xy", [-np.arctan(y), np.arctan(x)]).as_matrix())
        place = np.array([WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5]) + rng.normal(0, 6, 2)
        aspect = float(rng.normal(1, 0.003))
        camera = Pinhole(focal, focal * aspect, float(place[0]), float(place[1]), WIDTH, HEIGHT)
        return aside @ view, camera, not low

    def _prop(self, rng: np.random.Generator) -> Distractor:
        direction = rng.normal(size=3)
        upright = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
        rotation = upright if rng.random() < 0.7 else Rotation.from_quat(rng.normal(size=4)).as_matrix()
        group = self._shapes if self._shapes and (not self._named or rng.random() < 0.4) else self._named
        return Distractor(
            self.library.objects[int(rng.choice(group))],
            direction / np.linalg.norm(direction),
            float(rng.random()),
            rotation,
            _tint(rng, 0.2, 0.15),
        )


def _object_turn(rng: np.random.Generator) -> Floats:
    """(3, 3) object frame -> world: mostly nearly upright, as things are carried, else anyhow."""
    if rng.random() < 0.4:
        return np.asarray(Rotation.from_quat(rng.normal(size=4)).as_matrix(), np.float64)
    tilt = Rotation.from_rotvec(np.append(rng.normal(0, 0.35, 2), 0.0))
    return np.asarray((tilt * Rotation.from_euler("z", rng.uniform(0, 2 * np.pi))).as_matrix(), np.float64)


def _tint(rng: np.random.Generator, brightness: float, colour: float) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in np.exp(rng.normal(0, brightness) + rng.normal(0, colour, 3)))
    return red, green, blue


def _lighting(rng: np.random.Generator) -> Lighting:
    """A key light that casts shadows and up to two others, from overcast to harsh."""
    count = int(rng.integers(1, 4))
    azimuth, elevation = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.15, 1.5, count)
    reach = rng.uniform(0.7, 2.0, count)
    around = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], 1)
    warmth = rng.normal(0, 0.12, count)
    tints = np.stack([1 + warmth, np.ones(count), 1 - warmth], 1)
    strength = np.r_[rng.uniform(0.25, 1.1), rng.uniform(0.05, 0.45, count - 1)]
    sky = float(rng.uniform(0.16, 0.48))
    hue = 1 + rng.normal(0, 0.05, 3)
    ground = sky * rng.uniform(0.25, 0.8)
    return Lighting(
        around * reach[:, None],
        tints * strength[:, None],
        sky=(sky * hue[0], sky * hue[1], sky * hue[2]),
        ground=(ground * hue[2], ground * hue[1], ground * hue[0]),
        softness=float(rng.uniform(0.006, 0.03)),
        focus=(0.0, 0.0, 0.0),
        reach=0.5,
    )
