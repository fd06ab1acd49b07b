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

"""Linear layers, on a CPU through oneDNN."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# PyTorch sends float32 products to MKL, which on AMD's processors leaves half of the vector units idle (measured on a
# Zen 5 core: 103 against 231 GFLOP/s for oneDNN). The operator is the one that torch.compile uses; where a release of
# PyTorch or a processor lacks it, the ordinary way is taken.
_ONEDNN_LINEAR = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool = False) -> Tensor:
    """Linear layer ``x @ weight.T + bias`` with optional ReLU.

    (..., inputs) -> (..., outputs).
    """
    plain_cpu = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
    if _ONEDNN_LINEAR is None or not plain_cpu or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
        y = functional.linear(x, weight, bias)
        return functional.relu(y, inplace=True) if relu else y
    result: Tensor = _ONEDNN_LINEAR(x, weight, bias, "relu" if relu else "none", [], "")
    return result
