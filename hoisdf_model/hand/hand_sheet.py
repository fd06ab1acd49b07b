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

"""Software rendering of hand models, without a graphics card.

A small z-buffer, shaded by vertex normals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hoisdf_model.geometry.meshes import vertex_normals
from hoisdf_model.geometry.rotations import rotation_matrices
from hoisdf_model.hand.joints import NUM_SHAPES
from hoisdf_model.hand.layer import HandLayer
from hoisdf_model.hand.model_file import HandModel
from hoisdf_model.hand.postures import named_pose

Array = NDArray[np.float64]
SHEET_POSES = ("flat", "grasp", "fist", "pinch", "point")
_SKIN = np.array([0.95, 0.74, 0.63])
_INSIDE = np.array([0.45, 0.20, 0.16])
_PAPER = 0.94
_LIGHTS = ((np.array([-0.45, 0.65, 0.62]), 0.62), (np.array([0.85, 0.15, 0.45]), 0.22))
_AMBIENT, _GLOSS = 0.30, 0.10
_SAMPLES = 2  # per pixel and axis


class View(NamedTuple):
    """Viewing direction of a picture.

    ``toward``: from the hand to the viewer; ``up``: upwards in the picture; model frame of a right hand.
    """

    name: str
    toward: tuple[float, float, float]
    up: tuple[float, float, float]


VIEWS = (
    View("palm", (0, -1, 0), (-1, 0, 0)),
    View("back", (0, 1, 0), (-1, 0, 0)),
    View("thumb side", (0, -0.2, 1), (-1, 0, 0)),
    View("from the front", (-0.55, -0.6, 0.6), (-0.5, 0.8, 0)),
)


def posed_vertices(model: HandModel, poses: Sequence[str]) -> Array:
    """Vertices (P, 778, 3) of the mean hand in named poses.

    Wrist at the origin, metres.
    """
    rotations = rotation_matrices(np.stack([named_pose(model, pose) for pose in poses]))
    with torch.no_grad():
        mesh = HandLayer(model)(torch.tensor(rotations, dtype=torch.float32), torch.zeros(len(poses), NUM_SHAPES))
    return np.asarray(mesh.vertices.numpy(), np.float64)


def contact_sheet(model: HandModel, poses: Sequence[str] = SHEET_POSES, size: int = 320) -> NDArray[np.uint8]:
    """Named poses (rows) from four sides (columns), all at the same scale.

    Returns:
        (P * size, 4 * size, 3) uint8 RGB, labelled.
    """
    flat = posed_vertices(model, ["flat"])[0]
    reach = 0.56 * float(np.ptp(flat, axis=0).max())
    center = 0.5 * (flat.min(0) + flat.max(0)) * np.array([1.0, 0.0, 1.0])
    side = np.array([1.0 if model.side == "right" else -1.0, 1.0, 1.0])
    rows = []
    for pose, vertices in zip(poses, posed_vertices(model, poses), strict=True):
        row = []
        for view in VIEWS:
            axes = _axes(np.array(view.toward) * side, np.array(view.up) * side)
            image = shaded((vertices - center) @ axes.T / reach, model.faces, size)
            label = (12, size - 14)
            cv2.putText(
                image, f"{pose}, {view.name}", label, cv2.FONT_HERSHEY_SIMPLEX, size / 800, (90,) * 3, 1, cv2.LINE_AA
            )
            row.append(image)
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _axes(toward: Array, up: Array) -> Array:
    """Rows: right, up and towards the viewer, unit."""
    z = toward / np.linalg.norm(toward)
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def shaded(points: Array, faces: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Shaded orthographic picture of a mesh.

    x (right), y (up) from -1 to 1 fill it; z points to the viewer.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    full = size * _SAMPLES
    pixels = (points[:, :2] * np.array([0.5, -0.5]) + 0.5) * full
    normals = vertex_normals(points, faces)
    depth = np.full((full, full), -np.inf)
    image = np.full((full, full, 3), _PAPER)
    for face in faces:
        corners = pixels[face]
        x0, y0 = np.clip(np.floor(corners.min(0)), 0, full).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(0)) + 1, 0, full).astype(int)
        edge1, edge2 = corners[1] - corners[0], corners[2] - corners[0]
        twice_area = edge1[0] * edge2[1] - edge1[1] * edge2[0]
        if x1 <= x0 or y1 <= y0 or abs(twice_area) < 1e-9:
            continue
        dx = np.arange(x0, x1)[None] + 0.5 - corners[0, 0]
        dy = np.arange(y0, y1)[:, None] + 0.5 - corners[0, 1]
        second = (dx * edge2[1] - dy * edge2[0]) / twice_area
        third = (dy * edge1[0] - dx * edge1[1]) / twice_area
        weights = np.stack([1 - second - third, second, third], -1)
        z = weights @ points[face, 2]
        window = (slice(y0, y1), slice(x0, x1))
        seen = (weights >= -1e-9).all(-1) & (z > depth[window])
        depth[window][seen] = z[seen]
        # picture rows count downwards, so a face seen from outside turns the other way round there
        image[window][seen] = _light(weights[seen] @ normals[face]) if twice_area < 0 else _INSIDE
    image = image.reshape(size, _SAMPLES, size, _SAMPLES, 3).mean((1, 3))
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _light(normals: Array) -> Array:
    """(N, 3) -> (N, 3) colours."""
    n = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    directions = [direction / np.linalg.norm(direction) for direction, _ in _LIGHTS]
    diffuse = _AMBIENT + sum(share * np.clip(n @ d, 0, 1) for d, (_, share) in zip(directions, _LIGHTS, strict=True))
    half = directions[0] + np.array([0.0, 0.0, 1.0])
    gloss = _GLOSS * np.clip(n @ (half / np.linalg.norm(half)), 0, 1) ** 30
    return _SKIN * diffuse[:, None] + gloss[:, None]
