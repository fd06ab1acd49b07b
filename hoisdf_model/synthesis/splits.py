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
