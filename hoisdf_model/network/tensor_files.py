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

"""Safe reading of untrusted ``torch.save`` files.

Nothing is executed, and damage is noticed.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from hoisdf_model.errors import CheckpointError, UnsafeFileError


def load_tensors(path: Path) -> Any:
    """Contents of a ``torch.save`` file, without running code.

    The checksums in it, which torch ignores, must match.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is damaged, or holds something else than tensors and plain values.
        UnsafeFileError: it asks for something that could run code.
    """
    try:
        packed = zipfile.is_zipfile(path)
        if packed and (damaged := zipfile.ZipFile(path).testzip()):
            raise CheckpointError(f"{path} is damaged: the checksum of {damaged} in it doesn't fit; get it again")
        return torch.load(path, map_location="cpu", weights_only=True, mmap=packed)
    except (CheckpointError, FileNotFoundError):
        raise
    except pickle.UnpicklingError as error:  # torch's own text advises to allow code, so it isn't passed on
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise UnsafeFileError(
                f"{path} asks for {wanted[1]}, which could run code, and was refused: "
                "a file of weights holds only tensors and plain values"
            ) from None
        raise CheckpointError(f"{path} is damaged or holds something else than tensors and plain values") from None
    except Exception as error:  # a damaged file makes its parser fail in whatever way
        reason = str(error).split(". ")[0] or "it ends too early"
        raise CheckpointError(f"{path} can't be read as a file of weights: {reason}") from error
