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

"""Names of files and folders as users, messages and drives give them."""

from __future__ import annotations

import errno
from pathlib import Path

from hoisdf_model.errors import InvalidInputError

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def named(name: str | Path) -> Path:
    """Path with a leading ``~`` replaced; nothing needs to be there.

    Raises:
        InvalidInputError: the home folder isn't known, the path can't be a file's, or may not be looked at.
    """
    try:
        path = Path(name).expanduser()
        path.stat()
    except RuntimeError as error:
        raise InvalidInputError(
            f"{str(name)!r}: this home folder isn't known; write the whole path, or set HOME"
        ) from error
    except ValueError as error:
        raise InvalidInputError(f"{str(name)!r} is no name of a file: {error}") from error
    except OSError as error:
        if error.errno not in _ABSENT:
            raise InvalidInputError(f"{str(name)!r} can't be used: {error.strerror}") from error
    return path


def stand_in(path: Path, otherwise: str = "") -> str:
    """Reason why a downloaded file isn't itself, with the remedy.

    A pointer of Git LFS, a web page, or nothing at all; else ``otherwise``.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError:
        return otherwise
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS: 'git lfs pull' fetches the file itself"
    if start.startswith((b"<!doctype html", b"<html")):
        return "it is a web page that was saved in the file's place: download it again"
    return otherwise if start else "it is empty: download or copy it again"


def is_litter(path: Path) -> bool:
    """Whether a file manager or network drive left it (``._a.png``, ``@eaDir``, ``__MACOSX``).

    Args:
        path: relative to the folder that was named.
    """
    return any(part[0] in ".@" or part == "__MACOSX" for part in path.parts)
