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

"""Data sets in folders, opened for evaluation.

Downloads of DexYCB or HO-3D, or synthetic trees in their layouts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.data.dexycb.layout import SPLITS as DEXYCB_SPLITS
from hoisdf_model.data.dexycb.subsets import SUBSETS
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.layout import COUNTS, VERSIONS
from hoisdf_model.data.ho3d.layout import SPLITS as HO3D_SPLITS
from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.layouts import Kind
from hoisdf_model.data.object_models import LOOK_ALIKES
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.data.synthetic_note import is_synthetic
from hoisdf_model.errors import ConfigError, DatasetError
from hoisdf_model.hand import HandModelLike
from hoisdf_model.settings import one_of

# the box that networks of the released code were given, as a factor of the box around the joints
HAND_BOX: dict[Kind, float] = {"dexycb": 1.1, "ho3d": 1.2}


Tags = Callable[[int], tuple[str, ...]]


@dataclass(frozen=True)
class FolderOptions:
    """Options of a data folder; None: as the paper evaluates.

    Attributes:
        split: DexYCB's ``s0_test`` where not given, HO-3D's ``evaluation``.
        subset: of DexYCB, ``close`` where not given.
        version: of HO-3D, checked.
        models: folder of the object models; the folder's own ``models`` where not given, for HO-3D without such a
            folder the catalogue's look-alikes.
        official: whether samples are made as the released code makes them.
    """

    split: str | None = None
    subset: str | None = None
    version: str | None = None
    models: Path | None = None
    official: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the options that were set."""
        return tuple(name for name, value in vars(self).items() if value)


@dataclass(frozen=True)
class DataFolder:
    """An opened data folder.

    Attributes:
        source: its frames.
        preparation: how samples are made of them, but for what the network decides.
        about: what was opened, for records and reports.
        models: folder of the object models; None: the catalogue's look-alikes.
        label: short, for names of files.
        challenge: how many frames HO-3D's challenge wants of this version; None: not its evaluation frames.
        own_tags: tags of a frame by its number, where they aren't the source's.
    """

    source: FrameSource
    preparation: PreparationConfig
    about: dict[str, Any]
    models: Path | None
    label: str
    challenge: int | None = None
    own_tags: Tags | None = None

    @property
    def tags(self) -> Tags:
        """Tags of a frame by its number.

        The folder's own ones, the source's, or none.
        """
        return self.own_tags or getattr(self.source, "tags", None) or (lambda number: ())


def open_data_folder(path: str | Path, kind: Kind, options: FolderOptions, hand_model: HandModelLike) -> DataFolder:
    """Open a folder of the kind ``dexycb`` or ``ho3d``.

    Of a synthetic tree (recognised by its note) sequences may be missing: splits then go by those that are there.

    Args:
        path: the folder.
        kind: what it holds, see ``data.layouts.kind_of``.
        options: what to take.
        hand_model: the right hand that the labels are of, or its file.

    Raises:
        ConfigError: an option doesn't belong to this kind, or is none of its values.
        DatasetError: something is missing or damaged, or there is no such split.
    """
    root = Path(path)
    synthetic = is_synthetic(root)
    if options.models is not None and not options.models.is_dir():
        raise DatasetError(f"there is no folder of object models {options.models}")
    own = root / "models"
    models = options.models or (own if own.is_dir() else None)
    about: dict[str, Any] = {"folder": str(root.resolve()), "kind": kind}
    preparation = PreparationConfig()
    if options.official:
        preparation = PreparationConfig(protocol="official", hand_box=HAND_BOX[kind])
    challenge = None
    source: FrameSource
    if kind == "dexycb":
        _only(options, "dexycb", "version")
        split, subset = options.split or "s0_test", options.subset or "close"
        one_of("--split of DexYCB", split, DEXYCB_SPLITS)
        one_of("--subset of DexYCB", subset, SUBSETS)
        source = DexYcbFrames(root, split, subset, hand_model, models=models, partial=synthetic)
        label = f"{root.resolve().name}_{split}_{subset}"
        about |= {"split": split, "subset": subset}
    elif kind == "ho3d":
        _only(options, "ho3d", "subset")
        split = options.split or "evaluation"
        one_of("--split of HO-3D", split, HO3D_SPLITS)
        if options.version is not None:
            one_of("--version of HO-3D", options.version, VERSIONS)
        source = Ho3dFrames(root, split, options.version, models, hand_model)
        label = f"{root.resolve().name}_{split}"
        about |= {"split": split, "version": source.folder.version}
        if split == "evaluation":
            challenge = COUNTS[source.folder.version, "evaluation"]
    else:
        raise ConfigError(f"{root} is neither DexYCB nor HO-3D")
    about |= {"models": str(models.resolve()) if models else LOOK_ALIKES, "frames": len(source)}
    about |= {"preparation": preparation.protocol} | ({"synthetic": True} if synthetic else {})
    return DataFolder(source, preparation, about, models, label + ("_official" if options.official else ""), challenge)


def _only(options: FolderOptions, kind: str, foreign: str) -> None:
    if foreign in options.given:
        owner = "HO-3D" if kind == "dexycb" else "DexYCB"
        raise ConfigError(f"--{foreign} is {owner}'s, the data are of the kind {kind}")
