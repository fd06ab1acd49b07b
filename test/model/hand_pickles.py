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

"""Pickles as Python 2 wrote them in 2017: byte strings, chumpy objects, module paths that have moved since."""

import io
import pickle
import struct
import sys
import types
from typing import Any, ClassVar


def _module(name: str) -> types.ModuleType:
    return sys.modules.setdefault(name, types.ModuleType(name))


def _make_class(module: str, name: str) -> type:
    _module("chumpy")
    return vars(_module(module)).setdefault(name, type(name, (), {"__module__": module}))


def chumpy_array(x: Any) -> Any:
    """What a ``chumpy.ch.Ch`` of these numbers pickles like."""
    made = _make_class("chumpy.ch", "Ch")()
    made.__dict__.update(x=x, _dirty_vars=set(), _itr=None, _depends_on_deps=None)
    return made


def chumpy_select(a: Any, idxs: Any, shape: tuple[int, ...]) -> Any:
    """What a ``chumpy.reordering.Select`` pickles like."""
    made = _make_class("chumpy.reordering", "Select")()
    made.__dict__.update(a=a, idxs=idxs, preferred_shape=shape, _dirty_vars={"a", "idxs"})
    return made


class _Python2Pickler(pickle._Pickler):
    """Text and bytes are both Python 2's ``str``."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def _string(self, value: str | bytes) -> None:
        raw = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = _string


def python2_pickle(value: Any) -> bytes:
    """Protocol 2, with the module paths of numpy 1 and of scipy before 1.8."""
    stream = io.BytesIO()
    _Python2Pickler(stream, 2).dump(value)
    for name in ("chumpy.ch", "chumpy.reordering", "chumpy"):
        sys.modules.pop(name, None)
    return (
        stream.getvalue()
        .replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        .replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")
    )
