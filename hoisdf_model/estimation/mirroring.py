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

"""Inverse mirroring of left-hand estimates: points and object poses."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Side
from hoisdf_model.network import NetworkConfig
from hoisdf_model.objects import Catalogue

MIRROR = np.array([-1.0, 1.0, 1.0])
MIRROR_IMAGE = np.diag([*MIRROR, 1.0])
_LOG = logging.getLogger(__name__)


class ObjectReflections:
    """Reflection ``S`` of the object frame by object name.

    With it the pose comes back: ``T = M T' S``.

    ``T'`` (4, 4) is the pose in the mirror's world and ``M = diag(-1, 1, 1, 1)`` the mirror. A network that takes what
    it sees for the object itself (``object_in_mirror: itself``) is undone by the object's own mirror plane: with
    ``T' = M T S`` it sees the points ``M T S p``, and ``S p`` are the object's points too. For a network that means the
    mirror image, and for an object that is unknown or has no plane, ``S = M``: the rotation is ``M R' M``.

    Args:
        config: the network's.
        catalogue: where the object's shapes are.
    """

    def __init__(self, config: NetworkConfig, catalogue: Catalogue) -> None:
        self._itself, self._catalogue = config.object_in_mirror == "itself", catalogue
        self._found: dict[str, NDArray[np.float64]] = {}

    def __call__(self, name: str, side: Side) -> NDArray[np.float64]:
        """(4, 4); the first call for an object beside a left hand looks for its plane, which takes a while."""
        if side == "right" or not self._itself or name not in self._catalogue:
            return MIRROR_IMAGE
        if name not in self._found:
            self._found[name] = self._plane(name)
        return self._found[name]

    def poses_mesh(self, name: str, side: Side) -> bool:
        """Whether poses are those of the mesh, not its mirror image."""
        return side == "right" or not self._itself or self(name, side) is not MIRROR_IMAGE

    def _plane(self, name: str) -> NDArray[np.float64]:
        try:
            plane = self._catalogue.mirror_plane(name)
        except MeshError as error:  # the frame has an estimate all the same
            _LOG.warning("beside left hands %s is posed as its mirror image: %s", name, error)
            return MIRROR_IMAGE
        return MIRROR_IMAGE if plane is None else plane
