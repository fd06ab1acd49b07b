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

"""Endless stills as labelled frames for training.

Each with samples of both fields.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from hoisdf_model.data.labelled_frames import Floats, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.sdf_samples import FieldBank, sample_field
from hoisdf_model.errors import InvalidInputError, MeshError
from hoisdf_model.geometry import poses
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import find_object, load_catalogue, mirror_plane
from hoisdf_model.synthesis import splits
from hoisdf_model.synthesis.grasps.library import GraspLibrary, changed_meshes, load_library
from hoisdf_model.synthesis.render.appearance import Appearance
from hoisdf_model.synthesis.render.backdrops import find_pictures
from hoisdf_model.synthesis.render.fineness import Fineness
from hoisdf_model.synthesis.render.gl_context import refuse_forked_process
from hoisdf_model.synthesis.render.surfaces import HAND
from hoisdf_model.synthesis.stills.left_hand_scenes import mirrored_scene
from hoisdf_model.synthesis.stills.scenes import Scene, SceneSampler, SceneSettings
from hoisdf_model.synthesis.stills.still import OBJECT, OBJECTS_KEPT, Still, StillStudio, corners

ENDLESS = 2**31
BANK = 10_000  # samples of each object, measured once
SYMMETRY_STEPS = 36  # of a continuous symmetry


@dataclass
class StillSettings:
    """Settings of rendered stills.

    Attributes:
        library: file of the grasp library; its split is the stills' split.
        seed: decides about everything else.
        pictures: folder of background pictures of one's own.
        stage: what scenes are like.
        catalogue: folder of meshes of one's own, where it isn't where it was when the library was made.
        fineness: how finely it is drawn.
        appearance: how it looks.
    """

    library: str
    seed: int = 0
    pictures: str | None = None
    stage: SceneSettings = field(default_factory=SceneSettings)
    catalogue: str | None = None
    fineness: Fineness = field(default_factory=Fineness)
    appearance: Appearance = field(default_factory=Appearance)


class Stills:
    """Endless labelled frames (``data.sources.FrameSource``).

    Each is a function of split, seed and its number alone.

    Can be sent to other processes: each makes its own studio when it draws its first frame.

    Raises:
        DatasetError: the library is missing or damaged.
        InvalidInputError: the library was made for another hand model, there are no pictures in the folder, or the
            stage names an object that the library lacks.
        MeshError: the folder with the meshes of one's own is gone, lacks one of the library's objects, or has another
            mesh of it.
    """

    def __init__(self, settings: StillSettings, hand_model: HandModelLike) -> None:
        self.settings, self._model = settings, as_hand_model(hand_model)
        self.library = load_library(settings.library)
        self.library.check(self._model)
        if settings.catalogue is not None:
            self.library.settings = replace(self.library.settings, catalogue=settings.catalogue)
        _see_meshes(settings.library, self.library)
        self._pictures = find_pictures(settings.pictures) if settings.pictures else ()
        self.stage = SceneSampler(self.library, settings.stage, self.library.settings.split, settings.seed)
        self._owner = -1
        self._own: StillStudio | None = None

    def __len__(self) -> int:
        """Practically endless."""
        return ENDLESS

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_owner": -1, "_own": None}

    @property
    def studio(self) -> StillStudio:
        """This process's own."""
        if self._own is None or self._owner != os.getpid():  # a context doesn't survive a fork
            self._own = StillStudio(
                self.library,
                self._model,
                self.settings.seed,
                self.settings.fineness,
                self.settings.appearance,
                self._pictures,
            )
            self._owner = os.getpid()
        return self._own

    def still(self, index: int) -> Still:
        """One picture.

        Raises:
            InvalidInputError: there is no such number, or this process was forked from one that has drawn.
        """
        refuse_forked_process()  # first: planning the scene would hang too, in the threads of torch that a fork lacks
        if not 0 <= index < len(self):
            raise InvalidInputError(f"stills are numbered from 0 to {len(self) - 1}, got {index}")
        return self.studio.shoot(self.scene(index))

    def scene(self, index: int) -> Scene:
        """Scene of one picture."""
        return self._sided(index, self.stage.scene(index))

    def _sided(self, index: int, scene: Scene) -> Scene:
        """The scene, or in its share of the numbers its mirror image with a left hand; right hands stay as they are."""
        rng = splits.generator(self.library.settings.split, self.settings.seed, 204, index)
        if scene.mode == "object" or rng.random() >= self.settings.stage.left_hands:
            return scene
        if scene.mode == "hand":
            return mirrored_scene(scene, poses.MIRROR)
        reflection = _known(scene.name, self.library.settings.catalogue).reflection
        return scene if reflection is None else mirrored_scene(scene, reflection)

    def frame(self, index: int) -> LabelledFrame:
        """One picture as training takes it."""
        return self.labelled(index)[0]

    def labelled(self, index: int) -> tuple[LabelledFrame, Still]:
        """One picture as a labelled frame, with all its ground truth."""
        rng = splits.generator(self.library.settings.split, self.settings.seed, 202, index)
        still = self.still(index)
        return labelled_frame(still, self.studio, rng), still


def _see_meshes(path: str, library: GraspLibrary) -> None:
    """Now, and not when the first picture is drawn by another process."""
    folder = library.settings.catalogue
    try:
        known = load_catalogue(folder or None).names
    except MeshError as error:
        raise MeshError(
            f"the grasp library {path} was made with meshes of your own: {error}; the stills' option catalogue (or "
            "--catalogue) says where they are now"
        ) from error
    lacking = [name for name in library.objects if not name.startswith("shape_") and name not in known]
    if lacking:
        raise MeshError(
            f"the grasp library {path} has grasps of {', '.join(lacking)}, and {folder or 'the catalogue'} has no such "
            "mesh: put it back, or make the library anew"
        )
    changed = changed_meshes(library)
    if changed:
        raise MeshError(
            f"the meshes of {', '.join(changed)} in {folder} have changed since the grasp library {path} was made: "
            "hands wouldn't fit; make it anew"
        )


def labelled_frame(still: Still, studio: StillStudio, rng: np.random.Generator) -> LabelledFrame:
    """A still with samples of both fields, which ``rng`` draws."""
    hand = thing = None
    count = studio.fineness.field_samples
    if still.joints is not None:
        samples = sample_field(*studio.closed_hand(still), count, rng, exact=studio.fineness.exact)
        hand = HandLabel(still.side, still.joints, samples, still.rotations, still.shape)
    if still.object_pose is not None:
        known = _known(still.scene.name, studio.catalogue)
        samples = known.bank.draw(still.object_pose, count, rng)
        further = {} if known.reflection is None else {"reflection": known.reflection}
        thing = ObjectLabel(still.scene.name, still.object_pose, known.outline, samples, known.symmetries, **further)
    return LabelledFrame(still.image, still.camera, hand, thing, still.identities == HAND, still.identities == OBJECT)


class _Known(NamedTuple):
    """What is the same in every frame with an object."""

    bank: FieldBank
    outline: Floats
    symmetries: Floats
    reflection: Floats | None


@lru_cache(maxsize=OBJECTS_KEPT)
def _known(name: str, catalogue: str) -> _Known:
    item = find_object(name, catalogue)
    bank = FieldBank(np.asarray(item.mesh.vertices), np.asarray(item.mesh.faces), BANK)
    return _Known(bank, corners(item), item.symmetry.transforms(SYMMETRY_STEPS), mirror_plane(item.mesh))
