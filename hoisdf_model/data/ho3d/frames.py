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

"""HO-3D (Hampali et al. 2020) as a data source.

Straight from its published layout.

``layout`` says where the files lie and ``meta`` what the annotations hold. All hands are right hands.

Training frames have everything; the field samples come from the released code's distance files where they are given,
else from the posed hand and the object's mesh. Evaluation frames have the wrist, the hand's box and the object's pose
only: the other joints are NaN, the fields empty, rotations, shape and masks None. Where the folder has the published
ground truth (``evaluation_xyz.json``), they have all joints.

The released code reads its frames from ``ho3d_train_data.json`` in that order and leaves out those without a distance
file; with ``annotations`` and ``distances`` this source does the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.dataset_images import read_rgb
from hoisdf_model.data.distance_files import Rows, read_distances, rows_by_name
from hoisdf_model.data.hand_fields import HandFields
from hoisdf_model.data.ho3d import layout
from hoisdf_model.data.ho3d.layout import SPLITS, Split
from hoisdf_model.data.ho3d.meta import Ho3dMeta, read_meta
from hoisdf_model.data.ho3d.submission import TRUE_JOINTS, true_joints, true_vertices
from hoisdf_model.data.labelled_frames import FieldSamples, Floats, HandLabel, LabelledFrame
from hoisdf_model.data.object_models import ObjectModels
from hoisdf_model.errors import UNREADABLE, CameraError, DatasetError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.hand.joints import NUM_JOINTS

FIELD_SAMPLES = 3000  # of each surface in each frame, where they are computed; samples draw from these
SAME_WRIST = 0.002  # metres, between annotation and published ground truth
_EMPTY = FieldSamples(np.zeros((0, 3)), np.zeros(0))

Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]


class Ho3dFrames:
    """The annotated frames of one split (``data.sources.FrameSource``).

    Args:
        folder: of the download, with ``train`` and ``evaluation``.
        split: ``train`` or ``evaluation``.
        version: ``v2`` or ``v3``, checked; None: whatever it is.
        models: the object models; a folder of YCB-Video models, or None for the catalogue's look-alikes.
        hand_model: MANO's right hand, which training frames' hand fields are computed with; None: those are empty.
        distances: the released code's folder of distance files (with ``train/sdf_processed`` and
            ``full/sdf_index.npy``), used instead of computing; training frames without one are left out.
        annotations: the released code's ``ho3d_train_data.json``, whose order the frames then have.
        cache: folder in which computed hand fields are kept.

    Attributes:
        folder: the download. split: which part of it. models: the object models.
        names: ``<sequence>/<frame>``, in order.
        left_out: listed frames without a distance file.

    Raises:
        DatasetError: the download or something else that was named is missing, damaged or of another version.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        version: str | None = None,
        models: str | Path | ObjectModels | None = None,
        hand_model: HandModelLike | None = None,
        distances: str | Path | None = None,
        annotations: str | Path | None = None,
        cache: str | Path | None = None,
    ) -> None:
        if split not in SPLITS:
            raise DatasetError(f"HO-3D has no split {split!r}; there are {' and '.join(SPLITS)}")
        self.split: Split = split
        self.folder = layout.open_folder(folder, version)
        self.models = models if isinstance(models, ObjectModels) else ObjectModels(models)
        listed = annotations is None or split == "evaluation"
        names = self.folder.listed(self.split) if listed else _annotated(Path(str(annotations)))
        self._rows: dict[str, Rows] = {}
        self._distances = None if distances is None or split == "evaluation" else Path(distances)
        if self._distances is not None:
            self._rows = rows_by_name(self._distances / "full" / "sdf_index.npy")
        self.left_out = tuple(name for name in names if self._distances is not None and not self._measured(name))
        skipped = set(self.left_out)
        self.names = tuple(name for name in names if name not in skipped)
        if not self.names:
            raise DatasetError(
                f"{self.folder.list_file(self.split)} lists no frames"
                + (f" that have a distance file in {self._distances}" if skipped else "")
            )
        self._joints = true_joints(self.folder.root, len(self.names)) if split == "evaluation" else None
        self._vertices: Floats | None = None
        self._fields = (
            None
            if hand_model is None
            else HandFields(as_hand_model(hand_model), FIELD_SAMPLES, None if cache is None else Path(cache))
        )

    def __len__(self) -> int:
        """How many frames."""
        return len(self.names)

    def name(self, index: int) -> str:
        """``<sequence>/<frame>``.

        Raises:
            DatasetError: there is no such frame.
        """
        if not 0 <= index < len(self.names):
            raise DatasetError(f"{self.folder.root} ({self.split}) has frames 0 to {len(self) - 1}, not {index}")
        return self.names[index]

    def frame(self, index: int) -> LabelledFrame:
        """One frame.

        Raises:
            DatasetError: there is no such frame, or one of its files (named) is missing or damaged.
            UnsafeFileError: its annotations could run code.
        """
        name = self.name(index)
        meta, image = self.meta(index), read_rgb(self.folder.image(self.split, name))
        height, width = image.shape[:2]
        camera = self._camera(name, meta, width, height)
        hand_samples, object_samples = self._samples(index, name, meta)
        thing = self.models.label(meta.object_name, meta.object_pose, object_samples)
        if meta.joints is None:
            joints = self._evaluated(index, meta)
            return LabelledFrame(image, camera, HandLabel("right", joints, _EMPTY, box=meta.hand_box), thing)
        hand = HandLabel("right", meta.joints, hand_samples, meta.rotations, meta.shape, box=meta.hand_box)
        masks = self._masks(name, width, height)
        return LabelledFrame(image, camera, hand, thing, *(masks or (None, None)))

    def meta(self, index: int) -> Ho3dMeta:
        """One frame's annotations.

        Raises:
            DatasetError: there is no such frame, or its file is missing or damaged.
            UnsafeFileError: its file could run code.
        """
        return read_meta(self.folder.meta(self.split, self.name(index)))

    def camera(self, index: int, width: int, height: int) -> Pinhole:
        """The camera of a frame whose image has that size.

        Raises:
            DatasetError: there is no such frame, or its annotations are missing or damaged.
            UnsafeFileError: its annotations could run code.
        """
        return self._camera(self.name(index), self.meta(index), width, height)

    def true_vertices(self, index: int) -> Floats | None:
        """True vertices (778, 3) of an evaluation frame, or None.

        Metres, camera frame; None without ``evaluation_verts.json``.

        Raises:
            DatasetError: there is no such frame, or the file is damaged.
        """
        self.name(index)
        if self._vertices is None and self.split == "evaluation":
            self._vertices = true_vertices(self.folder.root, len(self))
        return None if self._vertices is None else self._vertices[index]

    def depth(self, index: int) -> NDArray[np.float32]:
        """Depth (H, W), metres, 0 where nothing was measured.

        Raises:
            DatasetError: there is no such frame, or its depth image is missing or damaged.
        """
        return layout.decode_depth(read_rgb(self.folder.depth(self.split, self.name(index))))

    def _camera(self, name: str, meta: Ho3dMeta, width: int, height: int) -> Pinhole:
        try:
            return Pinhole.from_matrix(meta.intrinsics, width, height)
        except CameraError as error:
            raise DatasetError(f"{self.folder.meta(self.split, name)}: {error}") from error

    def _evaluated(self, index: int, meta: Ho3dMeta) -> Floats:
        if self._joints is None:
            joints = np.full((NUM_JOINTS, 3), np.nan)
            joints[0] = meta.wrist
            return joints
        joints = self._joints[index]
        off = float(np.linalg.norm(joints[0] - meta.wrist))
        if off > SAME_WRIST:
            raise DatasetError(
                f"{self.folder.root / TRUE_JOINTS}: the wrist of {self.names[index]} is {off * 1000:.0f} mm from "
                "that of its annotation: the file belongs to other frames or another version"
            )
        return joints

    def _masks(self, name: str, width: int, height: int) -> Masks | None:
        path = self.folder.masks(self.split, name)
        if not path.exists():
            return None  # a download of its own, which not everybody has
        return layout.decode_masks(read_rgb(path), width, height)

    def _samples(self, index: int, name: str, meta: Ho3dMeta) -> tuple[FieldSamples, FieldSamples]:
        if self.split == "evaluation":
            return _EMPTY, _EMPTY
        if self._distances is not None:
            return read_distances(self._distance_file(name), self._rows[_flat(name)])
        if self._fields is None or meta.joints is None or meta.rotations is None or meta.shape is None:
            return _EMPTY, _EMPTY
        hand = self._fields.samples(name, meta.rotations, meta.shape, meta.joints)
        rng = np.random.default_rng([3, index])
        return hand, self.models.field(meta.object_name, meta.object_pose, FIELD_SAMPLES, rng)

    def _measured(self, name: str) -> bool:
        return _flat(name) in self._rows and self._distance_file(name).exists()

    def _distance_file(self, name: str) -> Path:
        assert self._distances is not None
        return self._distances / "train" / "sdf_processed" / f"{_flat(name)}.npy"


def _flat(name: str) -> str:
    return name.replace("/", "_")


def _annotated(path: Path) -> tuple[str, ...]:
    """The frames of the released code's annotations; what else they hold stands in ``meta`` too."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except UNREADABLE as error:
        raise DatasetError(f"the annotations {path} can't be read: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "seqName_id" in entry for entry in entries):
        raise DatasetError(f"{path} isn't ho3d_train_data.json: expected a list of dictionaries with 'seqName_id'")
    return tuple(layout.checked_name(str(entry["seqName_id"]), str(path)) for entry in entries)
