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

"""The hand-root head: its geometry, what it looks at, its losses, and training it alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tiny_training
import torch
from labelled_frames import frame
from safetensors.torch import load_file
from tiny_network import tiny_batch, tiny_network

from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import collate
from hoisdf_model.errors import CheckpointError, ConfigError
from hoisdf_model.network import RootPrediction, load_network, load_preset, log_extent, preset_names, save_network
from hoisdf_model.network.root import landmark_evidence
from hoisdf_model.training import build_run, newest_checkpoint, train
from hoisdf_model.training.root_losses import root_error, root_parts, spread_cost
from hoisdf_model.training.starting import starting_weights
from hoisdf_model.training.targets import target_of

ROOT = {"width": 8, "hidden": 16}
WRIST = np.array([0.07, -0.03, 0.62])


def prediction(pixel, extent, spread=1.0):
    def one(value):
        return torch.tensor([value], dtype=torch.float64)

    return RootPrediction(one(list(pixel)), one(extent), one(spread), one(spread))


def seen(matrix, size):
    """The prediction that is right for ``WRIST`` in a crop with these intrinsics."""
    x, y, z = matrix @ WRIST
    focal = math.sqrt(matrix[0, 0] * matrix[1, 1])
    return prediction((x / z, y / z), math.log(WRIST[2] * size / focal))


CROP = np.array([[210.0, 0, 40.0], [0, 190.0, 77.0], [0, 0, 1]])


def test_a_wrist_that_is_projected_comes_back():
    position = seen(CROP, 128).position(torch.from_numpy(CROP)[None], 128)
    np.testing.assert_allclose(position[0].numpy(), WRIST, rtol=1e-12)
    depth = torch.tensor([WRIST[2]], dtype=torch.float64)
    torch.testing.assert_close(log_extent(depth, torch.from_numpy(CROP)[None], 128), seen(CROP, 128).log_extent)


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.7])
def test_the_same_view_in_another_resolution_has_the_same_wrist(scale):
    """Pixels and intrinsics grow with the crop's size; the extent is the picture's own."""
    finer = np.diag([scale, scale, 1]) @ CROP
    coarse, fine = seen(CROP, 128), seen(finer, 128 * scale)
    torch.testing.assert_close(coarse.log_extent, fine.log_extent)
    position = fine.position(torch.from_numpy(finer)[None], 128 * scale)
    np.testing.assert_allclose(position[0].numpy(), WRIST, rtol=1e-12)


def test_the_same_picture_through_a_longer_lens_is_as_much_farther_away():
    longer = np.diag([3.0, 3.0, 1]) @ CROP
    longer[:2, 2] = CROP[:2, 2]
    picture = seen(CROP, 128)
    near = picture.position(torch.from_numpy(CROP)[None], 128)[0].numpy()
    far = picture.position(torch.from_numpy(longer)[None], 128)[0].numpy()
    np.testing.assert_allclose(far, near * [1, 1, 3], rtol=1e-12)


@pytest.mark.parametrize("box", [[12.0, 12.0, 50.0, 52.0], [3.0, 20.0, 25.0, 30.0]])
def test_an_untrained_head_says_what_the_box_says(box):
    """The box's middle, at the distance at which a hand's box is 0.148 m (0.79 spans of 0.187 m)."""
    network, batch = tiny_network(root=ROOT), tiny_batch()
    batch = replace(batch, hand_box=torch.tensor(box).repeat(3, 1))
    with torch.inference_mode():
        _, found = network.find_root(batch)
    longest = max(box[2] - box[0], box[3] - box[1])
    middle = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    torch.testing.assert_close(found.pixel, middle.expand(3, 2))
    depth = found.position(batch.intrinsics, 64)[:, 2]
    torch.testing.assert_close(depth, torch.full((3,), 80.0 * 0.148 / longest))


def test_nothing_that_is_said_about_the_root_reaches_the_head():
    network, batch = tiny_network(root=ROOT), tiny_batch()
    other = replace(batch, hand_root=batch.hand_root + 0.3, object_center=batch.object_center - 0.1)
    with torch.inference_mode():
        first, second = (network(told, every_layer=True).root for told in (batch, other))
    for name in ("pixel", "log_extent", "pixel_spread", "depth_spread"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=0, atol=0)


def with_landmarks(batch, pixels, relative, presence=1.0):
    landmarks = torch.cat([pixels, relative], -1).expand(3, -1, -1)
    return replace(batch, landmarks=landmarks, landmark_presence=torch.full((3,), presence))


def test_landmarks_that_nobody_saw_are_as_none(tmp_path):
    network, batch = tiny_network(root=ROOT | {"landmarks": True}), tiny_batch()
    torch.nn.init.normal_(network.root_head.numbers.linear(-1).weight, std=0.1)
    pixels, relative = torch.rand(1, 21, 2) * 40, torch.rand(1, 21, 3) * 0.1
    unseen, seen = (with_landmarks(batch, pixels, relative, presence) for presence in (0.0, 0.9))
    with torch.inference_mode():
        none, hidden, shown = (network.find_root(one)[1].log_extent for one in (batch, unseen, seen))
    torch.testing.assert_close(hidden, none, rtol=0, atol=0)
    assert (shown - none).abs().min() > 1e-4


@pytest.mark.parametrize("depth", [0.3, 0.8])
def test_the_extent_of_landmarks_is_that_of_the_flat_hand_they_show(depth):
    """A flat hand parallel to the image, through a camera of 80 pixels: the crop spans ``64 z / 80`` metres there."""
    batch = tiny_batch()
    relative = torch.cat([torch.rand(1, 21, 2) * 0.1, torch.zeros(1, 21, 1)], -1)
    seen = with_landmarks(batch, relative[..., :2] * 80 / depth + 20, relative)
    edges = (batch.hand_box[:, 2:] - batch.hand_box[:, :2]).amax(1)
    middle = (batch.hand_box[:, 2:] + batch.hand_box[:, :2]) / 2
    extent = landmark_evidence(seen, middle, edges)[:, -2]
    guess = (0.148 * 64 / edges).log()  # what the box says
    torch.testing.assert_close(extent + guess, torch.full((3,), math.log(64 * depth / 80)), atol=1e-5, rtol=0)


def test_features_that_are_handed_in_are_not_computed_again(monkeypatch):
    network, batch = tiny_network(root=ROOT), tiny_batch()
    with torch.inference_mode():
        whole = network(batch)
        features, _ = network.find_root(batch)
        monkeypatch.setattr(network, "encode", lambda image: pytest.fail("looked at the image again"))
        torch.testing.assert_close(network(batch, features=features).joints, whole.joints, rtol=0, atol=0)


def test_a_network_without_the_head_says_so():
    with pytest.raises(ConfigError, match="no hand-root head"):
        tiny_network().find_root(tiny_batch())


def test_of_the_presets_only_the_default_one_has_the_head():
    assert [name for name in preset_names() if load_preset(name).root is not None] == ["compact_hand"]


def test_the_head_is_saved_and_loaded_with_its_network(tmp_path):
    network = tiny_network(root=ROOT)
    torch.nn.init.normal_(network.root_head.heat.weight)
    save_network(network, network.config, tmp_path / "a.safetensors")
    loaded, config = load_network(tmp_path / "a.safetensors", network.hand_layer.model)
    assert config.root == network.config.root
    torch.testing.assert_close(loaded.root_head.heat.weight, network.root_head.heat.weight)


def mirrored_frame():
    """A left hand: the right hand's frame in a mirror."""
    right = frame(3, 200)
    camera = right.camera.mirrored()
    hand = replace(right.hand, side="left", joints=right.hand.joints * [-1, 1, 1])
    return replace(
        right, image=right.image[:, ::-1], camera=camera, hand=hand, object=None,
        hand_mask=right.hand_mask[:, ::-1], object_mask=right.object_mask[:, ::-1],
    )  # fmt: skip


def sizes(**changes):
    return PreparationConfig(image_size=64, hand_field_points=20, object_field_points=20, hand_start_points=8,
                             object_start_points=8, augmentation=AugmentationConfig(**changes))  # fmt: skip


def target_and_wrist(labelled, config, network):
    """What the head is trained towards, decoded; and the sample."""
    sample = collate([prepare(labelled, config, seed=1)])
    target = target_of(sample, network.hand_layer, network.config.field.scale)
    right = RootPrediction(target.wrist_pixel, target.wrist_log_extent, torch.ones(1), torch.ones(1))
    return right.position(sample.intrinsics, 64)[0].numpy(), sample


def test_the_jitter_of_the_root_does_not_reach_the_heads_target():
    network, labelled = tiny_network(), frame(2, 200)
    still, sample = target_and_wrist(labelled, sizes(), network)
    jittered, told = target_and_wrist(labelled, sizes(root_depth=0.2, root_sideways=0.1), network)
    assert (told.hand_root - sample.hand_root).abs().max() > 0.01
    np.testing.assert_allclose(still, labelled.hand.joints[0], atol=1e-6)
    np.testing.assert_allclose(jittered, labelled.hand.joints[0], atol=1e-6)


def test_boxes_of_visible_skin_are_around_the_mask():
    """What a detector would give: the edges of the outermost pixels that show skin."""
    labelled = frame(2, 200)
    sample = prepare(labelled, sizes(visible=1.0), seed=1)
    ys, xs = np.nonzero(labelled.hand_mask)
    edges = np.array([[xs.min() - 0.5, ys.min() - 0.5, 1], [xs.max() + 0.5, ys.max() + 0.5, 1]])
    to_crop = sample.intrinsics.double().numpy() @ np.linalg.inv(labelled.camera.matrix)
    np.testing.assert_allclose(sample.hand_box.numpy(), (edges @ to_crop.T)[:, :2].reshape(4), rtol=1e-5)
    usual = prepare(frame(2, 200), sizes(), seed=1)
    assert (usual.hand_box - sample.hand_box).abs().max() > 0.5
    np.testing.assert_allclose(usual.intrinsics, sample.intrinsics)


def test_turned_zoomed_and_shifted_crops_have_the_turned_wrist():
    """A turn about the optical axis keeps the distance to that axis and the depth."""
    labelled = frame(2, 200)
    wrist, _ = target_and_wrist(labelled, sizes(turned=1, turn=40, scale=0.2, center=0.1), tiny_network())
    true = labelled.hand.joints[0]
    np.testing.assert_allclose(wrist[2], true[2], rtol=1e-5)
    np.testing.assert_allclose(np.hypot(*wrist[:2]), np.hypot(*true[:2]), rtol=1e-4)
    assert np.abs(wrist - true).max() > 1e-3


def test_a_left_hands_target_is_that_of_the_right_hand_in_the_mirror():
    network, left = tiny_network(), mirrored_frame()
    wrist, sample = target_and_wrist(left, sizes(), network)
    assert bool(sample.mirrored)
    np.testing.assert_allclose(wrist, left.hand.joints[0] * [-1, 1, 1], atol=1e-6)


def test_losses_are_zero_at_the_truth_and_leave_unknown_hands_out():
    network = tiny_network()
    sample = collate([prepare(frame(k, 200), sizes(), seed=1, index=k) for k in range(3)])
    target = target_of(sample, network.hand_layer, network.config.field.scale)
    ones = torch.ones(3)
    right = RootPrediction(target.wrist_pixel, target.wrist_log_extent, ones * 64, ones)
    parts = root_parts(right, target)
    assert parts["root"].total == 0
    assert parts["root_spread"].total.abs() < 1e-6  # the logarithm of 1
    wrong = replace(right, log_extent=right.log_extent + torch.tensor([0.0, 0.5, 0.0]))
    known = replace(target, hand_known=torch.tensor([True, False, True]))
    assert root_parts(wrong, target)["root"].total > 0
    assert root_parts(wrong, known)["root"].total == 0
    assert root_parts(wrong, known)["root"].counted == 2
    error, _ = root_error(replace(right, pixel=right.pixel + torch.tensor([6.4, -3.2])), target)
    torch.testing.assert_close(error, torch.tensor([0.1, -0.05, 0.0]).expand(3, 3), atol=1e-6, rtol=0)


def test_the_best_spread_is_the_errors_root_mean_square():
    errors = torch.tensor([0.3, -0.1, 0.2, 0.05])
    spread = torch.linspace(0.05, 0.6, 1000)
    cost = spread_cost(errors[:, None], spread[None]).mean(0)
    assert spread[cost.argmin()] == pytest.approx(float(errors.square().mean().sqrt()), abs=1e-3)


@pytest.fixture
def with_head():
    return lambda *changes: replace(tiny_training.config(*changes), network=tiny_training.NETWORK | {"root": ROOT})


def test_the_head_alone_is_trained_from_weights_without_one(tmp_path, with_head, caplog):
    """Everything else stays as it was, batch norm statistics too; the frozen network sees no dropout."""
    old = build_run(tiny_training.config(), tmp_path, tiny_training.sources()).network
    save_network(old, old.config, tmp_path / "old.safetensors")
    config = with_head(f"start_from={tmp_path / 'old.safetensors'}", "train_only=[root_head]", "ema=0")
    run = build_run(config, tmp_path / "run", tiny_training.sources())
    assert "begins untrained" in caplog.text
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    scores = train(run, progress=False)
    changed = {name for name, value in run.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("root_head.") for name in changed)
    assert {"validation/wrist_sideways_mm", "validation/wrist_depth_percent"} <= scores.keys()


def test_the_head_learns_together_with_everything_else(tmp_path, with_head):
    run = build_run(with_head(), tmp_path, tiny_training.sources())
    batch = collate([run.data.training[k] for k in range(2)])
    losses, total = run.module.losses_of(batch, step=0)
    total.backward()
    assert {"root", "root_spread", "hand_distance", "vertices"} <= losses.keys()
    assert run.network.root_head.numbers.linear(-1).weight.grad.abs().sum() > 0


def test_a_head_that_the_configured_network_lacks_is_left_out_and_said(tmp_path, with_head, caplog):
    new = build_run(with_head(), tmp_path, tiny_training.sources()).network
    save_network(new, new.config, tmp_path / "new.safetensors")
    build_run(tiny_training.config(f"start_from={tmp_path / 'new.safetensors'}"), tmp_path, tiny_training.sources())
    assert "is left out" in caplog.text


def test_a_run_begins_with_the_averaged_weights_of_another_runs_checkpoint(tmp_path, with_head):
    train(build_run(tiny_training.config("ema=0.5"), tmp_path / "first", tiny_training.sources()), progress=False)
    checkpoint = newest_checkpoint(tmp_path / "first")
    state = torch.load(checkpoint, weights_only=True)
    run = build_run(with_head(f"start_from={checkpoint}"), tmp_path / "second", tiny_training.sources())
    begun = run.network.state_dict()
    exported = load_file(tmp_path / "first" / "weights.safetensors")
    for name, value in exported.items():
        torch.testing.assert_close(begun[name].to(value.dtype), value, rtol=0, atol=0)
    current = state["current_model_state"]["network.encoder.conv1.weight"]
    assert not torch.equal(begun["encoder.conv1.weight"], current)


def test_the_average_is_found_in_older_checkpoints_too(tmp_path):
    network = build_run(tiny_training.config(), tmp_path, tiny_training.sources()).network
    state = network.state_dict()
    average = {name: value + 1 for name, value in state.items() if value.is_floating_point()}
    older = {
        "state_dict": {f"network.{name}": value for name, value in state.items()},
        "callbacks": {"WeightAverage": {"steps": 3, "average": average}},
    }
    torch.save(older, tmp_path / "step3.ckpt")
    begun = starting_weights(tmp_path / "step3.ckpt")
    assert begun.keys() == state.keys()
    assert all(torch.equal(begun[name], average.get(name, state[name])) for name in state)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"{}"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "step1.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"step1\.ckpt (can't be read as a file of weights: \w|is damaged)"):
        build_run(tiny_training.config(f"start_from={tmp_path / 'step1.ckpt'}"), tmp_path, tiny_training.sources())


def test_an_unknown_part_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ConfigError, match=r"no part 'root_head', it has encoder, .*network.root={} gives it one"):
        build_run(tiny_training.config("train_only=[root_head]"), tmp_path, tiny_training.sources())
