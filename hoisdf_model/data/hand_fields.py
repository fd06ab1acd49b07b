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

"""Hand distance samples of data sets with MANO parameters.

Posed, measured, and kept on disk if wanted.

Convention of all field samples: metres, camera frame, negative inside; the hand's wrist is closed by a fan.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import FieldSamples, Floats
from hoisdf_model.data.sdf_samples import sample_field
from hoisdf_model.errors import DatasetError
from hoisdf_model.geometry import meshes
from hoisdf_model.hand import HandLayer, HandModel
from hoisdf_model.hand.joints import NUM_JOINTS

AGREEMENT = 0.005  # metres: labels made with the same hand model agree far better, with another one far worse
_WITHOUT_TIPS = np.setdiff1d(np.arange(NUM_JOINTS), [4, 8, 12, 16, 20])  # projects choose other vertices as tips


class HandFields:
    """Field samples of posed hands.

    Args:
        model: the hand model that the labels were made with, of the labels' side.
        count: samples for each hand.
        cache: folder in which samples are kept, a file for each frame (4 bytes a number in memory, 2 on disk); None:
            they are computed whenever they are asked for, 0.03 s for 3,000 of them.
    """

    def __init__(self, model: HandModel, count: int, cache: Path | None = None) -> None:
        self.model, self.count = model, count
        self._layer = HandLayer(model)
        # other samples than those of this hand model and number can't be mistaken for them
        self._folder = None if cache is None else cache / f"hand_{model.side}_{model.hash}_{count}"

    def vertices(self, name: str, rotations: Floats, shape: Floats, joints: Floats) -> Floats:
        """The hand's mesh, (778, 3) metres, camera frame.

        Args:
            name: the frame's, for messages.
            rotations: (16, 3, 3), global first, mean included.
            shape: (10,).
            joints: (21, 3) the label's; its wrist places the hand.

        Raises:
            DatasetError: the posed hand's joints aren't the label's: the label was made with another hand model.
        """
        with torch.no_grad():
            posed = self._layer(
                torch.tensor(rotations[None], dtype=torch.float32), torch.tensor(shape[None], dtype=torch.float32)
            )
        found = posed.joints[0].double().numpy() + joints[0]
        off = float(np.linalg.norm(found - joints, axis=1)[_WITHOUT_TIPS].max())
        if off > AGREEMENT:
            raise DatasetError(
                f"{name}: the joints of the hand model {self.model.name!r} are up to {off * 1000:.0f} mm from the "
                "labelled ones: the labels were made with another hand model, give that one (MANO's .pkl for DexYCB "
                "and HO-3D)"
            )
        return np.asarray(posed.vertices[0].double().numpy() + joints[0], np.float64)

    def samples(self, name: str, rotations: Floats, shape: Floats, joints: Floats) -> FieldSamples:
        """Distance samples of a frame, the same at every call.

        Whether kept or not. Arguments as :meth:`vertices`.

        Raises:
            DatasetError: another hand model, or the cache can't be read or written.
        """
        path = None if self._folder is None else self._folder / _file_name(name, shape, joints)
        if path is not None and path.exists():
            return _read(path)
        closed = meshes.capped(self.vertices(name, rotations, shape, joints), self.model.faces)
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        packed = _packed(sample_field(*closed, self.count, rng))
        if path is not None:
            _write(path, packed)
        return _unpacked(packed)


def _file_name(name: str, shape: Floats, joints: Floats) -> str:
    """With a digest of the label: frames of other versions and of synthetic trees have the same names."""
    digest = zlib.crc32(np.concatenate([shape, joints.ravel()]).astype("<f8").tobytes())
    return f"{name.replace('/', '_')}_{digest:08x}.npz"


def _packed(samples: FieldSamples) -> dict[str, NDArray[np.generic]]:
    """Half precision about their middle: to a tenth of a millimetre."""
    middle = samples.points.mean(0)
    return {
        "middle": middle,
        "points": (samples.points - middle).astype(np.float16),
        "distances": samples.distances.astype(np.float16),
    }


def _unpacked(arrays: dict[str, NDArray[np.generic]]) -> FieldSamples:
    points = arrays["points"].astype(np.float64) + arrays["middle"].astype(np.float64)
    return FieldSamples(points, arrays["distances"].astype(np.float64))


def _read(path: Path) -> FieldSamples:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return _unpacked({name: stored[name] for name in ("middle", "points", "distances")})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"the kept field samples {path} can't be read: {error}; delete the file") from error


def _write(path: Path, packed: dict[str, NDArray[np.generic]]) -> None:
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")  # whole or not at all, whoever else writes it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, **packed)  # type: ignore[arg-type]
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DatasetError(f"field samples can't be kept in {path.parent}: {error.strerror or error}") from error
