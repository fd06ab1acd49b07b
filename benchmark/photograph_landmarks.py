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

"""MediaPipe's hand landmark model in a box that is known, to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import CheckpointError, DependencyError
from hoisdf_model.geometry import boxes

Floats = NDArray[np.float64]
SIZE, MARGIN, TURNS, AGAIN, PRESENT = 224, 1.5, 8, 2, 0.3
POINTS, PRESENCE, WORLD = "Identity", "Identity_1", "Identity_3"  # the model's outputs
WRIST, MIDDLE_MCP = 0, 9


@dataclass(frozen=True)
class Landmarks:
    """What the model sees.

    Attributes:
        pixels: (21, 2) of the image.
        world: (21, 3) metres about the hand's middle, turned like the camera.
        presence: how sure it is that there is a hand, 0 to 1.
    """

    pixels: Floats
    world: Floats
    presence: float


class Landmarker:
    """Landmarks of one hand whose box is known and whose direction isn't.

    The model wants fingers to point up. Eight turns are tried; the one in which a hand is surest is kept and looked at
    twice more, upright by its own landmarks.

    Args:
        path: ``hand_landmark_full.tflite`` of MediaPipe 0.10 (in its wheel, Apache 2.0).

    Raises:
        DependencyError: ai-edge-litert isn't installed.
        CheckpointError: the file isn't that model.
    """

    def __init__(self, path: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise DependencyError(
                f"the landmark model needs ai-edge-litert: pip install ai-edge-litert ({error})"
            ) from error
        try:
            self._model = Interpreter(str(path), num_threads=1)
        except (ValueError, OSError) as error:
            raise CheckpointError(f"{path} can't be read as a tflite model: {error}") from error
        self._model.allocate_tensors()
        self._input = self._model.get_input_details()[0]["index"]
        self._outputs = {output["name"]: output["index"] for output in self._model.get_output_details()}
        if not {POINTS, PRESENCE, WORLD} <= set(self._outputs):
            raise CheckpointError(f"{path} must be hand_landmark_full.tflite, its outputs are {sorted(self._outputs)}")

    def __call__(self, image: NDArray[np.uint8], box: Floats) -> Landmarks:
        """(H, W, 3) RGB and a box (4,) around the joints -> landmarks."""
        edge = float((box[2:] - box[:2]).max())
        angles = 2 * np.pi * np.arange(TURNS) / TURNS
        tried = [self._look(image, boxes.center(box), edge * MARGIN, angle) for angle in angles]
        best = max(tried, key=lambda found: found.presence)
        for _ in range(AGAIN):
            along = best.pixels[MIDDLE_MCP] - best.pixels[WRIST]
            around = boxes.around(best.pixels)
            size = float((around[2:] - around[:2]).max()) * MARGIN
            again = self._look(image, boxes.center(around), size, float(np.arctan2(along[0], -along[1])))
            if again.presence < PRESENT:
                break
            best = again
        return best

    def _look(self, image: NDArray[np.uint8], center: Floats, size: float, angle: float) -> Landmarks:
        """From a square of ``size`` pixels, its upper side turned by ``angle`` clockwise."""
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, s], [-s, c]])  # image -> crop
        linear = turn * SIZE / size
        shift = SIZE / 2 - linear @ center
        crop = cv2.warpAffine(image, np.column_stack([linear, shift]), (SIZE, SIZE))
        self._model.set_tensor(self._input, crop[None].astype(np.float32) / 255)
        self._model.invoke()
        points = self._output(POINTS).reshape(21, 3)[:, :2]
        world = self._output(WORLD).reshape(21, 3)
        world[:, :2] = world[:, :2] @ turn
        return Landmarks((points - shift) @ np.linalg.inv(linear).T, world, float(self._output(PRESENCE).item()))

    def _output(self, name: str) -> Floats:
        return np.array(self._model.get_tensor(self._outputs[name]), np.float64)
