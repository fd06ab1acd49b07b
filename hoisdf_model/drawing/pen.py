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

"""Lines, skeletons, boxes, axes and words in an image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing.palette import AXIS_COLOURS, AXIS_LENGTH, EDGE_COLOUR, JOINT_COLOURS, Colour
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import BONES

MOST_WORDS = 0.1  # of the picture that words may cover
FONT = cv2.FONT_HERSHEY_SIMPLEX
# pairs of corners that differ in one coordinate; corners as ``meshes.box_corners`` orders them
EDGES = tuple((a, a | 1 << bit) for a in range(8) for bit in range(3) if not a >> bit & 1)


class Pen:
    """Lines, discs, skeletons, boxes and words in one image.

    Args:
        canvas: (H, W, 3) uint8 RGB, drawn into.
        camera: of the canvas; points are metres, camera frame.
        unit: pixels that a line of width 1 is wide; None: grows with the image.
    """

    def __init__(self, canvas: NDArray[np.uint8], camera: Pinhole, unit: float | None = None) -> None:
        self.canvas, self.camera = canvas, camera
        self.unit = max(canvas.shape[0] / 480, 0.5) if unit is None else unit
        self._covered = 0  # pixels
        self._words: list[tuple[int, int, int]] = []  # lower left corner and width of what is written

    def pixels(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixels (N, 2) of camera points (N, 3), with the lens's distortion."""
        return self.camera.distort_pixels(self.camera.project(points))

    def line(self, a: NDArray[np.float64], b: NDArray[np.float64], colour: Colour, width: float) -> None:
        """Line between two pixels."""
        ends = [tuple(round(value * 16) for value in p.tolist()) for p in (a, b)]
        if max(map(abs, (*ends[0], *ends[1]))) > 160_000:  # far outside, where fixed-point coordinates would overflow
            return
        cv2.line(self.canvas, ends[0], ends[1], colour, max(1, round(width * self.unit)), cv2.LINE_AA, 4)

    def disc(self, at: NDArray[np.float64], colour: Colour, radius: float) -> None:
        """Filled circle about a pixel."""
        center = tuple(round(value * 16) for value in at.tolist())
        if max(map(abs, center)) <= 160_000:
            cv2.circle(self.canvas, center, round(radius * self.unit * 16), colour, -1, cv2.LINE_AA, 4)

    def box(self, box: NDArray[np.float64], colour: Colour) -> None:
        """Rectangle x0, y0, x1, y1, pixels."""
        x0, y0, x1, y1 = np.clip(np.round(box), -10_000, 10_000).astype(int).tolist()
        cv2.rectangle(self.canvas, (x0, y0), (x1, y1), colour, max(1, round(self.unit)), cv2.LINE_AA)

    def edged_line(self, a: NDArray[np.float64], b: NDArray[np.float64], colour: Colour, width: float) -> None:
        """Line between two pixels with a dark edge on either side."""
        self.line(a, b, EDGE_COLOUR, width + 2)
        self.line(a, b, colour, width)

    def axes(self, rotation: NDArray[np.floating], translation: NDArray[np.floating]) -> None:
        """Axes of a frame: x red, y green, z blue.

        Not drawn where the frame is near the camera.
        """
        if translation[2] <= AXIS_LENGTH:
            return
        origin, *ends = self.pixels(np.vstack([np.zeros(3), rotation.T * AXIS_LENGTH]) + translation)
        for end, colour in zip(ends, AXIS_COLOURS, strict=True):
            self.edged_line(origin, end, colour, 3)

    def cuboid(self, corners: NDArray[np.floating], colour: Colour, near_colour: Colour) -> None:
        """Edges of a box with corners (8, 3) as ``meshes.box_corners`` orders them.

        Edges at the nearest corner come last and have another colour.
        """
        if not (corners[:, 2] > 0).all():
            return
        points, nearest = self.pixels(corners), int(corners[:, 2].argmin())
        for edge in sorted(EDGES, key=lambda edge: nearest in edge):
            self.edged_line(points[edge[0]], points[edge[1]], near_colour if nearest in edge else colour, 1)

    def bones(self, joints: NDArray[np.floating], colour: Colour) -> None:
        """Thin lines between joints.

        (21, 3) metres, camera frame; nothing where a joint is behind the camera.
        """
        if (joints[:, 2] > 0).all():
            points = self.pixels(joints)
            for parent, child in BONES:
                self.line(points[parent], points[child], colour, 1)

    def skeleton(
        self, joints: NDArray[np.floating], radii: NDArray[np.floating], edge_radii: NDArray[np.floating]
    ) -> None:
        """Bones and joints of a hand, with dark edges.

        Joints (21, 3), metres, camera frame; from the farthest to the nearest.

        Radii (21,) of the joints and of their edges; nothing is drawn where a joint is behind the camera.
        """
        if not (joints[:, 2] > 0).all():
            return
        points, depths = self.pixels(joints), joints[:, 2].tolist()
        for parent, child in sorted(BONES, key=lambda bone: -depths[bone[0]] - depths[bone[1]]):
            self.edged_line(points[parent], points[child], JOINT_COLOURS[child], 2)
        for joint in np.argsort(-joints[:, 2]).tolist():
            self.disc(points[joint], EDGE_COLOUR, float(edge_radii[joint]))
            self.disc(points[joint], JOINT_COLOURS[joint], float(radii[joint]))

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
        """Words on a darkened ground, moved to where there is room.

        Their lower left corner is at a pixel, moved into the image, and up (-1) or down (1) past other words. Left out
        where they don't fit or would hide too much of a small picture.
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
