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

"""Mean hand and mean object pose of a training split: the baseline.

A network is worth something only where it is better than this. The shipped constants are in ``assets/mean_pose.yaml``,
written by ``hoisdf mean-pose``, which the file names with its arguments; nothing in them comes from a benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from hoisdf_model.data.labelled_frames import LabelledFrame, ObjectLabel
from hoisdf_model.data.samples.labelled_views import right_handed
from hoisdf_model.errors import NO_NUMBER, UNREADABLE, DatasetError
from hoisdf_model.evaluation.metrics.alignment import Floats, similarity_aligned
from hoisdf_model.geometry import Pinhole, boxes, rotations

SHIPPED = "mean_pose.yaml"
DIGITS = 6  # metres and matrix elements as they are written
ROUNDS = 10  # of the generalised Procrustes mean, which converges in a few
_HEADER = (
    "# Means over training labels, metres, camera frame: what the baselines of hoisdf evaluate say of each frame.\n"
)
_SHAPES = {
    "joints": (21, 3), "aligned_joints": (21, 3),
    "object_from_wrist": (3,), "object_from_box": (3,), "rotation": (3, 3),
}  # fmt: skip


@dataclass(frozen=True)
class MeanPose:
    """Means over training labels, right hands; metres, camera frame.

    Attributes:
        joints: (21, 3) relative to the wrist: of all constants the best for MJE (least squares).
        aligned_joints: (21, 3) mean of hands turned, scaled and moved onto each other (generalised Procrustes, Gower
            1975), of mean size: of all constants the best for PA-MJE.
        object_from_wrist: (3,) from the wrist to the middle of the object's box.
        object_from_box: (3,) to that middle from what a network is given of it: the middle of the box in the image, at
            the wrist's depth.
        rotation: (3, 3) chordal mean of the objects' rotations (Hartley et al. 2013, section 5.3).
        about: where they come from: command, data, number of frames.
    """

    joints: Floats
    aligned_joints: Floats
    object_from_wrist: Floats
    object_from_box: Floats
    rotation: Floats
    about: dict[str, Any] = field(default_factory=dict)


def mean_pose_of(frames: Iterable[LabelledFrame], about: dict[str, Any]) -> MeanPose:
    """Means over frames with a hand and an object.

    Left hands are mirrored.

    Args:
        frames: labels; images aren't looked at.
        about: kept with the means; the number of frames that counted is added.

    Raises:
        DatasetError: no frame shows a hand with an object.
    """
    hands, from_wrist, from_box, turns = [], [], [], []
    for frame in frames:
        scene = right_handed(frame)
        hand, obj = scene.hand, scene.object
        if hand is None or obj is None:
            continue
        middle = obj.pose[:3, :3] @ obj.corners.mean(0) + obj.pose[:3, 3]
        hands.append(hand.joints - hand.joints[0])
        from_wrist.append(middle - hand.joints[0])
        from_box.append(middle - box_center_at_depth(scene.camera, obj, hand.joints[0, 2]))
        turns.append(obj.pose[:3, :3])
    if not hands:
        raise DatasetError("no frame shows a hand with an object: there is nothing to take means of")
    joints = np.stack(hands)
    turn = rotations.nearest_rotation(torch.from_numpy(np.mean(turns, 0))).numpy()
    return MeanPose(
        joints=joints.mean(0),
        aligned_joints=_procrustes_mean(joints),
        object_from_wrist=np.mean(from_wrist, 0),
        object_from_box=np.mean(from_box, 0),
        rotation=np.asarray(turn, np.float64),
        about={**about, "hands_with_objects": len(hands)},
    )


def box_center_at_depth(camera: Pinhole, obj: ObjectLabel, depth: float) -> Floats:
    """Centre (3,) of the object's image box, at a depth.

    Of the box around the projected corners of its model box, metres, as ``data.samples.preparation`` computes it.
    """
    corners = obj.corners @ obj.pose[:3, :3].T + obj.pose[:3, 3]
    return camera.back_project(boxes.center(boxes.around(camera.project(corners))), depth)


def read_mean_pose(path: str | Path | None = None) -> MeanPose:
    """Means from a file; the shipped ones where none is given.

    Raises:
        DatasetError: missing, not YAML, or an array is missing, of another shape or not finite (named).
    """
    place = Path(str(resources.files("hoisdf_model") / "assets" / SHIPPED)) if path is None else Path(path)
    try:
        content = yaml.safe_load(place.read_text())
    except UNREADABLE as error:
        raise DatasetError(f"the mean pose {place} can't be read: {error}") from error
    arrays: dict[str, NDArray[np.float64]] = {}
    for name, shape in _SHAPES.items():
        try:
            arrays[name] = np.array(content[name], np.float64)
        except (*NO_NUMBER, KeyError) as error:
            raise DatasetError(
                f"the mean pose {place} has no usable {name!r}: write it with hoisdf mean-pose"
            ) from error
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise DatasetError(
                f"{name!r} in the mean pose {place} must be finite and {shape}, it is {arrays[name].shape}"
            )
    return MeanPose(**arrays, about=dict(content.get("about") or {}))


def write_mean_pose(means: MeanPose, path: str | Path) -> None:
    """Write the file that :func:`read_mean_pose` reads."""
    content: dict[str, Any] = {"about": means.about}
    content |= {name: np.round(getattr(means, name), DIGITS).tolist() for name in _SHAPES}
    Path(path).write_text(_HEADER + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120))


def _procrustes_mean(hands: Floats) -> Floats:
    size = np.linalg.norm(hands - hands.mean(1, keepdims=True), axis=(1, 2)).mean()
    mean = hands[0]
    for _ in range(ROUNDS):
        mean = similarity_aligned(hands, np.broadcast_to(mean, hands.shape)).mean(0)
        mean = mean - mean.mean(0)
        mean = mean * size / np.linalg.norm(mean)
    return np.asarray(mean - mean[0], np.float64)
