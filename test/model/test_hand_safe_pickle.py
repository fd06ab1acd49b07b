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

"""A pickle can only give arrays and containers; whatever else it asks for is refused, and nothing runs."""

import contextlib
import copyreg
import os
import pickle
import subprocess
from collections import OrderedDict

import numpy as np
import pytest
import scipy.sparse
from hand_pickles import chumpy_array, chumpy_select, python2_pickle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hoisdf_model.errors import InvalidInputError, UnsafeFileError
from hoisdf_model.hand import load_pickle
from hoisdf_model.hand.safe_pickle import load_object_npy


@pytest.fixture
def write(tmp_path):
    def to_file(data: bytes):
        path = tmp_path / "file.pkl"
        path.write_bytes(data)
        return path

    return to_file


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def same(a, b) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


HARMLESS = {
    "floats": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
    "empty": np.zeros((0, 3)),
    "whole": np.array([[1, 2], [3, 4]], np.uint32),
    "flags": np.array([True, False]),
    "text": np.array(["right", "left"]),
    "scalar": np.float64(2.5),
    "nested": [1, (2.5, None, True, "a"), {"b": b"bytes"}, {3, 4}],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_containers_come_back_as_they_were(write, protocol):
    assert same(HARMLESS, load_pickle(write(pickle.dumps(HARMLESS, protocol))))


def test_swapped_byte_order_comes_back_in_the_machines_order(write):
    swapped = np.arange(5, dtype=">i4")
    loaded = load_pickle(write(pickle.dumps(swapped, 2)))
    assert loaded.dtype == np.dtype(np.int32)
    assert loaded.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_both_generations_of_numpy_are_read(write, core):
    data = pickle.dumps(np.arange(3.0), 2).replace(b"numpy._core", core)
    assert core in data
    assert load_pickle(write(data)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("layout", ["csc", "csr"])
def test_sparse_matrices_come_back_dense(write, layout, protocol):
    dense = np.array([[0, 1.5, 0, 0], [2, 0, 0, 3], [0, 0, 0, 0]])
    matrix = scipy.sparse.csc_matrix(dense) if layout == "csc" else scipy.sparse.csr_matrix(dense)
    assert np.array_equal(load_pickle(write(pickle.dumps(matrix, protocol))), dense)


def test_python_2_pickle_with_chumpy_and_old_scipy_paths(write):
    x = np.random.default_rng(0).standard_normal((4, 3, 20))
    picked = np.arange(x.size).reshape(x.shape)[..., :10].ravel()
    regressor = np.eye(3)[:, ::-1]
    data = python2_pickle(
        {
            "v_template": chumpy_array(x[..., 0]),
            "shapedirs": chumpy_select(chumpy_array(x), picked, (4, 3, 10)),
            "J_regressor": scipy.sparse.csc_matrix(regressor),
            "bs_style": "lbs",
        }
    )
    for name in (b"chumpy.ch", b"chumpy.reordering", b"scipy.sparse.csc\n", b"numpy.core.multiarray"):
        assert name in data
    loaded = load_pickle(write(data))
    assert np.array_equal(loaded["v_template"], x[..., 0])
    assert np.array_equal(loaded["shapedirs"], x[..., :10])
    assert np.array_equal(loaded["J_regressor"], regressor)
    assert loaded["bs_style"] == "lbs"


def test_ordered_dictionaries_become_dictionaries(write):
    assert load_pickle(write(pickle.dumps(OrderedDict(a=1, b=[2]), 2))) == {"a": 1, "b": [2]}


def calls_a_shell(marker: str) -> dict[str, bytes]:
    """Exploits by name; each makes the file ``marker`` where it is loaded by ``pickle.load``."""
    command = f"touch {marker}"
    write_file = f"open({marker!r}, 'w')"
    evil = Calls(os.system, command)
    objects = np.empty(1, object)
    objects[0] = evil
    state = np.arange(3.0).__reduce__()
    return {
        "os.system": pickle.dumps(evil),
        "os.system, text protocol": b"cos\nsystem\n(V" + command.encode() + b"\ntR.",
        "eval": pickle.dumps(Calls(eval, write_file)),
        "exec": pickle.dumps(Calls(exec, write_file)),
        "subprocess": pickle.dumps(Calls(subprocess.check_call, ["touch", marker])),
        "eval by INST": b"(V" + write_file.encode() + b"\ni__builtin__\neval\n.",
        "system by OBJ": b"(cposix\nsystem\nV" + command.encode() + b"\no.",
        "import": b"c__builtin__\n__import__\n(Vos\ntR.",
        "getattr": b"cbuiltins\ngetattr\n(cnumpy\nndarray\nVtofile\ntR.",
        "object array": pickle.dumps(objects),
        "object array, protocol 2": pickle.dumps(objects, 2),
        "nested in a list": pickle.dumps({"v_template": [np.zeros(3), (evil,)]}),
        "as an array's constructor argument": pickle.dumps(Calls(state[0], *state[1][:2], evil)),
        "as an array's state": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR"
        + pickle.dumps(evil, 0)[:-1]
        + b"b.",
        "as a dictionary key": b"}cos\nsystem\n(V" + command.encode() + b"\ntRI1\ns.",
        "as an ordered dictionary's items": pickle.dumps(OrderedDict([("a", evil)])),
        "attrgetter": b"coperator\nattrgetter\n(Vsystem\ntR(cos\nsystem\ntR.",
        "numpy.load": b"cnumpy\nload\n(V" + marker.encode() + b"\nNI01\ntR.",
        "numpy's runstring": b"cnumpy.testing._private.utils\nrunstring\n(V" + write_file.encode() + b"\n}tR.",
        "partial": b"cfunctools\npartial\n(cos\nsystem\nV" + command.encode() + b"\ntR.",
        "new object of a foreign class": b"csubprocess\nPopen\n(V" + command.encode() + b"\nt\x81.",
        "reconstructor of a foreign class": b"ccopy_reg\n_reconstructor\n"
        b"(csubprocess\nPopen\nc__builtin__\nobject\nNtR.",
        "code object": b"ctypes\nCodeType\n.",
    }


EXPLOITS = sorted(calls_a_shell(""))


@pytest.mark.parametrize("name", EXPLOITS)
def test_exploits_are_refused_and_nothing_runs(write, tmp_path, name):
    marker = tmp_path / "ran"
    data = calls_a_shell(str(marker))[name]
    with pytest.raises(UnsafeFileError):
        load_pickle(write(data))
    assert not marker.exists()


def test_the_exploits_are_real(tmp_path):
    ran = 0
    for name in ("os.system", "os.system, text protocol", "eval", "subprocess", "object array", "nested in a list"):
        marker = tmp_path / f"ran{ran}"
        pickle.loads(calls_a_shell(str(marker))[name])  # the point: plain pickle does run them
        ran += marker.exists()
    assert ran == 6


def stack_global(module: str, name: str) -> bytes:
    def text(s: str) -> bytes:
        return b"\x8c" + bytes([len(s)]) + s.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core.multiarray", "_reconstruct.__class__"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("collections", "_sys.modules"),
        ("builtins", "set.__class__.__base__"),
        ("chumpy.ch", "Ch.__new__"),
        ("", ""),
        ("hoisdf_model.hand.safe_pickle", "pickle.loads"),
    ],
)
def test_dotted_and_unlisted_names_are_refused_by_name(write, module, name):
    with pytest.raises(UnsafeFileError, match=r"asks for ") as caught:
        load_pickle(write(stack_global(module, name)))
    assert f"{module}.{name}" in str(caught.value)


def test_the_message_says_file_and_what_was_asked_for(write):
    path = write(pickle.dumps(Calls(os.system, "true")))
    with pytest.raises(UnsafeFileError, match=r"file\.pkl was refused: .*posix\.system"):
        load_pickle(path)


@pytest.mark.parametrize("what", [b"cnumpy\nndarray\n", b"cchumpy.ch\nCh\n", b"cnumpy\ndtype\n"])
def test_a_pickle_cannot_change_the_readers_classes(write, what):
    # BUILD with the state (None, {attribute: value}) sets attributes, here on the class itself
    attack = what + b"(N}V__new__\nc__builtin__\nset\nstb."
    with pytest.raises((UnsafeFileError, InvalidInputError)):
        load_pickle(write(attack))
    x = np.arange(3.0)
    assert np.array_equal(load_pickle(write(pickle.dumps(x))), x)


def test_a_pickle_cannot_change_the_readers_functions(write):
    attack = b"ccopy_reg\n_reconstructor\n(N}V__call__\nc__builtin__\nset\nstb."
    with pytest.raises((UnsafeFileError, InvalidInputError)):
        load_pickle(write(attack))
    matrix = scipy.sparse.csc_matrix(np.eye(2))
    assert np.array_equal(load_pickle(write(pickle.dumps(matrix, 0))), np.eye(2))


@pytest.mark.parametrize("data", [b"Psome-id\n.", b"Vsome-id\nQ."])
def test_persistent_objects_are_refused(write, data):
    with pytest.raises(UnsafeFileError, match="external object"):
        load_pickle(write(data))


def test_registered_extensions_are_refused(write, tmp_path):
    marker = tmp_path / "ran"
    copyreg.add_extension("posix", "system", 240)
    try:
        data = pickle.dumps(Calls(os.system, f"touch {marker}"), 2)
        assert b"posix" not in data
        with pytest.raises(UnsafeFileError, match=r"posix\.system"):
            load_pickle(write(data))
    finally:
        copyreg.remove_extension("posix", "system", 240)
    assert not marker.exists()


@pytest.mark.parametrize("codec", ["rot13", "zip", "unicode_escape"])
def test_only_the_codec_of_bytes_is_allowed(write, codec):
    with pytest.raises(UnsafeFileError, match=codec):
        load_pickle(write(b"c_codecs\nencode\n(Vabc\nV" + codec.encode() + b"\ntR."))


@pytest.mark.parametrize("kind", ["O", "V8", "M8[s]", "f8,i4", "object", "datetime64"])
def test_arrays_of_anything_but_numbers_and_text_are_refused(write, kind):
    data = pickle.dumps(np.zeros(1, "f8"), 2).replace(
        b"X\x02\x00\x00\x00f8", b"X" + bytes([len(kind), 0, 0, 0]) + kind.encode()
    )
    with pytest.raises(UnsafeFileError):
        load_pickle(write(data))


def test_structured_arrays_are_refused(write):
    with pytest.raises(UnsafeFileError):
        load_pickle(write(pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "i4")]))))


def test_circular_and_bottomless_files_are_damaged_not_endless(write):
    circular: list = []
    circular.append(circular)
    deep = b"]" * 500 + b"a" * 499 + b"."
    for data in (pickle.dumps(circular), deep):
        with pytest.raises(InvalidInputError, match="nests deeper"):
            load_pickle(write(data))


def test_inconsistent_arrays_are_damaged(write):
    whole = pickle.dumps(np.arange(4.0), 2)
    wrong_size = whole.replace(b"K\x04\x85", b"K\x05\x85")
    assert wrong_size != whole
    with pytest.raises(InvalidInputError):
        load_pickle(write(wrong_size))


def test_missing_file_is_said_plainly(tmp_path):
    with pytest.raises(InvalidInputError, match=r"nowhere\.pkl"):
        load_pickle(tmp_path / "nowhere.pkl")


VALID = pickle.dumps({"a": np.arange(4.0), "m": scipy.sparse.csc_matrix(np.eye(2)), "t": "x"}, 2)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(VALID) - 1), st.integers(0, 255), st.integers(0, len(VALID)))
@example(0, 0, 0)
def test_damaged_files_never_raise_anything_else(tmp_path_factory, position, byte, length):
    damaged = bytearray(VALID)
    damaged[position] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(bytes(damaged[:length]) if length % 3 == 0 else bytes(damaged))
    with contextlib.suppress(UnsafeFileError, InvalidInputError):
        load_pickle(path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_never_raise_anything_else(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "random.pkl"
    path.write_bytes(data)
    with contextlib.suppress(UnsafeFileError, InvalidInputError):
        load_pickle(path)


def object_npy(tmp_path, value):
    path = tmp_path / "objects.npy"
    np.save(path, np.array(value, object), allow_pickle=True)
    return path


@pytest.mark.parametrize("value", [{"MC1_0000": [600, 200], "b": np.arange(3)}, [{"a": 1}, None, "text"]])
def test_arrays_of_objects_come_back_as_plain_python(tmp_path, value):
    path = object_npy(tmp_path, value)
    expected = np.load(path, allow_pickle=True).tolist()
    assert same(load_object_npy(path), expected)


def test_objects_in_arrays_of_objects_are_refused_and_nothing_runs(tmp_path):
    marker = tmp_path / "ran"
    path = object_npy(tmp_path, {"a": [Calls(os.system, f"touch {marker}")]})
    with pytest.raises(UnsafeFileError, match=r"posix\.system"):
        load_object_npy(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", EXPLOITS)
def test_exploits_behind_an_npy_header_are_refused(tmp_path, name):
    marker = tmp_path / "ran"
    header = object_npy(tmp_path, {}).read_bytes().partition(b"\n")[0] + b"\n"
    path = tmp_path / "exploit.npy"
    path.write_bytes(header + calls_a_shell(str(marker))[name])
    with pytest.raises(UnsafeFileError):
        load_object_npy(path)
    assert not marker.exists()


def test_files_that_hold_no_objects_are_said_so(tmp_path):
    np.save(tmp_path / "numbers.npy", np.arange(3.0))
    with pytest.raises(InvalidInputError, match="float64, expected Python objects"):
        load_object_npy(tmp_path / "numbers.npy")
    (tmp_path / "text.npy").write_text("no")
    with pytest.raises(InvalidInputError, match=r"text\.npy is not a readable"):
        load_object_npy(tmp_path / "text.npy")
