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

"""Weights go in and come out unchanged; a file that isn't what it should be says so and runs nothing."""

import gzip
import json
import logging
import os
import pickle
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.errors import CheckpointError, ConfigError, HandModelError, UnsafeFileError
from hoisdf_model.hand import HandLayer, HandModel, load_hand_model
from hoisdf_model.network import load_network, load_preset, read_weights, save_network, write_weights
from hoisdf_model.network.official import official_name, our_name

DATA = Path(__file__).parents[1] / "data"
OFFICIAL = json.loads(gzip.decompress((DATA / "official_state_dicts.json.gz").read_bytes()))
SETTINGS = tuple(OFFICIAL)
FAKE_MANO = dict(np.load(DATA / "fake_mano_right.npz"))
HAND_BUFFERS = {
    "th_shapedirs": "shapedirs",
    "th_posedirs": "posedirs",
    "th_v_template": "v_template",
    "th_J_regressor": "J_regressor",
    "th_weights": "weights",
    "th_faces": "f",
    "th_selected_comps": "hands_components",
}


def official_state(setting):
    """A state dict of the official layout. Each tensor is one number, its place in the list, so the file is small."""
    state = {}
    for i, (key, shape, dtype) in enumerate(OFFICIAL[setting]):
        buffer = HAND_BUFFERS.get(key.rpartition(".")[2])
        if buffer:
            state[key] = torch.from_numpy(FAKE_MANO[buffer].astype(dtype).reshape(shape))
        elif key.endswith("th_hands_mean"):
            state[key] = torch.zeros(shape)  # the official code sets flat_hand_mean
        else:
            state[key] = torch.full((), i, dtype=getattr(torch, dtype)).expand(shape)
    return state


def snapshot(path, state):
    """What the official training code writes, optimizer and scheduler made by torch."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter], lr=1e-4)
    parameter.grad = torch.ones(3)
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 9, 0.7)
    content = {"epoch": 70, "network": state}
    torch.save(content | {"optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshots")
    return {s: snapshot(folder / f"snapshot_{s}.pth.tar", official_state(s)) for s in SETTINGS}


@pytest.fixture(scope="module")
def compact(tmp_path_factory):
    """(network, file of ours)"""
    network, config = load_network("untrained:compact")
    path = tmp_path_factory.mktemp("ours") / "compact.safetensors"
    save_network(network, config, path)
    return network, path


def test_our_file_has_the_usual_permissions(compact, tmp_path):
    (tmp_path / "plain").touch()
    assert compact[1].stat().st_mode == (tmp_path / "plain").stat().st_mode


# Official snapshots


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_setting_is_recognised_and_every_number_arrives(snapshots, setting):
    network, config = load_network(snapshots[setting])
    assert config == load_preset(setting)
    assert not network.training
    numbers = {key.removeprefix("module."): i for i, (key, _, _) in enumerate(OFFICIAL[setting])}
    for name, tensor in network.state_dict().items():
        assert torch.all(tensor == numbers[official_name(name)]), name


@pytest.mark.parametrize("setting", SETTINGS)
def test_names_translate_both_ways(setting):
    keys = [key.removeprefix("module.") for key, _, _ in OFFICIAL[setting]]
    assert [official_name(our_name(key)) for key in keys] == keys
    assert len({our_name(key) for key in keys}) == len(keys)


def test_the_preset_settles_what_layers_cannot_tell(snapshots):
    assert read_weights(snapshots["dexycb"]).config.name == "dexycb"
    assert read_weights(snapshots["dexycb"], "dexycb_full").config == load_preset("dexycb_full")


def test_the_hand_model_of_a_snapshot_is_used(snapshots):
    expected = HandModel.from_arrays(FAKE_MANO | {"hands_mean": np.zeros(45)}, "fake")
    network, _ = load_network(snapshots["dexycb"])
    assert network.hand_layer.model.hash == expected.hash


def test_the_users_own_file_of_the_same_hand_is_not_warned_of(snapshots, caplog):
    """The snapshot's buffers have no mean pose, MANO's file has; rotations in this package don't depend on it."""
    assert np.abs(FAKE_MANO["hands_mean"]).max() > 0
    with caplog.at_level(logging.WARNING):
        load_network(snapshots["dexycb"], hand_model=HandModel.from_arrays(FAKE_MANO, "MANO_RIGHT"))
    assert caplog.text == ""


def test_a_given_hand_model_comes_before_the_snapshots(snapshots, caplog):
    with caplog.at_level(logging.WARNING):
        network, _ = load_network(snapshots["dexycb"], hand_model=load_hand_model())
    assert network.hand_layer.model.hash == load_hand_model().hash
    assert "was trained with the hand model mano" in caplog.text


def test_a_snapshot_without_a_hand_model_gets_the_open_hand(snapshots, tmp_path):
    assert load_network(snapshots["ho3d_render"])[0].hand_layer.model.hash == load_hand_model().hash
    state = {key: value for key, value in official_state("ho3d").items() if "mano_head" not in key}
    assert read_weights(snapshot(tmp_path / "s.pth.tar", state)).hand_model is None


def test_an_old_style_snapshot_is_read(tmp_path):
    path = tmp_path / "old.pth.tar"
    torch.save({"network": official_state("ho3d_render")}, path, _use_new_zipfile_serialization=False)
    assert read_weights(path).config.name == "ho3d_render"


def without(key):
    return lambda state: state.pop(f"module.{key}")


def changed(key, value):
    return lambda state: state.update({f"module.{key}": value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("linear_shape.layers.0.bias"), r"not a snapshot of dexycb: missing: linear_shape\.layers\.0\.bias$"),
        (without("norm1.weight"), r"lacks norm1\.weight$"),
        (changed("head.weight", torch.ones(2)), r"unknown: head\.weight$"),
        (
            changed("linear_shape.layers.2.bias", torch.ones(11)),
            r"another shape: linear_shape\.layers\.2\.bias \(11,\) instead of \(10,\)$",
        ),
        (changed("linear_shape.layers.2.bias", torch.full((10,), torch.nan)), r"shape_head.*not finite"),
        (without("mano_head.mano_layer.th_weights"), r"part of a hand model, it lacks mano_head\.mano_layer\.th_wei"),
        (changed("mano_head.mano_layer.th_weights", torch.ones(5, 5)), r"the hand model inside .*\(778, 16\)"),
        (changed("linear_shape.layers.2.bias", "ten"), "no official snapshot"),
    ],
)
def test_a_snapshot_that_differs_names_the_difference(tmp_path, change, words):
    state = official_state("dexycb")
    change(state)
    with pytest.raises(CheckpointError, match=words):
        read_weights(snapshot(tmp_path / "s.pth.tar", state))


def test_weights_of_another_preset_are_refused(snapshots):
    with pytest.raises(CheckpointError, match="is a snapshot of dexycb or dexycb_full, not of ho3d"):
        load_network(snapshots["dexycb"], preset="ho3d")
    with pytest.raises(CheckpointError, match="is a snapshot of ho3d, not of compact"):
        load_network(snapshots["ho3d"], preset="compact")
    with pytest.raises(ConfigError, match="unknown preset 'dexicb'"):
        load_network(snapshots["dexycb"], preset="dexicb")


# Ours


def test_our_file_comes_back_bit_for_bit(compact):
    network, path = compact
    again, config = load_network(path)
    assert config == load_preset("compact")
    assert_equal_states(network.state_dict(), again.state_dict())


def assert_equal_states(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_our_file_says_what_it_is(compact):
    _, path = compact
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["hoisdf.format"] == "1"
    assert json.loads(metadata["hoisdf.config"])["name"] == "compact"
    assert metadata["hoisdf.hand_model_hash"] == load_hand_model().hash


def test_half_precision_rounds_matrices_and_keeps_vectors(compact, tmp_path):
    network, path = compact
    save_network(network, network.config, tmp_path / "half.safetensors", half=True)
    stored = load_file(tmp_path / "half.safetensors")
    again = load_network(tmp_path / "half.safetensors")[0].state_dict()
    for name, tensor in network.state_dict().items():
        matrix = tensor.is_floating_point() and tensor.ndim > 1
        assert stored[name].dtype == (torch.float16 if matrix else tensor.dtype), name
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], tensor.half().float() if matrix else tensor), name
    assert (tmp_path / "half.safetensors").stat().st_size < 0.51 * path.stat().st_size
    assert (tmp_path / "half.safetensors").stat().st_size < 40e6


def test_what_half_precision_cannot_hold_is_refused(compact, tmp_path):
    weights = read_weights(compact[1])
    weights.state["encoder.conv1.weight"][0] = 1e6
    with pytest.raises(CheckpointError, match=r"encoder\.conv1\.weight .*float16"):
        write_weights(weights, tmp_path / "half.safetensors", half=True)
    assert list(tmp_path.iterdir()) == []


def test_the_hand_model_is_written_only_when_asked_for(compact, tmp_path):
    network, path = compact
    assert not any(name.startswith("hand_model") for name in load_file(path))
    save_network(network, network.config, tmp_path / "with.safetensors", keep_hand_model=True)
    weights = read_weights(tmp_path / "with.safetensors")
    assert weights.hand_model.hash == load_hand_model().hash
    assert weights.hand_model.info == load_hand_model().info


def test_a_file_from_before_a_field_was_there_has_its_default(compact, tmp_path):
    network, path = compact
    old = network.config.to_mapping()
    del old["object_in_mirror"]
    rewritten(path, tmp_path / "old.safetensors", config=json.dumps(old))
    assert load_network(tmp_path / "old.safetensors")[1] == network.config


def test_a_renamed_preset_keeps_its_own_configuration(compact, tmp_path):
    network, _ = compact
    config = replace(network.config, name="mine")
    save_network(network, config, tmp_path / "mine.safetensors")
    assert load_network(tmp_path / "mine.safetensors")[1] == config
    assert load_network(tmp_path / "mine.safetensors", preset="compact")[1] == load_preset("compact")
    with pytest.raises(CheckpointError, match="holds weights of mine, not of dexycb"):
        load_network(tmp_path / "mine.safetensors", preset="dexycb")


def test_training_with_another_hand_is_warned_of(compact, tmp_path, caplog):
    weights = read_weights(compact[1])
    info = replace(weights.trained_with, name="MANO_RIGHT", hash="feedfeedfeedfeed")
    write_weights(replace(weights, trained_with=info), tmp_path / "a.safetensors")
    with caplog.at_level(logging.WARNING):
        load_network(compact[1])
        assert caplog.text == ""
        load_network(tmp_path / "a.safetensors")
    assert "trained with the hand model MANO_RIGHT (feedfeedfeedfeed), and is used with open_hand" in caplog.text


def rewritten(source, target, tensors=None, **metadata):
    """The file with some of its metadata or tensors replaced."""
    with safe_open(source, "pt") as file:
        old = file.metadata()
    new = {**old, **{f"hoisdf.{key}": value for key, value in metadata.items()}}
    save_file(load_file(source) | (tensors or {}), target, {k: v for k, v in new.items() if v is not None})
    return target


def test_a_file_of_ours_whose_first_byte_is_that_of_a_pickle_is_read(compact, tmp_path):
    network, path = compact
    plain = rewritten(path, tmp_path / "plain.safetensors", padding="")
    missing = (0x80 - plain.read_bytes()[0]) % 256  # the length of the header stands first, its lowest byte in front
    padded = rewritten(path, tmp_path / "padded.safetensors", padding="x" * missing)
    assert padded.read_bytes()[:1] == pickle.dumps(0, protocol=2)[:1]
    assert_equal_states(network.state_dict(), load_network(padded)[0].state_dict())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "2"}, "has the format '2', this version reads format '1'"),
        ({"format": None}, "has no hoisdf metadata"),
        ({"config": None}, "configuration in .* can't be read"),
        ({"config": "{"}, "configuration in .* can't be read"),
        ({"config": "[1]"}, "configuration in .* can't be read"),
        ({"config": '{"width": 3}'}, r"configuration in .* unknown configuration key 'width'"),
        ({"config": '{"name": "${"}'}, r"configuration in .* must not refer to others"),
        ({"config": '{"name": "${oc.env:HOME}"}'}, r"configuration in .* must not refer to others"),
        ({"config": "{}"}, "doesn't fit its own configuration: missing: .* and [0-9]+ more; unknown"),
        ({"tensors": {"more.weight": torch.ones(2)}}, r"unknown: more\.weight$"),
        ({"tensors": {"hand_model.f": torch.ones(2)}}, "the hand model inside .* lacks"),
        ({"tensors": {"encoder.bn1.bias": torch.full((48,), torch.inf)}}, r"encoder\.bn1\.bias .*not finite"),
    ],
)
def test_a_file_of_ours_that_is_wrong_says_why(compact, tmp_path, changes, words):
    with pytest.raises(CheckpointError, match=words):
        load_network(rewritten(compact[1], tmp_path / "a.safetensors", **changes))


# Untrained


def test_untrained_weights_are_asked_for_by_name_and_always_the_same(compact):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    network, config = load_network("untrained:compact")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert config.name == "compact"
    assert_equal_states(network.state_dict(), compact[0].state_dict())
    with pytest.raises(ConfigError, match="unknown preset 'huge'"):
        load_network("untrained:huge")


def test_a_missing_file_never_becomes_random_weights(tmp_path):
    with pytest.raises(CheckpointError, match=r"no weights file at .*none\.safetensors; for random weights ask for"):
        load_network(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="no weights file"):
        load_network(tmp_path)


# Damaged and hostile files


@pytest.mark.parametrize("keep", [0, 1, 7, 100, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["snapshot", "ours"])
def test_a_truncated_file_is_refused(snapshots, compact, tmp_path, kind, keep):
    content = (snapshots["ho3d_render"] if kind == "snapshot" else compact[1]).read_bytes()
    path = tmp_path / "weights"
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(CheckpointError, match=str(path)):
        load_network(path)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"\x80\x04abc", b"PK\x03\x04abc", b"\xff" * 8 + b"{}"])
def test_something_else_is_refused(tmp_path, content):
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(CheckpointError):
        load_network(tmp_path / "weights")


@pytest.mark.parametrize("content", [[1, 2], {"model": {"a": torch.ones(1)}}, {"network": [1]}, torch.ones(3)])
def test_another_torch_file_is_no_snapshot(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="is no official snapshot"):
        load_network(tmp_path / "a.pth")


class Call:
    """Unpickles by calling ``function``."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("place", ["network", "optimizer", "inside a state dict", "bare"])
@pytest.mark.parametrize("function", ["os.system", "builtins.eval", "os.mkdir"])
@pytest.mark.parametrize("new_style", [True, False])
def test_code_in_a_snapshot_is_refused_and_not_run(tmp_path, function, place, new_style):
    marker = tmp_path / "owned"
    call = {
        "os.system": Call(os.system, f"touch {marker}"),
        "builtins.eval": Call(eval, f"__import__('os').mkdir({str(marker)!r})"),
        "os.mkdir": Call(os.mkdir, str(marker)),
    }[function]
    content = {
        "network": {"network": call},
        "optimizer": {"network": official_state("ho3d_render"), "optimizer": call},
        "inside a state dict": {"network": {"module.weight": call}},
        "bare": call,
    }[place]
    torch.save(content, tmp_path / "evil.pth.tar", _use_new_zipfile_serialization=new_style)
    with pytest.raises(UnsafeFileError, match=r"asks for [\w.]+, which could run code, and was refused") as caught:
        load_network(tmp_path / "evil.pth.tar")
    assert "weights_only" not in str(caught.value)
    assert not marker.exists()


def test_a_plain_pickle_is_refused(tmp_path):
    marker = tmp_path / "owned"
    for protocol in (2, 4):
        (tmp_path / "evil.pth.tar").write_bytes(pickle.dumps(Call(os.mkdir, str(marker)), protocol))
        with pytest.raises((UnsafeFileError, CheckpointError)):
            load_network(tmp_path / "evil.pth.tar")
    assert not marker.exists()


def test_a_zip_that_is_no_torch_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth.tar", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    with pytest.raises(CheckpointError):
        load_network(tmp_path / "a.pth.tar")


# hoisdf convert


def convert(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_convert_keeps_every_number_and_leaves_mano_out(snapshots, tmp_path):
    result = convert(snapshots["dexycb"], tmp_path / "out.safetensors")
    assert result.exit_code == 0
    assert re.search(r"preset dexycb, .* million numbers", result.output)
    assert "isn't inside" in result.output
    original, converted = read_weights(snapshots["dexycb"]), read_weights(tmp_path / "out.safetensors")
    assert_equal_states(original.state, converted.state)
    assert converted.hand_model is None
    assert converted.trained_with == original.hand_model.info
    content = (tmp_path / "out.safetensors").read_bytes()
    for name in ("v_template", "posedirs", "weights", "J_regressor"):  # not under any name
        assert FAKE_MANO[name].astype(np.float32).tobytes()[:400] not in content


def test_convert_keeps_mano_when_asked_to(snapshots, tmp_path):
    result = convert(snapshots["dexycb"], tmp_path / "out.safetensors", "--keep-mano", "--half")
    assert result.exit_code == 0
    assert "keep it to yourself" in result.output
    original, converted = read_weights(snapshots["dexycb"]), read_weights(tmp_path / "out.safetensors")
    assert converted.hand_model.hash == original.hand_model.hash


def test_convert_takes_the_preset_and_never_overwrites_unasked(snapshots, tmp_path):
    target = tmp_path / "out.safetensors"
    target.touch()
    refused = convert(snapshots["dexycb"], target)
    assert isinstance(refused.exception, CheckpointError)
    assert "exists already" in str(refused.exception)
    assert convert(snapshots["dexycb"], target, "--preset", "dexycb_full", "--overwrite", "--half").exit_code == 0
    assert read_weights(target).config.name == "dexycb_full"


# Hand models


def test_the_file_of_a_hand_model_does_as_well(tmp_path):
    fake = DATA / "fake_mano_right.npz"
    for given in (fake, str(fake)):
        network, _ = load_network("untrained:compact", hand_model=given)
        assert network.hand_layer.model.hash == load_hand_model(fake).hash
        assert HandLayer(given).model.hash == load_hand_model(fake).hash
    with pytest.raises(HandModelError, match=r"nowhere\.pkl"):
        load_network("untrained:compact", hand_model=tmp_path / "nowhere.pkl")


# Wrappers


def renamed(state, prefix):
    return {prefix + name.removeprefix("module."): tensor for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["module._orig_mod.", "module.module.", "network.", "student.net."])
def test_wrappers_of_a_snapshot_are_taken_off(snapshots, tmp_path, prefix):
    path = snapshot(tmp_path / "s.pth.tar", renamed(official_state("ho3d"), prefix))
    expected, found = read_weights(snapshots["ho3d"]), read_weights(path)
    assert found.config.name == "ho3d"
    assert_equal_states(expected.state, found.state)
    assert found.hand_model.hash == expected.hand_model.hash


@pytest.mark.parametrize("prefix", ["_orig_mod.module.", "network."])
def test_wrappers_of_a_file_of_ours_are_taken_off(compact, tmp_path, prefix):
    network, path = compact
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file({prefix + name: tensor for name, tensor in load_file(path).items()}, tmp_path / "a.safetensors", metadata)
    assert_equal_states(network.state_dict(), load_network(tmp_path / "a.safetensors")[0].state_dict())


def test_a_compiled_part_of_the_network_is_unwrapped(compact, tmp_path):
    network, path = compact
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    state = {name.replace("encoder.", "encoder._orig_mod.", 1): tensor for name, tensor in load_file(path).items()}
    save_file(state, tmp_path / "a.safetensors", metadata)
    assert_equal_states(network.state_dict(), load_network(tmp_path / "a.safetensors")[0].state_dict())


def test_the_network_in_a_lightning_checkpoint_is_read(compact, tmp_path):
    network, _ = compact
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state | {"criterion.scale": torch.ones(1)}, "epoch": 3}, tmp_path / "a.ckpt")
    assert_equal_states(network.state_dict(), load_network(tmp_path / "a.ckpt", preset="compact")[0].state_dict())


def test_a_prefix_that_only_some_names_have_is_told_before_the_parameters(compact, tmp_path):
    _, path = compact
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    name = next(name for name in tensors if name.startswith("encoder."))
    state = {one if one == name else f"module.{one}": tensor for one, tensor in tensors.items()}
    save_file(state, tmp_path / "a.safetensors", metadata)
    count = len(tensors)
    words = (
        rf"configuration: {count - 1} of {count} names have the prefix 'module\.' \(of DataParallel or DDP\).* missing"
    )
    with pytest.raises(CheckpointError, match=words):
        load_network(tmp_path / "a.safetensors")
