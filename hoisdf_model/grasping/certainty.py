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

"""Chances that grasps survive the error of the object's pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from hoisdf_model.grasping.candidates import known
from hoisdf_model.grasping.grasp_settings import GraspSettings
from hoisdf_model.grasping.grippers import Gripper
from hoisdf_model.grasping.jaws import YIELD

UNKNOWN = 0.5  # the chance where the covariance is unknown

Floats = NDArray[np.float64]


def tolerances(widths: Floats, gripper: Gripper, settings: GraspSettings) -> Floats:
    """Position errors (K, 3) that grasps can bear, tool frame, metres.

    With more, one of the two points that the jaws close on isn't between the open pads any more: it is beside them (x),
    under one of the fingers (y; what pads and skins give way is always borne), or before or behind them (z).

    Args:
        widths: (K,) between the points, metres.
        gripper: whose pads.
        settings: how far it opens.
    """
    openings = np.array([settings.opening(width, gripper.stroke) for width in widths])
    spare = np.maximum((openings - widths) / 2, YIELD)
    return np.stack([np.full_like(spare, gripper.pad_width / 2), spare, np.full_like(spare, gripper.pad_length / 2)], 1)


def chances(covariance: Floats | None, poses: Floats, bearable: Floats) -> Floats:
    """Chances (K,) that position errors are bearable.

    For normal errors a lower bound (Sidak 1967: as if errors along the three axes of the tool were independent).
    Turns of the object count for how far they move the grasp.

    Args:
        covariance: (6, 6) of the object's pose: position, rotation about its origin; all in the frame of ``poses``,
            whose origin is the object's; None or marked as unknown: the chances are ``UNKNOWN``.
        poses: (K, 4, 4) tool -> object frame.
        bearable: (K, 3) metres, see :func:`tolerances`.
    """
    if covariance is None or not known(covariance):
        return np.full(len(poses), UNKNOWN)
    turns, places = poses[:, :3, :3], poses[:, :3, 3]
    lever = np.zeros((len(poses), 3, 6))
    lever[:, :, :3] = turns.transpose(0, 2, 1)
    # a small rotation w moves the place p by w x p, along the tool's axis a by w . (p x a)
    lever[:, :, 3:] = np.cross(places[:, None], turns.transpose(0, 2, 1))
    deviations = np.sqrt(np.maximum(np.einsum("kai,ij,kaj->ka", lever, covariance, lever), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        borne = np.where(deviations > 0, erf(bearable / (np.sqrt(2) * deviations)), 1.0)
    return np.asarray(borne.prod(1))
