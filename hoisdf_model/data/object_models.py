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

"""Object models for labels: box, distances, symmetries.

By name, once for all frames.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
from trimesh import Trimesh

from hoisdf_model.data.labelled_frames import FieldSamples, Floats, ObjectLabel
from hoisdf_model.data.sdf_samples import FieldBank
from hoisdf_model.errors import DatasetError, MeshError
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_model.objects.mesh_files import TEXTURED_NAME

POINTS_NAME = "points.xyz"
LOOK_ALIKES = "look-alikes"  # what is written where no folder of models was given
SYMMETRY_STEPS = 36  # of a continuous symmetry: poses between two of them are at most 5 degrees off


class ObjectModels:
    """Object models, read or built when first asked for.

    Args:
        folder: the YCB-Video models, ``<name>/points.xyz`` (whose bounding box the official code takes) and
            ``<name>/textured_simple.obj``; None: the catalogue's look-alikes, which differ by millimetres.

    Raises:
        DatasetError: the folder doesn't exist.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None and not self.folder.is_dir():
            raise DatasetError(f"the folder of object models {self.folder} doesn't exist: {_WANTED}")
        self._alike = load_catalogue()
        self._files: Catalogue | None = None
        self._corners: dict[str, Floats] = {}
        self._banks: dict[str, FieldBank] = {}
        self._symmetries: dict[str, Floats] = {}

    def label(self, name: str, pose: Floats, samples: FieldSamples) -> ObjectLabel:
        """Object label from a frame's pose and the model.

        What the frame knows (pose (4, 4), field samples), and what belongs to the model.
        """
        return ObjectLabel(name, pose, self.corners(name), samples, self.symmetries(name))

    def corners(self, name: str) -> Floats:
        """Corners (8, 3) of the model's bounding box.

        Model frame, metres; x fastest, then y, then z.

        Raises:
            DatasetError: there is no such model, or it is damaged.
        """
        if name not in self._corners:
            low, high = self._bounds(name)
            z, y, x = (v.ravel() for v in np.meshgrid(*np.stack([low, high], 1)[::-1], indexing="ij"))
            self._corners[name] = np.stack([x, y, z], -1)
        return self._corners[name]

    def symmetries(self, name: str) -> Floats:
        """Symmetry transforms (K, 4, 4), the identity first.

        Of an object outside of the YCB set only that.
        """
        if name not in self._symmetries:
            known = name in self._alike
            self._symmetries[name] = (
                self._alike.get(name).symmetry.transforms(SYMMETRY_STEPS) if known else np.eye(4)[None]
            )
        return self._symmetries[name]

    def field(self, name: str, pose: Floats, count: int, rng: np.random.Generator) -> FieldSamples:
        """Distance samples around the object in the pose (4, 4).

        ``count``: their number.

        Raises:
            DatasetError: there is no such model, or it is damaged.
        """
        if name not in self._banks:
            mesh = self.mesh(name)
            self._banks[name] = FieldBank(mesh.vertices, mesh.faces)
        return self._banks[name].draw(pose, count, rng)

    def mesh(self, name: str) -> Trimesh:
        """The model's geometry, model frame, metres.

        Raises:
            DatasetError: there is no such model, or it is damaged.
        """
        try:
            return self._catalogue().mesh(name)
        except MeshError as error:
            raise DatasetError(f"no mesh of {name}: {error}; {_WANTED}") from error

    def digest(self, name: str) -> str:
        """Short digest of what the model's geometry comes from.

        Raises:
            DatasetError: there is no such model, or it is damaged.
        """
        if self.folder is not None and (path := self.folder / name / TEXTURED_NAME).is_file():
            try:
                return sha256(path.read_bytes()).hexdigest()[:16]
            except OSError as error:
                raise DatasetError(f"the object's model {path} can't be read: {error.strerror or error}") from error
        return sha256(np.asarray(self.mesh(name).vertices, "<f4").tobytes()).hexdigest()[:16]

    def _catalogue(self) -> Catalogue:
        if self._files is None:
            self._files = self._alike if self.folder is None else load_catalogue(self.folder)
        return self._files

    def _bounds(self, name: str) -> tuple[Floats, Floats]:
        if self.folder is not None:
            path = self.folder / name / POINTS_NAME
            if path.exists():
                return _read_bounds(path)
            if not (self.folder / name).is_dir():
                raise DatasetError(f"the folder of object models {self.folder} lacks {name}: {_WANTED}")
        try:
            low, high = np.asarray(self._catalogue().mesh(name).bounds, np.float64)
        except MeshError as error:
            raise DatasetError(f"no model of {name}: {error}; {_WANTED}") from error
        return low, high


_WANTED = "the YCB-Video models hold <name>/points.xyz and <name>/textured_simple.obj"


def _read_bounds(path: Path) -> tuple[Floats, Floats]:
    try:
        points = np.loadtxt(path, np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DatasetError(f"the object's points {path} can't be read: {error}") from error
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all() or len(points) < 2:
        raise DatasetError(f"the object's points {path} must be rows of finite x y z, got the shape {points.shape}")
    return points.min(0), points.max(0)
