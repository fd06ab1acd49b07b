"""What passes from one stage of the network to the next."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from hoisdf_model.network import search


class FieldPoints(NamedTuple):
    """Points near both surfaces, and what reads the fields."""

    hand: search.Found
    object: search.Found
    hand_reader: search.FieldReader
    object_reader: search.FieldReader


class Tokens(NamedTuple):
    """Transformer inputs.

    ``hand`` (B, N + M, D): hand points, then object points seen from the hand; ``object`` (B, M + N, D) the other way
    round. ``hand_points`` (B, N, 3): metres, relative to the wrist. ``hand_points_object_sdf`` (B, N) and
    ``object_points_hand_sdf`` (B, M): the other field there, normalised, clamped.
    """

    hand: Tensor
    object: Tensor
    hand_points: Tensor
    hand_points_object_sdf: Tensor
    object_points_hand_sdf: Tensor


class Attended(NamedTuple):
    """Normalised transformer outputs of L layers.

    ``hand`` points (L, B, N, D), ``queries`` (L, B, Q, D), ``object`` points (L, B, M, D).
    """

    hand: Tensor
    queries: Tensor
    object: Tensor
