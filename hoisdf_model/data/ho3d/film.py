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

"""HO-3D sequence as filmed, including unannotated images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.dataset_images import read_rgb
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.layout import IMAGE_SUFFIX, decode_depth
from hoisdf_model.data.labelled_frames import Floats, LabelledFrame
from hoisdf_model.errors import DatasetError


class Ho3dFilm:
    """The images of a sequence in their order (``data.bags.export.Film``).

    What isn't in the split's list has neither hand nor object, and the camera of the sequence's first listed frame:
    a sequence has one camera that stands still.

    Args:
        frames: the split.
        sequence: such as ``MC1``.

    Raises:
        DatasetError: the split has no frames of that sequence; the message says what it has.
    """

    def __init__(self, frames: Ho3dFrames, sequence: str) -> None:
        self.frames, self.sequence = frames, sequence
        self._listed = {name: index for index, name in enumerate(frames.names) if name.split("/")[0] == sequence}
        if not self._listed:
            there = sorted({name.split("/")[0] for name in frames.names})
            raise DatasetError(
                f"{frames.folder.list_file(frames.split)} lists no frames of a sequence {sequence!r}; "
                f"its sequences are {', '.join(there)}"
            )
        first = next(iter(self._listed))
        images = frames.folder.image(frames.split, first).parent.glob(f"*{IMAGE_SUFFIX[frames.folder.version]}")
        found = {f"{sequence}/{path.stem}" for path in images if path.stem.isdigit()}
        self._names = sorted(found | set(self._listed), key=lambda name: int(name.rpartition("/")[2]))
        self._first = self._listed[first]

    def __len__(self) -> int:
        """How many images."""
        return len(self._names)

    def name(self, index: int) -> str:
        """``<sequence>/<frame>``."""
        return self._names[index]

    def frame(self, index: int) -> LabelledFrame:
        """One frame.

        Raises:
            DatasetError: one of its files (named) is missing or damaged.
            UnsafeFileError: its annotations could run code.
        """
        name = self.name(index)
        if name in self._listed:
            return self.frames.frame(self._listed[name])
        image = read_rgb(self.frames.folder.image(self.frames.split, name))
        return LabelledFrame(image, self.frames.camera(self._first, *image.shape[1::-1]), None, None)

    def depth(self, index: int) -> NDArray[np.float32]:
        """Depth (H, W), metres, 0 where nothing was measured.

        Raises:
            DatasetError: the depth image is missing or damaged.
        """
        return decode_depth(read_rgb(self.frames.folder.depth(self.frames.split, self.name(index))))

    def true_vertices(self, index: int) -> Floats | None:
        """True vertices (778, 3), metres, camera frame, if published.

        Where ``evaluation_verts.json`` has them.

        Raises:
            DatasetError: that file is damaged.
        """
        name = self.name(index)
        return self.frames.true_vertices(self._listed[name]) if name in self._listed else None
