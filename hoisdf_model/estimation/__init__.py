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

"""Estimation of hands and objects from a camera frame.

Localisation, placement, the network, decoding and tracking.
"""

from hoisdf_model.estimation.compute_device import resolve_device
from hoisdf_model.estimation.estimator import Estimator
from hoisdf_model.estimation.files import estimate_to_json, write_json, write_meshes
from hoisdf_model.estimation.pairing import priors_from_regions
from hoisdf_model.estimation.protocols import FrameEstimator, Localiser, Network
from hoisdf_model.estimation.sharing import CameraStream, SharedEstimator
from hoisdf_model.estimation.smoothing import Smoother

__all__ = [
    "CameraStream",
    "Estimator",
    "FrameEstimator",
    "Localiser",
    "Network",
    "SharedEstimator",
    "Smoother",
    "estimate_to_json",
    "priors_from_regions",
    "resolve_device",
    "write_json",
    "write_meshes",
]
