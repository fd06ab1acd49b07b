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

"""YAML file that describes a data source, for evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.errors import ConfigError
from hoisdf_model.hand import HandModelLike
from hoisdf_model.settings import typed
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.data_sources import build_source


@dataclass
class SourceFile:
    """Contents of a source's YAML file.

    Attributes:
        kind, options: of the source, as in a training configuration.
        preparation: how samples are made, as there; sizes that a network decides are set from it.
    """

    kind: str = "shards"
    options: dict[str, Any] = field(default_factory=dict)
    preparation: PreparationConfig = field(default_factory=PreparationConfig)


def read_source(path: str | Path, hand_model: HandModelLike) -> tuple[FrameSource, SourceFile]:
    """Read a description and open the source.

    Raises:
        ConfigError: no such file, an unknown key (named), kind or protocol.
        DatasetError: the data are missing or damaged.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no description of a data source at {path}") from error
    except Exception as error:  # whatever the YAML parser raises
        raise ConfigError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold kind and options of a data source, such as kind: dexycb")
    described = typed(SourceFile, [{str(key): value for key, value in content.items()}], f"{path}: ")
    return build_source(SourceConfig(described.kind, options=described.options), hand_model), described
