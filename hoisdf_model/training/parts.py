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
