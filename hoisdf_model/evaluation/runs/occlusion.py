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

"""Occlusion of hands and objects, where masks are known.

Masks are of visible pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.object_metrics import posed
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.geometry import simplified

LEVELS = ("0-25 %", "25-50 %", "50-75 %", "75-100 %")
LEVEL_TAGS = tuple(f"{what} hidden {level}" for what in ("hand", "object") for level in LEVELS)


def hidden_fraction(
    vertices: Floats, faces: NDArray[np.int64], camera: Floats, visible: NDArray[np.bool_]
) -> float | None:  # fmt: skip
    """Fraction of a mesh's silhouette in the crop that isn't visible.

    Args:
        vertices, faces: (N, 3) metres, camera frame, and (M, 3).
        camera: (3, 3) intrinsics of the crop.
        visible: (S/2, S/2) mask of what is seen of it; pixel (x, y) is crop pixel (2x+1, 2y+1).

    Returns:
        From 0 to 1; None where the silhouette isn't in the crop, or the mesh reaches behind the camera.
    """
    points, triangles = simplified(vertices, faces, 5000)
    if (points[:, 2] <= 0).any():
        return None
    silhouette = np.zeros((2 * visible.shape[0], 2 * visible.shape[1]), np.uint8)
    seen = points @ camera.T
    pixels = np.clip(np.round(seen[:, :2] / seen[:, 2:] * 16), -160_000, 160_000).astype(np.int32)
    for corners in pixels[triangles]:  # all at once, overlaps would cancel out
        cv2.fillConvexPoly(silhouette, corners, 1, cv2.LINE_8, 4)
    wanted = silhouette[1::2, 1::2] > 0
    return None if not wanted.any() else float(1 - visible[wanted].mean())


def level_tags(
    batch: FrameBatch, models: Models, faces: NDArray[np.int64]
) -> list[tuple[str, ...]]:  # fmt: skip
    """Occlusion tags of each frame of a batch, of ``LEVEL_TAGS``.

    One for the hand and one for the object, where they are known.

    Args:
        batch: with masks, and meshes of the hands (``truth.truths_of``).
        models: objects by name.
        faces: (M, 3) of a right hand.
    """
    sample, tags = batch.sample, []
    for k, (name, truth) in enumerate(zip(batch.names, batch.truths, strict=True)):
        fractions: dict[str, float | None] = {}
        camera, axes = sample.intrinsics[k].double().numpy(), batch.axes[k]
        if bool(sample.masks_known[k] & sample.hand_known[k]) and len(truth.hands[0].vertices):
            mask = sample.hand_mask[k].numpy() > 0
            fractions["hand"] = hidden_fraction(truth.hands[0].vertices @ axes.T, faces, camera, mask)
        if bool(sample.masks_known[k]) and name:
            model, mask, held = models(name), sample.object_mask[k].numpy() > 0, truth.objects[0]
            seen = posed(model.vertices[None], (held.rotation[None], held.translation[None]))[0] @ axes.T
            turned = model.faces[:, ::-1] if bool(sample.mirrored[k]) else model.faces  # a mirror turns them inside out
            fractions["object"] = hidden_fraction(seen, turned, camera, mask)
        found = {what: fraction for what, fraction in fractions.items() if fraction is not None}
        tags.append(tuple(f"{what} hidden {LEVELS[min(int(4 * fraction), 3)]}" for what, fraction in found.items()))
    return tags
