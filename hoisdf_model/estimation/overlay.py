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

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import ImageError, MeshError
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.estimation.shading import Colour, Surface, paint, simplified
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import BONES, HandModel, HandModelLike, as_hand_model, load_hand_model
from hoisdf_model.objects import Catalogue

HAND_COLOURS: dict[str, Colour] = {"right": (120, 170, 235), "left": (235, 150, 120)}
OBJECT_COLOUR: Colour = (235, 200, 90)
# wrist, then thumb, index, middle, ring, little
FINGER_COLOURS: tuple[Colour, ...] = (
    (240, 240, 240), (235, 70, 70), (245, 170, 50), (80, 200, 90), (60, 170, 240), (190, 110, 240),
)  # fmt: skip
AXIS_COLOURS: tuple[Colour, ...] = ((230, 60, 60), (70, 200, 70), (70, 120, 240))
AXIS_LENGTH = 0.06  # metres
MOST_WORDS = 0.1  # of the picture that words may cover
FONT = cv2.FONT_HERSHEY_SIMPLEX


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
    pen = _Pen(canvas, intrinsics)
    model = None if hand_model is None else as_hand_model(hand_model)
    hands = [hand_surface(hand, model) for hand in estimate.hands]
    things = [_object_surface(thing, meshes) for thing in estimate.objects]
    paint(canvas, [surface for surface in (*hands, *things) if surface is not None], intrinsics)
    for hand_region in estimate.regions.hands:
        pen.box(hand_region.box, HAND_COLOURS[hand_region.side or "right"])
    for object_region in estimate.regions.objects:
        pen.box(object_region.box, OBJECT_COLOUR)
    for thing, surface in zip(estimate.objects, things, strict=True):
        if surface is None:
            pen.axes(thing)
    for hand in estimate.hands:
        pen.skeleton(hand)
    for hand in estimate.hands:
        where = f"{hand.joints[0, 2]:.2f} m ({hand.root_source})"
        pen.label_above(hand.joints, f"{hand.side} hand {hand.score:.2f}, {where}", HAND_COLOURS[hand.side])
    for thing, surface in zip(estimate.objects, things, strict=True):
        points = thing.translation[None] if surface is None else surface.vertices
        pen.label_below(points, f"{thing.name or 'object'} {thing.score:.2f}", OBJECT_COLOUR)
    pen.footer(_summary(estimate))
    return canvas


class _Pen:
    """Draws lines and words into one image; widths grow with it."""

    def __init__(self, canvas: NDArray[np.uint8], camera: Pinhole) -> None:
        self.canvas, self.camera = canvas, camera
        self.unit = max(canvas.shape[0] / 480, 0.5)
        self._covered = 0  # pixels
        self._words: list[tuple[int, int, int]] = []  # lower left corner and width of what is written

    def pixels(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        return self.camera.distort_pixels(self.camera.project(points))

    def line(self, a: NDArray[np.float64], b: NDArray[np.float64], colour: Colour, width: float) -> None:
        ends = [tuple(round(value * 16) for value in p.tolist()) for p in (a, b)]
        if max(map(abs, (*ends[0], *ends[1]))) > 160_000:  # far outside, where fixed-point coordinates would overflow
            return
        cv2.line(self.canvas, ends[0], ends[1], colour, max(1, round(width * self.unit)), cv2.LINE_AA, 4)

    def disc(self, at: NDArray[np.float64], colour: Colour, radius: float) -> None:
        center = tuple(round(value * 16) for value in at.tolist())
        if max(map(abs, center)) <= 160_000:
            cv2.circle(self.canvas, center, round(radius * self.unit * 16), colour, -1, cv2.LINE_AA, 4)

    def box(self, box: NDArray[np.float64], colour: Colour) -> None:
        x0, y0, x1, y1 = np.clip(np.round(box), -10_000, 10_000).astype(int).tolist()
        cv2.rectangle(self.canvas, (x0, y0), (x1, y1), colour, max(1, round(self.unit)), cv2.LINE_AA)

    def axes(self, thing: ObjectEstimate) -> None:
        if thing.translation[2] <= AXIS_LENGTH:
            return
        origin, *ends = self.pixels(np.vstack([np.zeros(3), thing.rotation.T * AXIS_LENGTH]) + thing.translation)
        for end, colour in zip(ends, AXIS_COLOURS, strict=True):
            self.line(origin, end, (20, 20, 20), 5)
            self.line(origin, end, colour, 3)

    def skeleton(self, hand: HandEstimate) -> None:
        """Bones from the farthest to the nearest, each with a dark edge; joints that are unsure are smaller."""
        if not (hand.joints[:, 2] > 0).all():
            return
        points, depths = self.pixels(hand.joints), hand.joints[:, 2].tolist()
        for parent, child in sorted(BONES, key=lambda bone: -depths[bone[0]] - depths[bone[1]]):
            colour = FINGER_COLOURS[(child + 3) // 4]
            self.line(points[parent], points[child], (20, 20, 20), 4)
            self.line(points[parent], points[child], colour, 2)
        sure = np.clip(hand.joint_scores / max(float(hand.joint_scores.max()), 1e-6), 0.4, 1).tolist()
        for joint in np.argsort(-hand.joints[:, 2]).tolist():
            self.disc(points[joint], (20, 20, 20), 4 * sure[joint])
            self.disc(points[joint], FINGER_COLOURS[(joint + 3) // 4], 3 * sure[joint])

    def label_above(self, points: NDArray[np.floating], text: str, colour: Colour) -> None:
        """Words above camera points (N, 3)."""
        if (points[:, 2] > 0).all():
            x, y = self.pixels(points).min(0)
            self.words(text, (x, y - 12 * self.unit), colour, -1)

    def label_below(self, points: NDArray[np.floating], text: str, colour: Colour) -> None:
        """Words below camera points (N, 3)."""
        if (points[:, 2] > 0).all():
            pixels = self.pixels(points)
            self.words(text, (pixels[:, 0].min(), pixels[:, 1].max() + 20 * self.unit), colour, 1)

    def footer(self, text: str) -> None:
        """Words at the lower left."""
        if text:
            self.words(text, (6 * self.unit, self.canvas.shape[0] - 8 * self.unit), (235, 235, 235), -1)

    def words(self, text: str, at: tuple[float, float], colour: Colour, step: int) -> None:
        """Words on a darkened ground with their lower left corner at a pixel, moved into the image, and up (-1) or down
        (1) past other words. Left out where they don't fit or would hide too much of a small picture.
        """
        height, width = self.canvas.shape[:2]
        scale, thickness = 0.42 * self.unit, max(1, round(self.unit))
        (w, h), below = cv2.getTextSize(text, FONT, scale, thickness)
        tall = h + below + 5
        if w + 6 > width or self._covered + (w + 6) * tall > MOST_WORDS * width * height:
            return
        self._covered += (w + 6) * tall
        x = int(np.clip(at[0], 2, max(2, width - w - 4)))
        y = int(np.clip(at[1], h + 3, max(h + 3, height - below - 3)))
        while any(abs(y - v) < tall and x < u + other and u < x + w for u, v, other in self._words):
            y += step * tall
        y = int(np.clip(y, h + 3, max(h + 3, height - below - 3)))
        self._words.append((x, y, w))
        ground = self.canvas[y - h - 3 : y + below + 2, max(0, x - 3) : x + w + 3]
        ground[:] = ground // 3
        cv2.putText(self.canvas, text, (x, y), FONT, scale, colour, thickness, cv2.LINE_AA)


def hand_surface(hand: HandEstimate, model: HandModel | None) -> Surface | None:
    """Mesh of a hand, or None.

    None where its vertices weren't sent or its model is another one; ``None``: the open hand.
    """
    if len(hand.vertices) == 0:
        return None
    known = _open_hand() if model is None else model
    if known.hash != hand.model.hash:
        return None
    # a left hand is the right one in a mirror, which turns faces inside out
    faces = known.faces if hand.side == known.side else known.faces[:, ::-1]
    return Surface(hand.vertices, faces, HAND_COLOURS[hand.side])


def _object_surface(thing: ObjectEstimate, meshes: Catalogue | None) -> Surface | None:
    if meshes is None or not thing.name:
        return None
    try:
        vertices, faces = drawable(meshes, thing.name)
    except MeshError:
        return None
    return Surface(vertices @ thing.rotation.T + thing.translation, faces, OBJECT_COLOUR)


@lru_cache(maxsize=1)
def _open_hand() -> HandModel:
    return load_hand_model()


@lru_cache(maxsize=64)
def drawable(meshes: Catalogue, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and faces of an object for drawing; object frame.

    A large mesh is made coarser.

    Raises:
        MeshError: there is no such object.
    """
    mesh = meshes.mesh(name)
    return simplified(mesh.vertices, mesh.faces)


def _summary(estimate: Estimate) -> str:
    stages = [f"{name} {1000 * seconds:.0f}" for name, seconds in estimate.timing.items() if seconds >= 5e-4]
    total = 1000 * sum(estimate.timing.values())
    seen = "" if estimate.hands else "no hand   "
    return f"{seen}{' + '.join(stages)} = {total:.0f} ms" if stages else seen.strip()
