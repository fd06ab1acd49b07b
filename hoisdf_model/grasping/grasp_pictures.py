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

"""Pictures of grasps: object, hand and gripper, shaded on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from hoisdf_model.drawing import Colour, Surface, paint
from hoisdf_model.geometry import Pinhole
from hoisdf_model.grasping.box_solids import box_mesh
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.hands import HandShape
from hoisdf_model.grasping.object_shapes import ObjectShape

PAPER = 246
HAND_COLOUR, OBJECT_COLOUR, GRIPPER_COLOUR = (226, 178, 152), (238, 205, 96), (84, 112, 150)
PAD_COLOUR: Colour = (40, 60, 88)
TRIANGLE = 0.006  # metres: surfaces are painted from far to near, so triangles must be small where they meet
FOCAL = 2.2  # in heights of the picture: a long lens
MARGIN = 1.12
SAMPLES = 2  # per pixel and axis
PAD_SHOWN = 0.002  # metres

Floats = NDArray[np.float64]


def draw_grasp(
    thing: ObjectShape,
    pose: Floats,
    width: float,
    gripper: Gripper | None,
    hand: HandShape | None = None,
    caption: str = "",
    size: int = 360,
    turn: float = 0.5,
    lift: float = 0.35,
) -> NDArray[np.uint8]:
    """Picture of one grasp, seen across the jaws.

    The approach comes from above, the fingers close from the sides.

    Args:
        thing: the object.
        pose: (4, 4) tool -> object frame.
        width: opening of the gripper as drawn, metres.
        gripper: the gripper; None: it isn't drawn.
        hand: in the object's frame, or None.
        caption: words at the lower left; lines are split at newlines.
        size: pixels.
        turn, lift: radians by which the viewer goes round the approach, and towards the gripper's back.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    surfaces = [_surface(thing.vertices, thing.faces, OBJECT_COLOUR)]
    if hand is not None:
        surfaces.append(_surface(hand.closed_vertices, hand.closed_faces, HAND_COLOUR))
    if gripper is not None:
        surfaces += _gripper_surfaces(gripper, pose, width)
    # the viewer's axes in the tool frame: looking along -x, the approach downwards in the picture
    across = np.array([np.cos(turn) * np.cos(lift), np.sin(turn) * np.cos(lift), -np.sin(lift)])
    toward = pose[:3, :3] @ across
    down = pose[:3, 2] - toward * (toward @ pose[:3, 2])
    down /= np.linalg.norm(down)
    view = np.stack([np.cross(down, -toward), down, -toward])
    every = np.concatenate([surface.vertices for surface in surfaces]) @ view.T
    middle = (every.max(0) + every.min(0)) / 2
    reach = float(np.abs(every - middle)[:, :2].max()) * MARGIN
    full = size * SAMPLES
    distance = 2 * FOCAL * reach + float(np.ptp(every[:, 2])) / 2
    camera = Pinhole(FOCAL * full, FOCAL * full, (full - 1) / 2, (full - 1) / 2, full, full)
    image = np.full((full, full, 3), PAPER, np.uint8)
    shift = np.array([0, 0, distance]) - middle
    placed = [Surface(surface.vertices @ view.T + shift, surface.faces, surface.colour) for surface in surfaces]
    paint(image, placed, camera, opacity=1.0)
    small = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    for k, line in enumerate(reversed(caption.split("\n"))):
        place = (8, size - 10 - round(k * size * 0.05))
        cv2.putText(small, line, place, cv2.FONT_HERSHEY_SIMPLEX, size / 760, (60,) * 3, 1, cv2.LINE_AA)
    return small


def _gripper_surfaces(gripper: Gripper, pose: Floats, width: float) -> list[Surface]:
    """Body and pads."""
    boxes = gripper.boxes(width)
    pads = boxes[:2].copy()
    pads[0, 1, 1] = pads[0, 0, 1] + PAD_SHOWN
    pads[1, 0, 1] = pads[1, 1, 1] - PAD_SHOWN
    pads[:, 0, 2] = -gripper.pad_length / 2
    meshes = ((box_mesh(parts), colour) for parts, colour in ((boxes, GRIPPER_COLOUR), (pads, PAD_COLOUR)))
    return [_surface(corners @ pose[:3, :3].T + pose[:3, 3], faces, colour) for (corners, faces), colour in meshes]


def tiled(images: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Pictures of one size in a grid of ``columns``.

    Missing pictures of the last row stay paper.
    """
    rows = []
    for start in range(0, len(images), columns):
        row = list(images[start : start + columns])
        row += [np.full_like(images[0], PAPER)] * (columns - len(row))
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _surface(vertices: Floats, faces: NDArray[np.int64], colour: Colour) -> Surface:
    fine, fine_faces = trimesh.remesh.subdivide_to_size(vertices, faces, TRIANGLE, max_iter=12)
    return Surface(fine, fine_faces, colour)
