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

"""Presets: named configurations, YAML files in ``hoisdf_model/assets/presets``.

``dexycb``, ``dexycb_full``, ``ho3d`` and ``ho3d_render`` reproduce the networks released with the HOISDF paper (CVPR
2024, arXiv 2402.17062); ``compact`` is ours.
"""

from __future__ import annotations

from importlib.resources import files

from omegaconf import OmegaConf

from hoisdf_model.errors import ConfigError
from hoisdf_model.network.config import NetworkConfig

_PRESETS = files("hoisdf_model") / "assets" / "presets"


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the package."""
    return tuple(sorted(f.name.removesuffix(".yaml") for f in _PRESETS.iterdir() if f.name.endswith(".yaml")))


def load_preset(name: str) -> NetworkConfig:
    """The preset of that name.

    Raises:
        ConfigError: no such preset; the message lists those there are.
    """
    if name not in preset_names():
        raise ConfigError(f"unknown preset {name!r}, use one of {', '.join(preset_names())}")
    mapping = OmegaConf.to_container(OmegaConf.create((_PRESETS / f"{name}.yaml").read_text()))
    assert isinstance(mapping, dict)
    return NetworkConfig.from_mapping({"name": name, **{str(key): value for key, value in mapping.items()}})
