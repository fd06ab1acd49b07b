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

"""Parts of a loss: sum and count."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Part(NamedTuple):
    """Partial loss ``total`` / ``counted``.

    Both are scalars and ``counted`` has no gradient.
    """

    total: Tensor
    counted: Tensor


def known_mean(values: Tensor, known: Tensor) -> Part:
    """Mean of each sample (B, ...) over ``known`` samples (B,)."""
    return Part((values.flatten(1).mean(1) * known).sum(), known.sum())
