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

"""Sampling of grasps on a freely held object.

With the palm and with the fingertips, not only taken from a table.

A palm grasp comes up to the object along the palm's normal and closes. A fingertip grasp looks for two places on the
surface that face away from each other, puts the thumb on the one and index and middle finger on the other, and closes.
What is kept satisfies the conditions of ``grasps``, except for the table.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.grasps.articulation import CHAINS, THUMB, Postures, open_postures
from hoisdf_model.synthesis.grasps.force_closure import closure_quality, contact_patches
from hoisdf_model.synthesis.grasps.posing import PosableHand
from hoisdf_model.synthesis.grasps.table_grasps import CONTACT, DEEPEST, Grasp, GraspSampler

Kind = Literal["palm", "fingertip"]
KINDS: tuple[Kind, ...] = ("palm", "fingertip")
LEAST_OPPOSITION = 0.3  # cosine, as in ``grasps``
ARM_CLEARANCE = 0.03  # metres between the forearm's axis and the object
WIDEST = 0.085  # metres between thumb and fingertips
FACING = 0.85  # cosine between a surface normal and the line between two fingers
LEVELS = 24  # steps from an open to a closed pinch
TIPS = (4, 8, 12)  # joints: tips of thumb, index, middle finger
FLESH = 0.017  # metres: tips are joints inside of the finger; thumb's and finger's halves together
SLACK = (0.006, 0.016)  # metres by which a pinch is wider before it closes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FreeGrasp:
    """A grasp with what the library keeps about it.

    Attributes:
        grasp: object frame.
        kind: palm or fingertip.
        closure: ``force_closure.closure_quality``.
        into_object: deepest of the hand's vertices in the object, metres; negative: nearest.
        into_hand: deepest of the object's surface in the hand, metres.
        touching: (778,) bool, vertices nearer than ``grasps.CONTACT``.
    """

    grasp: Grasp
    kind: Kind
    closure: float
    into_object: float
    into_hand: float
    touching: NDArray[np.bool_]


class FreeGraspSampler(GraspSampler):
    """Samples grasps of one object by one hand, in any orientation."""

    def __init__(self, hand: PosableHand, thing: CatalogueObject) -> None:
        super().__init__(hand, thing)
        self._middle = (self._vertices.max(0) + self._vertices.min(0)) / 2
        self._reach = float(np.linalg.norm(self._vertices - self._middle, axis=1).max())
        self._axes = np.linalg.svd(self.surface - self.surface.mean(0), full_matrices=False)[2]
        self._pairs = _facing_pairs(self.surface, self.grid.normals(self.surface))

    def by(self, hand: PosableHand) -> FreeGraspSampler:
        """Sampler for another hand, sharing the distance grid."""
        other = copy.copy(self)
        other._hand = hand
        other._palm = 0.75 * hand.rest_joints[9] + np.array([-0.012, -0.018, 0.010])
        return other

    def draw(
        self, kind: Kind, count: int, rng: np.random.Generator, batch: int = 32, tries: int = 6
    ) -> list[FreeGrasp]:
        """Up to ``count`` grasps in the order of discovery.

        Fewer after ``tries`` batches in vain.
        """
        found: list[FreeGrasp] = []
        for _ in range(tries):
            if len(found) >= count or (kind == "fingertip" and not len(self._pairs[0])):
                break
            found += self._palm_batch(batch, rng) if kind == "palm" else self._fingertip_batch(batch, rng)
        return found[:count]

    def _free(self, points: Floats) -> Floats:
        return self.grid(points)

    def _palm_batch(self, count: int, rng: np.random.Generator) -> list[FreeGrasp]:
        # most hands hold a thing across its longest axis, with the thumb along it
        thumb = np.where(
            rng.random((count, 1)) < 0.65,
            rng.choice([-1.0, 1.0], (count, 1)) * self._axes[0] + rng.normal(0, 0.25, (count, 3)),
            rng.normal(size=(count, 3)),
        )
        thumb /= np.linalg.norm(thumb, axis=1, keepdims=True)
        back = np.cross(thumb, rng.normal(size=(count, 3)))
        back /= np.linalg.norm(back, axis=1, keepdims=True)
        rotation = np.stack([np.cross(back, thumb), back, thumb], -1)
        target = self._middle + rng.uniform(-0.3, 0.3, (count, 3)) * np.ptp(self._vertices, axis=0)
        opened = open_postures(rng.uniform(0.4, 1.0, count), rng.uniform(0.0, 0.15, count))
        wrist, reached = self._advance(opened, rotation, target, back, rng)
        return self._keep(opened, rotation, wrist, back, reached, "palm")

    def _fingertip_batch(self, count: int, rng: np.random.Generator) -> list[FreeGrasp]:
        chosen = rng.integers(len(self._pairs[0]), size=count)
        start, end = self.surface[self._pairs[0][chosen]], self.surface[self._pairs[1][chosen]]
        width = np.linalg.norm(end - start, axis=1)
        opened, thumb, fingers, fits = self._pinch(width, rng)
        across = (fingers - thumb) / np.linalg.norm(fingers - thumb, axis=1, keepdims=True)
        along = (end - start) / width[:, None]
        rotation = _turning(across, along) @ Rotation.from_rotvec(
            across * rng.uniform(0, 2 * np.pi, (count, 1))
        ).as_matrix()  # fmt: skip
        wrist = (start + end) / 2 - np.einsum("bij,bj->bi", rotation, (thumb + fingers) / 2)
        clear = self.grid(self._hand.pose(opened, rotation, wrist).vertices).min(1) > 0.001
        away = wrist - (start + end) / 2
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        return self._keep(opened, rotation, wrist, away, fits & clear, "fingertip")

    def _pinch(self, width: Floats, rng: np.random.Generator) -> tuple[Postures, Floats, Floats, NDArray[np.bool_]]:
        """Hands as open as ``width`` (B,) asks for, with their thumb's tip and the middle of index and middle tip."""
        count = len(width)
        bend = rng.uniform([0.7, 0.3, 0.1], [1.35, 1.0, 0.5], (count, 3))
        closing = np.repeat(bend[:, None], len(CHAINS), 1)
        closing[:, THUMB] = rng.uniform([0.1, 0.1, 0.1], [0.6, 0.5, 0.6], (count, 3))
        base = open_postures(rng.uniform(0.7, 1.0, count), rng.uniform(0.0, 0.08, count))
        share = np.linspace(0, 1.25, LEVELS)
        flexion = base.flexion[:, None] + share[:, None, None] * closing[:, None]
        every = Postures(flexion.reshape(-1, 5, 3), np.repeat(base.opposition, LEVELS), np.repeat(base.spread, LEVELS))
        total = count * LEVELS
        joints = self._hand.pose(every, np.broadcast_to(np.eye(3), (total, 3, 3)), np.zeros((total, 3))).joints
        joints = joints.reshape(count, LEVELS, 21, 3)
        thumb, fingers = joints[:, :, TIPS[0]], joints[:, :, TIPS[1:]].mean(2)
        wanted = width + FLESH + rng.uniform(*SLACK, count)
        error = np.abs(np.linalg.norm(fingers - thumb, axis=-1) - wanted[:, None])
        level, row = error.argmin(1), np.arange(count)
        return (
            base.with_flexion(flexion[row, level]), thumb[row, level], fingers[row, level], error[row, level] < 0.006
        )  # fmt: skip

    def _keep(
        self,
        opened: Postures,
        rotation: Floats,
        wrist: Floats,
        approach: Floats,
        possible: NDArray[np.bool_],
        kind: Kind,
    ) -> list[FreeGrasp]:
        rows = np.flatnonzero(possible)
        if not len(rows):
            return []
        opened, rotation, wrist, approach = opened[rows], rotation[rows], wrist[rows], approach[rows]
        arm = wrist[:, None] + np.linspace(0.05, 0.28, 8)[:, None] * rotation[:, None, :, 0]
        closed = self._close(opened, rotation, wrist)
        posed = self._hand.pose(closed, rotation, wrist).vertices
        distance = self.grid(posed)
        touching = distance < CONTACT
        contacts = np.stack([touching[:, self._chain(f)].any(1) for f in range(len(CHAINS))], 1)
        good = contacts[:, THUMB] & (contacts.sum(1) >= 3) & (distance.min(1) > -DEEPEST)
        good &= self.grid(arm).min(1) > ARM_CLEARANCE
        result = []
        for i in np.flatnonzero(good):
            opposing = self._opposition(posed[i], distance[i])
            if opposing < LEAST_OPPOSITION:
                continue
            into_object, into_hand = -float(distance[i].min()), self._into_hand(posed[i])
            deepest = max(into_object, into_hand)
            if deepest > DEEPEST:
                continue
            patches = contact_patches(posed[i], self.grid.normals(posed[i]), self._hand.link, touching[i])
            closure = closure_quality(*patches, self._middle, self._reach)
            score = float(contacts[i].sum() + opposing + 10 * closure - 200 * max(deepest, 0.0))
            one = slice(i, i + 1)
            grasp = Grasp(
                rotation[i], wrist[i], closed[one], opened[one], approach[i], contacts[i], deepest, score
            )  # fmt: skip
            result.append(FreeGrasp(grasp, kind, closure, into_object, into_hand, touching[i]))
        return result


def _facing_pairs(points: Floats, normals: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of surface points (P,), (P,) that two opposed fingers could press on."""
    between = points[None] - points[:, None]
    length = np.maximum(np.linalg.norm(between, axis=-1), 1e-9)
    against = -np.einsum("ijk,ik->ij", between, normals) / length
    facing = (against > FACING) & (against.T > FACING) & (length < WIDEST) & (length > 0.004)
    first, second = np.nonzero(facing)
    return first, second


def _turning(start: Floats, end: Floats) -> Floats:
    """(B, 3, 3) shortest rotations of unit vectors (B, 3) to others (B, 3)."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine[:, 0], (start * end).sum(1))
    helper = np.cross(start, np.eye(3)[np.abs(start).argmin(1)])
    axis = np.where(sine > 1e-6, axis / np.maximum(sine, 1e-12), helper / np.linalg.norm(helper, axis=1, keepdims=True))
    return np.asarray(Rotation.from_rotvec(axis * angle[:, None]).as_matrix(), np.float64)
