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

"""Refinement of a named object's pose with masks and hand."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage

from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import ObjectEstimate
from hoisdf_model.estimation.object_fitting import Evidence, Shape, fitted
from hoisdf_model.geometry import distances
from hoisdf_model.network import Calibration
from hoisdf_model.objects import Catalogue

Floats = NDArray[np.float64]
_LOG = logging.getLogger(__name__)

POINTS, PIXELS, SKIN = 120, 60, 97  # of the surface, of the object's mask, vertices of the hand
LEAST, MOST = 0.003, 0.5  # of the crop that an object's mask takes; others say nothing
CELLS, MARGIN = 28, 0.03  # of the grid of distances along the mesh's longest side; metres around the mesh
TURN_SPREAD, PLACE_SPREAD = 0.2, 0.015  # radians and metres per axis, of poses whose errors weren't measured


class ObjectRefinement:
    """Poses of named objects, fitted to all that is seen of them.

    Covariances stay: what remains of a pose's error is less than the network's, and how much less wasn't calibrated.

    Args:
        catalogue: the objects' meshes.
        calibration: how far the network's poses are off; None: not measured.
    """

    def __init__(self, catalogue: Catalogue, calibration: Calibration | None) -> None:
        self._catalogue = catalogue
        self._turn = TURN_SPREAD if calibration is None else calibration.object_rotation
        self._place = PLACE_SPREAD if calibration is None else calibration.object_position
        self._shapes: dict[str, Shape | None] = {}

    def __call__(
        self, thing: ObjectEstimate, masks: Floats, matrix: Floats, hand: Floats, seen: NDArray[np.bool_] | None = None
    ) -> ObjectEstimate:
        """Refined object; unchanged without a mesh, a usable mask or a usable pose.

        A pose is usable that is finite and in front of the camera, beside a hand that is finite and has vertices.

        Args:
            thing: of the network, camera frame.
            masks: (2, S, S) probabilities of hand and object in a crop.
            matrix: (3, 3) camera frame -> pixels of the masks.
            hand: (V, 3) vertices of the hand that holds it, camera frame, metres.
            seen: (S, S) pixels of the masks at which there is an image; None: all.
        """
        finite = all(np.isfinite(part).all() for part in (thing.rotation, thing.translation, masks, matrix, hand))
        if not finite or not len(hand) or thing.translation[2] <= 0:
            return thing
        shape = self.shape(thing.name)
        evidence = None if shape is None else evidence_of(masks, matrix, hand, seen)
        if shape is None or evidence is None:
            return thing
        rotation, translation = fitted(shape, evidence, thing.rotation, thing.translation, self._turn, self._place)
        return replace(thing, rotation=rotation, translation=translation)

    def shape(self, name: str) -> Shape | None:
        """Shape of a named object; None without a mesh.

        The first call for a name takes 0.05 to 0.4 s for a look-alike, a second for each 40,000 faces of an own mesh.
        """
        if name not in self._catalogue:
            return None
        if name not in self._shapes:
            self._shapes[name] = self._made(name)
        return self._shapes[name]

    def _made(self, name: str) -> Shape | None:
        try:
            return shape_of(self._catalogue.mesh(name))
        except MeshError as error:  # the frame has an estimate all the same
            _LOG.warning("the pose of %s isn't refined: %s", name, error)
            return None


def shape_of(mesh: trimesh.Trimesh) -> Shape:
    """Points and distances of a mesh, object frame, metres."""
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    low, high = vertices.min(0) - MARGIN, vertices.max(0) + MARGIN
    cell = float((high - low).max()) / (CELLS - 1)
    axes = [np.arange(start, end + cell, cell) for start, end in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    signed = distances.signed_distance(grid.reshape(-1, 3), vertices, faces, exact=False).reshape(grid.shape[:3])
    points, _ = trimesh.sample.sample_surface(mesh, POINTS, seed=0)
    return Shape(np.asarray(points, np.float64), low, cell, np.stack([signed, *np.gradient(signed, cell)]))


def evidence_of(masks: Floats, matrix: Floats, hand: Floats, seen: NDArray[np.bool_] | None = None) -> Evidence | None:
    """Evidence of masks and hand, or None.

    Arguments are those of :class:`ObjectRefinement`; None: the object's mask says nothing.
    """
    thing = masks[1] > 0.5
    if not LEAST <= thing.mean() <= MOST:
        return None
    outside = ~thing & (masks.sum(0) <= 0.5)  # an object may be behind the hand
    _, (rows, columns) = ndimage.distance_transform_edt(outside, return_indices=True)
    shown = np.argwhere(thing)[:, ::-1].astype(np.float64)
    if seen is not None:  # beyond the image's border an object may be, but nothing draws it there
        own_rows, own_columns = np.indices(seen.shape)
        rows, columns = np.where(seen, rows, own_rows), np.where(seen, columns, own_columns)
    allowed = np.stack([columns, rows], -1).astype(np.float64)
    return Evidence(matrix, _some(shown, PIXELS), allowed, _some(hand, SKIN))


def _some(points: Floats, count: int) -> Floats:
    return points[np.linspace(0, len(points) - 1, min(count, len(points))).astype(int)]
