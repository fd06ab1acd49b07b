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

"""Left-hand sequences, planned with right hands and mirrored objects.

See ``grasps.mirroring``.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np
import trimesh

from hoisdf_model.geometry import poses, rotations
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.plays.sequences import Sequence


def mirrored_object(thing: CatalogueObject) -> CatalogueObject:
    """Mirrored object shape, for planning only.

    In a mirror with the normal x of its own frame; it can't be drawn.
    """
    vertices, faces = np.asarray(thing.mesh.vertices) * poses.MIRROR_SIGNS, np.asarray(thing.mesh.faces)[:, ::-1]
    return replace(thing, mesh=trimesh.Trimesh(vertices, faces, process=False))


def mirrored_play(play: Sequence, objects: Many[CatalogueObject]) -> Sequence:
    """Left-hand sequence from a right hand's with mirrored objects.

    With the ``objects`` themselves.
    """
    return replace(
        play,
        side="left",
        views=poses.MIRROR @ play.views @ poses.MIRROR,
        rotations=rotations.mirror_matrix(play.rotations),
        joints=play.joints * poses.MIRROR_SIGNS,
        vertices=play.vertices * poses.MIRROR_SIGNS,
        objects=tuple(objects),
        object_poses=poses.MIRROR @ play.object_poses @ poses.MIRROR,
    )
