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

"""Reading and validation of DexYCB's labels of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.data.dexycb import layout
from hoisdf_model.errors import DatasetError

Arrays = dict[str, NDArray[Any]]

_SHAPES: dict[str, tuple[int, ...]] = {
    "seg": (layout.HEIGHT, layout.WIDTH), "pose_y": (), "pose_m": (1, 51), "joint_3d": (1, 21, 3),
    "joint_2d": (1, 21, 2),
}  # fmt: skip


def read_labels(path: Path, objects: int) -> Arrays:
    """Labels of one DexYCB frame.

    ``seg`` (480, 640), ``pose_y`` (K, 3, 4), ``pose_m`` (1, 51), ``joint_3d`` (1, 21, 3), ``joint_2d`` (1, 21, 2).

    Args:
        path: of the npz file.
        objects: K, how many are on the table.

    Raises:
        DatasetError: the file is missing or damaged, lacks an array, or has one of another shape or that isn't finite.
    """
    labels = layout.read_arrays(path, tuple(_SHAPES))
    for name, shape in (_SHAPES | {"pose_y": (objects, 3, 4)}).items():
        if labels[name].shape != shape or labels[name].dtype.kind not in "iuf":
            raise DatasetError(f"{path}: {name} must hold {shape} numbers, got {labels[name].shape}")
        if name != "seg" and not np.isfinite(labels[name]).all():
            raise DatasetError(f"{path}: {name} holds values that aren't finite numbers")
    return labels
