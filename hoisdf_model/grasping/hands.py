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

"""Hand geometry for grasping: closed mesh and part of each vertex."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.estimates import HandEstimate, Side
from hoisdf_model.geometry import meshes
from hoisdf_model.grasping.box_solids import Solid
from hoisdf_model.hand import HandModel, HandModelLike, as_hand_model
from hoisdf_model.hand.hand_parts import parts, region_of_part
from hoisdf_model.hand.joints import NUM_VERTICES

FOREARM_RADIUS, FOREARM_BEGINS, FOREARM_ENDS = 0.04, 0.02, 0.25  # metres; the last two from the wrist
MIDDLE_KNUCKLE = 9  # joint


@dataclass(frozen=True, eq=False)
class HandShape:
    """One posed hand.

    Attributes:
        vertices: (778, 3) metres.
        joints: (21, 3) metres, same frame.
        closed_vertices, closed_faces: the mesh with its wrist closed.
        part: (778,) index into ``hand.parts.PARTS``.
    """

    vertices: NDArray[np.float64]
    joints: NDArray[np.float64]
    closed_vertices: NDArray[np.float64]
    closed_faces: NDArray[np.int64]
    part: NDArray[np.int64]

    @property
    def region(self) -> NDArray[np.int64]:
        """Hand region of each vertex, (778,), index into ``hand.parts.REGIONS``."""
        return region_of_part()[self.part]

    def moved(self, transform: NDArray[np.float64]) -> HandShape:
        """Hand in another frame; ``transform`` (4, 4): this frame -> that frame."""
        turn, shift = transform[:3, :3], transform[:3, 3]
        points = (points @ turn.T + shift for points in (self.vertices, self.joints, self.closed_vertices))
        vertices, joints, closed = points
        return HandShape(vertices, joints, closed, self.closed_faces, self.part)

    @cached_property
    def solid(self) -> Solid:
        """The closed hand, for collisions."""
        return Solid(self.closed_vertices, self.closed_faces)

    @cached_property
    def solid_with_forearm(self) -> Solid:
        """Closed hand with a cylinder in place of the forearm.

        The forearm isn't estimated.

        The cylinder continues the line from the middle finger's knuckle through the wrist.
        """
        along = self.joints[0] - self.joints[MIDDLE_KNUCKLE]
        along /= max(float(np.linalg.norm(along)), 1e-9)
        vertices, faces = _forearm()
        turn = trimesh.geometry.align_vectors([0, 0, 1], along)[:3, :3]
        arm = self.joints[0] + along * (FOREARM_BEGINS + FOREARM_ENDS) / 2 + vertices @ turn.T
        faces = np.concatenate([self.closed_faces, faces + len(self.closed_vertices)])
        return Solid(np.concatenate([self.closed_vertices, arm]), faces)


class DegenerateHandError(InvalidInputError):
    """A hand that can't be one: its numbers aren't finite."""


def hand_shape(hand: HandEstimate, model: HandModelLike) -> HandShape:
    """The estimated hand's shape, in the camera frame.

    Args:
        hand: with vertices.
        model: the hand model that they belong to; a right model serves left hands too.

    Raises:
        InvalidInputError: the hand has no mesh, or one that belongs to another model.
        DegenerateHandError: its numbers aren't finite.
    """
    model = as_hand_model(model)
    if len(hand.vertices) != NUM_VERTICES:
        raise InvalidInputError("the hand has no mesh: grasps need vertices, publish or estimate them")
    if hand.model.hash != model.hash and hand.model.hash:
        raise InvalidInputError(
            f"the hand belongs to the hand model {hand.model.name} ({hand.model.hash}), not to {model.name} "
            f"({model.hash}): give grasping the model that the estimator uses"
        )
    if not (np.isfinite(hand.vertices).all() and np.isfinite(hand.joints).all()):
        raise DegenerateHandError("the hand's vertices or joints are not finite numbers")
    return posed_shape(np.asarray(hand.vertices, np.float64), np.asarray(hand.joints, np.float64), model, hand.side)


def posed_shape(
    vertices: NDArray[np.float64], joints: NDArray[np.float64], model: HandModelLike, side: Side = "right"
) -> HandShape:
    """Hand shape from ``vertices`` (778, 3) and ``joints`` (21, 3)."""
    model = as_hand_model(model)
    loop, faces = _closing(model)
    closed = np.concatenate([vertices, vertices[loop].mean(0, keepdims=True)])
    # a left hand is the right one in a mirror, which turns faces inside out
    return HandShape(vertices, joints, closed, faces if side == model.side else faces[:, ::-1], parts(model))


@lru_cache(maxsize=1)
def _forearm() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and faces of the cylinder about z, its middle at the origin."""
    arm = trimesh.creation.cylinder(FOREARM_RADIUS, FOREARM_ENDS - FOREARM_BEGINS, sections=20)
    return np.asarray(arm.vertices), np.asarray(arm.faces)


@lru_cache(maxsize=4)
def _closing(model: HandModel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return meshes.boundary_loops(model.faces)[0], meshes.capped(model.v_template, model.faces)[1]
