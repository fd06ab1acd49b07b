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

"""DexYCB (Chao et al. 2021) as a data source.

Straight from its published layout.

``layout`` says where the files lie and what the splits are, ``pose`` how hands are posed and
``subsets`` which frames are used. Labels are in the camera frame (x right, y down, z forward), metres and
pixels; the object is the grasped one. Left hands stay left here; preparation mirrors them.

Field samples come from the released code's distance files where they are given, else from the posed hand and the
object's mesh.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.dataset_images import read_depth, read_rgb
from hoisdf_model.data.dexycb import layout, subsets
from hoisdf_model.data.dexycb.annotations import distance_name, read_annotations
from hoisdf_model.data.dexycb.labels import Arrays, read_labels
from hoisdf_model.data.dexycb.layout import DexYcbFolder, Take
from hoisdf_model.data.dexycb.pose import decoded
from hoisdf_model.data.distance_files import Rows as DistanceRows
from hoisdf_model.data.distance_files import read_distances, rows_by_order
from hoisdf_model.data.hand_fields import HandFields
from hoisdf_model.data.labelled_frames import FieldSamples, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.object_models import ObjectModels
from hoisdf_model.errors import DatasetError
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model

FIELD_SAMPLES = 3000  # of each surface in each frame, where they are computed; samples draw from these
_EMPTY = FieldSamples(np.zeros((0, 3)), np.zeros(0))


class DexYcbFrames:
    """The frames of one split and subset (``data.sources.FrameSource``).

    Args:
        folder: of the download.
        split: one of ``layout.SPLITS``; None: ``s0_train``.
        subset: one of ``subsets.SUBSETS``.
        hand_model: MANO's right hand; None: hands have no rotations and no field.
        left_hand_model: MANO's left hand; None: the right one mirrored.
        models: the object models; None: ``models`` in the download.
        every: take only frames whose number in the split (of a sequence: in the sequence) is a multiple of this.
        annotations: a list of the released code (``dex_ycb_s0_*.json``), taken in place of split and closeness.
        distances: the released code's folder of distance files that belongs to the list (with ``sdf_processed`` and
            ``sdf_index.npy``), used instead of computing.
        cache: folder in which lists of frames and computed hand fields are kept.
        partial: whether sequences may be missing; the split is then not the official one.
        progress: whether a bar is shown while frames are chosen.
        film: ``<subject>/<sequence>/<serial>``, taken in place of a split: what one camera saw.
        fields: whether frames have field samples.

    Attributes:
        hand_models: by side; empty: none was given.
        rows: the frames.

    Raises:
        DatasetError: the download or something else that was named is missing or damaged.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str | None = None,
        subset: str = "close",
        hand_model: HandModelLike | None = None,
        left_hand_model: HandModelLike | None = None,
        models: str | Path | ObjectModels | None = None,
        every: int = 1,
        annotations: str | Path | None = None,
        distances: str | Path | None = None,
        cache: str | Path | None = None,
        partial: bool = False,
        progress: bool = True,
        film: str | None = None,
        fields: bool = True,
    ) -> None:
        if subset not in subsets.SUBSETS:
            raise DatasetError(f"DexYCB has no subset {subset!r}; there are {', '.join(subsets.SUBSETS)}")
        if every < 1:
            raise DatasetError(f"every must be at least 1, got {every}")
        if distances is not None and annotations is None:
            raise DatasetError("distance files go by the names in the released code's annotations: give those too")
        named = [name for name, value in (("annotations", annotations), ("film", film), ("split", split)) if value]
        if len(named) > 1:
            raise DatasetError(f"{' and '.join(named)} each say which frames to take: give one of them")
        self.folder = DexYcbFolder(folder, partial or annotations is not None or film is not None)
        self.folder.part("calibration")
        self.models = models if isinstance(models, ObjectModels) else ObjectModels(models or self.folder.models)
        self.hand_models: dict[str, HandModel] = {}
        if hand_model is not None:
            right = as_hand_model(hand_model)
            left = right.mirrored() if left_hand_model is None else as_hand_model(left_hand_model, "left")
            self.hand_models = {"right": right, "left": left}
        self._cache, self._progress = None if cache is None else Path(cache), progress
        self._fields = {side: HandFields(m, FIELD_SAMPLES, self._cache) for side, m in self.hand_models.items()}
        self._with_fields = fields
        self.rows: subsets.Rows
        self._distances: Path | None = None
        self._counts: dict[str, DistanceRows] = {}
        self._keys: dict[int, str] = {}
        chosen = film or split or "s0_train"
        if annotations is not None:
            chosen = str(annotations)
            self._read_list(Path(annotations), subset, None if distances is None else Path(distances))
        elif film is not None:
            self._choose([self.folder.film(film)], film, subset)
        else:
            self._choose(list(self.folder.takes(chosen)), chosen, subset)
        self.rows = self.rows.kept(self.rows.numbers % every == 0)
        if not len(self.rows):
            raise DatasetError(f"{self.folder.root} has no frames of {chosen} in the subset {subset}")
        self._sides = {self._takes[number].side for number in np.unique(self.rows.takes)}

    def __len__(self) -> int:
        """How many frames."""
        return len(self.rows)

    def name(self, index: int) -> str:
        """``<subject>/<sequence>/<serial>/<frame>``.

        Raises:
            DatasetError: there is no such frame.
        """
        take, serial, frame = self._place(index)
        return f"{take.subject}/{take.name}/{serial}/{frame:06d}"

    def tags(self, index: int) -> tuple[str, ...]:
        """Evaluation groups: ``right hand`` or ``left hand``, where both occur.

        Raises:
            DatasetError: there is no such frame.
        """
        side = self._place(index)[0].side
        return (f"{side} hand",) if len(self._sides) > 1 else ()

    def frame(self, index: int) -> LabelledFrame:
        """One frame.

        Raises:
            DatasetError: there is no such frame, or one of its files (named) is missing or damaged.
        """
        take, serial, number = self._place(index)
        labels = read_labels(take.labels(serial, number), len(take.ycb_ids))
        image = read_rgb(take.image(serial, number), layout.WIDTH, layout.HEIGHT)
        samples = self._samples(index)
        hand = self._hand(take, self.name(index), labels, samples and samples[0])
        thing = self._object(take, index, labels, samples and samples[1])
        masks = (labels["seg"] == layout.HAND, labels["seg"] == take.ycb_ids[take.grasped])
        return LabelledFrame(image, self.folder.camera(serial), hand, thing, *masks)

    def depth(self, index: int) -> NDArray[np.float32]:
        """Depth image (H, W), metres, aligned to the colour image.

        0 where nothing was measured.

        Raises:
            DatasetError: there is no such frame, or its depth image is missing or damaged.
        """
        take, serial, number = self._place(index)
        return read_depth(take.depth(serial, number), layout.WIDTH, layout.HEIGHT)

    def _place(self, index: int) -> tuple[Take, str, int]:
        if not 0 <= index < len(self.rows):
            raise DatasetError(f"{self.folder.root} has frames 0 to {len(self.rows) - 1} of this subset, not {index}")
        take = self._takes[self.rows.takes[index]]
        return take, layout.SERIALS[self.rows.cameras[index]], int(self.rows.frames[index])

    def _hand(self, take: Take, name: str, labels: Arrays, samples: FieldSamples | None) -> HandLabel | None:
        joints = labels["joint_3d"][0].astype(np.float64)
        if (joints == -1).all():
            return None
        pixels, pose = labels["joint_2d"][0].astype(np.float32), labels["pose_m"][0].astype(np.float64)
        rotations, shape = None, take.betas
        if take.side in self.hand_models:
            rotations = decoded(pose, self.hand_models[take.side])
            if samples is None and self._with_fields:
                samples = self._fields[take.side].samples(name, rotations, shape, joints)
        return HandLabel(take.side, joints, samples or _EMPTY, rotations, shape, pixels)

    def _object(self, take: Take, index: int, labels: Arrays, samples: FieldSamples | None) -> ObjectLabel | None:
        upper = labels["pose_y"][take.grasped].astype(np.float64)
        if not upper.any():
            return None
        pose = np.concatenate([upper, [[0.0, 0.0, 0.0, 1.0]]])
        if samples is None and self._with_fields:
            rng = np.random.default_rng([3, int(self.rows.numbers[index])])
            samples = self.models.field(take.object_name, pose, FIELD_SAMPLES, rng)
        return self.models.label(take.object_name, pose, samples or _EMPTY)

    def _samples(self, index: int) -> tuple[FieldSamples, FieldSamples] | None:
        if self._distances is None:
            return None
        name = self._keys[int(self.rows.numbers[index])]
        path = self._distances / "sdf_processed" / f"{name}.npy"
        if name not in self._counts:
            raise DatasetError(f"the distance file {path} of {self.name(index)} is missing")
        return read_distances(path, self._counts[name])

    def _read_list(self, annotations: Path, subset: str, distances: Path | None) -> None:
        self._takes = [take for take, _ in self.folder.takes("all")]
        found = read_annotations(annotations, self._takes)
        self.rows = found.rows
        if subset == "full":
            self.rows = self.rows.kept(subsets.with_hands_in_view(self._takes, self.rows, self._progress))
        if distances is not None:
            self._distances = distances
            self._counts = rows_by_order(distances / "sdf_index.npy", distances / "sdf_processed")
            listed = zip(found.rows.numbers.tolist(), found.keys, found.images, strict=True)
            self._keys = {number: distance_name(key, image, subset == "full") for number, key, image in listed}

    def _choose(self, takes: list[tuple[Take, tuple[str, ...]]], chosen: str, subset: str) -> None:
        self._takes = [take for take, _ in takes]
        if not takes:
            there = sum(len(names) for names in self.folder.sequences.values())
            raise DatasetError(
                f"{self.folder.root} has no sequence of the split {chosen}: none of the {there} that are there belongs "
                "to it; the split all has everything"
            )
        rows = subsets.all_rows([(t, tuple(layout.SERIALS.index(s) for s in serials)) for t, serials in takes])
        kept = None
        if self._cache is not None:
            parts = (chosen, subset, len(rows), *(f"{t.subject}/{t.name}" for t in self._takes),
                     *(model.hash for model in self.hand_models.values()), *self._shapes(subset))  # fmt: skip
            kept = self._cache / f"dexycb_{subsets.fingerprint(parts)}.npz"
        found = None if kept is None else subsets.read_kept(kept, rows)
        if found is None:
            wanted = subsets.wanted(
                subset, self._takes, rows, self.hand_models.get("right"), self.models, self._progress
            )
            if kept is not None:
                subsets.keep(kept, wanted)
            found = rows.kept(wanted)
        self.rows = found

    def _shapes(self, subset: str) -> list[str]:
        """What the choice depends on besides hands: only closeness asks for the objects' shapes."""
        if subset != "close":
            return []
        return [self.models.digest(name) for name in sorted({take.object_name for take in self._takes})]
