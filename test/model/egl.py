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
