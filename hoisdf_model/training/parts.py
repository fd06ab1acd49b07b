"""What a loss is made of: a sum and how much it is a sum of."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Part(NamedTuple):
    """A loss of these samples is ``total`` / ``counted``; both are scalars and ``counted`` has no gradient."""

    total: Tensor
    counted: Tensor


def known_mean(values: Tensor, known: Tensor) -> Part:
    """The mean of each sample (B, ...) over the samples that are ``known`` (B,)."""
    return Part((values.flatten(1).mean(1) * known).sum(), known.sum())
