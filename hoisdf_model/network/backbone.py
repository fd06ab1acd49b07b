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

"""Residual encoder with torchvision's key names.

He et al., Deep residual learning, CVPR 2016.

The stride of a bottleneck block sits in its 3x3 convolution, as in torchvision ("ResNet v1.5"), so that ImageNet
weights under the usual names fit.
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from hoisdf_model.errors import CheckpointError
from hoisdf_model.network.config_sections import EncoderConfig
from hoisdf_model.network.tensor_files import load_tensors
from hoisdf_model.network.wrappers import unwrapped


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Block output.

        (B, inputs, H, W) -> (B, width, H/stride, W/stride).
        """
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class BottleneckBlock(nn.Module):
    """Bottleneck residual block.

    1x1, 3x3 and 1x1 convolutions beside a shortcut; the output is four times as wide as the middle.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, width * 4, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Block output.

        (B, inputs, H, W) -> (B, 4 width, H/stride, W/stride).
        """
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


_BLOCKS: dict[str, type[BasicBlock] | type[BottleneckBlock]] = {"basic": BasicBlock, "bottleneck": BottleneckBlock}


class ResNet(nn.Module):
    """Encoder that keeps the features of every stride."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        block = _BLOCKS[config.block]
        self.conv1 = nn.Conv2d(3, config.width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = config.width
        for stage, depth in enumerate(config.depths):
            width = config.width * 2**stage
            blocks: list[nn.Module] = []
            for number in range(depth):
                blocks.append(block(inputs, width, stride=2 if stage > 0 and number == 0 else 1))
                inputs = width * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self._initialise()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image features at strides 2, 4, 8, 16 and 32.

        (B, 3, S, S); stride 2 is behind the stem's ReLU.
        """
        features = [self.relu(self.bn1(self.conv1(image)))]
        x = self.maxpool(features[0])
        for stage in range(4):
            x = self.get_submodule(f"layer{stage + 1}")(x)
            features.append(x)
        return tuple(features)

    def load_imagenet_weights(self, path: str | Path) -> None:
        """Load ImageNet classifier weights with torchvision's key names.

        Its ``fc`` layer is ignored.

        Args:
            path: ``.safetensors``, or a PyTorch file (read with ``weights_only=True``).

        Raises:
            CheckpointError: the file is missing or holds other keys or shapes than this encoder.
        """
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(f"no ImageNet weights at {path}")
        try:
            state = load_file(path) if path.suffix == ".safetensors" else load_tensors(path)
            self.load_state_dict({key: value for key, value in unwrapped(state).items() if not key.startswith("fc.")})
        except Exception as error:  # each reader has errors of its own
            raise CheckpointError(f"{path} holds no weights of this encoder: {error}") from error

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
