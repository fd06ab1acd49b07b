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

"""Skin texture of a hand model.

With nails, creases and paler palms, unrolled from the rest pose.

MANO's format has no texture coordinates. Four panels stand in for them: back and palm of the fingers and palm, seen
along y at rest, and back and pulp of the thumb, seen across its own flexion axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import griddata

from hoisdf_model.geometry import meshes
from hoisdf_model.objects import TexturedSurface
from hoisdf_model.synthesis.grasps.posing import PosableHand

# sRGB, from pale to dark; spread over the range of the Monk skin tone scale
SKIN_TONES = (
    (242, 214, 194),
    (231, 190, 162),
    (214, 167, 134),
    (188, 138, 104),
    (156, 108, 78),
    (121, 80, 56),
    (86, 56, 42),
    (62, 42, 34),
)
PIXELS_PER_METRE = 4000
PADDING = 0.004  # metres around each panel
THUMB_LINKS = (13, 14, 15)
SMOOTHING = 4  # rounds of averaging over neighbours, between back and palm
STEP = 4  # pixels between which that share is interpolated
NAIL_LENGTH, NAIL_BACK = 0.0062, 0.0066  # half its length, and from the fingertip to its middle


@dataclass(frozen=True)
class _Panel:
    """One view of the rest hand: ``right`` and ``down`` span it, ``faces`` lie on it."""

    right: NDArray[np.float64]
    down: NDArray[np.float64]
    faces: NDArray[np.int64]
    back: bool
    thumb: bool


class HandSkin:
    """The drawable surface of one hand.

    Args:
        hand: the posable hand.
        tone: sRGB of the back of the hand.
        rng: for the small differences between hands.
    """

    def __init__(self, hand: PosableHand, tone: tuple[int, int, int], rng: np.random.Generator) -> None:
        self._hand = hand
        panels, share = _panels(hand), _palm_shares(hand)
        images, places, top = [], [], 0
        for panel in panels:
            flat = hand.rest_vertices @ np.stack([panel.right, panel.down], 1)
            low = flat[hand.faces[panel.faces]].reshape(-1, 2).min(0) - PADDING
            images.append(_painted(hand, panel, share, flat, low, tone, rng))
            places.append((flat, low, top))
            top += images[-1].shape[0]
        width = max(image.shape[1] for image in images)
        self.texture = np.zeros((top, width, 3), np.uint8)
        self._uv = np.zeros((len(hand.faces), 3, 2))
        for panel, image, (flat, low, row) in zip(panels, images, places, strict=True):
            self.texture[row : row + image.shape[0], : image.shape[1]] = image
            at = (flat[hand.faces[panel.faces]] - low) * PIXELS_PER_METRE + np.array([0, row])
            self._uv[panel.faces] = at / np.array([width, top])

    def surface(self, vertices: NDArray[np.float64]) -> TexturedSurface:
        """The skin on the posed hand's ``vertices`` (778, 3)."""
        faces = self._hand.faces
        normals = meshes.vertex_normals(vertices, faces)
        return TexturedSurface(
            vertices[faces].reshape(-1, 3).astype(np.float32),
            normals[faces].reshape(-1, 3).astype(np.float32),
            self._uv.reshape(-1, 2).astype(np.float32),
            np.arange(faces.size, dtype=np.int32).reshape(-1, 3),
            self.texture,
            shininess=0.05,
        )


def noise(shape: tuple[int, int], rng: np.random.Generator, coarsest: int = 4, octaves: int = 6) -> NDArray[np.float32]:
    """Smooth multi-scale noise (H, W), about -1 to 1.

    With the falling spectrum of natural surfaces.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = rng.standard_normal((max(2, cells * shape[0] // max(shape)), max(2, cells * shape[1] // max(shape))))
        total += cv2.resize(grid.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total / 2.2


def palm_share(outwards: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Palm fraction: 0 on the back to 1 on the palm.

    ``outwards`` is the cosine between the normal and the back's direction.
    """
    t = np.clip((0.25 - np.asarray(outwards, np.float64)) / 0.8, 0, 1)
    return t * t * (3 - 2 * t)


def mix(tone: tuple[int, int, int], share: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Skin colours (..., 3) between back and palm.

    From the back's ``tone`` to the paler palm's, by ``share`` (..., 1).
    """
    back = np.array(tone, np.float32)
    palm = back * 0.45 + np.array([236, 186, 166], np.float32) * (0.25 + 0.3 * back.mean() / 255) + 18
    return np.asarray(back * (1 - share) + palm * share, np.float32)


def _nail_side(hand: PosableHand) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of the thumb at rest: its direction, its flexion axis, and where its nail looks."""
    direction = hand.rest_joints[4] - hand.rest_joints[2]
    direction /= np.linalg.norm(direction)
    across = hand.limits.flexion_axes[THUMB_LINKS[1]]
    outwards = np.cross(direction, across)
    return direction, across, -np.sign(outwards @ np.array([0.0, -0.45, -0.9])) * outwards


def _palm_shares(hand: PosableHand) -> NDArray[np.float64]:
    """(778,) how much each vertex belongs to the palm's side, smooth over the mesh."""
    normals = meshes.vertex_normals(hand.rest_vertices, hand.faces)
    thumb = hand.model.weights[:, THUMB_LINKS].sum(1)[:, None]
    back = (1 - thumb) * np.array([0.0, 1.0, 0.0]) + thumb * _nail_side(hand)[2]
    share = palm_share((normals * back).sum(1) / np.linalg.norm(back, axis=1))
    edges = np.concatenate([hand.faces[:, [0, 1]], hand.faces[:, [1, 2]], hand.faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    neighbours = np.bincount(edges[:, 0], minlength=len(share))
    for _ in range(SMOOTHING):
        around = np.bincount(edges[:, 0], share[edges[:, 1]], len(share)) / neighbours
        share = (share + around) / 2
    return share


def _panels(hand: PosableHand) -> list[_Panel]:
    normals = meshes.face_normals(hand.rest_vertices, hand.faces)
    thumb = np.isin(hand.link[hand.faces], THUMB_LINKS).sum(1) >= 2
    direction, across, nail_side = _nail_side(hand)
    panels = []
    for is_thumb, outwards, right, down in (
        (False, np.array([0.0, 1.0, 0.0]), np.array([-1.0, 0, 0]), np.array([0, 0, 1.0])),
        (True, nail_side, direction, across),
    ):
        facing = normals @ outwards > 0
        for back in (True, False):
            chosen = np.flatnonzero((thumb == is_thumb) & (facing == back))
            panels.append(_Panel(right, down, chosen, back, is_thumb))
    return panels


def _painted(
    hand: PosableHand,
    panel: _Panel,
    share: NDArray[np.float64],
    flat: NDArray[np.float64],
    low: NDArray[np.float64],
    tone: tuple[int, int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    used = np.unique(hand.faces[panel.faces])
    size = np.ceil((flat[used].max(0) + PADDING - low) * PIXELS_PER_METRE).astype(int)
    shape = (int(size[1]), int(size[0]))
    at = (flat[used] - low) * PIXELS_PER_METRE
    columns, rows = np.meshgrid(np.arange(0, shape[1] + STEP, STEP), np.arange(0, shape[0] + STEP, STEP))
    coarse = griddata(at, share[used], (columns, rows), "linear", fill_value=np.nan)
    missing = np.isnan(coarse)
    coarse[missing] = griddata(at, share[used], (columns[missing], rows[missing]), "nearest")
    mixed = np.asarray(cv2.resize(coarse.astype(np.float32), shape[::-1]), np.float32)[..., None]
    back = np.array(tone, np.float32)
    colour = mix(tone, mixed)
    colour *= 1 + 0.05 * noise(shape, rng)[..., None]
    blush = noise(shape, rng, 3, 3)[..., None]
    colour += blush * np.array([5.0, -3.0, -3.0], np.float32)

    def pixel(point: NDArray[np.float64]) -> NDArray[np.float64]:
        projected = point @ np.stack([panel.right, panel.down], 1)
        return (projected - low) * PIXELS_PER_METRE

    for finger in (0,) if panel.thumb else (1, 2, 3, 4):
        joints = hand.rest_joints[1 + 4 * finger : 5 + 4 * finger]
        for joint in (1, 2):
            _redden(colour, pixel(joints[joint]), 0.007, 7.0 if panel.back else 4.0)
            _crease(colour, pixel(joints[joint]), pixel(joints[joint + 1]), panel.back)
        _redden(colour, pixel(joints[3]), 0.011, 12.0)
        if panel.back:
            _nail(colour, pixel(joints[2]), pixel(joints[3]), back, 1.15 if panel.thumb else 1.0)
    if not panel.back and not panel.thumb:
        _palm_lines(colour, pixel, hand.rest_joints)
    return np.clip(colour, 0, 255).astype(np.uint8)


def _redden(colour: NDArray[np.float32], at: NDArray[np.float64], radius: float, amount: float) -> None:
    rows, columns = np.mgrid[: colour.shape[0], : colour.shape[1]]
    distance = ((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / (radius * PIXELS_PER_METRE) ** 2
    colour += np.exp(-distance)[..., None].astype(np.float32) * np.array([0.4, -1.0, -1.0], np.float32) * amount


def _crease(
    colour: NDArray[np.float32], joint: NDArray[np.float64], following: NDArray[np.float64], back: bool
) -> None:
    """Fine lines across the finger at a joint."""
    along = (following - joint) / np.linalg.norm(following - joint)
    across = np.array([-along[1], along[0]])
    lines = np.zeros(colour.shape[:2], np.float32)
    for shift in (-0.0014, 0.0, 0.0014) if back else (0.0,):
        middle = joint + along * shift * PIXELS_PER_METRE
        ends = [middle + s * across * 0.0045 * PIXELS_PER_METRE for s in (-1, 1)]
        cv2.polylines(lines, [np.round(ends).astype(np.int32)], False, 1.0, 1, cv2.LINE_AA)
    colour *= 1 - 0.16 * cv2.GaussianBlur(lines, (0, 0), 1.0)[..., None]


def _nail(
    colour: NDArray[np.float32],
    joint: NDArray[np.float64],
    tip: NDArray[np.float64],
    tone: NDArray[np.float32],
    size: float,
) -> None:
    along = (tip - joint) / np.linalg.norm(tip - joint)
    at = tip - along * NAIL_BACK * size * PIXELS_PER_METRE
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    axes = np.array([NAIL_LENGTH, 0.0046]) * size * PIXELS_PER_METRE
    nail = tone * 0.55 + np.array([248, 196, 186], np.float32) * 0.45
    for scale, shade, weight in ((1.12, tone * 0.80, 0.6), (1.0, nail, 0.85)):
        mask = np.zeros(colour.shape[:2], np.float32)
        box = (tuple(float(v) for v in at), tuple(float(2 * v * scale) for v in axes), angle)
        cv2.ellipse(mask, box, 1.0, -1, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None] * weight
        colour *= 1 - mask
        colour += mask * shade


def _palm_lines(
    colour: NDArray[np.float32],
    pixel: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    joints: NDArray[np.float64],
) -> None:
    """The three large creases of the palm."""
    wrist, thumb, index, little = (pixel(joints[i]) for i in (0, 2, 5, 17))
    lines = np.zeros(colour.shape[:2], np.float32)
    t = np.linspace(0, 1, 20)[:, None]
    curves = (
        _bezier(index * 0.8 + thumb * 0.2, index * 0.45 + wrist * 0.55, wrist * 0.82 + thumb * 0.18, t),
        _bezier(index * 0.75 + thumb * 0.25, (index + little) / 2 * 0.7 + wrist * 0.3, little * 0.55 + wrist * 0.45, t),
        _bezier(
            little * 0.9 + wrist * 0.1, (index + little) / 2 * 0.82 + wrist * 0.18, index * 0.98 + little * 0.02, t
        ),
    )
    for curve in curves:
        cv2.polylines(lines, [np.round(curve).astype(np.int32)], False, 1.0, 2, cv2.LINE_AA)
    colour *= 1 - 0.18 * cv2.GaussianBlur(lines, (0, 0), 1.4)[..., None]


def _bezier(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], t: NDArray[np.float64]
) -> NDArray[np.float64]:
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
