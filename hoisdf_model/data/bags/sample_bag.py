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
