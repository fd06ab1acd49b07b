"""DexYCB (Chao et al. 2021), read straight from its published layout."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hoisdf_model.data.dexycb.frames import DexYcbFrames

_FILES = {"DexYcbFrames": "frames"}  # imported when asked for

__all__ = ["DexYcbFrames"]


def __getattr__(name: str) -> object:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    globals()[name] = value
    return value
