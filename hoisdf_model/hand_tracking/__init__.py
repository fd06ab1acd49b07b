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

"""MediaPipe's hand networks in PyTorch: hand detection and landmarks."""

from hoisdf_model.hand_tracking.convolutions import SameConv2d, mbconv_stages
from hoisdf_model.hand_tracking.in_box import look_in_box
from hoisdf_model.hand_tracking.landmark_network import (
    ENCODER_CHANNELS,
    LANDMARK_IMAGE,
    HandEncoder,
    LandmarkNetwork,
    Landmarks,
)
from hoisdf_model.hand_tracking.looking import (
    SeenHand,
    Window,
    look,
    mirrored,
    placed_relative,
    refined,
    window_about,
)
from hoisdf_model.hand_tracking.palm_network import PALM_IMAGE, PalmNetwork
from hoisdf_model.hand_tracking.tracker import HandTracker, TrackedHand
from hoisdf_model.hand_tracking.weights import TrackerNetworks, load_hand_encoder, load_tracker_networks

__all__ = [
    "ENCODER_CHANNELS",
    "LANDMARK_IMAGE",
    "PALM_IMAGE",
    "HandEncoder",
    "HandTracker",
    "LandmarkNetwork",
    "Landmarks",
    "PalmNetwork",
    "SameConv2d",
    "SeenHand",
    "TrackedHand",
    "TrackerNetworks",
    "Window",
    "load_hand_encoder",
    "load_tracker_networks",
    "look",
    "look_in_box",
    "mbconv_stages",
    "mirrored",
    "placed_relative",
    "refined",
    "window_about",
]
