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

"""Mirror planes of objects.

Where there is one, a left hand holds the very object that a right hand holds.
"""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.geometry import distances, meshes

TOLERANCE = 0.0005  # metres
SAMPLES = 2000  # of the surface


def mirror_plane(mesh: trimesh.Trimesh, tolerance: float = TOLERANCE) -> NDArray[np.float64] | None:
    """A reflection under which the shape doesn't change, prints aside.

    Planes are tried through the centre of mass, across the model frame's axes (x first) and the axes of inertia, to
    which a mirror plane of a body of even density is always perpendicular.

    Args:
        mesh: model frame, metres.
        tolerance: metres; how far the mirrored surface may be from the surface anywhere.

    Returns:
        (4, 4) model frame -> model frame, its upper left part with the determinant -1; None where there is none.
    """
    solid = bool(mesh.is_watertight)
    middle = np.asarray(mesh.center_mass if solid else mesh.centroid, np.float64)
    normals = [*np.eye(3), *(np.linalg.eigh(mesh.moment_inertia)[1].T if solid else ())]
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces)
    points = meshes.sample_surface(vertices, faces, SAMPLES, np.random.default_rng(0))
    for normal in normals:
        reflection = np.eye(4)
        reflection[:3, :3] -= 2 * np.outer(normal, normal)
        reflection[:3, 3] = 2 * normal * (normal @ middle)
        seen = points @ reflection[:3, :3].T + reflection[:3, 3]
        if distances.closest_points(seen, vertices, faces)[0].max() <= tolerance:
            return reflection
    return None
