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

"""Estimated hands of all frames in a file, for HO-3D's challenge.

It is filled while the evaluation goes on, beside the records.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hoisdf_model.errors import EvaluationError
from hoisdf_model.evaluation.metrics.alignment import Floats
from hoisdf_model.evaluation.runs.loading import FrameBatch
from hoisdf_model.evaluation.runs.methods import Answer, Method
from hoisdf_model.hand.joints import NUM_JOINTS, NUM_VERTICES

HANDS = "hands.npy"


class HandFile:
    """Joints and vertices of each frame, metres, camera frame.

    NaN where nothing was estimated yet.

    Args:
        folder: of the evaluation; the file is made where it isn't there.
        frames: how many frames the source has.

    Raises:
        EvaluationError: the file can't be written, is damaged, or is of another number of frames.
    """

    def __init__(self, folder: str | Path, frames: int) -> None:
        path, shape = Path(folder) / HANDS, (frames, NUM_JOINTS + NUM_VERTICES, 3)
        try:
            if path.exists():
                self._values = np.lib.format.open_memmap(path, "r+")
                if self._values.shape != shape or self._values.dtype != np.float32:
                    raise EvaluationError(f"{path} holds {self._values.shape}, expected {shape}: give another folder")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._values = np.lib.format.open_memmap(path, "w+", np.float32, shape)
            self._values[:] = np.nan
        except EvaluationError:
            raise
        except (OSError, ValueError) as error:
            raise EvaluationError(f"the estimated hands {path} can't be kept: {error}") from error

    def keeping(self, method: Method) -> Method:
        """Method whose estimated hands are also written to the file.

        They are on disk before the batch's records are.
        """

        def kept(batch: FrameBatch) -> list[Answer]:
            found = method(batch)
            for number, answer in zip(batch.numbers, found, strict=True):
                if answer.hand is not None:
                    self._values[number, :NUM_JOINTS] = answer.hand.joints
                if answer.hand is not None and len(answer.hand.vertices):
                    self._values[number, NUM_JOINTS:] = answer.hand.vertices
            self._values.flush()
            return found

        return kept

    def read(self) -> tuple[Floats, Floats | None]:
        """Joints (N, 21, 3) and vertices (N, 778, 3).

        None in place of vertices where the method gave none in any frame.
        """
        values = np.asarray(self._values)
        joints, vertices = values[:, :NUM_JOINTS], values[:, NUM_JOINTS:]
        return joints, vertices if np.isfinite(vertices[:, 0]).any() else None
