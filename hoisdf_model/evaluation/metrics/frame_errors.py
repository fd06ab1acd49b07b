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

"""All metrics of a batch of estimates.

Under the names that tables, CSV files and JSON files use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics import hand_metrics, object_metrics
from hoisdf_model.evaluation.metrics.alignment import Floats, scale_translation_aligned, similarity_aligned

Unit = Literal["mm", "deg", "%", "cm2", "cm3"]
DECIMALS: dict[Unit, int] = {"cm2": 3, "cm3": 2}  # where millimetres, degrees and percent have one
Errors = dict[str, Floats]  # metric -> (B,), NaN where it doesn't apply


@dataclass(frozen=True)
class Metric:
    """Description of a metric.

    Attributes:
        meaning: in a few words.
        unit: of the numbers in :func:`frame_errors` and everything that is made from them.
        falling: whether less is better.
    """

    meaning: str
    unit: Unit = "mm"
    falling: bool = True

    def text(self, value: float) -> str:
        """A number of this unit, as tables show it."""
        return f"{value:.{DECIMALS.get(self.unit, 1)}f}"


_PARTS = {"palm": "", "proximal": " phalanges", "middle": " phalanges", "distal": " phalanges"}
METRICS: dict[str, Metric] = {
    "MJE": Metric("joints of the hand model, relative to the wrist, which counts"),
    "PA-MJE": Metric("the same after rotation, scale and shift"),
    "ST-MJE": Metric("the same after scale and shift, by wrist and middle MCP"),
    "MJE voted": Metric("joints that the points vote for, relative to the wrist"),
    "PA-MJE voted": Metric("the same after rotation, scale and shift"),
    "MME": Metric("vertices of the hand, relative to the wrist"),
    "PA-MME": Metric("the same after rotation, scale and shift"),
    "VAUC": Metric("area under the vertices' PCK curve from 0 to 50 mm", "%", False),
    "PA-VAUC": Metric("the same after rotation, scale and shift", "%", False),
    "F@5": Metric("F-score of the hand's vertices at 5 mm", "%", False),
    "F@15": Metric("F-score of the hand's vertices at 15 mm", "%", False),
    "PA-F@5": Metric("the same at 5 mm after rotation, scale and shift", "%", False),
    "PA-F@15": Metric("the same at 15 mm after rotation, scale and shift", "%", False),
    "OCE": Metric("object origin (the official code's object centre error)"),
    "OCE box": Metric("middle of the object's own box"),
    "MCE": Metric("corners of the camera-aligned boxes around the posed meshes (the official code's)"),
    "MCE box": Metric("corners of the object's own box"),
    "ADD": Metric("model points, each to itself (OME under HO-3D's name)"),
    "ADD-S": Metric("model points, each to the nearest"),
    "rotation": Metric("object rotation, to the nearest that looks the same", "deg"),
    "wrist": Metric("wrist in the camera frame"),
    "camera MJE": Metric("joints in the camera frame"),
    "penetration": Metric("deepest vertex of the hand inside the object"),
    "intersection": Metric("volume that hand and object both fill, in voxels of 5 mm", "cm3"),
    "contact": Metric("frames in which a vertex of the hand is nearer to the object than 4 mm, or inside", "%", False),
    "overlap": Metric("frames in which a vertex of the hand is inside the object", "%"),
    "points to surface": Metric("sampled hand points, to the surface of the true hand"),
    **{f"points at {part}": Metric(f"those nearest to the {part}{where}") for part, where in _PARTS.items()},
    "joints to points": Metric("true joints, each to the nearest sampled point: the mean of the next four"),
    **{f"{kind} to points": Metric(f"the {kind} joints of the five fingers") for kind in ("MCP", "PIP", "DIP", "tip")},
    "hand field": Metric("surface of the hand's field and the true one, mean distance of both directions"),
    "hand chamfer": Metric("the same, mean squared distances of both directions added", "cm2"),
    "hand field F@1": Metric("F-score of the same at 1 mm", "%", False),
    "hand field F@5": Metric("F-score of the same at 5 mm", "%", False),
    "hand surface": Metric("frames in which the hand's field has a surface", "%", False),
    "object field": Metric("surface of the object's field and the true one, mean distance of both directions"),
    "object chamfer": Metric("the same, mean squared distances of both directions added", "cm2"),
    "object field F@1": Metric("F-score of the same at 1 mm", "%", False),
    "object field F@5": Metric("F-score of the same at 5 mm", "%", False),
    "object field F@10": Metric("F-score of the same at 10 mm", "%", False),
    "object surface": Metric("frames in which the object's field has a surface", "%", False),
}


@dataclass(frozen=True)
class Hands:
    """Hands of B frames.

    Attributes:
        joints: (B, 21, 3) and vertices: (B, 778, 3), None where there are none; metres, relative to the wrist.
        wrist: (B, 3) metres, camera frame.
    """

    joints: Floats
    wrist: Floats
    vertices: Floats | None = None


@dataclass(frozen=True)
class ObjectPoses:
    """Object poses of B frames, object frame -> camera frame.

    Rotations (B, 3, 3); translations (B, 3), metres.
    """

    rotation: Floats
    translation: Floats


@dataclass(frozen=True)
class Model:
    """Geometry of one object for the metrics, object frame, metres.

    Attributes:
        points: (N, 3) spread evenly over the surface; the same N for every object.
        outline: (M, 3) at least the vertices of the convex hull.
        corners: (8, 3) of the axis-aligned box. symmetries: (K, 3, 3) rotations that leave the shape as it is.
        vertices: (V, 3) and faces: (F, 3) of the whole mesh.
    """

    points: Floats
    outline: Floats
    corners: Floats
    symmetries: Floats
    vertices: Floats
    faces: NDArray[np.int64]


def hand_errors(estimate: Hands, truth: Hands) -> Errors:
    """Errors of B hands, millimetres and percent."""
    own, true = estimate.joints, truth.joints
    result: Errors = {
        "MJE": hand_metrics.mean_distance(own, true) * 1e3,
        "PA-MJE": hand_metrics.mean_distance(similarity_aligned(own, true), true) * 1e3,
        "ST-MJE": hand_metrics.mean_distance(scale_translation_aligned(own, true), true) * 1e3,
        "wrist": np.linalg.norm(estimate.wrist - truth.wrist, axis=-1) * 1e3,
        "camera MJE": hand_metrics.mean_distance(own + estimate.wrist[:, None], true + truth.wrist[:, None]) * 1e3,
    }
    if estimate.vertices is not None and truth.vertices is not None:
        for prefix, surface in (
            ("", estimate.vertices),
            ("PA-", similarity_aligned(estimate.vertices, truth.vertices)),
        ):
            errors = hand_metrics.distances(surface, truth.vertices)
            result[f"{prefix}MME"] = errors.mean(-1) * 1e3
            result[f"{prefix}VAUC"] = hand_metrics.area_under_curve(errors) * 100
            for limit in (5, 15):
                result[f"{prefix}F@{limit}"] = hand_metrics.f_score(surface, truth.vertices, limit / 1e3).score * 100
    return result


def object_errors(
    estimate: ObjectPoses, truth: ObjectPoses, models: list[Model], origins: Floats | None = None
) -> Errors:
    """Errors of B objects, millimetres and degrees.

    ``origins`` (B, 3), object frame: the points that OCE is of; None: the frames' origins.
    """
    own, true = (estimate.rotation, estimate.translation), (truth.rotation, truth.translation)
    points, corners = (np.stack([getattr(model, name) for model in models]) for name in ("points", "corners"))
    turns = [
        object_metrics.rotation_error(r[None], q[None], model.symmetries[None])[0]
        for r, q, model in zip(estimate.rotation, truth.rotation, models, strict=True)
    ]
    return {
        "OCE": (
            object_metrics.origin_error(own, true)
            if origins is None
            else object_metrics.center_error(origins, own, true)
        )
        * 1e3,
        "OCE box": object_metrics.center_error(corners.mean(1), own, true) * 1e3,
        "MCE": object_metrics.axis_aligned_corner_error([model.outline for model in models], own, true) * 1e3,
        "MCE box": object_metrics.box_corner_error(corners, own, true) * 1e3,
        "ADD": object_metrics.average_distance(points, own, true) * 1e3,
        "ADD-S": object_metrics.nearest_distance(points, own, true) * 1e3,
        "rotation": np.rad2deg(turns),
    }


def joint_distances(estimate: Hands, truth: Hands) -> NDArray[np.float64]:
    """Joint errors relative to the wrist, for PCK curves.

    (B, 21) millimetres.
    """
    return hand_metrics.distances(estimate.joints, truth.joints) * 1e3
