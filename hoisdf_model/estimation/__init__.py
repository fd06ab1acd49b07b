"""Estimation of hands and objects from a camera frame.

Localisation, placement, the network, decoding, tracking; and pictures of it.
"""

from hoisdf_model.estimation.estimator import (
    Estimator,
    FrameEstimator,
    Localiser,
    Network,
    resolve_device,
    resolve_precision,
)
from hoisdf_model.estimation.files import estimate_to_json, write_json, write_meshes
from hoisdf_model.estimation.overlay import draw_overlay
from hoisdf_model.estimation.pairing import priors_from_regions
from hoisdf_model.estimation.shading import simplified
from hoisdf_model.estimation.smoothing import Smoother

__all__ = [
    "Estimator",
    "FrameEstimator",
    "Localiser",
    "Network",
    "Smoother",
    "draw_overlay",
    "estimate_to_json",
    "priors_from_regions",
    "resolve_device",
    "resolve_precision",
    "simplified",
    "write_json",
    "write_meshes",
]
