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
