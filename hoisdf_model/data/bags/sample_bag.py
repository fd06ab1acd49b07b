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

"""The recording that comes with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hoisdf_model.errors import BagError


def sample_recording() -> Path:
    """Folder of the shipped synthetic sample recording (rosbag2).

    Ten seconds of a hand that takes three objects from a table, with ground truth.

    Made by ``hoisdf synthesize --quality 75``; docs/synthesis.md lists its topics.

    Raises:
        BagError: this installation lacks it.
    """
    path = Path(str(resources.files("hoisdf_model") / "assets" / "sample_bag"))
    if not (path / "metadata.yaml").is_file():
        raise BagError(f"the sample recording is missing at {path}: make one with hoisdf synthesize --bag FOLDER")
    return path
