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
from hoisdf_model.network.presets import load_preset, preset_names
from hoisdf_model.network.shipped import shipped_weights

__all__ = [
    "Calibration",
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
    "kind_of_weights",
    "load_network",
    "load_preset",
    "log_extent",
    "optimised",
    "preset_names",
    "read_weights",
    "save_network",
    "shipped_weights",
    "write_weights",
]
