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

"""What must hold of the whole network whatever its weights."""

from dataclasses import fields, replace

import pytest
import torch
from parity_comparison import DATA
from parity_comparison import batch as parity_batch
from parity_weights import state_dict
from tiny_network import TINY, tiny_batch, tiny_network

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf, NetworkOutput, RuntimeConfig, load_preset, optimised

POSES = (
    "voted_joints",
    "vote_spread",
    "mano_rotations",
    "mano_shape",
    "joints",
    "vertices",
    "object_rotation",
    "object_translation",
)


def of_sample(output, sample):
    return replace(output, **{name: getattr(output, name)[sample : sample + 1] for name in POSES})


def chosen(grid_index, sample):
    return set(grid_index[sample].tolist())


def assert_same_poses(ours: NetworkOutput, theirs: NetworkOutput, samples=slice(None), atol=1e-5):
    for name in POSES:
        a, b = getattr(ours, name), getattr(theirs, name)[samples]
        torch.testing.assert_close(a, b.to(a.dtype), atol=atol, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def single(batch, sample):
    return changed(batch, lambda value: value[sample : sample + 1])


def changed(batch, change):
    given = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return replace(batch, **{name: change(value) for name, value in given.items() if value is not None})


@torch.inference_mode()
@pytest.mark.parametrize("hand", ["mano_queries", "inverse_kinematics"])
def test_a_batch_equals_its_samples_one_by_one(hand):
    network, batch = tiny_network(regression={"hand": hand}), tiny_batch()
    together = network(batch)
    for sample in range(3):
        alone = network(single(batch, sample))
        assert_same_poses(alone, together, slice(sample, sample + 1))
        assert chosen(alone.hand_grid_index, 0) == chosen(together.hand_grid_index, sample)
        assert chosen(alone.object_grid_index, 0) == chosen(together.object_grid_index, sample)


@torch.inference_mode()
def test_single_precision_equals_double_precision_and_a_batch_its_samples_on_another_seed():
    network = Hoisdf(load_preset("dexycb"), HandLayer(load_hand_model(DATA / "fake_mano_right.npz"))).eval()
    # of this seed the last point chosen and the first left out differ by at least 4.9e-6, rounding is below 1e-6
    network.load_state_dict(state_dict(network, "dexycb", 5))
    batch = parity_batch("dexycb")
    together = network(batch)
    alone = network(single(batch, 1))
    exact = network.double()(changed(single(batch, 0), lambda value: value.double()))
    assert chosen(exact.hand_grid_index, 0) == chosen(together.hand_grid_index, 0)
    assert chosen(exact.object_grid_index, 0) == chosen(together.object_grid_index, 0)
    assert_same_poses(exact, of_sample(together, 0), atol=2e-5)
    assert_same_poses(alone, together, slice(1, 2), atol=2e-5)


@torch.inference_mode()
def test_an_empty_box_makes_its_sample_invalid_and_leaves_the_others_alone():
    network, batch = tiny_network(), tiny_batch()
    everything = network(batch)
    hand_box, object_box = batch.hand_box.clone(), batch.object_box.clone()
    hand_box[1], object_box[2] = torch.tensor([500.0, 500, 600, 600]), torch.tensor([10.0, 10, 10, 10])
    output = network(replace(batch, hand_box=hand_box, object_box=object_box))
    assert output.hand_valid.tolist() == [True, False, True]
    assert output.object_valid.tolist() == [True, True, False]
    assert_same_poses(of_sample(output, 0), everything, slice(0, 1))
    assert (output.hand_grid_index[1] == -1).all()
    for name in POSES:
        assert getattr(output, name).isfinite().all(), name


@torch.inference_mode()
@pytest.mark.parametrize("search", ["exhaustive", "coarse_to_fine"])
def test_boxes_that_hold_no_point_at_all_are_survived(search):
    network, batch = tiny_network(runtime={"search": search}), tiny_batch()
    output = network(replace(batch, hand_box=batch.hand_box * 0, object_box=batch.object_box * 0))
    assert not output.hand_valid.any()
    assert not output.object_valid.any()
    assert output.vertices.isfinite().all()


@torch.inference_mode()
@pytest.mark.parametrize("search", ["exhaustive", "coarse_to_fine"])
def test_too_few_points_in_a_box_are_repeated(search):
    network, batch = tiny_network(runtime={"search": search}), tiny_batch()
    box = batch.hand_box.clone()
    box[1] = torch.tensor([30.0, 30.0, 32.5, 32.5])
    output = network(replace(batch, hand_box=box))
    counts = output.hand_grid_index[1].unique(return_counts=True)[1]
    assert output.hand_valid.all()
    assert 0 < len(counts) < 50
    assert counts.max() - counts.min() <= 1
    assert len(output.hand_grid_index[0].unique()) == 50


@torch.inference_mode()
def test_chosen_points_lie_in_the_box_nearest_first_with_clamped_distances():
    network, batch = tiny_network(), tiny_batch()
    output = network(batch)
    torch.testing.assert_close(network.grid[output.hand_grid_index], output.hand_points)
    camera = output.hand_points / 3.1 + batch.hand_root[:, None]
    pixels = camera @ batch.intrinsics.mT
    pixels = pixels[..., :2] / pixels[..., 2:]
    assert (pixels > batch.hand_box[:, None, :2]).all()
    assert (pixels < batch.hand_box[:, None, 2:]).all()
    assert (output.hand_sdf.abs().diff(dim=1) >= 0).all()
    assert output.hand_sdf.abs().max() <= 0.15


@torch.inference_mode()
def test_points_handed_in_are_used_as_they_are():
    network, batch = tiny_network(), tiny_batch()
    hand, object_ = torch.rand(3, 17, 3) - 0.5, torch.rand(3, 9, 3) - 0.5
    output = network(replace(batch, hand_queries=hand, object_queries=object_), every_layer=True)
    assert torch.equal(output.hand_points, hand)
    assert torch.equal(output.object_points, object_)
    assert (output.hand_grid_index == -1).all()
    distances = network.query_fields(output.features, hand, object_, batch)
    torch.testing.assert_close(output.hand_sdf, distances[0])
    torch.testing.assert_close(output.object_sdf, distances[1])
    across = (hand / 3.1 + batch.hand_root[:, None] - batch.object_center[:, None]) * 3.1
    torch.testing.assert_close(
        output.hand_points_object_sdf, network.query_fields(output.features, hand, across, batch)[1]
    )


@torch.inference_mode()
def test_the_order_of_points_handed_in_does_not_matter():
    network, batch = tiny_network(), tiny_batch()
    hand, object_ = torch.rand(3, 17, 3) - 0.5, torch.rand(3, 9, 3) - 0.5
    output = network(replace(batch, hand_queries=hand, object_queries=object_))
    assert_same_poses(network(replace(batch, hand_queries=hand.flip(1), object_queries=object_.flip(1))), output)


def test_the_optimised_network_computes_the_same_and_leaves_the_original_trainable():
    network, batch = tiny_network(decoder={**TINY["decoder"], "laterals": [8, 8, 8, 8]}), tiny_batch()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fast = optimised(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fast.modules())
    assert not any("parametrizations" in key for key in fast.state_dict())
    with torch.inference_mode():
        output = fast(batch)
        assert_same_poses(output, network(batch), atol=3e-5)
        torch.testing.assert_close(output.maps, network(batch).maps, atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    network.train()(batch).layers.voted_joints.sum().backward()
    assert network.encoder.conv1.weight.grad is not None
    assert not any(parameter.requires_grad for parameter in fast.parameters())


@torch.inference_mode()
def test_mixed_precision_changes_little_and_keeps_geometry_in_single_precision():
    network, batch = tiny_network(), tiny_batch()
    exact = network(batch)
    network.runtime = RuntimeConfig(precision="bfloat16")
    mixed = network(batch)
    assert (mixed.voted_joints - exact.voted_joints).abs().max() < 0.02
    torch.testing.assert_close(network.grid[mixed.hand_grid_index], mixed.hand_points)
    for field in fields(mixed):
        if isinstance(value := getattr(mixed, field.name), torch.Tensor) and value.is_floating_point():
            assert value.dtype == torch.float32, field.name


def test_layers_and_features_come_in_training_mode_only():
    network, batch = tiny_network(), tiny_batch()
    with torch.no_grad():
        assert network(batch).layers is None
        assert network(batch).features is None
        output = network.train()(batch)
    assert output.features is not None
    assert output.layers.voted_joints.shape == (2, 3, 21, 3)
    assert output.layers.mano_rotations.shape == (2, 3, 16, 3, 3)
    assert output.layers.vertices.shape == (2, 3, 778, 3)
    assert output.layers.object_rotations.shape == (2, 3, 30, 6)
    torch.testing.assert_close(output.layers.joints[-1], output.joints)


def test_gradients_reach_the_image_through_poses_and_the_fields_through_their_readings():
    network, batch = tiny_network().train(), tiny_batch()
    points = torch.rand(3, 17, 3) - 0.5
    output = network(replace(batch, hand_queries=points, object_queries=points))
    (output.layers.joints.square().sum() + output.layers.object_translations.square().sum()).backward()
    assert network.encoder.conv1.weight.grad.abs().sum() > 0
    assert network.hand_density.beta.grad.abs() > 0
    assert (
        network.hand_field.layers[-1].weight.grad is None
    )  # distances act on the tokens, but learn from their own loss
    for distances in network.query_fields(network.encode(batch.image), points, points, batch):
        distances.abs().sum().backward(retain_graph=True)
    assert network.hand_field.layers[-1].weight.grad.abs().sum() > 0
    assert network.field_features.layers[0].weight.grad.abs().sum() > 0


def test_whatever_the_number_of_points_layers_meet_few_shapes_and_distances_are_those_of_each_point_alone():
    """A library keeps code and memory for every shape that it has met."""
    network, batch = tiny_network(), tiny_batch()
    shapes = set()
    network.hand_field.register_forward_pre_hook(lambda _, inputs: shapes.add(inputs[0].shape))
    drawn = torch.Generator().manual_seed(1)
    points = torch.rand(3, 3000, 3, generator=drawn) - 0.5
    with torch.inference_mode():
        features = network.encode(batch.image)
        everything, _ = network.query_fields(features, points, points[:, :1], batch)
        for count in range(1, 3000, 59):
            some, _ = network.query_fields(features, points[:, :count], points[:, :1], batch)
            torch.testing.assert_close(some, everything[:, :count], rtol=0, atol=1e-5)
    assert len(shapes) <= 16  # of 51 numbers of points, three images each


def test_points_of_the_other_field_pass_no_gradient_on():
    network, batch = tiny_network(), tiny_batch()
    features = network.encode(batch.image)
    tokens = network.tokenise(features, network.find_points(features, batch), batch)
    (gradient,) = torch.autograd.grad(tokens.hand[:, 50:].sum() + 0 * tokens.hand.sum(), network.hand_density.beta)
    assert gradient == 0
    tokens = network.tokenise(features, network.find_points(features, batch), batch)
    (gradient,) = torch.autograd.grad(tokens.hand[:, :50].sum(), network.hand_density.beta)
    assert gradient != 0


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("image", (3, 3, 32, 64)),
        ("intrinsics", (3, 3)),
        ("hand_root", (2, 3)),
        ("object_box", (3, 2)),
        ("hand_queries", (3, 5)),
    ],
)
def test_a_wrong_shape_is_named(name, shape):
    with pytest.raises(InvalidInputError, match=name):
        tiny_network()(replace(tiny_batch(), **{name: torch.zeros(shape)}))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@torch.inference_mode()
def test_a_gpu_computes_the_same():
    network, batch = tiny_network(), tiny_batch()
    expected = network(batch)
    try:  # the hand layer is shared with other tests
        output = network.cuda()(batch.to("cuda"))
    finally:
        network.cpu()
    assert_same_poses(replace(output, **{n: getattr(output, n).cpu() for n in POSES}), expected, atol=1e-3)


def test_fields_are_read_in_few_numbers_of_rows_whatever_lies_in_the_boxes():
    """OneDNN keeps code and memory for each number of rows that it meets."""
    network, rows = tiny_network().eval(), set()
    for field in (network.hand_field, network.object_field):
        field.register_forward_hook(lambda module, given, out: rows.add(given[0].shape[0]))
    with torch.inference_mode():
        for seed in range(6):
            network(tiny_batch(samples=1 + seed % 3, seed=seed))
    searched = {n for n in rows if n >= 256}
    assert searched
    assert all(n % 256 == 0 for n in searched)
