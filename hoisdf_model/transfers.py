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

"""Transfer of results from the compute device to the host."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def on_host(*tensors: torch.Tensor) -> list[NDArray[np.float64]]:
    """Host copies of tensors, in one transfer.

    Every copy from a GPU waits until everything before it has been computed: one for all costs one wait.

    Args:
        tensors: of any shape and of a type that float64 holds exactly, on one device.

    Returns:
        float64 arrays of the tensors' shapes.
    """
    dtype = torch.float64 if any(tensor.dtype == torch.float64 for tensor in tensors) else torch.float32
    flat = torch.cat([tensor.detach().reshape(-1).to(dtype) for tensor in tensors]).cpu().double().numpy()
    ends = np.cumsum([tensor.numel() for tensor in tensors])[:-1]
    return [part.reshape(tensor.shape) for part, tensor in zip(np.split(flat, ends), tensors, strict=True)]
