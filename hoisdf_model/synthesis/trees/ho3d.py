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

"""Synthetic tree in HO-3D's layout, to test readers of HO-3D.

What is written is in the files' own conventions: OpenGL's camera frame, MANO's joint order, coded depth, small JPEG
masks. The labels are of the hand model that played, so reading them takes the same one.
"""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hoisdf_model.data.dexycb.pose import shaped_wrist
from hoisdf_model.data.ho3d import layout
from hoisdf_model.data.ho3d.layout import Ho3dFolder, Split
from hoisdf_model.data.ho3d.meta import FLIP, opengl_axis_angle
from hoisdf_model.data.ho3d.submission import TRUE_JOINTS, TRUE_VERTICES
from hoisdf_model.data.synthetic_note import SYNTHETIC_NOTE
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.geometry import boxes, rotations
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model, reorder
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_model.synthesis.plays.filming import CAMERA, Shot
from hoisdf_model.synthesis.plays.recording import BagSettings, prepare
from hoisdf_model.synthesis.render.renderer import Renderer
from hoisdf_model.synthesis.render.surfaces import HAND
from hoisdf_model.synthesis.stills.still import corners
from hoisdf_model.synthesis.trees.model_files import write_models

TRAINED = ("006_mustard_bottle", "003_cracker_box", "021_bleach_cleanser", "004_sugar_box", "010_potted_meat_can")
EVALUATED = ("006_mustard_bottle", "019_pitcher_base", "010_potted_meat_can", "021_bleach_cleanser")
SECONDS = 3.0  # of each play
ATTENDED = 1  # mask value of a play's only object
MASK_STEP = 2  # the masks have half the pictures' width and height

Progress = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True)
class Ho3dTreeSettings:
    """Settings of a tree in HO-3D's layout.

    Attributes:
        sequences: of the training set; a quarter as many, at least one, are for evaluation.
        frames: of each sequence, over three seconds.
        objects: names, one sequence after the other takes the next; not given: some of HO-3D's.
        seed: decides everything else.
    """

    sequences: int = 2
    frames: int = 20
    objects: tuple[str, ...] = ()
    seed: int = 0

    @property
    def evaluated(self) -> int:
        """Number of evaluation sequences."""
        return max(1, self.sequences // 4)

    def plan(self) -> list[tuple[Split, str, str]]:
        """Split, sequence and object of every sequence."""
        wanted: tuple[tuple[Split, int, str, tuple[str, ...]], ...] = (
            ("train", self.sequences, "Syn", self.objects or TRAINED),
            ("evaluation", self.evaluated, "SynE", self.objects or EVALUATED),
        )
        return [
            (split, f"{prefix}{k + 1}", names[k % len(names)])
            for split, count, prefix, names in wanted
            for k in range(count)
        ]


@dataclass(frozen=True)
class Ho3dTreeReport:
    """Summary of writing a tree.

    Frames of each split, bytes, seconds, and on what it was rendered.
    """

    train: int
    evaluation: int
    size: int
    seconds: float
    device: str


def write_ho3d_tree(
    folder: str | Path,
    settings: Ho3dTreeSettings,
    catalogue: Catalogue | None = None,
    hand_model: HandModelLike | None = None,
    progress: Progress | None = None,
    witness: Callable[[Split, str, Shot], None] | None = None,
) -> Ho3dTreeReport:
    """Write a tree in HO-3D's layout.

    ``train``, ``evaluation``, their lists, ``models``, and the ground truth of the evaluation frames.

    Args:
        folder: must not exist, or be empty.
        settings: what to write.
        catalogue: the look-alikes where not given.
        hand_model: who plays; the open hand where not given.
        progress: called after every frame.
        witness: called with split, ``<sequence>/<frame>`` and shot of every frame.

    Raises:
        DatasetError: the folder isn't empty, or can't be written.
        DependencyError: nothing to render with.
        MeshError: an object isn't in the catalogue.
        InvalidInputError: no sequences or frames wanted, or no grasp found.
    """
    if settings.sequences < 1 or settings.frames < 1:
        raise InvalidInputError(f"at least one sequence of one frame: {settings.sequences}, {settings.frames}")
    root, began = Path(folder), time.monotonic()
    known, model = catalogue or load_catalogue(), as_hand_model(hand_model)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DatasetError(f"{root} exists and isn't an empty folder: give another one")
    plan, written = settings.plan(), 0
    listed: dict[Split, list[str]] = {split: [] for split in layout.SPLITS}
    truth: dict[str, list[Any]] = {TRUE_JOINTS: [], TRUE_VERTICES: []}
    renderer = Renderer(CAMERA.width, CAMERA.height)
    try:
        write_models(root / "models", [known.get(name) for name in sorted({name for _, _, name in plan})])
        for number, (split, sequence, name) in enumerate(plan):
            play = BagSettings((name,), SECONDS, settings.frames / SECONDS, settings.seed * 100_003 + number)
            for index, shot in enumerate(prepare(play, known, model).film(renderer)):
                frame = f"{sequence}/{index:04d}"
                box = corners(known.get(name))
                labels = meta_of(shot, split, box, known.get(name).id, model)
                _write_frame(Ho3dFolder(root, "v2"), split, frame, shot, labels)
                listed[split].append(frame)
                if split == "evaluation":
                    whole = meta_of(shot, "train", box, known.get(name).id, model)
                    truth[TRUE_JOINTS].append(whole["handJoints3D"].tolist())
                    truth[TRUE_VERTICES].append((shot.truth.hands[0].vertices * FLIP).tolist())
                written += 1
                if witness is not None:
                    witness(split, frame, shot)
                if progress is not None:
                    progress(written, len(plan) * settings.frames)
        for split, names in listed.items():
            (root / f"{split}.txt").write_text("".join(f"{frame}\n" for frame in names))
        for file, values in truth.items():
            (root / file).write_text(json.dumps(values))
        about = {"layout": "HO-3D v2", "seed": settings.seed, "hand_model": {"name": model.name, "hash": model.hash},
                 "sequences": {sequence: name for _, sequence, name in plan}, "frames": settings.frames}  # fmt: skip
        (root / SYNTHETIC_NOTE).write_text(json.dumps(about, indent=1))
    except OSError as error:
        raise DatasetError(f"can't write {root}: {error.strerror or error}") from error
    finally:
        renderer.close()
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return Ho3dTreeReport(
        len(listed["train"]), len(listed["evaluation"]), size, time.monotonic() - began, renderer.device
    )  # fmt: skip


def meta_of(shot: Shot, split: Split, box: NDArray[np.float64], label: int, model: HandModel) -> dict[str, Any]:
    """The ``meta`` of a frame: what HO-3D's holds, contacts aside.

    Args:
        shot: with one hand and one object.
        split: evaluation frames have the wrist and a box in place of the hand's labels.
        box: (8, 3) corners of the object's model.
        label: number of the object.
        model: whose parameters the hand's are.
    """
    hand, thing = shot.truth.hands[0], shot.truth.objects[0]
    shape, joints = hand.shape.astype(np.float64), hand.joints.astype(np.float64)
    turns = rotations.rotation_matrices(hand.pose)
    pose = np.concatenate([opengl_axis_angle(turns[0])[None], rotations.rotation_vectors(turns[1:])])
    posed = box @ thing.rotation.T + thing.translation
    common: dict[str, Any] = {
        "camMat": shot.frame.intrinsics.matrix,
        "objTrans": FLIP * thing.translation,
        "objRot": opengl_axis_angle(thing.rotation)[:, None],
        "objName": thing.name,
        "objLabel": label,
        "objCorners3D": posed * FLIP,
        "objCorners3DRest": box,
    }
    if split == "evaluation":
        outline = boxes.around(shot.frame.intrinsics.project(joints))
        return common | {"handJoints3D": joints[0] * FLIP, "handBoundingBox": np.round(outline).astype(int).tolist()}
    return common | {
        "handJoints3D": np.asarray(reorder(joints * FLIP, "hoisdf", "ho3d")),
        "handPose": pose.ravel(),
        "handTrans": joints[0] * FLIP - shaped_wrist(model, shape),  # MANO turns about the wrist at rest
        "handBeta": shape,
    }


def _write_frame(root: Ho3dFolder, split: Split, name: str, shot: Shot, labels: dict[str, Any]) -> None:
    image, depth, meta, masks = (
        path(split, name) for path in (root.image, root.depth, root.meta, root.masks)
    )  # fmt: skip
    for path in (image, depth, meta):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shot.frame.image).save(image)
    measured = shot.frame.depth if shot.frame.depth is not None else np.zeros(shot.identities.shape, np.float32)
    Image.fromarray(layout.encode_depth(measured)).save(depth)
    meta.write_bytes(pickle.dumps(labels, 2))
    if split == "train":
        masks.parent.mkdir(parents=True, exist_ok=True)
        seen = shot.identities[::MASK_STEP, ::MASK_STEP]
        # neither loss nor mixed colours: the borders stay where they are
        Image.fromarray(layout.encode_masks(seen == HAND, seen == ATTENDED)).save(masks, quality=100, subsampling=0)
