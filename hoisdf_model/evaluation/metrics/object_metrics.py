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

"""Errors of object poses, one number a frame.

Poses are rotation (B, 3, 3) and translation (B, 3), object frame -> camera frame, metres. Model points are (B, N, 3) in
the object frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.hand_metrics import mean_distance, nearest_distances
from hoisdf_model.geometry import meshes, rotations

Poses = tuple[NDArray[Any], NDArray[Any]]  # rotations and translations


def posed(points: NDArray[Any], pose: Poses) -> Floats:
    """Model points in the camera frame.

    (B, N, 3), metres.
    """
    rotation, translation = (np.asarray(part, np.float64) for part in pose)
    return np.asarray(points, np.float64) @ np.swapaxes(rotation, -1, -2) + translation[:, None]


def origin_error(estimate: Poses, truth: Poses) -> Floats:
    """Distance of the object frames' origins.

    (B,), metres: OCE as the official code computes it.
    """
    return np.asarray(np.linalg.norm(np.asarray(estimate[1], np.float64) - truth[1], axis=-1), np.float64)


def center_error(centers: NDArray[Any], estimate: Poses, truth: Poses) -> Floats:
    """Distance of the models' box centres.

    Centres (B, 3) in the object frame -> (B,), metres: OCE by its name.
    """
    return mean_distance(posed(np.asarray(centers)[:, None], estimate), posed(np.asarray(centers)[:, None], truth))


def average_distance(points: NDArray[Any], estimate: Poses, truth: Poses) -> Floats:
    """Mean distance of corresponding model points: ADD.

    (B,), metres (Hinterstoisser et al. 2012); HO-3D's OME.
    """
    return mean_distance(posed(points, estimate), posed(points, truth))


def nearest_distance(points: NDArray[Any], estimate: Poses, truth: Poses) -> Floats:
    """Mean distance to the nearest true model point: ADD-S.

    (B,), metres, from each point as estimated to the nearest one of the true pose, as in the official code (other
    authors go from the truth to the estimate).
    """
    pairs = zip(posed(points, estimate), posed(points, truth), strict=True)
    return np.array([nearest_distances(own, true).mean() for own, true in pairs], np.float64)


def axis_aligned_corner_error(outlines: Sequence[NDArray[Any]], estimate: Poses, truth: Poses) -> Floats:
    """Mean corner distance of the camera-aligned boxes of posed models.

    (B,), metres: MCE of the official code.

    A turned object changes such a box only in size, so this is mild with rotations.

    Args:
        outlines: B arrays (N, 3) of model points, at least those of the convex hull.
        estimate, truth: poses.
    """
    result = np.empty(len(outlines))
    for k, outline in enumerate(outlines):
        boxes = [
            meshes.box_corners(posed(outline[None], (r[k : k + 1], t[k : k + 1]))[0]) for r, t in (estimate, truth)
        ]
        result[k] = mean_distance(*boxes)
    return result


def box_corner_error(corners: NDArray[Any], estimate: Poses, truth: Poses) -> Floats:
    """Mean distance of the posed corners of the model's box.

    Corners (B, 8, 3) -> (B,), metres: MCE by its name.
    """
    return mean_distance(posed(corners, estimate), posed(corners, truth))


def rotation_error(estimate: NDArray[Any], truth: NDArray[Any], symmetries: NDArray[Any]) -> Floats:
    """Angle to the nearest rotation equivalent to the true one.

    (B,) radians.

    Args:
        estimate, truth: (B, 3, 3).
        symmetries: (B, K, 3, 3) rotations of the object frame that leave the shape as it is, the identity among them.
    """
    return np.asarray(_angles(estimate, _equivalent(truth, symmetries)).min(1), np.float64)


def rotation_difference(estimate: NDArray[Any], truth: NDArray[Any], symmetries: NDArray[Any]) -> Floats:
    """Rotation vector whose angle is the :func:`rotation_error`.

    (B, 3), radians, about the camera's axes.

    Args:
        estimate, truth, symmetries: as there.
    """
    equivalent = _equivalent(truth, symmetries)
    nearest = equivalent[np.arange(len(equivalent)), _angles(estimate, equivalent).argmin(1)]
    return rotations.rotation_vectors(np.asarray(estimate, np.float64) @ np.swapaxes(nearest, -1, -2))


def _equivalent(truth: NDArray[Any], symmetries: NDArray[Any]) -> Floats:
    return np.asarray(np.asarray(truth, np.float64)[:, None] @ np.asarray(symmetries, np.float64), np.float64)


def _angles(estimate: NDArray[Any], equivalent: Floats) -> Floats:
    """Angles (B, K) to each equivalent rotation, radians."""
    own = np.asarray(estimate, np.float64)
    # |R - Q| = 2 sqrt(2) sin(angle / 2) keeps its precision at small angles, unlike the trace's arc cosine
    half_sines = np.linalg.norm(own[:, None] - equivalent, axis=(-1, -2)) / (2 * np.sqrt(2))
    return np.asarray(2 * np.arcsin(np.clip(half_sines, 0, 1)), np.float64)
