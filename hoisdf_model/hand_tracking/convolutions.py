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

"""Building blocks of MediaPipe's hand networks.

Convolutions with TensorFlow's padding, MBConv and residual blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

Block = tuple[int, int, int, int, bool]  # of a table of stages


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding.

    An odd extra pixel goes right and below. Kernels are odd, the stride is 1, or 2 with kernels from 3 on.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Convolved features.

        (B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride)).
        """
        weight = self.weight
        if self.stride[0] == 2:
            # an even length is padded by one pixel less on the left: zeros in the kernel say so without a copy of x
            rows, columns = (1 - n % 2 for n in x.shape[2:])
            weight = functional.pad(weight, (columns, 0, rows, 0))
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding, groups=self.groups)


class MbConv(nn.Module):
    """Inverted residual block with folded batch norms.

    Sandler et al., MobileNetV2, CVPR 2018.

    Args:
        inputs, outputs: channels.
        expanded: channels between; equal to ``inputs``: there is no expansion.
        kernel, stride: of the depthwise convolution.
        shortcut: whether the input is added to the output.
    """

    def __init__(
        self, inputs: int, expanded: int, outputs: int, kernel: int, stride: int = 1, shortcut: bool = False
    ) -> None:
        super().__init__()
        self.expand = SameConv2d(inputs, expanded, 1) if expanded != inputs else nn.Identity()
        self.depthwise = SameConv2d(expanded, expanded, kernel, stride, groups=expanded)
        self.project = SameConv2d(expanded, outputs, 1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Block output.

        (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).
        """
        y = x if isinstance(self.expand, nn.Identity) else functional.relu6(self.expand(x), inplace=True)
        y = self.project(functional.relu6(self.depthwise(y), inplace=True))
        return y.add_(x) if self.shortcut else y


def mbconv_stages(inputs: int, table: Sequence[Sequence[Block]]) -> nn.ModuleList:
    """Stages of MBConv blocks, one after the other.

    Args:
        inputs: channels of the first stage's input.
        table: for each stage its blocks: (expanded, kernel, stride, outputs, shortcut).
    """
    stages = []
    for blocks in table:
        stage = []
        for expanded, kernel, stride, outputs, shortcut in blocks:
            stage.append(MbConv(inputs, expanded, outputs, kernel, stride, shortcut))
            inputs = outputs
        stages.append(nn.Sequential(*stage))
    return nn.ModuleList(stages)


class ResidualBlock(nn.Module):
    """Residual block of BlazePalm.

    Zhang et al., MediaPipe Hands, 2020: depthwise and pointwise convolution beside a shortcut.

    With a stride of 2 the shortcut takes the maximum of 2x2 pixels; added channels begin with 0.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = SameConv2d(inputs, inputs, 5, stride, groups=inputs)
        self.pointwise = SameConv2d(inputs, outputs, 1)
        self.activation = nn.PReLU(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Block output.

        (B, inputs, H, W) -> (B, outputs, H / stride, W / stride).
        """
        shortcut = functional.max_pool2d(x, 2) if self.stride == 2 else x
        if self.added:
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.added))
        return self.activation(self.pointwise(self.depthwise(x)).add_(shortcut))
