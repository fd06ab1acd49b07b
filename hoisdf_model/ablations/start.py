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

"""Initial weights of rows: as much in common as possible."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache

import torch
from torch import Tensor

from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf, NetworkConfig, read_weights, shipped_weights
from hoisdf_model.network.shipped import NAME as SHIPPED

# What is in front of the tokens; rows that have these parts share them.
SHARED = ("encoder", "decoder", "image_heads", "field_features", "hand_field", "object_field")


def begin(network: Hoisdf, reference: NetworkConfig, start: str, seed: int) -> None:
    """Copy the reference's weights where the network matches.

    The reference is the recipe without a row's changes.

    The shared parts come from the shipped weights, or from the reference's initial ones with ``none``. Everything
    behind them takes the reference's initial weights where name and shape are equal, so that rows don't differ by the
    luck of their first weights more than they must.

    Args:
        network: of a row, with initial weights of its own.
        reference: configuration whose initial weights are taken.
        start: ``shipped`` or ``none``.
        seed: of the initial weights.
    """
    own = network.state_dict()
    given = dict(_initial(reference, seed))
    if start == SHIPPED:
        parts = shipped_parts(own)
        given |= {name: value for name, value in _shipped().items() if name.split(".")[0] in parts}
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)


def shipped_parts(state: Mapping[str, Tensor]) -> list[str]:
    """Shared parts of a state that the shipped weights fit wholly."""
    shipped = _shipped()
    fitting = []
    for part in SHARED:
        names = [name for name in state if name.split(".")[0] == part]
        if names and all(name in shipped and state[name].shape == shipped[name].shape for name in names):
            fitting.append(part)
    return fitting


@cache
def shipped_digest() -> str:
    """Digest of the shipped weights."""
    return hashlib.sha256(shipped_weights().read_bytes()).hexdigest()[:16]


@cache
def _shipped() -> dict[str, Tensor]:
    return read_weights(shipped_weights()).state


@lru_cache(maxsize=2)
def _initial(config: NetworkConfig, seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Hoisdf(config, HandLayer(load_hand_model())).state_dict()
