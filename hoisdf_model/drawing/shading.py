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

"""Software rendering of meshes into an image.

Shaded, translucent, the nearer over the farther; on the CPU in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.drawing.palette import Colour
from hoisdf_model.geometry import Pinhole

LIGHT = np.array([0.35, -0.55, -0.75]) / np.linalg.norm([0.35, -0.55, -0.75])  # towards the light: above the camera
AMBIENT = 0.45
NEAR = 0.02  # metres; what is nearer isn't drawn
SUBPIXEL = 4  # bits


@dataclass(frozen=True)
class Surface:
    """Mesh in the camera frame.

    ``vertices`` (N, 3) metres, ``faces`` (M, 3), RGB ``colour``.
    """

    vertices: NDArray[np.floating]
    faces: NDArray[np.integer]
    colour: Colour


def paint(image: NDArray[np.uint8], surfaces: list[Surface], camera: Pinhole, opacity: float = 0.6) -> None:
    """Paint the surfaces into the image (H, W, 3) RGB, in place.

    Faces are drawn from the farthest to the nearest, which is right but where faces of different surfaces intersect.
    """
    surfaces = [surface for surface in surfaces if len(surface.faces)]
    if not surfaces:
        return
    vertices = np.concatenate([surface.vertices for surface in surfaces]).astype(np.float64)
    starts = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])])
    faces = np.concatenate([surface.faces + start for surface, start in zip(surfaces, starts, strict=True)])
    base = np.repeat(np.array([s.colour for s in surfaces], np.float64), [len(s.faces) for s in surfaces], axis=0)
    flat = camera.project(vertices)
    pixels = camera.distort_pixels(flat)
    height, width = image.shape[:2]
    seen = ~_beyond_an_edge(pixels, vertices[:, 2], width, height, faces) & _turned_to_the_camera(flat[faces])
    if not seen.any():
        return
    order = np.flatnonzero(seen)
    order = order[np.argsort(-vertices[:, 2][faces[order]].sum(1))]
    pixels, triangles = pixels[faces[order]], vertices[faces[order]]
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    unit = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shade = AMBIENT + (1 - AMBIENT) * np.clip(unit @ LIGHT, 0, 1)
    colours = np.clip(base[order] * shade[:, None], 0, 255).astype(int).tolist()

    xs, ys = pixels[..., 0], pixels[..., 1]
    x0, y0 = max(0, int(np.floor(xs.min())) - 1), max(0, int(np.floor(ys.min())) - 1)
    x1, y1 = min(width, int(np.ceil(xs.max())) + 2), min(height, int(np.ceil(ys.max())) + 2)
    window = image[y0:y1, x0:x1]
    layer = window.copy()
    corners_fixed = np.round((pixels - [x0, y0]) * (1 << SUBPIXEL)).astype(np.int32)
    for corner, colour in zip(corners_fixed, colours, strict=True):
        cv2.fillConvexPoly(layer, corner, colour, cv2.LINE_8, SUBPIXEL)
    cv2.addWeighted(layer, opacity, window, 1 - opacity, 0, dst=window)


def _beyond_an_edge(
    pixels: NDArray[np.float64], depths: NDArray[np.float64], width: int, height: int, faces: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether faces lie beyond one image edge, or partly too near.

    Vertices (N, 2) and depths (N,), faces (M, 3) -> (M,).

    One bit an edge (Cohen and Sutherland), since numpy is slow at reducing three elements at a time.
    """
    x, y = pixels.T
    edges = (x <= 0) * 1 | (x >= width) * 2 | (y <= 0) * 4 | (y >= height) * 8
    edges, near = edges.astype(np.uint8), depths <= NEAR
    a, b, c = faces.T
    beyond: NDArray[np.bool_] = (edges[a] & edges[b] & edges[c]) != 0
    return beyond | near[a] | near[b] | near[c]


def _turned_to_the_camera(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the outside of projected triangles faces the camera.

    (M, 3, 2) -> (M,); corners run counter-clockwise seen from outside.

    The area's sign is that of ``p0 . ((p1 - p0) x (p2 - p0))``: their determinants differ by the positive depths.
    """
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area: NDArray[np.float64] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return area < 0
