"""Rendering where this machine can: tests that need a picture are skipped, with the reason, where there is no EGL."""

from functools import cache

import pytest

from hoisdf_model.errors import DependencyError
from hoisdf_model.synthesis import Renderer


@cache
def _reason() -> str | None:
    try:
        Renderer(8, 8, 0).close()
    except DependencyError as error:
        return str(error)
    return None


requires_egl = pytest.mark.skipif(_reason() is not None, reason=_reason() or "")
