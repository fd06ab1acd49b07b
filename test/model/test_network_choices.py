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

"""Which points become tokens, and what the fields do to their features (the paper's tables 7, 8 and 9)."""

from types import SimpleNamespace

import pytest
import torch
from tiny_network import TINY, tiny_batch, tiny_network

from hoisdf_model.errors import ConfigError
from hoisdf_model.network import NetworkConfig, RuntimeConfig, sampling
from hoisdf_model.network.choice import Choice, onto_surface
from hoisdf_model.network.config_sections import DensityConfig, FieldConfig, TokensConfig
from hoisdf_model.network.fields import Density
from hoisdf_model.network.tokens import Seen, make_tokens

RADII = torch.tensor([0.3, 0.5])
GRID = sampling.grid("regular", 32)
CANDIDATES = sampling.Candidates(torch.arange(2).repeat_interleave(len(GRID)), torch.arange(len(GRID)).repeat(2))


class Spheres:
    """Distances to spheres about the origin, of which the choice needs no more than this."""

    config = FieldConfig()
    center = torch.zeros(2, 3)

    def distances(self, points, sample):
        return points.norm(dim=1) - RADII[sample]


def chosen(kind, wanted=100, anew=False, search="exhaustive", candidates=CANDIDATES):
    middles = sampling.block_middles(GRID, 32)
    choice = Choice(kind, GRID, middles, sampling.fixed_order(len(GRID)), anew, RuntimeConfig(search=search))
    return choice(Spheres(), candidates, wanted)


@pytest.mark.parametrize("search", ["exhaustive", "coarse_to_fine"])
def test_absolute_distance_chooses_the_surface_and_signed_distance_the_inside(search):
    near, inside = chosen("absolute_distance", search=search), chosen("signed_distance", search=search)
    step = 2 / 31
    assert ((near.points.norm(dim=2) - RADII[:, None]).abs() < step).all()
    deepest = GRID.norm(dim=1).sort().values[:100]  # of a sphere about the origin, whatever its radius
    for sample in range(2):
        lengths = inside.points[sample].norm(dim=1).sort().values
        if search == "exhaustive":
            torch.testing.assert_close(lengths, deepest)
        assert lengths.max() < deepest.max() + 2 * step
    assert inside.sdf.min() == -FieldConfig().clamp  # as far inside as the clamp goes


def test_random_points_fill_the_box_evenly_and_say_how_far_they_are():
    found = chosen("random", 4000)
    for sample in range(2):
        assert len(found.grid_index[sample].unique()) == 4000
        # an eighth of them in each octant: 500, give or take four standard deviations
        octants = ((found.points[sample] > 0) * torch.tensor([1, 2, 4])).sum(1).bincount(minlength=8)
        assert ((octants - 500).abs() < 4 * (4000 / 8 * 7 / 8) ** 0.5).all()
    torch.testing.assert_close(found.points, GRID[found.grid_index])
    true = (found.points.norm(dim=2) - RADII[:, None]).clamp(-0.15, 0.15)
    torch.testing.assert_close(found.sdf, true)


@pytest.mark.parametrize("kind", ["random", "field_gradient"])
def test_chance_decides_anew_in_training_and_always_the_same_in_testing(kind):
    torch.manual_seed(1)
    first, second = chosen(kind, anew=True), chosen(kind, anew=True)
    assert not torch.equal(first.grid_index, second.grid_index)
    torch.manual_seed(1)
    assert torch.equal(chosen(kind, anew=True).grid_index, first.grid_index)
    assert torch.equal(chosen(kind).grid_index, chosen(kind).grid_index)


def test_points_go_down_the_gradient_onto_the_surface():
    found = chosen("field_gradient")
    assert found.sdf.abs().max() < 1e-3
    start = GRID[found.grid_index]
    assert ((start.norm(dim=2) - RADII[:, None]).abs() < 0.15).all()  # drawn where fields are trained to be distances
    # of a sphere the gradient points away from the middle: points keep their direction
    cosine = torch.cosine_similarity(start, found.points, dim=2)
    assert cosine.min() > 1 - 1e-4
    torch.testing.assert_close(found.points.norm(dim=2), RADII[:, None].expand(2, 100), atol=1e-3, rtol=0)


def test_a_flat_field_moves_nothing():
    flat = SimpleNamespace(config=FieldConfig(), distances=lambda points, sample: torch.full_like(points[:, 0], 0.1))
    points = torch.rand(2, 5, 3)
    assert torch.equal(onto_surface(flat, points), points)


@pytest.mark.parametrize("kind", ["random", "signed_distance", "field_gradient"])
def test_a_sample_without_candidates_is_invalid_and_few_candidates_are_repeated(kind):
    few = sampling.Candidates(torch.zeros(3, dtype=torch.int64), torch.tensor([5000, 16912, 16913]))
    found = chosen(kind, 7, candidates=few)
    assert found.valid.tolist() == [True, False]
    assert set(found.grid_index[0].tolist()) == {5000, 16912, 16913}
    assert (found.grid_index[1] == -1).all()


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["random", "signed_distance", "field_gradient"])
def test_a_batch_equals_its_samples_one_by_one(kind):
    network, batch = tiny_network(sampling={**TINY["sampling"], "choice": kind}), tiny_batch()
    together = network(batch)
    for sample in range(3):
        parts = {name: value[sample : sample + 1] for name, value in vars(batch).items() if value is not None}
        alone = network(type(batch)(**parts))
        assert torch.equal(alone.hand_grid_index[0], together.hand_grid_index[sample])
        torch.testing.assert_close(alone.joints[0], together.joints[sample], atol=1e-5, rtol=1e-4)


# --- tokens

FIELD = FieldConfig(frequencies=2)
HAND, OBJECT, FEATURES = 4, 3, 5
PLACE = 3 + FIELD.code_length


@pytest.fixture
def seen():
    """Image features, and what hand and object fields say: densities of different widths."""
    drawn = torch.Generator().manual_seed(0)
    image = torch.rand(2, HAND + OBJECT, FEATURES, generator=drawn, requires_grad=True)

    def by(beta):
        positions = torch.randn(2, HAND + OBJECT, 3, generator=drawn)
        distances = torch.randn(2, HAND + OBJECT, generator=drawn) * 0.1
        return Seen(positions, distances, Density(DensityConfig(beta=beta)))

    return image, by(0.1), by(0.3)


def made(seen, augmentation="density_multiplied", cross="field"):
    return make_tokens(*seen, HAND, TokensConfig(augmentation, cross), FIELD)


def density(seen, beta):
    return 1 / (1 + torch.exp(seen.distances / beta)) / beta


@pytest.mark.parametrize(
    ("augmentation", "expected"),
    [
        ("none", lambda image, seen: image),
        ("density_multiplied", lambda image, seen: image * density(seen, 0.1)[..., None]),
        ("density_concatenated", lambda image, seen: torch.cat([image, density(seen, 0.1)[..., None]], 2)),
        ("distance_concatenated", lambda image, seen: torch.cat([image, seen.distances[..., None]], 2)),
    ],
)
def test_fields_augment_image_features(seen, augmentation, expected):
    image, by_hand, by_object = seen
    hand, object_ = made(seen, augmentation)
    torch.testing.assert_close(hand[..., PLACE:], expected(image, by_hand))  # all as the hand's field sees them
    torch.testing.assert_close(hand[..., :3], by_hand.positions)
    torch.testing.assert_close(object_[:, :OBJECT, :3], by_object.positions[:, HAND:])  # its own points come first


def test_the_other_fields_points_come_with_what_is_asked_for(seen):
    image, by_hand, by_object = seen
    of_objects = slice(HAND, None)
    multiplier = {
        "field": density(by_hand, 0.1),
        "target_feature": density(by_object, 0.3),
        "image_feature": torch.ones(2, HAND + OBJECT),
    }
    own = made(seen, cross="none")[0]
    assert own.shape[1] == HAND
    for cross, factor in multiplier.items():
        hand, _ = made(seen, cross=cross)
        torch.testing.assert_close(hand[:, :HAND], own)
        torch.testing.assert_close(hand[:, HAND:, PLACE:], (image * factor[..., None])[:, of_objects])
        torch.testing.assert_close(hand[:, HAND:, :3], by_hand.positions[:, of_objects])


@pytest.mark.parametrize("cross", ["field", "target_feature", "image_feature"])
def test_no_gradient_goes_through_the_other_fields_points(seen, cross):
    hand, _ = made(seen, cross=cross)
    hand.sum().backward()
    assert seen[0].grad[:, HAND:].abs().max() == 0
    assert seen[0].grad[:, :HAND].abs().min() > 0


@torch.inference_mode()
@pytest.mark.parametrize("cross", ["field", "target_feature", "image_feature", "none"])
def test_only_without_cross_points_is_the_hand_blind_to_the_objects_place(cross):
    network, batch = tiny_network(tokens={"cross": cross}), tiny_batch()
    moved = type(batch)(**{**vars(batch), "object_center": batch.object_center + 0.03})
    same = torch.equal(network(batch).joints, network(moved).joints)
    assert same == (cross == "none")


def test_a_token_is_as_wide_with_a_number_beside_its_features():
    wide = NetworkConfig.from_mapping({"tokens": {"augmentation": "none"}})
    narrow = NetworkConfig.from_mapping({"tokens": {"augmentation": "density_concatenated"}})
    assert narrow.image_feature_length == wide.image_feature_length - 1
    with pytest.raises(ConfigError, match="leaves no room for image features beside a point's 34 other numbers"):
        NetworkConfig.from_mapping(
            {"tokens": {"augmentation": "distance_concatenated"}, "attention": {"width": 34, "heads": 2}}
        )
