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

"""Object geometry for the metrics: points, convex hull, box and symmetries.

Made once for each name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from hoisdf_model.evaluation.metrics.frame_errors import Model
from hoisdf_model.geometry import meshes
from hoisdf_model.objects import CatalogueObject

POINTS = 1000  # as many as the official code's templates have
SYMMETRY_STEPS = 360  # of a continuous symmetry: rotation errors are right to half a degree
SEED = 0

Find = Callable[[str], CatalogueObject]


class Models:
    """Objects by name, for the metrics.

    Args:
        find: name -> object, such as a catalogue's ``get``.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._made = lru_cache(None)(self._make)

    def __call__(self, name: str) -> Model:
        """The object of that name.

        Raises:
            MeshError: there is no such object.
        """
        return self._made(name)

    def _make(self, name: str) -> Model:
        obj = self._find(name)
        vertices, faces = np.asarray(obj.mesh.vertices, np.float64), np.asarray(obj.mesh.faces, np.int64)
        return Model(
            points=meshes.sample_surface(vertices, faces, POINTS, np.random.default_rng(SEED)),
            outline=np.asarray(obj.mesh.convex_hull.vertices, np.float64),
            corners=meshes.box_corners(vertices),
            symmetries=obj.symmetry.transforms(SYMMETRY_STEPS)[:, :3, :3],
            vertices=vertices,
            faces=faces,
        )
