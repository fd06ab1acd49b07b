"""HO-3D (Hampali et al. 2020), read straight from its published layout."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hoisdf_model.data.ho3d.frames import Ho3dFrames
    from hoisdf_model.data.ho3d.submission import write_submission

_FILES = {
    "Ho3dFrames": "frames",
    "write_submission": "submission",
}  # imported when asked for

__all__ = ["Ho3dFrames", "write_submission"]


def __getattr__(name: str) -> object:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    globals()[name] = value
    return value
