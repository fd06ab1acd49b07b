"""How much of a hand and of an object something else hides, for frames whose masks of visible pixels are known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.estimation.shading import simplified
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.metrics.frame_errors import Hands, Things
from hoisdf_model.evaluation.metrics.models import Models
from hoisdf_model.evaluation.metrics.objects import posed
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.truth import mesh_known, object_known

LEVELS = ("0-25 %", "25-50 %", "50-75 %", "75-100 %")
LEVEL_TAGS = tuple(f"{what} hidden {level}" for what in ("hand", "object") for level in LEVELS)


def hidden_share(
    vertices: Floats, faces: NDArray[np.int64], camera: Floats, visible: NDArray[np.bool_]
) -> float | None:  # fmt: skip
    """Share of a mesh's silhouette in the crop that isn't visible.

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
    batch: FrameBatch, hands: Hands, things: Things, models: Models, faces: NDArray[np.int64]
) -> list[tuple[str, ...]]:  # fmt: skip
    """For each frame of a batch the levels of its hand and its object, of ``LEVEL_TAGS``; what isn't known has none.

    Args:
        batch: with masks.
        hands, things: the truth.
        models: objects by name.
        faces: (M, 3) of the hands.
    """
    sample, tags = batch.sample, []
    hand_meshes, objects = mesh_known(batch), object_known(batch)
    for k, (name, reflection) in enumerate(zip(batch.names, batch.reflections, strict=True)):
        shares: dict[str, float | None] = {}
        camera = sample.intrinsics[k].double().numpy()
        if bool(sample.masks_known[k]) and hand_meshes[k] and hands.vertices is not None:
            mask = sample.hand_mask[k].numpy() > 0
            shares["hand"] = hidden_share(hands.vertices[k] + hands.wrist[k], faces, camera, mask)
        if bool(sample.masks_known[k]) and objects[k]:
            model, mask = models(name, reflection), sample.object_mask[k].numpy() > 0
            pose = things.rotation[k : k + 1], things.translation[k : k + 1]
            shares["object"] = hidden_share(posed(model.vertices[None], pose)[0], model.faces, camera, mask)
        found = {what: share for what, share in shares.items() if share is not None}
        tags.append(tuple(f"{what} hidden {LEVELS[min(int(4 * share), 3)]}" for what, share in found.items()))
    return tags
