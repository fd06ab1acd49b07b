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

"""Sampling of grasps on an object that stands on a table.

Bring the palm up, close every joint until it touches, keep what holds.

A grasp is kept if thumb and at least two fingers touch, if they press against each other, if neither goes more than
3 mm into the other (the hand's vertices into the object, and the object's surface into the hand: corners slip
between the sparse vertices of a hand), and if hand and forearm stay above the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import distances, meshes
from hoisdf_model.objects import CatalogueObject
from hoisdf_model.synthesis.grasps.articulation import CHAINS, CLOSING_RATES, THUMB, Postures, open_postures
from hoisdf_model.synthesis.grasps.distance_grid import DistanceGrid
from hoisdf_model.synthesis.grasps.posing import PosableHand

CONTACT = 0.003  # metres: closer than this is touching
TOUCH = 0.0008  # metres: a closing joint stops at this distance
DEEPEST = 0.003  # metres of penetration that a kept grasp may have
TABLE_CLEARANCE = 0.004
FOREARM_CLEARANCE, FOREARM_CHECKED = 0.05, 0.25  # the arm's axis above the table, and how far from the wrist
SURFACE_SAMPLES = 1500
STEEPEST = 0.75  # sine of the forearm's elevation: people don't reach for a table from straight above
TALL = 0.075  # metres: what is higher is taken from the side, what is lower from above, with the palm off the object
CLOSING_STEPS = (36, 6, 6)  # coarse, then twice with a quarter of the step, from where the last one was taken back


@dataclass(frozen=True)
class Grasp:
    """One grasp, in the object's model frame.

    Attributes:
        rotation: (3, 3) MANO's rest frame -> object frame.
        wrist: (3,) metres.
        closed: one posture, in contact.
        opened: one posture from which the fingers closed.
        approach: (3,) unit vector away from the object, along which the hand comes and leaves.
        contacts: (5,) bool, order of ``articulation.CHAINS``.
        penetration: deepest of both directions, metres.
        score: higher is better.
    """

    rotation: NDArray[np.float64]
    wrist: NDArray[np.float64]
    closed: Postures
    opened: Postures
    approach: NDArray[np.float64]
    contacts: NDArray[np.bool_]
    penetration: float
    score: float


class GraspSampler:
    """Sampler of one hand's grasps on one standing object.

    Its model z axis is up.

    Args:
        hand: the hand.
        thing: the object.

    Attributes:
        grid: distances to the object, model frame.
        surface: (N, 3) points on it.
    """

    def __init__(self, hand: PosableHand, thing: CatalogueObject) -> None:
        self._hand, self._thing = hand, thing
        self._vertices = np.asarray(thing.mesh.vertices, np.float64)
        self._faces = np.asarray(thing.mesh.faces, np.int64)
        self.grid = DistanceGrid(self._vertices, self._faces, cells=80)
        self.surface = meshes.sample_surface(self._vertices, self._faces, SURFACE_SAMPLES, np.random.default_rng(0))
        self._table = float(self._vertices[:, 2].min())
        joints = hand.rest_joints
        # a little in front of the palm, between its middle and the knuckles
        self._palm = 0.75 * joints[9] + np.array([-0.012, -0.018, 0.010])

    def sample(self, count: int, rng: np.random.Generator, batch: int = 32, tries: int = 40) -> list[Grasp]:
        """Up to ``count`` grasps, best first.

        Fewer where ``tries`` batches don't give as many.
        """
        found: list[Grasp] = []
        for _ in range(tries):
            found += self._attempt(batch, rng)
            if len(found) >= count:
                break
        return sorted(found, key=lambda grasp: -grasp.score)[:count]

    def _attempt(self, count: int, rng: np.random.Generator) -> list[Grasp]:
        rotation, target = self._directions(count, rng)
        approach = rotation[:, :, 1]
        opened = open_postures(rng.uniform(0.4, 1.0, count), rng.uniform(0.0, 0.12, count))
        wrist, reached = self._advance(opened, rotation, target, approach, rng)
        closed = self._close(opened, rotation, wrist)
        posed = self._hand.pose(closed, rotation, wrist)
        distance = self.grid(posed.vertices)
        contacts = np.stack([(distance < CONTACT)[:, self._chain(f)].any(1) for f in range(len(CHAINS))], 1)
        low = posed.vertices[..., 2].min(1) - self._table
        along = np.linspace(0.03, FOREARM_CHECKED, 8)
        forearm = wrist[:, None, 2] + along * rotation[:, 2, :1] - self._table
        good = reached & contacts[:, THUMB] & (contacts.sum(1) >= 3) & (distance.min(1) > -DEEPEST)
        good &= (low > TABLE_CLEARANCE / 2) & (forearm.min(1) > FOREARM_CLEARANCE)
        good &= rotation[:, 2, 0] < STEEPEST
        result = []
        for i in np.flatnonzero(good):
            opposing = self._opposition(posed.vertices[i], distance[i])
            if opposing < 0.3:
                continue
            deepest = max(-float(distance[i].min()), self._into_hand(posed.vertices[i]))
            if deepest > DEEPEST:
                continue
            touching = int((distance[i] < CONTACT).sum())
            score = float(contacts[i].sum() + opposing + min(touching, 60) / 30 - 200 * max(deepest, 0.0))
            one = slice(i, i + 1)
            result.append(
                Grasp(rotation[i], wrist[i], closed[one], opened[one], approach[i], contacts[i], deepest, score)
            )
        return result

    def _directions(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Hand orientations (count, 3, 3) with the back of the hand outwards, and points on the object's axis."""
        low, high = self._vertices.min(0), self._vertices.max(0)
        size = high - low
        upright = size[2] > TALL
        elevation = rng.uniform(-0.1, 0.9, count) if upright else rng.uniform(0.7, np.pi / 2, count)
        # half of the hands come along the longer horizontal axis, where fingers and thumb find the narrow width
        along = np.linalg.svd(self.surface[:, :2] - self.surface[:, :2].mean(0), full_matrices=False)[2][0]
        ends = np.arctan2(along[1], along[0]) + np.pi * rng.integers(0, 2, count) + rng.normal(0, 0.15, count)
        azimuth = np.where(rng.random(count) < 0.5, ends, rng.uniform(0, 2 * np.pi, count))
        back = np.stack(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], 1
        )
        thumb = rng.normal(0, 0.45, (count, 3)) + (np.array([0, 0, 1.0]) if upright else 0.0)
        thumb -= back * (thumb * back).sum(1, keepdims=True)
        thumb /= np.linalg.norm(thumb, axis=1, keepdims=True)
        rotation = np.stack([np.cross(back, thumb), back, thumb], -1)
        share = rng.uniform([-0.15, -0.15, -0.3], [0.15, 0.15, 0.42], (count, 3))
        return rotation, (low + high) / 2 + share * size

    def _advance(
        self,
        opened: Postures,
        rotation: NDArray[np.float64],
        target: NDArray[np.float64],
        approach: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Move open hands along their palms until they touch, then a little back: wrists (B, 3) and who got there."""
        offset = -np.einsum("bij,j->bi", rotation, self._palm)
        travelled = np.full(len(opened), 0.18)
        vertices = self._hand.pose(opened, rotation, offset + target).vertices
        for _ in range(30):
            gap = self._free(vertices + (approach * travelled[:, None])[:, None]).min(1)
            travelled -= np.where(gap > 0.0012, np.clip(gap - TOUCH, 0.0004, 0.02), 0.0)
        reached = (gap < 0.004) & (travelled > -0.12)
        tall = np.ptp(self._vertices[:, 2]) > TALL
        travelled += rng.random(len(opened)) ** 3 * 0.02 if tall else rng.uniform(0.0, 0.05, len(opened))
        return offset + target + approach * travelled[:, None], reached

    def _free(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance (...) of points (..., 3) to the object or, where that is nearer, to a little above the table."""
        return np.minimum(self.grid(points), points[..., 2] - self._table - TABLE_CLEARANCE)

    def _close(self, opened: Postures, rotation: NDArray[np.float64], wrist: NDArray[np.float64]) -> Postures:
        """Close all joints step by step; a link that touches stops its own joint and those before it."""
        flexion = opened.flexion.copy()
        furthest = self._hand.limits.flexion[1:, 1].reshape(5, 3)
        limits = np.broadcast_to(furthest, flexion.shape)
        step = float(furthest.max()) / 24
        for steps in CLOSING_STEPS:
            free = flexion < limits - 1e-6
            for _ in range(steps):
                if not free.any():
                    break
                wanted = np.where(free, np.minimum(flexion + CLOSING_RATES * step, limits), flexion)
                vertices = self._hand.pose(opened.with_flexion(wanted), rotation, wrist).vertices
                touching = self._free(vertices) < TOUCH
                for finger in range(len(CHAINS)):
                    stopped = np.zeros(len(flexion), bool)
                    for joint in (2, 1, 0):
                        link = self._hand.link == 1 + 3 * finger + joint
                        stopped |= touching[:, link].any(1) & free[:, finger].any(1)
                        wanted[stopped, finger, joint] = flexion[stopped, finger, joint]
                        free[stopped, finger, joint] = False
                flexion = wanted
                free &= flexion < limits - 1e-6
            step /= 4
        return opened.with_flexion(flexion)

    def _opposition(self, vertices: NDArray[np.float64], distance: NDArray[np.float64]) -> float:
        """1 where the thumb presses straight against a finger, 0 where at right angles, negative where beside it."""
        near = distance < CONTACT
        thumb = near & self._chain(THUMB)
        outer = (self._hand.link - 1) % 3 > 0  # a finger's first link lies along the palm and presses with it
        fingers = near & ~self._chain(THUMB) & (self._hand.link > 0) & outer
        if not thumb.any() or not fingers.any():
            return -1.0
        pressing = self.grid.normals(vertices[thumb]).mean(0)
        against = self.grid.normals(vertices[fingers]) @ pressing
        return float(-np.sort(against)[: max(3, len(against) // 3)].mean())

    def _into_hand(self, vertices: NDArray[np.float64]) -> float:
        """How deep the object's surface lies in the closed hand, metres."""
        low, high = vertices.min(0), vertices.max(0)
        inside = ((self.surface > low) & (self.surface < high)).all(1)
        points = np.concatenate([self.surface[inside], self._vertices])
        return -float(distances.signed_distance(points, self._hand.closed(vertices), self._hand.closed_faces).min())

    def _chain(self, finger: int) -> NDArray[np.bool_]:
        return (self._hand.link - 1) // 3 == finger
