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

"""Headless OpenGL context.

EGL on a GPU where there is one, else on Mesa's software renderer.
"""

from __future__ import annotations

import os
from typing import Any

from hoisdf_model.errors import DependencyError, InvalidInputError

SOFTWARE = ("llvmpipe", "softpipe", "swrast")
_USED_BY: set[int] = set()  # process ids; a forked child finds its parent's


def refuse_forked_process() -> None:
    """Call before work that ends in drawing.

    Raises:
        InvalidInputError: this process was forked from one that had drawn already; drawing would never end.
    """
    if _USED_BY - {os.getpid()}:
        raise InvalidInputError(
            "this process was forked from one that has used OpenGL, whose threads it lacks: start worker processes "
            "with multiprocessing's 'spawn' (for a DataLoader: multiprocessing_context='spawn')"
        )


def create_context() -> Any:
    """EGL context, on a GPU if there is one.

    ``GLCONTEXT_DEVICE_INDEX`` chooses another device.

    Raises:
        DependencyError: there is no EGL or OpenGL 3.3; the message names the packages.
        InvalidInputError: this process was forked from one that had drawn already; drawing would never end.
    """
    refuse_forked_process()
    settings: dict[str, Any] = {"require": 330, "standalone": True, "backend": "egl"}
    try:
        import moderngl

        context = moderngl.create_context(**settings)
    except Exception as error:
        raise DependencyError(
            f"can't render: no OpenGL 3.3 through EGL ({error}). On Debian and Ubuntu install the packages "
            "libegl1 libgl1 libgl1-mesa-dri"
        ) from error
    _USED_BY.add(os.getpid())
    if "GLCONTEXT_DEVICE_INDEX" not in os.environ and _is_software(context):
        for device in range(1, 5):
            try:
                other = moderngl.create_context(**{**settings, "device_index": device})
            except Exception:  # no such device, or one without OpenGL
                break
            if not _is_software(other):
                context.release()
                return other
            other.release()
        context.__enter__()  # make the first one current again
    return context


def _is_software(context: Any) -> bool:
    return any(name in str(context.info["GL_RENDERER"]).lower() for name in SOFTWARE)
