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

"""Calibration of a network's uncertainty, stored with its weights.

Errors of its estimates on labelled frames.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hoisdf_model.errors import CheckpointError

LARGEST = {"object_rotation": np.pi / np.sqrt(3), "object_position": 10.0, "joints": 10.0}  # of half turns; metres
LONGEST = 2000  # characters of the JSON


@dataclass(frozen=True)
class Calibration:
    """Root mean square errors with true wrist and boxes given.

    Each per axis: of all directions, over sqrt(3).

    Attributes:
        object_rotation: radians, to the nearest rotation that looks the same.
        object_position: metres, the object's origin relative to the wrist.
        joints: metres, the 20 joints besides the wrist relative to it.
        frames: how many frames had an object that was found.
        data: what frames, in words.

    Raises:
        CheckpointError: a value that no such errors have.
    """

    object_rotation: float
    object_position: float
    joints: float
    frames: int
    data: str

    def __post_init__(self) -> None:
        for name, largest in LARGEST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= largest:
                unit = "radians" if name == "object_rotation" else "metres"
                raise CheckpointError(f"{name} must be above 0 and at most {largest:.4g} {unit}, got {_short(value)}")
        if isinstance(self.frames, bool) or not isinstance(self.frames, int) or not 0 < self.frames <= 10**12:
            raise CheckpointError(f"frames must be a number of frames, got {_short(self.frames)}")
        if not isinstance(self.data, str) or not self.data.isprintable() or len(self.data) > 200:
            raise CheckpointError(f"data must say in at most 200 characters what frames, got {_short(self.data)}")

    def to_json(self) -> str:
        """JSON text for weights files."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Calibration from untrusted JSON text.

        Raises:
            CheckpointError: it isn't what :meth:`to_json` writes.
        """
        if len(text) > LONGEST:
            raise CheckpointError(f"{len(text)} characters, at most {LONGEST} are read")
        try:
            content: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"not JSON: {error}") from error
        names = [field.name for field in fields(cls)]
        if not isinstance(content, dict) or content.keys() != set(names):
            raise CheckpointError(f"it must hold exactly {', '.join(names)}")
        return cls(**content)


def _short(value: object) -> str:
    return repr(value)[:40] if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
