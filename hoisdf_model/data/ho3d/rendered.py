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

"""Rendered training pictures of the released ``ho3d_render`` setting.

It trains on them together with HO-3D's.

``rgb/NAME.png``, ``seg/NAME.png`` (hand red, object blue, of the picture's size), ``anno/NAME.json``,
``sdf_processed/NAME.npy`` and ``sdf_index.npy``. The annotations are in OpenCV's camera frame already: ``camMat``,
``handJoints3D`` (21, 3) in our order, ``objRot`` (3, 3), ``objTrans`` (3,), ``objName``. MANO's parameters aren't known
(the released code puts zeros in their place and doesn't learn from them).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.dataset_images import read_rgb
from hoisdf_model.data.distance_files import read_distances, rows_by_order
from hoisdf_model.data.ho3d.layout import decode_masks
from hoisdf_model.data.labelled_frames import FrameSource, HandLabel, LabelledFrame
from hoisdf_model.data.object_models import ObjectModels
from hoisdf_model.errors import NO_NUMBER, UNREADABLE, CameraError, DatasetError
from hoisdf_model.geometry import Pinhole, poses
from hoisdf_model.hand.joints import NUM_JOINTS

ORTHOGONAL = 1e-3


class Ho3dRendered:
    """The rendered frames (``data.sources.FrameSource``), in the string order of their names.

    Args:
        folder: with ``rgb``, ``seg``, ``anno``, ``sdf_processed`` and ``sdf_index.npy``.
        models: the object models; a folder of YCB-Video models, or None for the catalogue's look-alikes.

    Attributes:
        names: of the frames.

    Raises:
        DatasetError: the folder has no frames, or its index doesn't fit them.
    """

    def __init__(self, folder: str | Path, models: str | Path | ObjectModels | None = None) -> None:
        self.folder = Path(folder)
        self.models = models if isinstance(models, ObjectModels) else ObjectModels(models)
        self._rows = rows_by_order(self.folder / "sdf_index.npy", self.folder / "sdf_processed")
        self.names = tuple(self._rows)
        if not self.names:
            raise DatasetError(f"no rendered frames in {self.folder}: {self.folder / 'sdf_processed'} is empty")

    def __len__(self) -> int:
        """How many frames."""
        return len(self.names)

    def name(self, index: int) -> str:
        """The frame's name.

        Raises:
            DatasetError: there is no such frame.
        """
        if not 0 <= index < len(self.names):
            raise DatasetError(f"{self.folder} has frames 0 to {len(self) - 1}, not {index}")
        return self.names[index]

    def frame(self, index: int) -> LabelledFrame:
        """One frame.

        Raises:
            DatasetError: there is no such frame, or one of its files (named) is missing or damaged.
        """
        name = self.name(index)
        image = read_rgb(self.folder / "rgb" / f"{name}.png")
        height, width = image.shape[:2]
        # the released code takes these masks as they are, so they must have the picture's size
        seg = read_rgb(self.folder / "seg" / f"{name}.png", width, height)
        masks = decode_masks(seg, width, height)
        path = self.folder / "anno" / f"{name}.json"
        stored = _annotation(path)
        try:
            camera = Pinhole.from_matrix(_numbers(path, stored, "camMat", (3, 3)), width, height)
        except CameraError as error:
            raise DatasetError(f"{path}: {error}") from error
        pose = poses.rigid(_numbers(path, stored, "objRot", (3, 3)), _numbers(path, stored, "objTrans", (3,)))
        if np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() > ORTHOGONAL:
            raise DatasetError(f"{path}: objRot isn't a rotation matrix")
        hand_samples, object_samples = read_distances(
            self.folder / "sdf_processed" / f"{name}.npy", self._rows[name]
        )  # fmt: skip
        joints = _numbers(path, stored, "handJoints3D", (NUM_JOINTS, 3))
        thing = self.models.label(str(stored.get("objName")), pose, object_samples)
        return LabelledFrame(image, camera, HandLabel("right", joints, hand_samples), thing, *masks)


class JoinedFrames:
    """Sources one after the other, as one source."""

    def __init__(self, sources: Sequence[FrameSource]) -> None:
        self.sources = tuple(sources)
        self._ends = np.cumsum([len(source) for source in self.sources])

    def __len__(self) -> int:
        """How many frames, of all sources together."""
        return int(self._ends[-1])

    def frame(self, index: int) -> LabelledFrame:
        """One frame, counted through the sources.

        Raises:
            DatasetError: there is no such frame, and whatever its source raises.
        """
        source, position = self._place(index)
        return source.frame(position)

    def name(self, index: int) -> str:
        """The frame's name in its source.

        Raises:
            DatasetError: there is no such frame.
        """
        source, position = self._place(index)
        return str(getattr(source, "name", str)(position))

    def _place(self, index: int) -> tuple[FrameSource, int]:
        if not 0 <= index < len(self):
            raise DatasetError(f"the joined sources have frames 0 to {len(self) - 1}, not {index}")
        which = int(np.searchsorted(self._ends, index, "right"))
        return self.sources[which], index - int(self._ends[which] - len(self.sources[which]))


def _annotation(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except UNREADABLE as error:
        raise DatasetError(f"the annotation {path} can't be read: {error}") from error
    if not isinstance(stored, dict):
        raise DatasetError(f"the annotation {path} holds a {type(stored).__name__}, expected a dictionary")
    return stored


def _numbers(path: Path, stored: dict[str, Any], key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        values = np.asarray(stored[key], np.float64)
    except KeyError as error:
        raise DatasetError(f"the annotation {path} lacks {key}") from error
    except NO_NUMBER as error:
        raise DatasetError(f"{path}: {key} isn't numeric: {error}") from error
    if values.shape != shape or not np.isfinite(values).all():
        raise DatasetError(f"{path}: {key} must be {shape} finite numbers, it is {values.shape}")
    return values
