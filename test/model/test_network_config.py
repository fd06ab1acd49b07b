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

"""Presets and their strict reading."""

import pytest
import torch
from tiny_network import HAND_LAYER

from hoisdf_model.errors import CheckpointError, ConfigError
from hoisdf_model.network import Hoisdf, NetworkConfig, load_preset, preset_names
from hoisdf_model.network.backbone import ResNet
from hoisdf_model.network.config_sections import EncoderConfig

# parameters of the official models without the three modules that they never use (norm1, linear_objvote, linear_objcls)
UNUSED = 203544 + 133640
OFFICIAL_PARAMETERS = {
    "dexycb": 52096168 - 1984 - UNUSED,
    "dexycb_full": 52096168 - 1984 - UNUSED,
    "ho3d": 114227752 - 7936 - UNUSED,
    "ho3d_render": 52096168 - 1984 - UNUSED - 133126 - 16 * 256,
}


@pytest.mark.parametrize("name", ["compact", "dexycb", "dexycb_full", "ho3d", "ho3d_render"])
def test_presets_survive_a_round_trip_through_plain_values(name):
    config = load_preset(name)
    assert config.name == name
    assert NetworkConfig.from_mapping(config.to_mapping()) == config
    assert hash(config) == hash(load_preset(name))


def test_only_the_network_that_was_taught_mirror_images_of_objects_says_so():
    """Of the released networks only that of both hands was trained on left ones."""
    saying = {name for name in preset_names() if load_preset(name).object_in_mirror == "mirror_image"}
    assert saying == {"dexycb_full"}


def test_all_presets_are_listed():
    assert preset_names() == ("compact", "compact_hand", "dexycb", "dexycb_full", "ho3d", "ho3d_render")


@pytest.mark.parametrize(("name", "count"), OFFICIAL_PARAMETERS.items())
def test_official_presets_have_as_many_parameters_as_the_official_models(name, count):
    with torch.device("meta"):
        network = Hoisdf(load_preset(name), HAND_LAYER)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_the_compact_preset_fits_in_40_megabytes_of_half_precision():
    network = Hoisdf(load_preset("compact"), HAND_LAYER)
    assert sum(value.numel() * 2 for value in network.state_dict().values()) < 40e6


def test_no_licensed_array_is_in_the_state_dict():
    network = Hoisdf(load_preset("compact"), HAND_LAYER)
    assert not [key for key in network.state_dict() if "hand_layer" in key]


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"'dexycb2'.*compact, compact_hand, dexycb"):
        load_preset("dexycb2")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"enocder": {}}, "enocder"),
        ({"encoder": {"depht": 3}}, "encoder.depht"),
        ({"encoder": {"width": "wide"}}, "encoder.width"),
        ({"encoder": 3}, "configuration value"),
        ({"encoder": {"block": "wide"}}, "encoder.block must be one of bottleneck, basic"),
        ({"encoder": {"depths": [1, 2]}}, "encoder.depths must have 4"),
        ({"decoder": {"fused": [1, 2, 3]}}, "decoder.fused must have 4"),
        ({"field": {"reinjection": 0}}, "field.reinjection"),
        ({"field": {"hidden": [64, 64, 64]}}, "must exceed the 289 inputs"),
        ({"density": {"high": "above"}}, "density.high"),
        ({"density": {"beta": -1.0}}, "density.beta"),
        ({"sampling": {"resolution": 5}}, "sampling.resolution"),
        ({"sampling": {"hand_points": 0}}, "hand_points"),
        ({"attention": {"heads": 3}}, "multiple of attention.heads"),
        ({"attention": {"width": 32}}, "no room for image features"),
        ({"regression": {"hand": "guess"}}, "regression.hand"),
        ({"runtime": {"search_factor": 0.5}}, "search_factor"),
        ({"image_size": 100}, "multiple of 32"),
        ({"object_in_mirror": "other"}, "object_in_mirror must be one of itself, mirror_image"),
    ],
)
def test_mistakes_are_named(mapping, message):
    with pytest.raises(ConfigError, match=message):
        NetworkConfig.from_mapping(mapping)


@pytest.mark.parametrize(
    ("block", "depths", "count"),
    # torchvision's models without their classifiers of 1000 classes
    [("basic", (2, 2, 2, 2), 11689512 - 513000), ("bottleneck", (3, 4, 6, 3), 25557032 - 2049000)],
)
def test_encoders_are_resnets(block, depths, count):
    with torch.device("meta"):
        encoder = ResNet(EncoderConfig(block=block, depths=depths))
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count


def test_imagenet_weights_are_taken_over_by_their_usual_names(tmp_path):
    config = EncoderConfig(block="basic", depths=(1, 1, 1, 1), width=8)
    source, target = ResNet(config), ResNet(config)
    torch.save(
        {**source.state_dict(), "fc.weight": torch.zeros(10, 64), "fc.bias": torch.zeros(10)}, tmp_path / "a.pth"
    )
    target.load_imagenet_weights(tmp_path / "a.pth")
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(source.eval()(image), target.eval()(image))
    assert "layer2.0.downsample.1.running_mean" in source.state_dict()


def test_imagenet_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "a.pth")
    encoder = ResNet(EncoderConfig(block="basic", depths=(1, 1, 1, 1), width=8))
    with pytest.raises(CheckpointError, match="no weights of this encoder"):
        encoder.load_imagenet_weights(tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="no ImageNet weights at"):
        encoder.load_imagenet_weights(tmp_path / "missing.pth")
