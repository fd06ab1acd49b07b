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

"""Hand model files: what is read, what is refused, and what a mirror does."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hand_pickles import chumpy_array, chumpy_select, python2_pickle

from hoisdf_model.errors import HandModelError, UnsafeFileError
from hoisdf_model.hand import HandModel, load_hand_model

FAKE = Path(__file__).parents[1] / "data" / "fake_mano_right.npz"


@pytest.fixture(scope="module")
def arrays() -> dict:
    with np.load(FAKE) as archive:
        return dict(archive)


@pytest.fixture
def saved(arrays, tmp_path):
    def save(name: str = "MANO_RIGHT.npz", without: tuple = (), **changes):
        path = tmp_path / name
        np.savez(path, **{k: v for k, v in (arrays | changes).items() if k not in without})
        return path

    return save


def test_npz_is_read_into_the_documented_shapes(arrays):
    model = load_hand_model(FAKE)
    assert (model.name, model.side) == ("fake_mano_right", "right")
    assert np.array_equal(model.v_template, arrays["v_template"])
    assert np.array_equal(model.posedirs, arrays["posedirs"])
    assert np.array_equal(model.joint_regressor, arrays["J_regressor"])
    assert model.faces.dtype == np.int64
    assert model.joints == pytest.approx(arrays["J_regressor"] @ arrays["v_template"], abs=1e-6)


def test_official_style_pickle_gives_the_same_model(arrays, tmp_path):
    """Laid out like MANO_RIGHT.pkl: Python 2, chumpy, a sparse regressor, the first 10 of a larger shape space."""
    more = np.concatenate([arrays["shapedirs"], np.ones((778, 3, 10), np.float32)], 2).astype(np.float64)
    first_ten = np.arange(more.size).reshape(more.shape)[..., :10].ravel()
    path = tmp_path / "MANO_RIGHT.pkl"
    official = {
        "v_template": chumpy_array(arrays["v_template"].astype(np.float64)),
        "shapedirs": chumpy_select(chumpy_array(more), first_ten, (778, 3, 10)),
        "posedirs": arrays["posedirs"].astype(np.float64),
        "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"].astype(np.float64)),
        "weights": arrays["weights"].astype(np.float64),
        "f": arrays["f"],
        "kintree_table": arrays["kintree_table"].astype(np.uint32),
        "hands_mean": arrays["hands_mean"].astype(np.float64),
        "hands_components": arrays["hands_components"].astype(np.float64),
        "hands_coeffs": np.zeros((3, 45)),
        "J": np.zeros((16, 3)),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    path.write_bytes(python2_pickle(official))
    model = load_hand_model(path)
    assert model.name == "MANO_RIGHT"
    assert model.hash == load_hand_model(FAKE).hash


def test_saving_and_loading_changes_nothing(tmp_path):
    model = load_hand_model(FAKE).mirrored()
    model.save(tmp_path / "copy.npz")
    copy = load_hand_model(tmp_path / "copy.npz", side=None)
    assert (copy.name, copy.side, copy.hash) == (model.name, "left", model.hash)


def test_saved_models_load_in_smplx(tmp_path):
    import smplx

    model = load_hand_model()
    model.save(tmp_path / "MANO_RIGHT.npz")
    layer = smplx.MANOLayer(str(tmp_path / "MANO_RIGHT.npz"), ext="npz", use_pca=False, flat_hand_mean=True)
    assert layer().vertices[0].numpy() == pytest.approx(model.v_template, abs=1e-6)


def test_the_hash_tells_models_apart(saved, arrays):
    moved = arrays["v_template"] + np.eye(778, 3, dtype=np.float32) * 1e-6
    assert load_hand_model(saved(v_template=moved)).hash != load_hand_model(FAKE).hash
    assert re.fullmatch("[0-9a-f]{16}", load_hand_model(FAKE).hash)
    assert load_hand_model(FAKE).info.hash == load_hand_model(FAKE).hash


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        load_hand_model(FAKE).v_template[0] = 0


@pytest.mark.parametrize(
    "key", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "hands_mean", "hands_components"]
)
def test_a_missing_array_is_named(saved, key):
    with pytest.raises(HandModelError, match=rf"lacks {key};.*v_template"):
        load_hand_model(saved(without=(key,)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_template": np.zeros((777, 3))}, r"v_template must have the shape \(778, 3\), got \(777, 3\)"),
        ({"posedirs": np.zeros((778, 3, 207))}, r"posedirs must have the shape \(778, 3, 135\)"),
        ({"shapedirs": np.zeros((778, 3, 9))}, r"shapedirs must have the shape"),
        ({"v_template": np.full((778, 3), np.nan)}, "v_template holds numbers that are not finite"),
        ({"v_template": np.full((778, 3), "x")}, "v_template must hold numbers"),
        ({"f": np.full((1538, 3), 778)}, "faces must name vertices 0 to 777"),
        ({"weights": np.zeros((778, 16))}, "each row of weights must sum to 1"),
        ({"J_regressor": np.ones((16, 778))}, "each row of joint_regressor must sum to 1"),
        ({"kintree_table": np.array([[0] * 16, range(16)])}, "another joint tree"),
        ({"side": np.array("both")}, "side must be one of"),
    ],
)
def test_malformed_arrays_are_refused_with_the_reason(saved, changes, message):
    path = saved(**changes)
    with pytest.raises(HandModelError, match=message) as caught:
        load_hand_model(path)
    assert "MANO_RIGHT" in str(caught.value)


def test_larger_shape_spaces_are_cut_to_manos_ten(saved, arrays):
    wide = np.concatenate([arrays["shapedirs"], arrays["shapedirs"]], 2)
    assert load_hand_model(saved(shapedirs=wide)).hash == load_hand_model(FAKE).hash


def test_files_that_are_no_models_are_refused(tmp_path):
    with pytest.raises(HandModelError, match="no hand model at"):
        load_hand_model(tmp_path / "absent.npz")
    text = tmp_path / "hand.obj"
    text.write_text("v 0 0 0")
    with pytest.raises(HandModelError, match=r"\.pkl or \.npz"):
        load_hand_model(text)
    cut = tmp_path / "cut.npz"
    cut.write_bytes(FAKE.read_bytes()[:5000])
    with pytest.raises(HandModelError, match="not a readable npz"):
        load_hand_model(cut)
    listed = tmp_path / "list.pkl"
    listed.write_bytes(b"]K\x01a.")
    with pytest.raises(HandModelError, match="holds a list"):
        load_hand_model(listed)
    damaged = tmp_path / "damaged.pkl"
    damaged.write_bytes(b"\x80\x02}")
    with pytest.raises(HandModelError, match="not a readable pickle"):
        load_hand_model(damaged)


def test_npz_with_pickled_objects_is_refused(saved, arrays):
    with pytest.raises(HandModelError, match="pickled objects"):
        load_hand_model(saved(v_template=arrays["v_template"].astype(object)))


def test_malicious_pickle_is_refused_as_unsafe(tmp_path):
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(b"cos\nsystem\n(Vtrue\ntR.")
    with pytest.raises(UnsafeFileError, match=r"os\.system"):
        load_hand_model(path)


def test_the_side_comes_from_the_file_or_its_name(tmp_path):
    right = load_hand_model(FAKE)
    renamed = tmp_path / "MANO_LEFT.npz"
    shutil.copy(FAKE, renamed)
    as_left = load_hand_model(renamed, side="left")
    assert as_left.side == "left"
    assert np.array_equal(as_left.v_template, right.v_template)
    assert load_hand_model(renamed, side="right").hash == right.mirrored().hash
    assert load_hand_model(FAKE, side="left").hash == right.mirrored().hash


def test_an_unknown_side_is_refused():
    with pytest.raises(HandModelError, match="right"):
        load_hand_model(FAKE, side="both")  # type: ignore[arg-type]


def test_a_mirror_in_a_mirror_is_the_hand_itself():
    model = load_hand_model(FAKE)
    assert model.mirrored().hash != model.hash
    assert model.mirrored().mirrored().hash == model.hash


def test_the_shipped_hand_is_the_default():
    model = load_hand_model()
    assert isinstance(model, HandModel)
    assert (model.name, model.side) == ("open_hand", "right")
    assert load_hand_model(side="left").side == "left"
