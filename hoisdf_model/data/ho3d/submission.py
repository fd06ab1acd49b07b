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

"""Files of the HO-3D challenge: submissions and ground truth.

The ground truth was published later (November 2024).

``pred.json``, alone in a zip file, is ``[joints, vertices]`` of all evaluation frames in the order of
``evaluation.txt``: metres, absolute, OpenGL's camera frame, joints in MANO's order (shreyashampali/ho3d: pred.py,
eval.py). ``evaluation_xyz.json`` and ``evaluation_verts.json`` hold the true ones alike.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.ho3d.meta import FLIP
from hoisdf_model.data.labelled_frames import Floats
from hoisdf_model.errors import DatasetError, InvalidInputError
from hoisdf_model.hand import reorder
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_VERTICES

PREDICTIONS = "pred.json"
TRUE_JOINTS, TRUE_VERTICES = "evaluation_xyz.json", "evaluation_verts.json"
_DECIMALS = 6  # a thousandth of a millimetre
_CHUNK = 100  # frames turned into text at a time

Numbers = NDArray[np.floating[Any]]


def write_submission(
    path: str | Path, joints: Numbers, vertices: Numbers | None = None, frames: int | None = None
) -> None:
    """Write the zip file that the challenge takes.

    Args:
        path: of the zip file; replaced if it is there.
        joints: (N, 21, 3) metres, absolute, OpenCV's camera frame, our joint order, one for each evaluation frame.
        vertices: (N, 778, 3) alike; None: zeros, and the mesh scores mean nothing.
        frames: how many there must be (11,524 of v2, 20,137 of v3); None: not checked.

    Raises:
        InvalidInputError: wrong shapes or number of frames, values that aren't finite, or a hand behind the camera.
        DatasetError: the file can't be written.
    """
    xyz = np.asarray(joints, np.float64)
    if xyz.ndim != 3 or xyz.shape[1:] != (NUM_JOINTS, 3):
        raise InvalidInputError(f"joints must be (frames, {NUM_JOINTS}, 3), got {xyz.shape}")
    mesh = np.zeros((len(xyz), NUM_VERTICES, 3), np.float32) if vertices is None else np.asarray(vertices)
    if mesh.shape != (len(xyz), NUM_VERTICES, 3):
        raise InvalidInputError(f"vertices must be ({len(xyz)}, {NUM_VERTICES}, 3) as the joints, got {mesh.shape}")
    if frames is not None and len(xyz) != frames:
        raise InvalidInputError(f"the challenge wants all {frames} evaluation frames, got {len(xyz)}")
    for what, values in (("joints", xyz), ("vertices", mesh)):
        bad = np.flatnonzero(~np.isfinite(values).all((1, 2)))
        if len(bad):
            raise InvalidInputError(f"the {what} of frame {bad[0]} (and {len(bad) - 1} others) aren't finite")
    behind = np.flatnonzero((xyz[..., 2] <= 0).all(1))
    if len(behind):
        raise InvalidInputError(
            f"frame {behind[0]} (and {len(behind) - 1} others) has its whole hand behind the camera: joints must be "
            "absolute and in OpenCV's frame, z forward"
        )
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed,
            packed.open(PREDICTIONS, "w", force_zip64=True) as out,
        ):
            out.write(b"[")
            _write_list(out, reorder(xyz * FLIP, "hoisdf", "ho3d"))
            out.write(b",")
            _write_list(out, mesh * FLIP)
            out.write(b"]")
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DatasetError(f"the submission {target} can't be written: {error.strerror or error}") from error


def true_joints(folder: Path, frames: int) -> Floats | None:
    """True joints of HO-3D's evaluation frames.

    (N, 21, 3) metres, OpenCV's camera frame, our order; None without a file.

    Raises:
        DatasetError: the file is damaged or of other frames.
    """
    stored = _stored(folder / TRUE_JOINTS, (frames, NUM_JOINTS, 3))
    return None if stored is None else np.asarray(reorder(stored * FLIP, "ho3d"), np.float64)


def true_vertices(folder: Path, frames: int) -> Floats | None:
    """True vertices (N, 778, 3) of HO-3D's evaluation frames.

    As :func:`true_joints`; 0.2 GB for v2.

    Raises:
        DatasetError: the file is damaged or of other frames.
    """
    stored = _stored(folder / TRUE_VERTICES, (frames, NUM_VERTICES, 3))
    return None if stored is None else stored * FLIP


def _write_list(out: Any, values: Numbers) -> None:
    out.write(b"[")
    for start in range(0, len(values), _CHUNK):
        chunk = np.round(values[start : start + _CHUNK].astype(np.float64), _DECIMALS).tolist()
        out.write((", " if start else "").encode() + json.dumps(chunk)[1:-1].encode())
    out.write(b"]")


def _stored(path: Path, shape: tuple[int, ...]) -> Floats | None:
    """The numbers of a nested list. Half a gigabyte of text, so no Python object is made of each."""
    if not path.exists():
        return None
    try:
        values = np.fromstring(path.read_bytes().translate(None, b"[]"), np.float64, sep=",")
    except (OSError, ValueError) as error:
        raise DatasetError(f"the ground truth {path} can't be read: {error}") from error
    if values.size != np.prod(shape) or not np.isfinite(values).all():
        raise DatasetError(
            f"the ground truth {path} holds {values.size} numbers, expected {int(np.prod(shape))} finite ones, "
            f"{shape[0]} frames of {shape[1:]} in the order of evaluation.txt"
        )
    return values.reshape(shape)
