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

"""The network: configuration, inputs and outputs, and the assembled HOISDF."""

from hoisdf_model.network.backbone import ResNet
from hoisdf_model.network.calibration import Calibration
from hoisdf_model.network.checkpoints import (
    Weights,
    kind_of_weights,
    load_network,
    read_weights,
    save_network,
    write_weights,
)
from hoisdf_model.network.config import NetworkConfig
from hoisdf_model.network.config_sections import RootConfig, RuntimeConfig
from hoisdf_model.network.efficientnet import EfficientNetLite
from hoisdf_model.network.folding import optimised
from hoisdf_model.network.hoisdf import Hoisdf
from hoisdf_model.network.interface import (
    ImageFeatures,
    LayerPredictions,
    NetworkInput,
    NetworkOutput,
    RootPrediction,
    log_extent,
)
from hoisdf_model.network.precision import EMULATED, has_bfloat16, resolve_precision
from hoisdf_model.network.presets import load_preset, preset_names
from hoisdf_model.network.shipped import shipped_weights

__all__ = [
    "EMULATED",
    "Calibration",
    "EfficientNetLite",
    "Hoisdf",
    "ImageFeatures",
    "LayerPredictions",
    "NetworkConfig",
    "NetworkInput",
    "NetworkOutput",
    "ResNet",
    "RootConfig",
    "RootPrediction",
    "RuntimeConfig",
    "Weights",
    "has_bfloat16",
    "kind_of_weights",
    "load_network",
    "load_preset",
    "log_extent",
    "optimised",
    "preset_names",
    "read_weights",
    "resolve_precision",
    "save_network",
    "shipped_weights",
    "write_weights",
]
