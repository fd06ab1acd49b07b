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

"""HOISDF: 3D hand-object pose from one RGB image.

The public face of the package. Names are imported when they are first used, so that ``import hoisdf_model`` is quick
and a program that only reads messages or camera files doesn't wait for the network's libraries.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hoisdf_model.estimates import Estimate, Frame
    from hoisdf_model.estimation import Estimator
    from hoisdf_model.geometry import Pinhole
    from hoisdf_model.hand import load_hand_model
    from hoisdf_model.network import NetworkInput, NetworkOutput, load_network

# GNU's OpenMP reads this when torch is imported. By default threads that wait for each other spin 300,000 times before
# they sleep, and wherever other processes want the same cores they keep those from running that they wait for: a frame
# then takes seconds. Asleep at once (OMP_WAIT_POLICY=PASSIVE) they cost half as much again on quiet cores.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_ROOMS = {
    "Estimate": "estimates",
    "Estimator": "estimation",
    "Frame": "estimates",
    "NetworkInput": "network",
    "NetworkOutput": "network",
    "Pinhole": "geometry",
    "load_hand_model": "hand",
    "load_network": "network",
}

__all__ = [
    "Estimate",
    "Estimator",
    "Frame",
    "NetworkInput",
    "NetworkOutput",
    "Pinhole",
    "load_hand_model",
    "load_network",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
