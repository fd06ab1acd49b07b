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

"""Lifts in pictures: a row each, from the opened gripper to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from lift_simulation import START, Body, LiftSettings, lift, mujoco_library
from numpy.typing import NDArray

from hoisdf_model.grasping.grippers import Gripper

SIZE, LABEL, QUALITY = 210, 26, 85  # pixels, pixels, JPEG's
ASIDE, ELEVATIONS = 20.0, (-50.0, -10.0)  # degrees
MOMENTS = {"open": "opened", "closed": "closed, no gravity yet", "lifted": "lifted", "end": "shaken, held still"}
Image = NDArray[np.uint8]


class Shown(Protocol):
    """A lift to show."""

    still: int
    name: str
    poses: str
    mode: str
    outcome: str
    pose: NDArray[np.float64] | None


def strip(
    path: Path,
    trials: Sequence[Shown],
    bodies: Mapping[str, Body],
    ups: Mapping[int, NDArray[np.float64]],
    gripper: Gripper,
    settings: LiftSettings,
) -> None:
    """Lift them again, with a camera that stands still, and write a JPEG."""
    rows = [_bar([MOMENTS[moment] for moment in MOMENTS])]
    for trial in trials:
        assert trial.pose is not None
        camera = _Camera()
        lift(bodies[trial.name], trial.pose, ups[trial.still], gripper, settings, camera)
        blank = np.full((SIZE, SIZE, 3), 235, np.uint8)
        rows.append(_bar([f"{trial.outcome}: {trial.name}, {trial.mode}, {trial.poses}"]))
        rows.append(np.concatenate([camera.taken.get(moment, blank) for moment in MOMENTS], 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.concatenate(rows)
    cv2.imwrite(str(path), image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


class _Camera:
    """Takes a picture at each moment."""

    def __init__(self) -> None:
        self.taken: dict[str, Image] = {}

    def __call__(self, model: Any, data: Any, moment: str) -> None:
        mujoco = mujoco_library()
        view = mujoco.MjvCamera()
        # across the plane in which the jaws close, from above
        along = -data.body("tool").xmat.reshape(3, 3)[:, 0]
        along = along if along[2] <= 0 else -along
        view.lookat[:] = START + np.array([0.0, 0.0, 0.06])
        view.azimuth = np.degrees(np.arctan2(along[1], along[0])) + ASIDE
        view.distance, view.elevation = 0.64, np.clip(np.degrees(np.arcsin(along[2])), *ELEVATIONS)
        with mujoco.Renderer(model, SIZE, SIZE) as renderer:
            renderer.update_scene(data, view)
            self.taken[moment] = renderer.render()


def _bar(texts: Sequence[str]) -> Image:
    """A line of text above the pictures, one or one for each."""
    bar = np.full((LABEL, SIZE * len(MOMENTS), 3), 255, np.uint8)
    for k, text in enumerate(texts):
        cv2.putText(bar, text, (6 + k * SIZE, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    return bar
