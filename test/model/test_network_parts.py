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

"""Parts of the network against independent computations."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from hoisdf_model.geometry import rotations
from hoisdf_model.network import sampling, search
from hoisdf_model.network.attention import Attention, Decoder, Encoder, EncoderLayer
from hoisdf_model.network.config_sections import DensityConfig, FieldConfig, RuntimeConfig
from hoisdf_model.network.fields import Density, SdfDecoder, positional_code
from hoisdf_model.network.heads import ObjectHead, VoteHead
from hoisdf_model.network.mlp import Mlp
from hoisdf_model.network.pyramid import PointFeatures, pixels_of, taps

# --- sampling the pyramid


def sampled_by_torch(pyramid, pixels, sample, image_size):
    half = (image_size - 1) / 2
    out = []
    for point, image in zip(pixels, sample, strict=True):
        where = ((point - half) / half).view(1, 1, 1, 2)
        out.append(
            torch.cat(
                [
                    functional.grid_sample(
                        level[image : image + 1], where, padding_mode="border", align_corners=True
                    ).ravel()
                    for level in pyramid
                ]
            )
        )
    return torch.stack(out)


@torch.inference_mode()
@pytest.mark.parametrize("points", [3, 40, 4000])
def test_point_features_equal_grid_sampling_and_a_plain_network(points):
    """Whether the first layer comes before sampling (many points), after it (few), or both, by level."""
    drawn = torch.Generator().manual_seed(points)
    pyramid = [torch.randn(2, 6, 16, 12, generator=drawn), torch.randn(2, 20, 4, 3, generator=drawn)]
    pixels = torch.rand(points, 2, generator=drawn) * 100 - 20  # some outside of the image of 64
    sample = torch.randint(0, 2, (points,), generator=drawn)
    network = PointFeatures([26, 16, 5], final_relu=True)
    tables = network.tables(pyramid, points)
    assert len(tables.levels) == {3: 0, 40: 1, 4000: 2}[points]
    ours = network.sampled(pyramid, tables, taps(pixels, sample, pyramid, 64))
    some = slice(None, None, max(1, points // 40))
    features = sampled_by_torch(pyramid, pixels[some], sample[some], 64)
    theirs = functional.relu(network.layers[1](functional.relu(network.layers[0](features))))
    torch.testing.assert_close(ours[some], theirs, atol=2e-5, rtol=1e-4)


def test_point_features_have_the_same_gradient_either_way():
    pyramid = [torch.randn(1, 6, 8, 8), torch.randn(1, 20, 4, 4)]
    network, gradients = PointFeatures([26, 16, 5]), []
    pixels, sample = torch.rand(30, 2) * 63, torch.zeros(30, dtype=torch.int64)
    for points in (1, 100000):
        network.zero_grad()
        network.sampled(pyramid, network.tables(pyramid, points), taps(pixels, sample, pyramid, 64)).sum().backward()
        gradients.append(network.layers[0].weight.grad.clone())
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_undefined_pixels_are_survived():
    pyramid = [torch.randn(1, 3, 8, 8)]
    pixels = torch.tensor([[math.nan, 3.0], [math.inf, -math.inf], [1e30, 5.0]])
    at = taps(pixels, torch.zeros(3, dtype=torch.int64), pyramid, 64)
    assert ((at.rows >= 0) & (at.rows < 64)).all()
    assert at.weights.isfinite().all()


def test_projection_is_that_of_a_pinhole():
    intrinsics = torch.tensor([[500.0, 0, 128], [0, 510, 120], [0, 0, 1]])
    torch.testing.assert_close(pixels_of(torch.tensor([0.1, -0.2, 0.5]), intrinsics), torch.tensor([228.0, -84.0]))


# --- grid and search


def test_the_regular_grid_is_the_product_of_its_axes():
    axis = np.linspace(-1, 1, 8)
    expected = np.array(list(itertools.product(axis, axis, axis)))
    np.testing.assert_allclose(sampling.grid("regular", 8), expected, atol=1e-6)


def test_the_sheared_grid_grows_along_the_faster_axes():
    regular, sheared = sampling.grid("regular", 64), sampling.grid("sheared", 64)
    step = 2 / 63
    index = torch.arange(64**3)
    y, z = index // 64 % 64, index % 64
    torch.testing.assert_close(sheared[:, 2], regular[:, 2])
    torch.testing.assert_close(sheared[:, 1] - regular[:, 1], z / 64 * step, atol=1e-6, rtol=0)
    torch.testing.assert_close(sheared[:, 0] - regular[:, 0], (y / 64 + z / 4096) * step, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["regular", "sheared"])
def test_every_point_lies_near_the_middle_of_its_block(kind):
    points = sampling.grid(kind, 16)
    middles = sampling.block_middles(points, 16)
    away = points - middles[sampling.block_of(torch.arange(len(points)), 16)]
    assert away.abs().max() <= 0.8 * 2 / 15
    assert len(middles) == 512


def test_points_in_a_box_project_strictly_inside():
    points = sampling.grid("regular", 16)
    center = torch.tensor([[0.05, 0, 0.5], [0, -0.05, 0.7]])
    intrinsics = torch.tensor([[80.0, 0, 31.5], [0, 90, 30], [0, 0, 1]]).expand(2, 3, 3)
    box = torch.tensor([[20.0, 20, 45, 50], [0, 0, 30, 63]])
    found = sampling.points_in_box(points, 3.1, center, intrinsics, box)
    for sample in range(2):
        camera = points.double().numpy() / 3.1 + center[sample].numpy()
        u = camera[:, 0] / camera[:, 2] * 80 + 31.5
        v = camera[:, 1] / camera[:, 2] * 90 + 30
        left, top, right, bottom = box[sample].tolist()
        inside = np.flatnonzero((u > left) & (u < right) & (v > top) & (v < bottom))
        assert found.index[found.sample == sample].tolist() == inside.tolist()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(1, 12), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_the_nearest_points_of_a_ragged_batch_equal_a_sort_of_each_sample(counts, wanted, seed):
    sample = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    distance = torch.randn(len(sample), generator=torch.Generator().manual_seed(seed))
    selection = sampling.smallest(sample, distance.abs(), len(counts), wanted)
    for number, count in enumerate(counts):
        own = (sample == number).nonzero()[:, 0]
        expected = own[distance[own].abs().argsort()][:wanted].tolist()
        assert selection.count[number] == min(count, wanted)
        if count:
            assert selection.position[number].tolist() == (expected * wanted)[:wanted]


class SphereReader:
    """A field of spheres, of which the search needs no more than this."""

    config = FieldConfig()

    def __init__(self, radii):
        self.center = torch.zeros(len(radii), 3)
        self.radii = torch.tensor(radii)
        self.read = 0

    def distances(self, points, sample):
        self.read += len(points)
        return torch.tanh(points.norm(dim=1) - self.radii[sample])


def test_the_coarse_search_finds_the_same_points_of_a_smooth_field_with_fewer_readings():
    points = sampling.grid("regular", 64)
    middles = sampling.block_middles(points, 64)
    candidates = sampling.Candidates(
        torch.arange(2).repeat_interleave(len(points)), torch.arange(len(points)).repeat(2)
    )
    found, readings = [], []
    for kind in ("exhaustive", "coarse_to_fine"):
        reader = SphereReader([0.3, 0.5])
        found.append(search.nearest_to_surface(reader, points, middles, candidates, 600, RuntimeConfig(search=kind)))
        readings.append(reader.read)
    assert readings[1] < readings[0] / 6
    for sample, share in ((0, 0.9), (1, 0.4)):
        common = set(found[0].grid_index[sample].tolist()) & set(found[1].grid_index[sample].tolist())
        assert len(common) > share * 600
    assert found[1].sdf.abs().max() < 2 / 63  # and what it takes in place of the others is as good as on the surface


# --- fields


def test_positional_code_is_sines_then_cosines_of_octaves():
    point = np.array([0.3, -0.7, 0.1])
    expected = np.concatenate([f(2**octave * point) for octave in range(5) for f in (np.sin, np.cos)])
    np.testing.assert_allclose(positional_code(torch.tensor(point), 5), expected, atol=1e-12)


def test_density_inside_falls_with_distance_and_outside_is_its_mirror():
    distance = torch.linspace(-0.15, 0.15, 31)
    inside, outside = (Density(DensityConfig(high=side)) for side in ("inside", "outside"))
    assert (inside(distance).diff() < 0).all()
    torch.testing.assert_close(inside(distance), outside(-distance))
    torch.testing.assert_close(inside(torch.zeros(1)), torch.tensor([5.0]))


def test_density_never_gets_narrower_than_its_minimum():
    density = Density(DensityConfig(beta=0.001, minimum=0.002))
    torch.testing.assert_close(density(torch.tensor(0.002)), torch.tensor([1 / (1 + math.e) / 0.002]))


def test_the_distance_decoder_equals_its_layers_written_out():
    decoder = SdfDecoder(FieldConfig(latent=8, frequencies=2, hidden=(40, 40, 40), dropout=0.5)).eval()
    point = torch.randn(5, 23)
    weights = [(layer.weight, layer.bias) for layer in decoder.layers]
    assert [tuple(weight.shape) for weight, _ in weights] == [(40, 23), (17, 40), (40, 40), (1, 40)]
    x = point
    for number, (weight, bias) in enumerate(weights[:3]):
        if number == 2:
            x = torch.cat([x, point], 1)
        x = (x @ weight.T + bias).relu()
    torch.testing.assert_close(decoder(point), torch.tanh(x @ weights[3][0].T + weights[3][1])[:, 0])
    assert not torch.equal(decoder.train()(point), decoder(point))


@pytest.mark.parametrize(
    ("module", "shape"), [(Mlp([3, 5, 2]), (4, 3)), (EncoderLayer(32, 4, 64, 0.0), (2, 5, 32))], ids=["mlp", "encoder"]
)
def test_forward_hooks_of_linear_layers_are_called(module, shape):
    linear = {part for part in module.modules() if isinstance(part, nn.Linear)}
    called = set()
    for layer in linear:
        layer.register_forward_hook(lambda part, *_: called.add(part))
    module(torch.randn(shape))
    assert called == linear


# --- attention


def test_attention_equals_torchs():
    ours, theirs = Attention(32, 4, 0.0), nn.MultiheadAttention(32, 4, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    query, memory = torch.randn(2, 5, 32), torch.randn(2, 9, 32)
    allowed = torch.rand(5, 9) < 0.5
    allowed[:, 0] = True
    torch.testing.assert_close(
        ours(query, memory, memory, allowed), theirs(query, memory, memory, attn_mask=~allowed)[0], atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(ours(query, query, query), theirs(query, query, query)[0], atol=1e-5, rtol=1e-4)


def test_the_encoder_equals_torchs_post_norm_layers_and_computes_no_more_than_is_kept():
    encoder = Encoder(3, 32, 4, 48, 0.1).eval()
    tokens = x = torch.randn(2, 9, 32)
    outputs = []
    for layer in encoder.layers:
        reference = nn.TransformerEncoderLayer(32, 4, 48, 0.1, batch_first=True, norm_first=False).eval()
        reference.load_state_dict(layer.state_dict())
        x = reference(x)
        outputs.append(x)
    every, memory = encoder(tokens, 4, every_layer=True)
    torch.testing.assert_close(memory, x[:, :4], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(every, torch.stack([encoder.norm(o[:, :4]) for o in outputs]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(encoder(tokens, 4, every_layer=False)[0], every[-1:])


def test_queries_of_one_finger_do_not_see_those_of_another():
    decoder = Decoder((1, 3, 3, 3, 3, 3, 1), 3, 32, 4, 48, 0.0).eval()
    memory = torch.randn(2, 9, 32)
    before = decoder(memory, every_layer=False)
    with torch.no_grad():
        decoder.queries[5] += 1  # of the second finger: queries 4, 5, 6
    changed = (decoder(memory, every_layer=False) - before).abs().amax((0, 1, 3)) > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [4, 5, 6]


# --- heads


def test_a_joint_is_the_mean_of_its_votes_weighted_by_a_softmax_over_the_points():
    head, features, points = VoteHead(16), torch.randn(2, 3, 7, 16), torch.randn(3, 7, 3)
    votes = head(features, points)
    offsets = head.offsets(features).view(2, 3, 7, 20, 3)
    weights = head.scores(features).softmax(2)
    joint = ((points[1, :, None] + offsets[0, 1]) * weights[0, 1, :, :, None]).sum(0)
    torch.testing.assert_close(votes.joints[0, 1, 1:], joint)
    assert (votes.joints[:, :, 0] == 0).all()
    assert (votes.spread[..., 1:] > 0).all()


@pytest.mark.parametrize("representation", ["six_d", "axis_angle"])
def test_object_poses_are_averaged_and_their_spread_is_an_angle(representation):
    head = ObjectHead(16, representation)
    turn = torch.tensor([[0, 0, 0.2], [0, 0, 0.6]]).repeat(5, 1)[None]
    proposals = turn if representation == "axis_angle" else rotations.axis_angle_to_matrix(turn)[..., :2].mT.flatten(-2)
    translation = torch.tensor([[0.0, 0, 0.1], [0, 0, 0.3]]).repeat(5, 1)[None]
    pose = head.pose(proposals, translation)
    torch.testing.assert_close(pose.rotation, torch.tensor([[0, 0, 0.4]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(pose.rotation_spread, torch.tensor([0.2]), atol=1e-4, rtol=0)
    torch.testing.assert_close(pose.translation, torch.tensor([[0, 0, 0.2]]))
    torch.testing.assert_close(pose.translation_spread, torch.tensor([0.1]))


def test_six_numbers_average_where_axis_angle_vectors_jump():
    """Two turns by nearly half a circle, a little apart, whose vectors point in opposite directions."""
    turn = torch.tensor([[[0, 0, math.pi - 0.1], [0, 0, -math.pi + 0.1]]])
    six_d = rotations.axis_angle_to_matrix(turn)[..., :2].mT.flatten(-2)
    zeros = torch.zeros_like(turn)
    assert ObjectHead(16, "six_d").pose(six_d, zeros).rotation.norm() == pytest.approx(math.pi, abs=1e-3)
    assert ObjectHead(16, "axis_angle").pose(turn, zeros).rotation.norm() < 0.1
