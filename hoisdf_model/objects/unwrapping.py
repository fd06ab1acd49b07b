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

"""Texture mapping: faces on flat panels, panels in one texture.

A panel is a piece of printed material of known size in metres, so that artwork keeps its proportions on every object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.geometry import meshes
from hoisdf_model.objects.artwork import Canvas

PIXELS_PER_METRE = 3000
LARGEST_TEXTURE = 1536
MARGIN = 4  # pixels between panels, so that mipmaps don't mix neighbours


@dataclass(frozen=True)
class Panel:
    """Flat panel of the surface: name, width and height in metres."""

    name: str
    width: float
    height: float


@dataclass(frozen=True)
class Unwrapping:
    """Positions of face corners on panels.

    Attributes:
        rows: the panels, in rows from the top of the texture.
        panel: (M,) index of each face's panel, counted through the rows.
        local: (M, 3, 2) metres from the panel's top left corner, y down, as seen from outside.
    """

    rows: tuple[tuple[Panel, ...], ...]
    panel: NDArray[np.int64]
    local: NDArray[np.float64]


@dataclass(frozen=True)
class TexturedSurface:
    """Renderable surface with texture.

    Corners aren't shared, so that normals and texture may break at edges.

    Attributes:
        vertices: (N, 3) float32 metres, the object's model frame.
        normals: (N, 3) float32 unit vectors.
        uv: (N, 2) float32, 0 to 1, origin at the texture's top left pixel corner.
        faces: (M, 3) int32.
        texture: (H, W, 3) uint8 sRGB.
        shininess: strength of the highlight, 0 to 1.
    """

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    uv: NDArray[np.float32]
    faces: NDArray[np.int32]
    texture: NDArray[np.uint8]
    shininess: float = 0.15


def around_box(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Unwrapping:
    """Box unwrapping on six panels ``+x -x +y -y +z -z``.

    Each face lies on the one with the nearest direction.
    """
    low, high = vertices.min(0), vertices.max(0)
    size = high - low
    corners = vertices[faces]
    normals = meshes.face_normals(vertices, faces)
    axis = np.abs(normals).argmax(1)
    positive = np.take_along_axis(normals, axis[:, None], 1)[:, 0] > 0
    # seen from outside: which axis runs to the right and which up
    right_axis = np.array([1, 0, 0])[axis]
    up_axis = np.array([2, 2, 1])[axis]
    rightwards = np.where(axis == 1, ~positive, positive)
    along = np.take_along_axis(corners, right_axis[:, None, None].repeat(3, 1), 2)[..., 0]
    up = np.take_along_axis(corners, up_axis[:, None, None].repeat(3, 1), 2)[..., 0]
    x = np.where(rightwards[:, None], along - low[right_axis][:, None], high[right_axis][:, None] - along)
    y = high[up_axis][:, None] - up
    sides = tuple(Panel(n, size[1], size[2]) for n in ("+x", "-x")) + tuple(
        Panel(n, size[0], size[2]) for n in ("+y", "-y")
    )
    ends = tuple(Panel(n, size[0], size[1]) for n in ("+z", "-z"))
    return Unwrapping((sides, ends), 2 * axis + ~positive, np.stack([x, y], -1))


def around_axis(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Unwrapping:
    """Cylindrical unwrapping around z.

    A ``side`` panel printed a little beyond its seam, and round ``top`` and ``bottom`` panels.
    """
    low, high = vertices.min(0), vertices.max(0)
    half = (high - low) / 2
    middle = (low + high) / 2
    circumference = 2 * np.pi * float(np.sqrt((half[0] ** 2 + half[1] ** 2) / 2))
    corners = vertices[faces] - middle
    normals = meshes.face_normals(vertices, faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    ends = np.abs(normals[:, 2]) > 0.8

    turn = np.arctan2(corners[..., 1] / half[1], corners[..., 0] / half[0]) / (2 * np.pi) % 1.0
    seam = np.ptp(turn, axis=1) > 0.5
    turn[seam] = np.where(turn[seam] < 0.5, turn[seam] + 1, turn[seam])
    side = np.stack([turn * circumference, half[2] - corners[..., 2]], -1)
    top = normals[:, 2] > 0
    flat = np.stack([np.where(top[:, None], half[0] + corners[..., 0], half[0] - corners[..., 0])], -1)
    flat = np.concatenate([flat, half[1] - corners[..., 1:2]], -1)
    beyond = 1.0 + 2.0 / 48
    rows = (
        (Panel("side", circumference * beyond, 2 * half[2]),),
        (Panel("top", 2 * half[0], 2 * half[1]), Panel("bottom", 2 * half[0], 2 * half[1])),
    )
    return Unwrapping(rows, np.where(ends, np.where(top, 1, 2), 0), np.where(ends[:, None, None], flat, side))


def paint(unwrapping: Unwrapping, painter: Callable[[str, Canvas], None]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Texture with all panels, painted by ``painter(panel name, canvas)``.

    Returns:
        texture (H, W, 3) uint8 and uv (M, 3, 2) of the faces' corners.
    """
    widest = max(sum(p.width for p in row) for row in unwrapping.rows)
    scale = min(PIXELS_PER_METRE, LARGEST_TEXTURE / widest)
    offsets, placed, y, width = [], [], MARGIN, 0
    for row in unwrapping.rows:
        x = MARGIN
        for panel in row:
            size = (max(2, round(panel.width * scale)), max(2, round(panel.height * scale)))
            canvas = Canvas(*size)
            painter(panel.name, canvas)
            placed.append((x, y, canvas.pixels()))
            offsets.append((x, y, size[0] / panel.width, size[1] / panel.height))
            x += size[0] + 2 * MARGIN
        width = max(width, x)
        y += max(round(panel.height * scale) for panel in row) + 2 * MARGIN
    texture = np.zeros((y, width, 3), np.uint8)
    for x, top, pixels in placed:
        padded = np.pad(pixels, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
        texture[top - MARGIN : top - MARGIN + len(padded), x - MARGIN : x - MARGIN + padded.shape[1]] = padded
    at = np.array(offsets)[unwrapping.panel][:, None]
    uv = (at[..., :2] + unwrapping.local * at[..., 2:]) / np.array([width, y])
    return texture, uv


def textured(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    uv: NDArray[Any],
    texture: NDArray[np.uint8],
    shininess: float = 0.15,
    crease: float = 0.6,
) -> TexturedSurface:
    """Surface with separate vertices for every face's corners.

    ``uv`` is (M, 3, 2), ``crease`` in radians.
    """
    normals = meshes.corner_normals(vertices, faces, crease)
    return TexturedSurface(
        vertices[faces].reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        np.asarray(uv, np.float32).reshape(-1, 2),
        np.arange(faces.size, dtype=np.int32).reshape(-1, 3),
        texture,
        shininess,
    )
