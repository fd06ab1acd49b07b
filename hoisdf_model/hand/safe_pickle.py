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

"""Safe unpickler for numbers, arrays and containers from untrusted files.

A pickle is a program that may call any function it can name. Here the names are looked up in a closed table, and what
they stand for are inert classes (``inert_objects``). chumpy's arrays, which MANO's official files contain, are read
without chumpy.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hoisdf_model.errors import InvalidInputError, UnsafeFileError
from hoisdf_model.hand import inert_objects as inert
from hoisdf_model.paths import stand_in


def _allowed() -> dict[tuple[str, str], Any]:
    table: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("numpy", "dtype"): inert.Dtype,
        ("numpy", "ndarray"): inert.Ndarray,
        ("_codecs", "encode"): inert.Encode,
        ("chumpy.ch", "Ch"): inert.Chumpy,
        ("chumpy", "Ch"): inert.Chumpy,
        ("chumpy.reordering", "Select"): inert.ChumpySelect,
        ("chumpy.reordering", "Reshape"): inert.ChumpyReshape,
    }
    for module in ("builtins", "__builtin__"):
        table[module, "object"] = inert.Object
        table[module, "bytes"] = inert.NoBytes
        table[module, "set"] = set
        table[module, "frozenset"] = frozenset
    for module in ("copyreg", "copy_reg"):
        table[module, "_reconstructor"] = inert.Rebuild()
    for core in ("numpy.core", "numpy._core"):  # the module moved with numpy 2
        table[f"{core}.multiarray", "_reconstruct"] = inert.Reconstruct
        table[f"{core}.multiarray", "scalar"] = inert.Scalar
        table[f"{core}.numeric", "_frombuffer"] = inert.FromBuffer
    for layout, matrix in (("csc", inert.Matrix), ("csr", inert.RowMatrix)):
        for module in (f"scipy.sparse.{layout}", f"scipy.sparse._{layout}", "scipy.sparse"):
            table[module, f"{layout}_matrix"] = matrix
            table[module, f"{layout}_array"] = matrix
    return table


_ALLOWED: Mapping[tuple[str, str], Any] = _allowed()


# the same for arrays of Python objects, whose elements are then read by the same rules
_ALLOWED_WITH_OBJECTS: Mapping[tuple[str, str], Any] = {
    name: inert.ReconstructObjects if value is inert.Reconstruct else value for name, value in _ALLOWED.items()
}


class _Unpickler(pickle.Unpickler):
    allowed = _ALLOWED

    def find_class(self, module_name: str, global_name: str) -> Any:
        found = self.allowed.get((module_name, global_name))
        if found is None:
            raise UnsafeFileError(
                f"the pickle asks for {module_name}.{global_name}, which is not needed for arrays and could run code"
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise UnsafeFileError(f"the pickle asks for an external object {pid!r}")


class _ObjectUnpickler(_Unpickler):
    allowed = _ALLOWED_WITH_OBJECTS


def load_pickle(path: str | Path) -> Any:
    """Safe loading of a pickle of arrays.

    numpy arrays, scipy CSC/CSR matrices, chumpy arrays and plain containers; nothing is executed.

    Pickles of Python 2 and of numpy 1 and 2 are read. chumpy arrays and sparse matrices come back as dense numpy
    arrays, an OrderedDict as a dict.

    Raises:
        UnsafeFileError: the file names anything else; the message says what it asked for.
        InvalidInputError: the file is missing or damaged.
    """
    return _read(path, _Unpickler, io.BytesIO(_bytes(path)))


def load_object_npy(path: str | Path) -> Any:
    """Safe loading of a ``.npy`` file of Python objects.

    It is a header and a pickle; nothing is executed.

    Returns:
        What ``np.load(path, allow_pickle=True).tolist()`` gives: the object itself of an array without dimensions, else
        a flat list.

    Raises:
        UnsafeFileError: the pickle names anything but arrays and plain containers.
        InvalidInputError: the file is missing or damaged, or isn't an array of objects.
    """
    stream = io.BytesIO(_bytes(path))
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        dtype = read(stream)[2]
    except ValueError as error:
        raise InvalidInputError(f"{path} is not a readable .npy file: {error}") from error
    if dtype != np.dtype(object):
        raise InvalidInputError(f"{path} holds an array of {dtype}, expected Python objects")
    return _read(path, _ObjectUnpickler, stream)


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror}") from error


def _read(path: str | Path, unpickler: type[_Unpickler], stream: io.BytesIO) -> Any:
    try:
        return inert.resolved(unpickler(stream, encoding="latin1").load())
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{path} was refused: {error}") from error
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    except Exception as error:  # the unpickler raises almost any type on damaged input
        why = stand_in(Path(path), f"{type(error).__name__}: {error}")
        raise InvalidInputError(f"{path} is not a readable pickle: {why}") from error
