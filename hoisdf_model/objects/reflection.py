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
