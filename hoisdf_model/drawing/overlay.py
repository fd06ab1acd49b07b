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

"""Overlay of an estimate on its image.

Meshes, skeletons, boxes, and text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing.estimate_surfaces import hand_surface, object_surface
from hoisdf_model.drawing.palette import HAND_COLOURS, OBJECT_COLOUR
from hoisdf_model.drawing.pen import Pen
from hoisdf_model.drawing.shading import paint
from hoisdf_model.errors import ImageError
from hoisdf_model.estimates import Estimate
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import HandModelLike, as_hand_model
from hoisdf_model.objects import Catalogue


def draw_overlay(
    image: NDArray[np.uint8],
    estimate: Estimate,
    intrinsics: Pinhole,
    meshes: Catalogue | None = None,
    hand_model: HandModelLike | None = None,
) -> NDArray[np.uint8]:
    """Draw an estimate into the image that it was made from.

    Args:
        image: (H, W, 3) uint8 RGB, raw or rectified; is not changed.
        estimate: what to draw.
        intrinsics: the image's camera; its distortion is applied to what is drawn, so that it fits a raw image.
        meshes: objects by name. One that is in there is drawn as its mesh, others as three axes (x red, y green,
            z blue).
        hand_model: the model that the hands belong to, for its faces. The open hand's are known; hands of another
            model are drawn without their surface.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: not an RGB image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(f"an overlay is drawn into an image (H, W, 3) uint8, got {image.shape} {image.dtype}")
    canvas = image.copy()
    pen = Pen(canvas, intrinsics)
    model = None if hand_model is None else as_hand_model(hand_model)
    hands = [hand_surface(hand, model) for hand in estimate.hands]
    objects = [object_surface(obj, meshes) for obj in estimate.objects]
    paint(canvas, [surface for surface in (*hands, *objects) if surface is not None], intrinsics)
    for hand_region in estimate.regions.hands:
        pen.box(hand_region.box, HAND_COLOURS[hand_region.side or "right"])
    for object_region in estimate.regions.objects:
        pen.box(object_region.box, OBJECT_COLOUR)
    for obj, surface in zip(estimate.objects, objects, strict=True):
        if surface is None:
            pen.axes(obj.rotation, obj.translation)
    for hand in estimate.hands:
        certain = np.clip(hand.joint_scores / max(float(hand.joint_scores.max()), 1e-6), 0.4, 1)
        pen.skeleton(hand.joints, 3 * certain, 4 * certain)
    for hand in estimate.hands:
        where = f"{hand.joints[0, 2]:.2f} m ({hand.root_source})"
        pen.label_above(hand.joints, f"{hand.side} hand {hand.score:.2f}, {where}", HAND_COLOURS[hand.side])
    for obj, surface in zip(estimate.objects, objects, strict=True):
        points = obj.translation[None] if surface is None else surface.vertices
        pen.label_below(points, f"{obj.name or 'object'} {obj.score:.2f}", OBJECT_COLOUR)
    pen.footer(_summary(estimate))
    return canvas


def _summary(estimate: Estimate) -> str:
    stages = [f"{name} {1000 * seconds:.0f}" for name, seconds in estimate.timing.items() if seconds >= 5e-4]
    total = 1000 * sum(estimate.timing.values())
    seen = "" if estimate.hands else "no hand   "
    return f"{seen}{' + '.join(stages)} = {total:.0f} ms" if stages else seen.strip()
