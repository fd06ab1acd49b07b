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

"""Network optimised for inference.

Batch norm and weight norm are folded into the layers they belong to.
"""

from __future__ import annotations

import copy
import itertools

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hoisdf_model.network.hoisdf import Hoisdf


@torch.no_grad()
def optimised(network: Hoisdf) -> Hoisdf:
    """Faster copy of the network, for evaluation mode only.

    It computes the same.

    Weights that folding doesn't change are shared with ``network``. The copy is not for training or saving: its state
    dict has other keys.
    """
    tensors = itertools.chain(network.parameters(), network.buffers())
    fast = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors}).eval()
    for module in list(fast.modules()):
        for convolution, norm in _convolutions_with_norms(module):
            _fold(module, convolution, norm)
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and parametrize.is_parametrized(child):
                setattr(module, name, _plain_linear(child))
    for parameter in fast.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return fast.requires_grad_(False)


def _plain_linear(layer: nn.Linear) -> nn.Linear:
    """The layer without its weight norm; ``remove_parametrizations`` would also change the original, by its class."""
    plain = nn.Linear(layer.in_features, layer.out_features, device="meta")
    plain.weight, plain.bias = nn.Parameter(layer.weight.detach()), layer.bias
    return plain


def _convolutions_with_norms(module: nn.Module) -> list[tuple[str, str]]:
    """Names of children that are a convolution and the batch norm right behind it, in order of registration."""
    children = list(module.named_children())
    return [
        (name, following)
        for (name, child), (following, norm) in itertools.pairwise(children)
        if isinstance(child, (nn.Conv2d, nn.ConvTranspose2d)) and isinstance(norm, nn.BatchNorm2d)
    ]


def _fold(module: nn.Module, convolution: str, norm: str) -> None:
    folded = fuse_conv_bn_eval(
        module.get_submodule(convolution),  # type: ignore[type-var, arg-type]
        module.get_submodule(norm),  # type: ignore[arg-type]
        transpose=isinstance(module.get_submodule(convolution), nn.ConvTranspose2d),
    )
    setattr(module, convolution, folded)
    setattr(module, norm, nn.Identity())
