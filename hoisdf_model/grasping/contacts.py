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

"""Contacts of hand and object, and contact maps of demonstrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances, meshes
from hoisdf_model.grasping.hands import HandShape
from hoisdf_model.grasping.object_shapes import ObjectShape
from hoisdf_model.hand.hand_parts import PARTS, REGIONS

THRESHOLD = 0.004  # metres: nearer than this is touching; skin gives, and grasps of the synthetic world stop at 3 mm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contacts:
    """Vertices of one hand that touch one object; object frame, metres.

    Attributes:
        vertices: (C,) which of the hand's 778 vertices.
        points: (C, 3) the nearest points of the object's surface.
        normals: (C, 3) unit, out of the object there.
        distances: (C,) signed, negative inside the object.
        part: (C,) index into ``hand.parts.PARTS``.
        region: (C,) index into ``hand.parts.REGIONS``.
    """

    vertices: NDArray[np.int64]
    points: Floats
    normals: Floats
    distances: Floats
    part: NDArray[np.int64]
    region: NDArray[np.int64]

    def __len__(self) -> int:
        """How many vertices touch."""
        return len(self.vertices)

    def of(self, chosen: NDArray[np.bool_]) -> Contacts:
        """Contacts where ``chosen`` (C,) is true."""
        return Contacts(
            self.vertices[chosen],
            self.points[chosen],
            self.normals[chosen],
            self.distances[chosen],
            self.part[chosen],
            self.region[chosen],
        )

    def counts(self) -> dict[str, int]:
        """Numbers of contacts of each touching finger part."""
        parts, numbers = np.unique(self.part, return_counts=True)
        return {PARTS[part]: int(number) for part, number in zip(parts, numbers, strict=True)}


def find_contacts(hand: HandShape, thing: ObjectShape, threshold: float = THRESHOLD) -> Contacts:
    """Hand vertices in contact with an object.

    Those whose signed distance to the object's mesh is below ``threshold`` metres.

    Args:
        hand: in the object's frame.
        thing: the object.
        threshold: metres; an estimate's errors ask for a larger one than ground truth.

    Raises:
        InvalidInputError: a threshold that isn't positive.
    """
    if not threshold > 0:
        raise InvalidInputError(f"the contact threshold must be a positive length in metres, got {threshold}")
    low, high = thing.vertices.min(0) - threshold, thing.vertices.max(0) + threshold
    near = np.flatnonzero(((hand.vertices > low) & (hand.vertices < high)).all(1))
    if not len(near):
        none = np.zeros((0, 3))
        empty = np.zeros(0, np.int64)
        return Contacts(empty, none, none, np.zeros(0), empty, empty)
    points = hand.vertices[near]
    magnitude, face, nearest = thing.solid.surface.closest_points(points)
    signed = np.where(thing.solid.surface.inside(points), -magnitude, magnitude)
    normals = meshes.face_normals(thing.vertices, thing.faces[face])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-18)
    # beyond an edge or corner the direction to the vertex says more than one of the faces that meet there
    away = (points - nearest) * np.sign(signed)[:, None]
    clear = magnitude > 1e-4
    normals[clear] = away[clear] / magnitude[clear, None]
    touching = signed < threshold
    kept = near[touching]
    return Contacts(kept, nearest[touching], normals[touching], signed[touching], hand.part[kept], hand.region[kept])


class ContactMap:
    """Contact frequencies on an object's surface during a demonstration, by finger.

    Attributes:
        name: the object's.
        points, normals: (P, 3) places on the surface, object frame.
        touched: (P, 6) number of frames in which the palm or a finger (``hand.parts.REGIONS``) touched there.
        frames: number of frames.
    """

    def __init__(self, thing: ObjectShape) -> None:
        self.name = thing.name
        self.points, self.normals = thing.map_samples
        self.touched = np.zeros((len(self.points), len(REGIONS)), np.int64)
        self.frames = 0

    def add(self, hand: HandShape, threshold: float = THRESHOLD) -> None:
        """Add one frame; ``hand`` in the object's frame.

        A place inside the flesh counts as touched.
        """
        self.frames += 1
        low, high = hand.vertices.min(0) - threshold, hand.vertices.max(0) + threshold
        near = np.flatnonzero(((self.points > low) & (self.points < high)).all(1))
        if not len(near):
            return
        _, face, _ = distances.closest_points(self.points[near], hand.closed_vertices, hand.closed_faces)
        signed = distances.signed_distance(self.points[near], hand.closed_vertices, hand.closed_faces)
        touching = signed < threshold
        corners = np.minimum(hand.closed_faces[face[touching], 0], len(hand.part) - 1)
        self.touched[near[touching], hand.region[corners]] += 1

    @property
    def share(self) -> Floats:
        """Contact frequency (P,) of any hand part, 0 to 1."""
        return self.touched.max(1) / max(self.frames, 1)

    def regions(self) -> dict[str, dict[str, Any]]:
        """Contact regions of palm and fingers.

        Share of the surface, mean point and normal, weighted by frames.
        """
        result: dict[str, dict[str, Any]] = {}
        for k, region in enumerate(REGIONS):
            weight = self.touched[:, k].astype(np.float64)
            if not weight.any():
                continue
            normal = weight @ self.normals
            result[region] = {
                "surface": float((weight > 0).mean()),
                "point": (weight @ self.points / weight.sum()).tolist(),
                "normal": (normal / max(float(np.linalg.norm(normal)), 1e-12)).tolist(),
            }
        return result
