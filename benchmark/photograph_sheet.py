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

"""A contact sheet: each labelled hand, and beside it what the methods made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from photograph_files import Photograph

from hoisdf_model.geometry import boxes
from hoisdf_model.hand import BONES
from hoisdf_model.messages import read_image

Pixels = NDArray[np.uint8]
Joints = NDArray[np.float64] | None
SIZE, STRIP, AROUND, WIDTH, QUALITY = 160, 18, 1.8, 1920, 88  # pixels, pixels, of the box's longer edge, pixels, JPEG's
INK, PAPER, NONE = (30, 30, 30), 255, 90
# wrist, then thumb, index, middle, ring, little; RGB
COLOURS = ((240, 240, 240), (235, 70, 70), (245, 170, 50), (80, 200, 90), (60, 170, 240), (190, 110, 240))


def write_sheet(path: Path, photographs: Sequence[Photograph], methods: Mapping[str, Sequence[Joints]]) -> None:
    """Write a picture.

    Args:
        path: its ending says the format.
        photographs: in the order of the methods' joints.
        methods: name -> joints (21, 2) in pixels of each photograph, None where nothing was seen.
    """
    names = ("labels", *methods)
    groups = [
        np.concatenate([_tile(one, joints) for joints in (one.joints_2d, *(own[k] for own in methods.values()))], 1)
        for k, one in enumerate(photographs)
    ]
    across = max(1, WIDTH // (SIZE * len(names)))
    rows = [np.concatenate([_strip(name) for _ in range(across) for name in names], 1)]
    for start in range(0, len(groups), across):
        row = groups[start : start + across]
        row += [np.full_like(row[0], PAPER)] * (across - len(row))
        rows.append(np.concatenate(row, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _tile(photograph: Photograph, joints: Joints) -> Pixels:
    """The surroundings of the labelled box, with joints drawn in; greyed where there are none."""
    size = float((photograph.box[2:] - photograph.box[:2]).max()) * AROUND
    scale = SIZE / size
    shift = SIZE / 2 - scale * boxes.center(photograph.box)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    tile = cv2.warpAffine(read_image(photograph.path), matrix, (SIZE, SIZE), flags=cv2.INTER_AREA)
    if joints is None:
        return np.asarray(tile // 3 + NONE, np.uint8)
    points = np.clip(np.round((joints * scale + shift) * 16), -160_000, 160_000).astype(int).tolist()
    for parent, child in BONES:
        cv2.line(tile, points[parent], points[child], COLOURS[(child + 3) // 4], 2, cv2.LINE_AA, 4)
    return np.asarray(tile, np.uint8)


def _strip(text: str) -> Pixels:
    strip = np.full((STRIP, SIZE, 3), PAPER, np.uint8)
    cv2.putText(strip, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return strip
