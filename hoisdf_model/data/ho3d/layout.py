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

"""File layout of HO-3D, and coding of depth and masks.

Also its sequences and their numbers of frames.

```
train.txt, evaluation.txt                 a line "<sequence>/<frame>" for every annotated frame
train/<sequence>/{rgb,depth,meta,seg}/    0000.png (v3: rgb/0000.jpg), 0000.png, 0000.pkl, 0000.jpg
evaluation/<sequence>/{rgb,depth,meta}/
```

``seg`` is a download of its own (HO3D_v2_segmentations_rendered.zip), merged into ``train``. Sources: the README of
HO-3D v3, shreyashampali/ho3d (utils/fh_utils.py, utils/vis_utils.py), and how the official HOISDF code reads v2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import DatasetError

Version = Literal["v2", "v3"]
Split = Literal["train", "evaluation"]
VERSIONS: tuple[Version, ...] = ("v2", "v3")
SPLITS: tuple[Split, ...] = ("train", "evaluation")

# frames listed in the .txt files; v3's training set is what its README's total of 103,462 leaves
COUNTS: dict[tuple[Version, Split], int] = {
    ("v2", "train"): 66_034,
    ("v2", "evaluation"): 11_524,
    ("v3", "train"): 83_325,
    ("v3", "evaluation"): 20_137,
}
# what the data set's own code (utils/fh_utils.py) says, which doesn't add up with the README's total
OTHER_COUNTS: dict[tuple[Version, Split], int] = {("v3", "train"): 78_297}
IMAGE_SUFFIX: dict[Version, str] = {"v2": ".png", "v3": ".jpg"}
WIDTH, HEIGHT = 640, 480
SEGMENTATIONS: dict[Version, str] = {
    "v2": "HO3D_v2_segmentations_rendered.zip",
    "v3": "the rendered segmentations of HO-3D v3",
}
OBJECTS = (
    "011_banana", "021_bleach_cleanser", "003_cracker_box", "035_power_drill", "025_mug", "006_mustard_bottle",
    "019_pitcher_base", "010_potted_meat_can", "037_scissors", "004_sugar_box",
)  # fmt: skip
DEPTH_UNIT = 0.00012498664727900177  # metres for a unit of the depth images
_PURE = 200  # a channel above this is the colour of hand or object; the masks are JPEG
_EXAMPLE = "train/MC1/rgb/0000"


def _numbered(prefix: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in numbers)


# v2's; sequences with the same prefix and leading number are one take seen by several cameras
SEQUENCES: dict[Split, tuple[str, ...]] = {
    "train": (
        *_numbered("ABF", *range(10, 15)), *_numbered("BB", *range(10, 15)), *_numbered("GPMF", *range(10, 15)),
        *_numbered("GSF", *range(10, 15)), *_numbered("MC", 1, 2, 4, 5, 6), *_numbered("MDF", *range(10, 15)),
        *_numbered("ND", 2), *_numbered("SB", 10, 12, 14), *_numbered("SM", *range(2, 6)),
        *_numbered("SMu", 1, 40, 41, 42), *_numbered("SS", 1, 2, 3), *_numbered("ShSu", 10, 12, 13, 14),
        *_numbered("SiBF", *range(10, 15)), *_numbered("SiS", 1),
    ),
    "evaluation": (
        *_numbered("AP", *range(10, 15)), *_numbered("MPM", *range(10, 15)), *_numbered("SB", 11, 13),
        *_numbered("SM", 1),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Ho3dFolder:
    """One download.

    Attributes:
        root: the folder with ``train`` and ``evaluation``.
        version: which.
    """

    root: Path
    version: Version

    def listed(self, split: Split) -> tuple[str, ...]:
        """The annotated frames ``<sequence>/<frame>`` in the order of the .txt file.

        Raises:
            DatasetError: the list is missing, or a line (named) isn't a frame.
        """
        path = self.list_file(split)
        try:
            lines = path.read_text("utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"the list of frames {path} can't be read: {error}; it is part of HO-3D") from error
        return tuple(checked_name(line, f"{path}, entry {number}") for number, line in enumerate(lines, 1))

    def list_file(self, split: Split) -> Path:
        """``train.txt`` or ``evaluation.txt``."""
        return self.root / f"{split}.txt"

    def image(self, split: Split, name: str) -> Path:
        """The colour image of a frame ``<sequence>/<frame>``."""
        return self._file(split, name, "rgb", IMAGE_SUFFIX[self.version])

    def depth(self, split: Split, name: str) -> Path:
        """Depth image file of a frame."""
        return self._file(split, name, "depth", ".png")

    def meta(self, split: Split, name: str) -> Path:
        """Annotation file of a frame."""
        return self._file(split, name, "meta", ".pkl")

    def masks(self, split: Split, name: str) -> Path:
        """Mask file of a frame."""
        return self._file(split, name, "seg", ".jpg")

    def _file(self, split: Split, name: str, kind: str, suffix: str) -> Path:
        sequence, _, frame = name.partition("/")
        return self.root / split / sequence / kind / f"{frame}{suffix}"


def checked_name(name: str, where: str) -> str:
    """Validated frame name: one folder and one file.

    Names become paths.

    Raises:
        DatasetError: it isn't <sequence>/<frame>.
    """
    sequence, slash, frame = name.partition("/")
    if not slash or not sequence.isalnum() or not frame.isalnum():
        raise DatasetError(f"{where}: {name!r} isn't <sequence>/<frame>, such as MC1/0000")
    return name


def open_folder(folder: str | Path, version: str | None = None) -> Ho3dFolder:
    """HO-3D download, with the version recognised by image suffix.

    Args:
        folder: with ``train`` and ``evaluation``.
        version: what it should be; None: whatever it is.

    Raises:
        DatasetError: no such folder, no images in it, an unknown version, or another one than wanted.
    """
    root = Path(folder)
    if version is not None and version not in VERSIONS:
        raise DatasetError(f"unknown version {version!r} of HO-3D; there are {', '.join(VERSIONS)}")
    if not any((root / split).is_dir() for split in SPLITS):
        raise DatasetError(f"{root} isn't HO-3D: there is neither {root / 'train'} nor {root / 'evaluation'}")
    found = _version_of(root)
    if found is None:
        raise DatasetError(f"{root} has no colour images, such as {_EXAMPLE}.png (v2) or .jpg (v3): fetch the images")
    if version is not None and found != version:
        raise DatasetError(
            f"{root} is HO-3D {found}, {version} is wanted: its colour images end in {IMAGE_SUFFIX[found]}, those of "
            f"{version} in {IMAGE_SUFFIX[version]}"
        )
    return Ho3dFolder(root, found)


def _version_of(root: Path) -> Version | None:
    for split in SPLITS:
        for images in sorted((root / split).glob("*/rgb")):
            if not images.parent.name.isalnum():  # left there by a file manager or network drive (@eaDir, __MACOSX)
                continue
            for version in VERSIONS:
                if any(path.stem.isdigit() for path in images.glob(f"*{IMAGE_SUFFIX[version]}")):
                    return version
    return None


def decode_depth(png: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Depth (H, W) in metres from HO-3D's colour coding.

    (H, W, 3) uint8 **RGB**: the low byte in red, the high byte in green.
    """
    return ((png[..., 0].astype(np.float32) + png[..., 1].astype(np.float32) * 256) * DEPTH_UNIT).astype(np.float32)


def encode_depth(depth: NDArray[Any]) -> NDArray[np.uint8]:
    """Colour-coded depth image, inverse of :func:`decode_depth`.

    (H, W) metres -> (H, W, 3) uint8 RGB.
    """
    units = np.clip(np.round(np.asarray(depth, np.float64) / DEPTH_UNIT), 0, 65535).astype(np.uint16)
    return np.stack([units & 255, units >> 8, np.zeros_like(units)], -1).astype(np.uint8)


def decode_masks(picture: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Hand and object masks from a colour-coded image.

    (h, w, 3) uint8 **RGB**, hand red and object blue -> (height, width) each.
    """
    large = picture
    if picture.shape[:2] != (height, width):
        large = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    return large[..., 0] > _PURE, large[..., 2] > _PURE


def encode_masks(hand: NDArray[np.bool_], thing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour-coded image (H, W, 3) uint8 of both masks.

    Hand red and object blue; masks (H, W).
    """
    nothing = np.zeros(hand.shape, np.uint8)
    return np.stack([hand.astype(np.uint8) * 255, nothing, thing.astype(np.uint8) * 255], -1)
