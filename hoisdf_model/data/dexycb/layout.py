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

"""File layout, meta data and official splits of DexYCB.

```
<date>-subject-NN/<sequence>/meta.yml                           10 subjects with 100 sequences each
                             pose.npz                           poses of all frames, world frame
                             <serial>/color_000000.jpg          8 cameras, 640x480
                                      aligned_depth_to_color_000000.png
                                      labels_000000.npz
calibration/intrinsics/<serial>_640x480.yml                     color: fx, fy, ppx, ppy
            extrinsics_<name>/extrinsics.yml                    extrinsics: serial -> 3x4, camera -> world
            mano_<name>/mano.yml                                betas
models/<YCB name>/{points.xyz, textured_simple.obj}
```

Sources: NVlabs/dex-ycb-toolkit at 64551b0 (dex_ycb.py for the splits, sequence_loader.py, README.md). The splits go by
a sequence's position among its subject's, so they are only right of a whole download.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import Floats
from hoisdf_model.errors import NO_NUMBER, UNREADABLE, CameraError, DatasetError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import YCB

SUBJECTS = (
    "20200709-subject-01", "20200813-subject-02", "20200820-subject-03", "20200903-subject-04", "20200908-subject-05",
    "20200918-subject-06", "20200928-subject-07", "20201002-subject-08", "20201015-subject-09", "20201022-subject-10",
)  # fmt: skip
SERIALS = (
    "836212060125", "839512060362", "840412060917", "841412060263", "932122060857", "932122060861", "932122061900",
    "932122062010",
)  # fmt: skip
WIDTH, HEIGHT = 640, 480
PER_SUBJECT = 100  # sequences
# date and time; what file managers and network drives leave beside them (@eaDir, __MACOSX) would shift the splits
_SEQUENCE = re.compile(r"\d+_\d+")
NAMED = 3  # sequences that are named where another one was asked for
HAND = 255  # in the masks; objects have their id
NAMES = {row.id: row.name for row in YCB}

_ALL, _CAMERAS = tuple(range(10)), tuple(range(8))
_EVERY = frozenset(range(PER_SUBJECT))
_FIFTH = frozenset(range(4, PER_SUBJECT, 5))


def _groups(*numbers: int) -> frozenset[int]:
    """Positions of all sequences with these of the 20 objects; five for each."""
    return frozenset(i for i in _EVERY if i // 5 in numbers)


# subjects, cameras, positions of sequences
_RULES: dict[str, tuple[tuple[int, ...], tuple[int, ...], frozenset[int]]] = {
    "s0_train": (_ALL, _CAMERAS, _EVERY - _FIFTH),
    "s0_val": ((0, 1), _CAMERAS, _FIFTH),
    "s0_test": (_ALL[2:], _CAMERAS, _FIFTH),
    "s1_train": ((0, 1, 2, 3, 4, 5, 9), _CAMERAS, _EVERY),
    "s1_val": ((6,), _CAMERAS, _EVERY),
    "s1_test": ((7, 8), _CAMERAS, _EVERY),
    "s2_train": (_ALL, _CAMERAS[:6], _EVERY),
    "s2_val": (_ALL, (6,), _EVERY),
    "s2_test": (_ALL, (7,), _EVERY),
    "s3_train": (_ALL, _CAMERAS, _EVERY - _groups(3, 7, 11, 15, 19)),
    "s3_val": (_ALL, _CAMERAS, _groups(3, 19)),
    "s3_test": (_ALL, _CAMERAS, _groups(7, 11, 15)),
    "all": (_ALL, _CAMERAS, _EVERY),
}
SPLITS = tuple(_RULES)


@dataclass(frozen=True)
class Take:
    """Sequence of DexYCB, from its ``meta.yml``.

    Attributes:
        folder: of the download.
        subject, name: folder names.
        frames: how many.
        serials: of its cameras, in the order of the samples.
        ycb_ids: of the objects on the table. grasped: position of the one that the hand takes.
        side: of the hand. mano: name of the hand's calibration. extrinsics: name of the cameras' calibration.
    """

    folder: Path
    subject: str
    name: str
    frames: int
    serials: tuple[str, ...]
    ycb_ids: tuple[int, ...]
    grasped: int
    side: Literal["right", "left"]
    mano: str
    extrinsics: str

    @property
    def path(self) -> Path:
        """Folder of the sequence."""
        return self.folder / self.subject / self.name

    @property
    def object_name(self) -> str:
        """YCB name of the grasped object."""
        return NAMES[self.ycb_ids[self.grasped]]

    def image(self, serial: str, frame: int) -> Path:
        """Colour image."""
        return self.path / serial / f"color_{frame:06d}.jpg"

    def depth(self, serial: str, frame: int) -> Path:
        """Depth image, aligned to the colour image: 16 bits, millimetres."""
        return self.path / serial / f"aligned_depth_to_color_{frame:06d}.png"

    def labels(self, serial: str, frame: int) -> Path:
        """Labels of one image."""
        return self.path / serial / f"labels_{frame:06d}.npz"

    @cached_property
    def betas(self) -> Floats:
        """Hand shape (10,).

        Raises:
            DatasetError: the calibration is missing or damaged.
        """
        return _numbers(self.folder / "calibration" / f"mano_{self.mano}" / "mano.yml", ("betas",), 10)


class DexYcbFolder:
    """A download of DexYCB, or a part of one.

    Args:
        folder: with the subjects' folders, ``calibration`` and ``models``.
        partial: whether sequences may be missing. Splits then go by the positions of the sequences that are there,
            which aren't the official ones.

    Attributes:
        root: the folder.
        sequences: subject -> names of its sequences, in order.

    Raises:
        DatasetError: not DexYCB's layout, or sequences are missing and ``partial`` is false.
    """

    def __init__(self, folder: str | Path, partial: bool = False) -> None:
        self.root = Path(folder)
        if not self.root.is_dir():
            raise DatasetError(f"there is no folder {self.root}: give the folder with DexYCB's {SUBJECTS[0]} ...")
        self.sequences = {
            subject: sorted(
                path.name
                for path in (self.root / subject).iterdir()
                if _SEQUENCE.fullmatch(path.name) and path.is_dir()
            )
            for subject in SUBJECTS
            if (self.root / subject).is_dir()
        }
        if not self.sequences:
            raise DatasetError(f"{self.root} isn't DexYCB: it has none of the folders {SUBJECTS[0]} ... {SUBJECTS[-1]}")
        missing = _missing(self.sequences)
        if missing and not partial:
            raise DatasetError(
                f"{self.root} isn't a whole download of DexYCB ({missing}), so that the official splits are "
                "undetermined: fetch the rest, or go by the sequences that are there with partial (a YAML file that "
                "describes the data says partial: true)"
            )
        self._cameras: dict[str, Pinhole] = {}

    def takes(self, split: str) -> Iterator[tuple[Take, tuple[str, ...]]]:
        """Sequences of a split in the official order.

        Each with the serials of the split's cameras.

        Args:
            split: one of ``SPLITS``; ``all`` is everything there is.

        Raises:
            DatasetError: no such split, or a sequence's ``meta.yml`` is missing or damaged.
        """
        if split not in _RULES:
            raise DatasetError(f"DexYCB has no split {split!r}; there are {', '.join(SPLITS)}")
        subjects, cameras, positions = _RULES[split]
        for number in subjects:
            subject = SUBJECTS[number]
            for position, name in enumerate(self.sequences.get(subject, ())):
                if position in positions:
                    take = self.take(subject, name)
                    yield take, tuple(SERIALS[c] for c in cameras if SERIALS[c] in take.serials)

    def take(self, subject: str, name: str) -> Take:
        """One sequence.

        Raises:
            DatasetError: its ``meta.yml`` is missing or damaged.
        """
        path = self.root / subject / name / "meta.yml"
        meta = _yaml(path)
        try:
            side = str(meta["mano_sides"][0])
            take = Take(
                self.root, subject, name, int(meta["num_frames"]), tuple(str(s) for s in meta["serials"]),
                tuple(int(i) for i in meta["ycb_ids"]), int(meta["ycb_grasp_ind"]),
                "left" if side == "left" else "right", str(meta["mano_calib"][0]), str(meta["extrinsics"]),
            )  # fmt: skip
        except (*NO_NUMBER, KeyError, IndexError) as error:
            raise DatasetError(f"{path} isn't a sequence's meta data: {type(error).__name__}: {error}") from error
        if take.side != side or not 0 <= take.grasped < len(take.ycb_ids):
            raise DatasetError(f"{path}: side {side!r} or grasped object {take.grasped} make no sense")
        if not set(take.ycb_ids) <= set(NAMES):
            raise DatasetError(f"{path}: ycb_ids must be from 1 to {max(NAMES)}, got {list(take.ycb_ids)}")
        return take

    def find(self, name: str) -> Take:
        """The sequence ``<subject>/<sequence>``.

        Raises:
            DatasetError: there is no such sequence (some are named), or its ``meta.yml`` is missing or damaged.
        """
        subject, _, sequence = name.partition("/")
        if sequence in self.sequences.get(subject, ()):
            return self.take(subject, sequence)
        there = [f"{known}/{one}" for known, names in self.sequences.items() for one in names]
        close = get_close_matches(name, there, NAMED, 0) or there[:NAMED]
        raise DatasetError(f"{self.root} has no sequence {name}; it has {len(there):,}, such as {', '.join(close)}")

    def film(self, name: str) -> tuple[Take, tuple[str, ...]]:
        """Sequence of one camera, and the camera's serial.

        By its name ``<subject>/<sequence>/<serial>``.

        Raises:
            DatasetError: there is no such sequence or camera, or its ``meta.yml`` is missing or damaged.
        """
        sequence, _, serial = name.rpartition("/")
        take = self.find(sequence)
        if serial not in take.serials or serial not in SERIALS:
            raise DatasetError(f"{take.path} has no camera {serial!r}; it has {', '.join(take.serials)}")
        return take, (serial,)

    def camera(self, serial: str) -> Pinhole:
        """Intrinsics of the colour camera.

        Raises:
            DatasetError: the calibration is missing or damaged.
        """
        if serial not in self._cameras:
            path = self.root / "calibration" / "intrinsics" / f"{serial}_{WIDTH}x{HEIGHT}.yml"
            fx, fy, cx, cy = (float(_numbers(path, ("color", key), 1)[0]) for key in ("fx", "fy", "ppx", "ppy"))
            try:
                self._cameras[serial] = Pinhole(fx, fy, cx, cy, WIDTH, HEIGHT)
            except CameraError as error:
                raise DatasetError(f"{path}: {error}") from error
        return self._cameras[serial]

    @property
    def models(self) -> Path:
        """Folder of the object models.

        Raises:
            DatasetError: they aren't there.
        """
        return self.part("models")

    def part(self, name: str) -> Path:
        """The folder ``models`` or ``calibration``.

        Raises:
            DatasetError: it isn't there; says what to fetch.
        """
        path = self.root / name
        if not path.is_dir():
            raise DatasetError(f"{self.root} lacks the folder {name}: unpack {name}.tar.gz of DexYCB there")
        return path


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Some arrays of an npz file.

    Raises:
        DatasetError: the file is missing, damaged or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except KeyError as error:
        raise DatasetError(f"{path} lacks {error}; it should hold {', '.join(names)}") from error
    except Exception as error:  # zipfile, zlib and numpy all speak for a damaged file
        raise DatasetError(f"{path} can't be read: {error}") from error


def _missing(sequences: dict[str, list[str]]) -> str:
    """What isn't there, in words; empty where everything is."""
    absent = [subject for subject in SUBJECTS if subject not in sequences]
    short = [f"{s} has {len(names)} of {PER_SUBJECT} sequences" for s, names in sequences.items()
             if len(names) != PER_SUBJECT]  # fmt: skip
    return "; ".join([*(["without " + ", ".join(absent)] if absent else []), *short])


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except UNREADABLE as error:
        raise DatasetError(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no table of names and values")
    return content


def _numbers(path: Path, keys: tuple[str, ...], count: int) -> Floats:
    found: Any = _yaml(path)
    try:
        for key in keys:
            found = found[key]
        numbers = np.atleast_1d(np.asarray(found, np.float64))
    except (*NO_NUMBER, KeyError) as error:
        raise DatasetError(f"{path} lacks the numbers {'.'.join(keys)}") from error
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise DatasetError(f"{path}: {'.'.join(keys)} must be {count} finite numbers, got {numbers.tolist()}")
    return numbers
