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

"""Object meshes for display and collision objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import MeshError
from hoisdf_model.geometry import simplified

MARKER_FACES = 4000  # a scanned mesh of 30,000 would be 2 MB in every frame's markers


@dataclass(frozen=True)
class Meshes:
    """Object meshes by name.

    Args:
        catalogue: ``hoisdf_model.objects.Catalogue``.
    """

    catalogue: Any

    def check(self, name: str) -> None:
        """Check that an object has a usable mesh.

        Raises:
            MeshError: the catalogue has no such object or its file is missing; says what there is.
        """
        if name:
            self.catalogue.mesh(name)

    def triangles(self, name: str) -> NDArray[np.float64] | None:
        """Triangle corners of an object mesh for display.

        (T, 3, 3) in the object frame, metres; of a coarser mesh if the mesh is large.

        None where there is no mesh of that name.
        """
        mesh = self.mesh(name)
        if mesh is None:
            return None
        vertices, faces = simplified(mesh.vertices, mesh.faces, MARKER_FACES)
        return np.asarray(vertices[faces], np.float64)

    def bounds(self, name: str) -> NDArray[np.float64] | None:
        """Bounding box of an object mesh.

        (2, 3) smallest and largest corner in the object frame, metres; None without a mesh of that name.
        """
        mesh = self.mesh(name)
        return None if mesh is None else np.asarray(mesh.bounds, np.float64)

    def mesh(self, name: str) -> Any:
        """The ``trimesh.Trimesh`` of that name; None where there is none."""
        try:
            return self.catalogue.mesh(name)
        except MeshError:
            return None
