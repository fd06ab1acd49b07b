"""Objects as the metrics see them: points, outline, box and symmetries, made once for each name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from hoisdf_model.evaluation.metrics.alignment import Floats
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

    def __call__(self, name: str, reflection: Floats | None = None) -> Model:
        """The object, or what a mirror shows of it.

        Args:
            name: as in the data set.
            reflection: (4, 4) of the object frame, for frames that were mirrored; None: it wasn't.

        Raises:
            MeshError: there is no such object.
        """
        model = self._made(name)
        if reflection is None:
            return model
        turn, shift = reflection[:3, :3], reflection[:3, 3]
        seen = (part @ turn.T + shift for part in (model.points, model.outline, model.corners, model.vertices))
        points, outline, corners, vertices = seen
        # a mirror turns faces inside out
        return Model(points, outline, corners, turn @ model.symmetries @ turn.T, vertices, model.faces[:, ::-1])

    def _make(self, name: str) -> Model:
        thing = self._find(name)
        vertices, faces = np.asarray(thing.mesh.vertices, np.float64), np.asarray(thing.mesh.faces, np.int64)
        return Model(
            points=meshes.sample_surface(vertices, faces, POINTS, np.random.default_rng(SEED)),
            outline=np.asarray(thing.mesh.convex_hull.vertices, np.float64),
            corners=meshes.box_corners(vertices),
            symmetries=thing.symmetry.transforms(SYMMETRY_STEPS)[:, :3, :3],
            vertices=vertices,
            faces=faces,
        )
