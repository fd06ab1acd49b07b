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

"""Inert stand-ins for the classes named in a pickle of arrays.

They keep their arguments until a value is requested.

numpy's, scipy's and chumpy's own reconstruction code never sees the file: an array is put together from its raw bytes
by ``np.frombuffer``. Each class says which callable of a pickle it stands in for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoisdf_model.errors import InvalidInputError, UnsafeFileError

_MAX_DEPTH = 64
_PLAIN_DTYPE = re.compile(r"[<>|=]?(?:[biufc]\d{1,2}|\?|[SUa]\d{0,6})")


class Sealed(type):
    """Metaclass of classes that a pickle's BUILD can't modify.

    So one file can't change how the next is read.
    """

    def __setattr__(cls, name: str, value: object) -> None:
        raise UnsafeFileError(f"the pickle tries to change {cls.__name__}.{name}")


class Inert(metaclass=Sealed):
    """Inert object of a pickle.

    Constructor arguments and state are kept, and not used.
    """

    __slots__ = ("arguments", "state")
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Inert:
        """Keep the arguments."""
        self = object.__new__(cls)
        self.arguments, self.state = arguments, None
        return self

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def _value(self, resolve: Callable[[Any], Any]) -> Any:
        """What the object stands for, as numpy arrays and plain Python values."""
        raise UnsafeFileError(f"the pickle uses {type(self).__name__} in a place where it has no meaning")


class Object(Inert):
    """``builtins.object``: only ever named as the base in ``copyreg._reconstructor``."""

    __slots__ = ()


class Dtype(Inert):
    """``numpy.dtype('f8', align, copy)`` and the state that holds its byte order."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> np.dtype[Any]:
        spec = self.arguments[0] if self.arguments else None
        order: Any = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "="
        structured = isinstance(self.state, tuple) and any(part is not None for part in self.state[2:5])
        if not isinstance(spec, str) or not _PLAIN_DTYPE.fullmatch(spec) or order not in list("<>|=") or structured:
            raise UnsafeFileError(f"the pickle holds an array of type {spec!r}; only plain numbers and text are read")
        return np.dtype(spec).newbyteorder(order)


def _raw(data: Any) -> bytes:
    if isinstance(data, str):  # Python 2 wrote bytes as str, which comes back as latin-1
        return data.encode("latin1")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise UnsafeFileError(f"the pickle holds an array of Python objects ({type(data).__name__}); only numbers are read")


def _array(dtype: Any, shape: Any, data: Any, order: str) -> NDArray[Any]:
    if not isinstance(dtype, np.dtype):
        raise UnsafeFileError("the pickle holds an array without a plain dtype")
    if not isinstance(shape, tuple) or not all(isinstance(n, int) for n in shape):
        raise InvalidInputError(f"a pickled array has the shape {shape!r}, expected whole numbers")
    array = np.frombuffer(_raw(data), dtype).reshape(shape, order="F" if order == "F" else "C")
    return np.array(array, dtype.newbyteorder("="))


class Ndarray(Inert):
    """``numpy.ndarray``: named as the type to reconstruct, never called by honest files."""

    __slots__ = ()


class Reconstruct(Inert):
    """``numpy.core.multiarray._reconstruct(ndarray, (0,), b'b')``, then BUILD with shape, dtype, order, bytes."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        if self.arguments[:1] != (Ndarray,):
            raise UnsafeFileError("the pickle reconstructs something that is not a plain numpy array")
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):
            raise InvalidInputError("a pickled array lacks its contents, the file is damaged")
        shape, dtype, fortran, data = self.state[-4:]
        return _array(resolve(dtype), shape, resolve(data), "F" if fortran else "C")


class ReconstructObjects(Reconstruct):
    """Inert array constructor, also for arrays of Python objects.

    Arrays of Python objects come back as lists of the elements' values.
    """

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> Any:
        state = self.state
        objects = isinstance(state, tuple) and len(state) in (4, 5) and isinstance(state[-1], list)
        if not objects:
            return super()._value(resolve)
        if (
            self.arguments[:1] != (Ndarray,)
            or not isinstance(state[-3], Dtype)
            or state[-3].arguments[:1] not in (("O8",), ("O4",), ("O",))
        ):
            raise UnsafeFileError("the pickle reconstructs something that is not a plain numpy array")
        elements = [resolve(element) for element in state[-1]]
        if state[-4] != ():
            return elements
        if len(elements) != 1:
            raise InvalidInputError("a pickled array without dimensions must hold one object, the file is damaged")
        return elements[0]


class FromBuffer(Inert):
    """``numpy.core.numeric._frombuffer(buffer, dtype, shape, order)``, pickle protocol 5."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        buffer, dtype, shape, order = self.arguments[:4]
        return _array(resolve(dtype), shape, buffer, order)


class Scalar(Inert):
    """``numpy.core.multiarray.scalar(dtype, bytes)``."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> Any:
        dtype, data = self.arguments
        return _array(resolve(dtype), (), resolve(data), "C")[()]


class Encode(Inert):
    """Inert ``_codecs.encode(text, 'latin1')``, as used by old pickles.

    Python 3 writes bytes so in the protocols of Python 2.
    """

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> bytes:
        text, *codec = self.arguments
        if not isinstance(text, str) or codec not in (["latin1"], ["latin-1"]):
            raise UnsafeFileError(f"the pickle asks for the codec {codec}, only latin1 is allowed")
        return text.encode("latin1")


class NoBytes(Inert):
    """Inert ``bytes()``, as used by old pickles.

    Python 3 writes empty bytes so in the protocols of Python 2.
    """

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> bytes:
        if self.arguments:
            raise UnsafeFileError("the pickle calls bytes with an argument")
        return b""


class Matrix(Inert):
    """Scipy CSC matrix, returned dense."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        return _dense(self.state, resolve, transposed=False)


class RowMatrix(Inert):
    """Scipy CSR matrix, returned dense."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        return _dense(self.state, resolve, transposed=True)


def _dense(state: Any, resolve: Callable[[Any], Any], transposed: bool) -> NDArray[Any]:
    fields = resolve(state)
    if not isinstance(fields, dict) or not {"data", "indices", "indptr"} <= fields.keys():
        raise InvalidInputError("a pickled sparse matrix lacks its data, indices or indptr, the file is damaged")
    shape: Any = fields.get("_shape", fields.get("shape"))
    data, indices, indptr = (np.asarray(fields[name]).ravel() for name in ("data", "indices", "indptr"))
    rows, columns = (int(n) for n in shape)
    major = np.repeat(np.arange(columns if not transposed else rows), np.diff(indptr))
    result = np.zeros((rows, columns), data.dtype)
    np.add.at(result, (major, indices) if transposed else (indices, major), data)
    return result


class Chumpy(Inert):
    """``chumpy.ch.Ch``: its array is the field ``x``."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        return np.asarray(resolve(_field(self.state, "x", "chumpy.ch.Ch")))


class ChumpySelect(Inert):
    """``chumpy.reordering.Select``: entries ``idxs`` of the flattened array ``a``, in ``preferred_shape``."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        name = "chumpy.reordering.Select"
        picked = np.asarray(resolve(_field(self.state, "a", name))).ravel()[resolve(_field(self.state, "idxs", name))]
        shape = resolve(self.state.get("preferred_shape"))
        return picked if shape is None else picked.reshape(shape)


class ChumpyReshape(Inert):
    """``chumpy.reordering.Reshape``: the array ``a`` in ``newshape``."""

    __slots__ = ()

    def _value(self, resolve: Callable[[Any], Any]) -> NDArray[Any]:
        name = "chumpy.reordering.Reshape"
        return np.asarray(resolve(_field(self.state, "a", name))).reshape(resolve(_field(self.state, "newshape", name)))


def _field(state: Any, key: str, owner: str) -> Any:
    if not isinstance(state, dict) or key not in state:
        raise InvalidInputError(f"a pickled {owner} lacks its field {key!r}, the file is damaged")
    return state[key]


class Rebuild:
    """``copyreg._reconstructor(cls, object, None)``: an instance of one of the classes above."""

    __slots__ = ()

    def __call__(self, kind: Any, base: Any, state: Any) -> Inert:
        """An empty instance, to be filled by BUILD."""
        if not isinstance(kind, Sealed) or base is not Object or state is not None:
            raise UnsafeFileError("the pickle reconstructs an object of a class that is not known")
        instance: Inert = kind()
        return instance


def resolved(loaded: Any) -> Any:
    """Inert objects -> arrays, in nested containers; each shared object once.

    Raises:
        UnsafeFileError: something stands where it has no business.
        InvalidInputError: an object is incomplete, or the containers nest too deep.
    """
    known: dict[int, Any] = {}

    def resolve(item: Any, depth: int = 0) -> Any:
        if item is None or isinstance(item, str | bytes | bytearray | int | float | complex):
            return item
        if depth > _MAX_DEPTH:
            raise InvalidInputError(f"the pickle nests deeper than {_MAX_DEPTH} levels, or contains itself")
        if id(item) not in known:
            known[id(item)] = convert(item, depth + 1)
        return known[id(item)]

    def convert(item: Any, depth: int) -> Any:
        if isinstance(item, Inert):
            return item._value(lambda part: resolve(part, depth))
        if isinstance(item, dict):
            return {resolve(key, depth): resolve(entry, depth) for key, entry in item.items()}
        if isinstance(item, list | tuple | set | frozenset):
            return type(item)(resolve(entry, depth) for entry in item)
        raise UnsafeFileError(f"the pickle contains {item!r}; only arrays and plain containers are read")

    return resolve(loaded)
