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

"""The first guess of the object's pose from its picture: nothing at first, then what every point's proposal adds to."""

import pytest
import torch
from tiny_network import tiny_batch, tiny_network

from hoisdf_model.errors import ConfigError
from hoisdf_model.network import NetworkConfig, load_network, save_network

VIEW = {"width": 8, "hidden": 16}


@pytest.fixture
def network():
    return tiny_network(object_view=VIEW)


def posed(network):
    with torch.inference_mode():
        return network(tiny_batch())


def test_an_untrained_guess_changes_nothing(network):
    without = tiny_network()
    own = {name: value for name, value in network.state_dict().items() if not name.startswith("object_view.")}
    without.load_state_dict(own)
    for name in ("joints", "object_rotation", "object_translation"):
        torch.testing.assert_close(getattr(posed(network), name), getattr(posed(without), name), rtol=0, atol=0)


def test_a_guess_moves_the_object_by_what_it_says_and_not_the_hand(network):
    before, move = posed(network), torch.tensor([0.01, -0.02, 0.03])
    with torch.no_grad():
        network.object_view.numbers.linear(-1).bias[-3:] = move
    after = posed(network)
    torch.testing.assert_close(
        after.object_translation - before.object_translation, move.expand(3, 3), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(after.object_translation_spread, before.object_translation_spread, atol=1e-6, rtol=0)
    torch.testing.assert_close(after.joints, before.joints, rtol=0, atol=0)


def test_the_guess_learns_from_the_objects_pose(network):
    output = network(tiny_batch(), every_layer=True)
    output.layers.object_rotations.square().sum().backward()
    assert network.object_view.numbers.linear(-1).weight.grad.abs().sum() > 0


def test_it_is_saved_and_loaded_with_its_network(network, tmp_path):
    save_network(network, network.config, tmp_path / "a.safetensors")
    loaded, config = load_network(tmp_path / "a.safetensors", network.hand_layer.model)
    assert config.object_view == network.config.object_view
    torch.testing.assert_close(loaded.object_view.mix[0].weight, network.object_view.mix[0].weight)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match=r"object_view\.width"):
        NetworkConfig.from_mapping({"object_view": {"width": 0}})
