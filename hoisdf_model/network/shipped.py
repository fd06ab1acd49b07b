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

"""The weights that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hoisdf_model.errors import CheckpointError
from hoisdf_model.network.presets import preset_names

NAME = "shipped"  # stands for them wherever a weights file is asked for
SHIPPED = "weights/compact_hand.safetensors"


def shipped_weights() -> Path:
    """File of the shipped weights.

    Raises:
        CheckpointError: none come with this version.
    """
    path = Path(str(resources.files("hoisdf_model") / "assets" / SHIPPED))
    if not path.is_file():
        raise CheckpointError(
            "no trained weights come with this version: name a weights file (a converted official snapshot, for "
            f"instance), or use random ones for trying out: untrained:compact (or {', '.join(preset_names())})"
        )
    return path
