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

"""Plan of an ablation, and the training configuration of each row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from omegaconf import OmegaConf

from hoisdf_model.ablations.start import shipped_digest, shipped_parts
from hoisdf_model.ablations.table import AblationRow, base_recipe, merged
from hoisdf_model.errors import ConfigError
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import Hoisdf
from hoisdf_model.network.shipped import NAME as SHIPPED
from hoisdf_model.training.config import TrainingConfig, config_of, parsed_changes

STARTS = (SHIPPED, "none")


@dataclass(frozen=True)
class Plan:
    """Settings common to all rows of an ablation.

    Attributes:
        steps: optimiser steps of each row.
        start: ``shipped``: image part and fields begin with the shipped weights; ``none``: with initial ones.
        hold: whether these stay as they are, where they are wholly the shipped ones, and only the rest is trained.
        sources: of the training data, as in a training configuration; empty: the base recipe's.
        changes: of the base recipe, nested; rows come on top.
    """

    steps: int
    start: str = SHIPPED
    hold: bool = True
    sources: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"an ablation needs at least one step, got {self.steps}")
        if self.start not in STARTS:
            raise ConfigError(f"an ablation starts from {' or '.join(STARTS)}, got {self.start!r}")

    def config_of(self, row: AblationRow) -> TrainingConfig:
        """The row's training configuration.

        Raises:
            ConfigError: an unknown key, or settings that contradict each other; named with the row.
        """
        content = merged(merged(base_recipe(), self.changes), row.changes)
        if self.sources:
            content = merged(content, {"data": {"sources": [dict(source) for source in self.sources]}})
        try:
            config = config_of(content)
            samples = self.steps * config.data.batch_size * config.optimiser.accumulate
            config = replace(config, epochs=1, data=replace(config.data, epoch_samples=samples))
            return replace(config, train_only=self._trained(config))
        except ConfigError as error:
            raise ConfigError(f"row {row.name!r}: {error}") from error

    def key_of(self, config: TrainingConfig) -> str:
        """Folder name of a row, equal for equal configurations.

        Whatever their tables.
        """
        content = asdict(replace(config, name=""))
        content["network"] = {**config.network_config().to_mapping(), "name": ""}
        content["start"] = shipped_digest() if self.start == SHIPPED else self.start
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]

    def _trained(self, config: TrainingConfig) -> list[str]:
        """Names of the network's parts that are trained; empty: all."""
        if not self.hold or self.start != SHIPPED:
            return []
        with torch.device("meta"):
            network = Hoisdf(config.network_config(), HandLayer(load_hand_model()))
        held = shipped_parts(network.state_dict())
        parts = {name.split(".")[0]: None for name, _ in network.named_parameters()}
        return [name for name in parts if name not in held]


def typed_changes(changes: Sequence[str]) -> dict[str, Any]:
    """``key=value`` each, keys with dots, as a nested configuration.

    Raises:
        ConfigError: there is no ``=``, or a key or value can't be read.
    """
    content = OmegaConf.to_container(parsed_changes(changes))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}
