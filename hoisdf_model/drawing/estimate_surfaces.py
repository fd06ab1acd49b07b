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

"""Meshes of estimated hands and objects, to be drawn."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing.palette import HAND_COLOURS, OBJECT_COLOUR
from hoisdf_model.drawing.shading import Surface
from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import HandEstimate, ObjectEstimate
from hoisdf_model.geometry import simplified
from hoisdf_model.hand import HandModel, load_hand_model
from hoisdf_model.objects import Catalogue


def hand_surface(hand: HandEstimate, model: HandModel | None) -> Surface | None:
    """Mesh of a hand, or None.

    None where its vertices weren't sent or its model is another one; ``None``: the open hand.
    """
    if len(hand.vertices) == 0:
        return None
    known = _open_hand() if model is None else model
    if known.hash != hand.model.hash:
        return None
    return Surface(hand.vertices, known.faces_of(hand.side), HAND_COLOURS[hand.side])


def object_surface(obj: ObjectEstimate, meshes: Catalogue | None) -> Surface | None:
    """Mesh of an object in the camera frame, or None."""
    if meshes is None or not obj.name:
        return None
    try:
        vertices, faces = drawable(meshes, obj.name)
    except MeshError:
        return None
    return Surface(vertices @ obj.rotation.T + obj.translation, faces, OBJECT_COLOUR)


@lru_cache(maxsize=1)
def _open_hand() -> HandModel:
    return load_hand_model()


@lru_cache(maxsize=64)
def drawable(meshes: Catalogue, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and faces of an object for drawing; object frame.

    A large mesh is made coarser.

    Raises:
        MeshError: there is no such object.
    """
    mesh = meshes.mesh(name)
    return simplified(mesh.vertices, mesh.faces)
