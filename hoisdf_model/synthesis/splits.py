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

"""Disjoint random numbers for training, validation and benchmark.

So nothing is shared by accident.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from hoisdf_model.errors import InvalidInputError

Split = Literal["train", "validation", "benchmark"]
SPLITS: tuple[Split, ...] = get_args(Split)
SHAPES_PER_SPLIT = 1_000_000  # random shapes are numbered through all splits


def split_number(split: str) -> int:
    """Position of the split in ``SPLITS``.

    Raises:
        InvalidInputError: there is no such split.
    """
    if split not in SPLITS:
        raise InvalidInputError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    return SPLITS.index(split)  # type: ignore[arg-type]


def generator(split: str, seed: int, *numbers: int) -> np.random.Generator:
    """Random numbers that no other split, seed or purpose (``numbers``) has."""
    return np.random.default_rng([5, split_number(split), seed, *numbers])


def shape_number(split: str, position: int) -> int:
    """Number of a split's random shape, for ``objects.random_shape``."""
    return split_number(split) * SHAPES_PER_SPLIT + position % SHAPES_PER_SPLIT
