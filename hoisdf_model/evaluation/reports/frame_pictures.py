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

"""Pictures of frames: ground truth and estimate side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from scipy.stats import rankdata

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig
from hoisdf_model.drawing import FONT, Pen
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.runs.crop_pictures import INK, PAPER, SIZE, STRIP, Pixels, captioned, crop_of
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, FrameBatch
from hoisdf_model.evaluation.runs.records import Record, pose_of
from hoisdf_model.geometry import rotations

GAP = 4  # pixels between tiles
RANKED_BY, CAPTION = ("MJE", "ADD-S"), ("MJE", "PA-MJE", "OCE", "ADD-S")
BOX_COLOUR, BOX_NEAR = (255, 214, 64), (255, 120, 40)
JOINT_RADIUS, EDGE_RADIUS = np.full(21, 2.5), np.full(21, 3.5)


def ranked(records: Sequence[Record], method: str) -> list[Record]:
    """Frames from the best to the worst.

    By the mean of their ranks in MJE and in ADD-S, of frames that have both.

    Where fewer than three have both, by the one that more have.
    """

    def records_with(metrics: Sequence[str]) -> list[Record]:
        return [r for r in records if method in r.results and all(m in r.results[method].errors for m in metrics)]

    metrics: Sequence[str] = RANKED_BY
    if len(records_with(metrics)) < 3:
        metrics = (max(RANKED_BY, key=lambda metric: len(records_with((metric,)))),)
    judged = records_with(metrics)
    if not judged:
        return []
    ranks = np.mean([rankdata([r.results[method].errors[m] for r in judged]) for m in metrics], 0)
    return [judged[k] for k in np.argsort(ranks, kind="stable")]


def best_median_worst(records: Sequence[Record], method: str, each: int = 4) -> dict[str, list[Record]]:
    """First, middle and last ``each`` of the ranked frames.

    Fewer where there aren't that many.
    """
    order = ranked(records, method)
    if len(order) < 3:
        return {"best": order, "median": [], "worst": []}
    each = min(each, len(order) // 3)
    middle = (len(order) - each) // 2
    return {
        "best": order[:each],
        "median": order[middle : middle + each],
        "worst": order[len(order) - each :][::-1],
    }


def tile(record: Record, method: str, source: FrameSource, preparation: PreparationConfig, models: Models) -> Pixels:
    """Crop of a frame, ground truth left, estimate right, errors below.

    Drawn are the skeleton, each finger in its colour, and the object's own box.

    Returns:
        (SIZE + STRIP, 2 SIZE, 3) uint8 RGB.
    """
    batch = EvaluatedFrames(source, [record.frame], preparation)[0]
    image, camera = crop_of(batch)
    sides = []
    for pose in (_truth(batch), record.results[method].pose):
        pen = Pen(image.copy(), camera, 1.0)
        if "rotation" in pose and record.object:
            corners = models(record.object).corners
            turn = rotations.rotation_matrices(np.array(pose["rotation"]))
            pen.cuboid(corners @ turn.T + np.array(pose["translation"]), BOX_COLOUR, BOX_NEAR)
        if "joints" in pose:
            pen.skeleton(np.array(pose["joints"], np.float64), JOINT_RADIUS, EDGE_RADIUS)
        sides.append(pen.canvas)
    errors = record.results[method].errors
    numbers = "  ".join(f"{metric} {errors[metric]:.0f}" for metric in CAPTION if metric in errors)
    return captioned(np.hstack(sides), f"{record.frame}  {record.object}  {numbers} mm")


def sheet(
    rows: dict[str, list[Record]], method: str, source: FrameSource, preparation: PreparationConfig, models: Models
) -> Pixels:
    """Tiles in rows, each row under its name.

    Returns:
        (H, W, 3) uint8 RGB; an empty strip where there are no tiles.
    """
    lines = []
    columns = max((len(row) for row in rows.values()), default=0)
    if not columns:
        return np.full((STRIP, 2 * SIZE, 3), PAPER, np.uint8)
    width = columns * (2 * SIZE + GAP) - GAP
    for name, row in rows.items():
        if not row:
            continue
        head = np.full((STRIP + 6, width, 3), PAPER, np.uint8)
        cv2.putText(head, f"{name}   (true | estimated)", (4, STRIP), FONT, 0.55, INK, 1, cv2.LINE_AA)
        tiles = [tile(record, method, source, preparation, models) for record in row]
        band = np.full((SIZE + STRIP, width, 3), PAPER, np.uint8)
        for k, picture in enumerate(tiles):
            left = k * (2 * SIZE + GAP)
            band[:, left : left + 2 * SIZE] = picture
        lines += [head, band]
    return np.concatenate(lines)


def _truth(batch: FrameBatch) -> dict[str, Any]:
    (truth,) = batch.truths
    joints = np.asarray(truth.hands[0].joints, np.float64) if bool(batch.sample.hand_known[0]) else None
    rotation, translation = next(((obj.rotation, obj.translation) for obj in truth.objects), (None, None))
    return pose_of(joints, rotation, translation)
