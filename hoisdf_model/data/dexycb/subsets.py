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

"""Subsets of DexYCB's frames used in the paper.

And where their lists come from.

- ``close``, "DexYCB" in the paper: right hands of which some vertex is at most 5 mm from some vertex of the grasped
  object (zerchen/gSDF at 05101b5, preprocess/cocoify_dexycb.py; its lists have 148,416 frames to train on and 29,464
  to test on).
- ``full``, "DexYCB Full": both hands, with the released code's rule about the box around the joints (data/dexycb.py).
- ``right``: all right hands. ``all``: everything, also frames without a hand.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hoisdf_model.data.dexycb.layout import HEIGHT, SERIALS, WIDTH, Take, read_arrays
from hoisdf_model.data.dexycb.pose import POSE_NUMBERS, decoded, shaped_wrist
from hoisdf_model.data.labelled_frames import Floats
from hoisdf_model.data.object_models import ObjectModels
from hoisdf_model.errors import DatasetError
from hoisdf_model.hand import HandLayer, HandModel

SUBSETS = ("close", "full", "right", "all")
CLOSE = 0.005  # metres
_ENLARGED = 1.5


@dataclass(frozen=True)
class Rows:
    """Frames in order; N of them.

    Attributes:
        numbers: (N,) position in the whole split, as the toolkit counts: subject, sequence, camera, frame.
        takes, cameras, frames: (N,) position of the sequence in the split, of the camera in ``SERIALS``, of the image.
    """

    numbers: NDArray[np.int32]
    takes: NDArray[np.int32]
    cameras: NDArray[np.int8]
    frames: NDArray[np.int32]

    def __len__(self) -> int:
        """N."""
        return len(self.numbers)

    def kept(self, wanted: NDArray[np.bool_]) -> Rows:
        """Selected rows; the selection is (N,)."""
        return Rows(self.numbers[wanted], self.takes[wanted], self.cameras[wanted], self.frames[wanted])


def all_rows(takes: Sequence[tuple[Take, tuple[int, ...]]]) -> Rows:
    """Every frame of sequences, each with its cameras' positions.

    Raises:
        DatasetError: there are none.
    """
    counts = [take.frames * len(cameras) for take, cameras in takes]
    if not sum(counts):
        raise DatasetError("the split has no frames: none of its sequences is there")
    frames = np.concatenate([np.tile(np.arange(take.frames), len(cameras)) for take, cameras in takes])
    cameras = np.concatenate([np.repeat(np.array(cameras, np.int8), take.frames) for take, cameras in takes])
    numbers = np.arange(sum(counts), dtype=np.int32)
    return Rows(numbers, np.repeat(np.arange(len(takes)), counts).astype(np.int32), cameras, frames.astype(np.int32))


def wanted(
    subset: str,
    takes: Sequence[Take],
    rows: Rows,
    hand_model: HandModel | None,
    models: ObjectModels,
    progress: bool = True,
) -> NDArray[np.bool_]:
    """Membership (N,) of rows in a subset.

    Args:
        subset: one of ``SUBSETS``.
        takes: what the rows point to.
        rows: N frames.
        hand_model: right hand; for ``close`` only.
        models: of the objects; for ``close`` only.
        progress: whether a bar is shown.

    Raises:
        DatasetError: a file is missing or damaged (named), or there is no hand model.
    """
    if subset == "all":
        return np.ones(len(rows), bool)
    if subset == "full":
        return with_hands_in_view(takes, rows, progress)
    right = np.array([take.side == "right" for take in takes])
    chosen = right[rows.takes]
    if subset == "right":
        chosen[chosen] = _pixels_fulfil(lambda pixels: not (pixels == -1).all(), takes, rows.kept(chosen), progress)
        return chosen
    if hand_model is None:
        raise DatasetError(
            "which hands are close to their object can't be determined without a hand model: give MANO's"
        )
    close = np.zeros((len(takes), max(take.frames for take in takes)), bool)
    described = "looking for hands close to their object"
    for number in track(np.flatnonzero(right).tolist(), description=described, disable=not progress):
        take = takes[number]
        vertices = np.asarray(models.mesh(take.object_name).vertices, np.float64)
        close[number, : take.frames] = close_frames(take, hand_model, vertices)
    return chosen & close[rows.takes, rows.frames]


def with_hands_in_view(takes: Sequence[Take], rows: Rows, progress: bool = True) -> NDArray[np.bool_]:
    """Rows (N,) with their hand :func:`in_view`.

    Raises:
        DatasetError: a frame's labels are missing or damaged (named).
    """
    return _pixels_fulfil(in_view, takes, rows, progress)


def _pixels_fulfil(
    rule: Callable[[NDArray[np.floating]], bool], takes: Sequence[Take], rows: Rows, progress: bool
) -> NDArray[np.bool_]:
    result = np.zeros(len(rows), bool)
    for row in track(range(len(rows)), description="looking for hands in view", disable=not progress):
        path = takes[rows.takes[row]].labels(SERIALS[rows.cameras[row]], int(rows.frames[row]))
        pixels = read_arrays(path, ("joint_2d",))["joint_2d"]
        if pixels.shape != (1, 21, 2):
            raise DatasetError(f"{path}: joint_2d must be (1, 21, 2), got {pixels.shape}")
        result[row] = rule(pixels[0])
    return result


def close_frames(take: Take, model: HandModel, vertices: Floats) -> NDArray[np.bool_]:
    """Frames in which the hand is close to the object.

    From ``pose.npz``: the same for every camera.

    Args:
        take: a sequence.
        model: hand model of its side.
        vertices: (V, 3) of the grasped object's mesh, model frame, metres.

    Returns:
        (T,); False where hand or object are missing.

    Raises:
        DatasetError: ``pose.npz`` is missing or damaged.
    """
    hands, things = read_poses(take)
    present = hands.any(1) & things[:, 4:].any(1)
    result = np.zeros(take.frames, bool)
    if not present.any():
        return result
    betas = torch.tensor(take.betas, dtype=torch.float32).expand(int(present.sum()), -1)
    with torch.no_grad():
        posed = HandLayer(model)(torch.tensor(decoded(hands[present], model), dtype=torch.float32), betas)
    place = shaped_wrist(model, take.betas) + hands[present, 48:]
    turns = Rotation.from_quat(things[present, :4]).as_matrix()
    for frame, hand, turn, shift in zip(
        np.flatnonzero(present),
        posed.vertices.double().numpy() + place[:, None],
        turns,
        things[present, 4:],
        strict=True,
    ):
        local = (hand - shift) @ turn  # the hand in the object's frame
        result[frame] = np.min(cKDTree(local).query(vertices)[0]) <= CLOSE
    return result


def read_poses(take: Take) -> tuple[Floats, Floats]:
    """Poses of hand (T, 51) and grasped object (T, 7).

    The object's: quaternion x, y, z, w; metres, world frame.

    Zeros where they are missing.

    Raises:
        DatasetError: ``pose.npz`` is missing or damaged.
    """
    path = take.path / "pose.npz"
    arrays = read_arrays(path, ("pose_m", "pose_y"))
    hands, things = arrays["pose_m"], arrays["pose_y"]
    if hands.shape != (take.frames, 1, POSE_NUMBERS) or things.shape != (take.frames, len(take.ycb_ids), 7):
        raise DatasetError(
            f"{path}: pose_m {hands.shape} and pose_y {things.shape} should be ({take.frames}, 1, {POSE_NUMBERS}) and "
            f"({take.frames}, {len(take.ycb_ids)}, 7)"
        )
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise DatasetError(f"{path}: {name} holds values that aren't finite numbers")
    return hands[:, 0].astype(np.float64), things[:, take.grasped].astype(np.float64)


def in_view(pixels: NDArray[np.floating]) -> bool:
    """Whether joints count as visible for "DexYCB Full".

    The released code's rule; joints (21, 2) in pixels.

    The box around them, half as large again, must not be empty nor lie right of or below the image. Left of or above
    it may lie: the code forgets to shorten the box when it moves its corner into the image.
    """
    low, high = pixels.min(0), pixels.max(0)
    size = (high - low) * _ENLARGED
    start = np.maximum((low + high) / 2 - size / 2, 0)
    end = np.minimum(start + np.maximum(size - 1, 0), [WIDTH - 1, HEIGHT - 1])
    return bool(size.prod() > 0 and (end >= start).all())


def fingerprint(parts: Iterable[object]) -> str:
    """Short digest of what a list of frames was made from."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:16]


def read_kept(path: Path, rows: Rows) -> Rows | None:
    """A list of frames that was kept; None: there is none.

    Raises:
        DatasetError: it is damaged.
    """
    if not path.exists():
        return None
    wanted = read_arrays(path, ("wanted",))["wanted"]
    if wanted.dtype != np.uint8 or len(wanted) != -(-len(rows) // 8):
        raise DatasetError(f"the kept list of frames {path} is of other frames: delete it")
    return rows.kept(np.unpackbits(wanted, count=len(rows)).astype(bool))


def keep(path: Path, wanted: NDArray[np.bool_]) -> None:
    """Cache a list of frames, atomically.

    Raises:
        DatasetError: it can't be written.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, wanted=np.packbits(wanted))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DatasetError(f"the list of frames can't be kept in {path.parent}: {error.strerror or error}") from error
