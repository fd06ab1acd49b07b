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

"""Settings of the grasp planner."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import ConfigError
from hoisdf_model.grasping.contacts import THRESHOLD
from hoisdf_model.settings import positive, within


@dataclass(frozen=True)
class GraspSettings:
    """Lengths in metres, angles in radians.

    Attributes:
        contact: nearer than this a vertex of the hand touches.
        clearance: what a hand-over keeps between gripper and hand, on its approach and while it closes.
        travel: length of the straight approach that is checked.
        opening_margin: how far the pads stay off each side of the object before they close; None: fully opened, as
            a gripper is by default.
        forearm: let a cylinder stand for the forearm.
        count: grasps of each mode, before their images under the object's symmetries.
        symmetric: how many of the best get images; 0: none.
        symmetry_steps: images for a turn about a continuous axis.
        position_limit, rotation_limit: standard deviations of the estimate beyond which there is no grasp.
        require_covariance: refuse an estimate that doesn't say how good it is.
        weigh_covariance: prefer grasps that bear the likely errors of the object's pose.
        least_score: grasps below aren't given out.

    Raises:
        ConfigError: a value out of range.
    """

    contact: float = THRESHOLD
    clearance: float = 0.015
    travel: float = 0.10
    opening_margin: float | None = None
    forearm: bool = True
    count: int = 8
    symmetric: int = 3
    symmetry_steps: int = 8
    position_limit: float = 0.03
    rotation_limit: float = 0.35
    require_covariance: bool = False
    weigh_covariance: bool = True
    least_score: float = 0.0

    def __post_init__(self) -> None:
        positive(self, "", "contact", "position_limit", "rotation_limit", "count", "symmetry_steps")
        for name in ("least_score", "symmetric"):
            within(name, getattr(self, name), 0)
        for name in ("contact", "clearance", "travel", "opening_margin"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{name} must be a length in metres up to 1, got {value}: millimetres?")

    def opening(self, width: float, stroke: float) -> float:
        """Opening of the gripper for an object's width."""
        return stroke if self.opening_margin is None else min(stroke, width + 2 * self.opening_margin)
