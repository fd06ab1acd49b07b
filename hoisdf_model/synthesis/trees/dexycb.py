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

"""Synthetic tree in DexYCB's layout, to test readers of DexYCB.

It is synthetic: figures on it say nothing about DexYCB. As there, every sequence has one hand and one object that it
takes, filmed by cameras that stand still; the first one's frame is the world frame, left and right hands take turns,
and a subject keeps its hand's shape. Five sequences make a subject, beginning with DexYCB's third, so that the split
``s0_test`` has something from the fifth sequence on and ``s0_val`` from the tenth. Since the sequences are few, reading
it needs ``partial``.

A pose is written as coefficients of the hand model's principal components, which any pose is an exact combination of;
those of the open hand are the joints' angles themselves. Reading it therefore needs the hand model that it was made
with, as reading DexYCB needs MANO. Left hands are the right model mirrored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.data.dexycb import layout
from hoisdf_model.data.dexycb.pose import encoded
from hoisdf_model.data.synthetic_note import SYNTHETIC_NOTE
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.geometry import Pinhole, poses
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.objects import YCB, Catalogue, CatalogueObject, load_catalogue
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.plays.filming import CAMERA, Shot, Studio
from hoisdf_model.synthesis.plays.left_hands import mirrored_object, mirrored_play
from hoisdf_model.synthesis.plays.recording import SHAPE_SPREAD, one_thread
from hoisdf_model.synthesis.plays.sequences import Sequence, plan_sequence
from hoisdf_model.synthesis.render.renderer import Renderer
from hoisdf_model.synthesis.render.surfaces import HAND
from hoisdf_model.synthesis.trees.model_files import write_models

SECONDS = 3.0  # of each play, whatever the number of frames
PER_SUBJECT = 5
SUBJECTS = (2, 0, 1, 3, 4, 5, 6, 7, 8, 9)  # in the order in which they are filled
AZIMUTHS = (0.0, 0.5, -0.5, 0.9, -0.9, 0.25, -0.25, 0.7)  # radians about the table's middle, from the first camera
JPEG_QUALITY = 95
# boxes, tins and bottles, for which plays are planned within seconds
OBJECTS = (
    "003_cracker_box", "005_tomato_soup_can", "006_mustard_bottle", "010_potted_meat_can", "021_bleach_cleanser",
    "004_sugar_box", "002_master_chef_can", "025_mug", "061_foam_brick", "009_gelatin_box",
)  # fmt: skip
EXTRINSICS = "20200101_000000"

Progress = Callable[[int, int], None]  # pictures done, pictures in all


@dataclass(frozen=True)
class DexYcbTreeSettings:
    """Settings of a tree in DexYCB's layout.

    Attributes:
        sequences: how many, at most 50.
        frames: of each camera in each sequence.
        cameras: 1 to 8.
        objects: names, taken in turn; empty: ``OBJECTS``.
        left_hands: whether every second sequence has a left hand.
        seed: decides everything else.
    """

    sequences: int = 5
    frames: int = 12
    cameras: int = 2
    objects: tuple[str, ...] = ()
    left_hands: bool = True
    seed: int = 0


@dataclass(frozen=True)
class TreeReport:
    """Summary of writing a tree.

    Pictures, size in bytes, seconds, and on what it was rendered.
    """

    pictures: int
    size: int
    seconds: float
    device: str


def write_dexycb(
    folder: str | Path,
    settings: DexYcbTreeSettings,
    catalogue: Catalogue | None = None,
    hand_model: HandModelLike | None = None,
    progress: Progress | None = None,
    witness: Callable[[int, Shot], None] | None = None,
) -> TreeReport:
    """Write a tree; equal settings give equal content on the same renderer.

    Args:
        folder: must not exist, or be empty.
        settings: what to write.
        catalogue: the look-alikes where not given.
        hand_model: a right hand; the open hand where not given.
        progress: called after every picture.
        witness: called with the number of every picture, from 0, and the picture with its truth.

    Raises:
        DatasetError: the folder isn't empty or can't be written.
        InvalidInputError: sizes out of range, an object that DexYCB doesn't have, or no grasp found.
        MeshError: an object isn't in the catalogue.
        DependencyError: nothing to render with.
    """
    root, began = Path(folder), time.monotonic()
    names = _checked(settings)
    known, model = catalogue or load_catalogue(), as_hand_model(hand_model)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DatasetError(f"{root} exists and isn't an empty folder: give another one for the tree")
    cameras = _cameras(settings.cameras)
    total, done = settings.sequences * settings.frames * settings.cameras, 0
    renderer = Renderer(CAMERA.width, CAMERA.height)
    try:
        things = [known.get(names[number % len(names)]) for number in range(settings.sequences)]
        write_models(root / "models", {thing.name: thing for thing in things}.values())
        for number, thing in enumerate(things):
            with one_thread():
                play = planned(number, thing, settings, model)
            studio = Studio(play, np.random.default_rng([settings.seed, number, 1]))
            for serial, camera, fixed in _fixed(play, cameras):
                studio.play, studio.camera = fixed, camera
                writer = _Writer(root, number, serial, thing, model)
                for index, shot in enumerate(studio.film(renderer)):
                    writer.write(index, shot)
                    if witness is not None:
                        witness(done, shot)
                    done += 1
                    if progress is not None:
                        progress(done, total)
            _write_sequence(root, number, play, thing, model, cameras)
        _write_cameras(root, cameras)
        about = {"layout": "DexYCB", **asdict(settings), "hand_model": {"name": model.name, "hash": model.hash}}
        (root / SYNTHETIC_NOTE).write_text(json.dumps(about, indent=1))
    except OSError as error:
        raise DatasetError(f"can't write the tree {root}: {error.strerror or error}") from error
    finally:
        renderer.close()
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return TreeReport(total, size, time.monotonic() - began, renderer.device)


def planned(number: int, thing: CatalogueObject, settings: DexYcbTreeSettings, model: HandModel) -> Sequence:
    """Planned sequence ``number`` before a static camera.

    The camera stands in front of the table.

    Raises:
        InvalidInputError: no grasp was found.
    """
    subject, _ = _position(number)
    shape = np.random.default_rng([settings.seed, subject, 2]).normal(0, SHAPE_SPREAD, 10)
    rng, rate = np.random.default_rng([settings.seed, number, 0]), settings.frames / SECONDS
    hand = PosableHand(model, shape)
    if settings.left_hands and number % 2:
        play = mirrored_play(plan_sequence(hand, [mirrored_object(thing)], SECONDS, rate, rng), [thing])
    else:
        play = plan_sequence(hand, [thing], SECONDS, rate, rng)
    return replace(play, views=np.repeat(play.views[len(play.views) // 2][None], len(play.views), 0))


def sequence_place(number: int) -> tuple[str, str]:
    """Names of the subject and of the sequence ``number``."""
    subject, position = _position(number)
    name = layout.SUBJECTS[subject]
    return name, f"{name[:8]}_{100000 + position:06d}"


class _Writer:
    """Pictures and labels of one camera."""

    def __init__(self, root: Path, number: int, serial: str, thing: CatalogueObject, model: HandModel) -> None:
        self._folder = root.joinpath(*sequence_place(number)) / serial
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thing, self._model = thing, model

    def write(self, index: int, shot: Shot) -> None:
        frame, hand, thing = shot.frame, shot.truth.hands[0], shot.truth.objects[0]
        model = self._model if hand.side == "right" else self._model.mirrored()
        rotations = Rotation.from_rotvec(hand.pose.astype(np.float64)).as_matrix()
        pose = encoded(rotations, hand.joints[0].astype(np.float64), hand.shape.astype(np.float64), model)
        labels: dict[str, Any] = {
            "seg": np.choose(_kinds(shot), [0, self._thing.id, layout.HAND]).astype(np.uint8),
            "pose_y": np.concatenate([thing.rotation, thing.translation[:, None]], 1)[None].astype(np.float32),
            "pose_m": pose[None].astype(np.float32),
            "joint_3d": hand.joints[None].astype(np.float32),
            "joint_2d": frame.intrinsics.project(hand.joints)[None].astype(np.float32),
        }
        np.savez_compressed(self._folder / f"labels_{index:06d}.npz", **labels)
        assert frame.depth is not None
        depth = np.round(frame.depth * 1000).astype(np.uint16)
        _picture(self._folder / f"color_{index:06d}.jpg", np.ascontiguousarray(frame.image[..., ::-1]))
        _picture(self._folder / f"aligned_depth_to_color_{index:06d}.png", depth)


def _kinds(shot: Shot) -> NDArray[np.int64]:
    """(H, W) 2 hand, 1 object, 0 neither."""
    return np.where(shot.identities == HAND, 2, (shot.identities == 1).astype(np.int64))


def _picture(path: Path, pixels: NDArray[Any]) -> None:
    if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []):
        raise DatasetError(f"can't write {path}")


def _checked(settings: DexYcbTreeSettings) -> tuple[str, ...]:
    """The objects to take."""
    most = len(SUBJECTS) * PER_SUBJECT
    for what, value, high in (
        ("sequences", settings.sequences, most), ("frames", settings.frames, 999_999),
        ("cameras", settings.cameras, len(layout.SERIALS)),
    ):  # fmt: skip
        if not 1 <= value <= high:
            raise InvalidInputError(f"{what} must be from 1 to {high}, got {value}")
    known = [row.name for row in YCB]
    for name in settings.objects:
        if name not in known:
            raise InvalidInputError(f"DexYCB doesn't have the object {name!r}; it has {', '.join(known)}")
    return settings.objects or OBJECTS


def _position(number: int) -> tuple[int, int]:
    """Number of the subject, and of the sequence among its."""
    return SUBJECTS[number // PER_SUBJECT], number % PER_SUBJECT


def _cameras(count: int) -> dict[str, Pinhole]:
    """Serial -> intrinsics, each a little different."""
    return {
        serial: replace(CAMERA, fx=615.0 + c, fy=614.0 + 1.5 * c, cx=318.0 + 2 * c, cy=241.0 - 1.5 * c)
        for c, serial in enumerate(layout.SERIALS[:count])
    }


def _fixed(play: Sequence, cameras: dict[str, Pinhole]) -> list[tuple[str, Pinhole, Sequence]]:
    """The play as each camera sees it."""
    views = [play.views @ _turn(azimuth) for azimuth in AZIMUTHS[: len(cameras)]]
    return [
        (serial, camera, replace(play, views=v)) for (serial, camera), v in zip(cameras.items(), views, strict=True)
    ]


def _turn(azimuth: float) -> NDArray[np.float64]:
    return poses.rigid(Rotation.from_euler("z", azimuth).as_matrix())


def _write_sequence(
    root: Path, number: int, play: Sequence, thing: CatalogueObject, model: HandModel, cameras: dict[str, Pinhole]
) -> None:
    """``meta.yml``, ``pose.npz``, and the calibration of hand and cameras."""
    subject, name = sequence_place(number)
    side, shape = play.side, play.hand.shape.astype(np.float32)
    calibration = f"{subject}_{side}"
    meta = {
        "serials": list(cameras), "num_frames": len(play.times), "extrinsics": f"{EXTRINSICS}_{number:02d}",
        "ycb_ids": [thing.id], "ycb_grasp_ind": 0, "mano_sides": [side], "mano_calib": [calibration],
    }  # fmt: skip
    _yaml(root / subject / name / "meta.yml", meta)
    sided = model if side == "right" else model.mirrored()
    view = play.views[0]
    turn = view[:3, :3]
    hands = np.empty((len(play.times), 1, 51))
    for frame, (pose, joints) in enumerate(zip(play.rotations, play.joints, strict=True)):
        seen = np.concatenate([(turn @ pose[0])[None], pose[1:]])
        hands[frame, 0] = encoded(seen, turn @ joints[0] + view[:3, 3], shape.astype(np.float64), sided)
    poses = view @ play.object_poses[:, 0]
    quaternions = Rotation.from_matrix(poses[:, :3, :3]).as_quat()
    things = np.concatenate([quaternions, poses[:, :3, 3]], 1)[:, None]
    np.savez_compressed(
        root / subject / name / "pose.npz", pose_y=things.astype(np.float32), pose_m=hands.astype(np.float32)
    )
    _yaml(root / "calibration" / f"mano_{calibration}" / "mano.yml", {"betas": [float(b) for b in shape]})
    seen_from = {
        serial: (view @ np.linalg.inv(fixed.views[0]))[:3].ravel().tolist()
        for serial, _, fixed in _fixed(play, cameras)
    }
    extrinsics = {"master": next(iter(cameras)), "extrinsics": seen_from | {"apriltag": view[:3].ravel().tolist()}}
    _yaml(root / "calibration" / f"extrinsics_{EXTRINSICS}_{number:02d}" / "extrinsics.yml", extrinsics)


def _write_cameras(root: Path, cameras: dict[str, Pinhole]) -> None:
    for serial, c in cameras.items():
        path = root / "calibration" / "intrinsics" / f"{serial}_{layout.WIDTH}x{layout.HEIGHT}.yml"
        _yaml(path, {"color": {"fx": c.fx, "fy": c.fy, "ppx": c.cx, "ppy": c.cy}})


def _yaml(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), "utf-8")
