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

"""Generator of the open hand from anatomy.

Makes every array of a model in MANO's format.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hoisdf_model.hand.joints import NUM_VERTICES, TIP_VERTICES
from hoisdf_model.hand.model_file import OPEN_HAND, HandModel
from hoisdf_model.hand.open_hand.anatomy import Skeleton, skeleton
from hoisdf_model.hand.open_hand.meshing import Surface, coarse_mesh, fine_surface
from hoisdf_model.hand.open_hand.skinning import pose_correctives, skinning_weights
from hoisdf_model.hand.open_hand.surface import hand_distance
from hoisdf_model.hand.open_hand.variation import joint_regressor, shape_directions

STAGES = ("surface", "mesh", "skinning", "shapes", "correctives")


def generate_open_hand(progress: Callable[[str], None] | None = None) -> HandModel:
    """Make the open right hand; deterministic, about ten seconds.

    Args:
        progress: called with the name of each of ``STAGES`` as it begins.

    Raises:
        HandModelError: the surface couldn't be meshed.
    """
    report = progress or (lambda stage: None)
    hand = skeleton()
    report("surface")
    fine = fine_surface(hand)
    report("mesh")
    mesh = with_tips(coarse_mesh(fine, hand), hand)
    report("skinning")
    weights = skinning_weights(mesh, hand)
    report("shapes")
    shapedirs, jointdirs = shape_directions(mesh, weights, hand)
    regressor = joint_regressor(mesh.vertices, shapedirs, hand.joints, jointdirs)
    report("correctives")
    posedirs = pose_correctives(mesh.vertices, regressor @ mesh.vertices, weights)
    return HandModel(
        name=OPEN_HAND,
        side="right",
        v_template=mesh.vertices.astype(np.float32),
        shapedirs=shapedirs.astype(np.float32),
        posedirs=posedirs.astype(np.float32),
        joint_regressor=regressor.astype(np.float32),
        weights=weights.astype(np.float32),
        faces=mesh.faces,
    )


def with_tips(mesh: Surface, hand: Skeleton) -> Surface:
    """Vertex numbering with MANO's fingertip numbers at the fingertips.

    The others are numbered from the wrist outwards.

    The vertex nearest to each tip is moved onto it.
    """
    vertices = mesh.vertices.copy()
    taken: dict[int, int] = {}
    for name, number in TIP_VERTICES.items():
        nearest = int(np.linalg.norm(vertices - hand.tips[name], axis=1).argmin())
        direction = hand.digits[name].direction
        # as far outside the skin as it was, so that the tip stays round
        lift = float(hand_distance(vertices[nearest][None], hand)[0])
        vertices[nearest] = hand.tips[name] + lift * direction
        taken[number] = nearest
    rest = np.setdiff1d(np.arange(NUM_VERTICES), list(taken.values()))
    rest = rest[np.lexsort((vertices[rest, 2], -vertices[rest, 0]))]
    order = np.zeros(NUM_VERTICES, np.int64)
    order[list(taken)] = list(taken.values())
    order[np.setdiff1d(np.arange(NUM_VERTICES), list(taken))] = rest
    number_of = np.argsort(order)
    return Surface(vertices[order], number_of[mesh.faces])
