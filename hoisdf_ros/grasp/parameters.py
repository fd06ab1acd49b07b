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

"""The parameters of the grasp node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from hoisdf_model.errors import ConfigError
from hoisdf_model.grasping import MODES, GraspSettings, Mode, Steadiness
from hoisdf_ros.node_parameters import DiagnosticParameters, check_relative
from hoisdf_ros.parameters import group, parameter

STILL_OPEN = -1.0  # plan.opening_margin: fully opened
_DEFAULTS, _STEADY = GraspSettings(), Steadiness()


@dataclass(frozen=True)
class GraspModelParameters:
    """Parameters of hand model and objects, read at ``configure``."""

    hand_model: str = parameter(
        "", "Hand model file (.npz, MANO .pkl) of the estimates. Empty: the open hand, which the shipped weights use."
    )
    catalogue: str = parameter("", "Folder of object meshes. Empty: the catalogue that ships with the package.")
    objects: str = parameter(
        "",
        "Names of objects, separated by spaces, to prepare at configure. Others take a second when first seen.",
    )


@dataclass(frozen=True)
class GraspInputParameters:
    """Parameters of accepted estimates."""

    reliability: str = parameter(
        "auto",
        "Requested reliability: auto follows the publishers (reliable if all offer it, else best_effort).",
        choices=("auto", "reliable", "best_effort"),
    )
    freshness: float = parameter(
        1.0,
        "Maximum age of an estimate, from its image's stamp by the ROS clock, seconds. Older ones give no "
        "grasp.",
        change="any time", minimum=0.01, maximum=60.0,
    )  # fmt: skip
    jump_back: float = parameter(
        0.1, "An estimate older than the previous one by this, seconds, is a jump back in time and resets the node.",
        minimum=0.0, maximum=3600.0,
    )  # fmt: skip


@dataclass(frozen=True)
class LimitParameters:
    """Uncertainty limits of estimates."""

    position: float = parameter(
        _DEFAULTS.position_limit, "Largest standard deviation of a position, metres.", minimum=0.0001, maximum=10.0
    )
    rotation: float = parameter(
        _DEFAULTS.rotation_limit, "Largest standard deviation of a rotation, radians.", minimum=0.001, maximum=10.0
    )
    require_covariance: bool = parameter(_DEFAULTS.require_covariance, "Refuse estimates with unknown covariance.")


@dataclass(frozen=True)
class PlanParameters:
    """Parameters of grasp planning."""

    contact: float = parameter(
        _DEFAULTS.contact,
        "Contact threshold: largest distance of a touching hand vertex, metres.",
        minimum=0.0001,
        maximum=0.1,
    )
    clearance: float = parameter(
        _DEFAULTS.clearance,
        "Minimum clearance between gripper and hand in a hand-over, metres.",
        minimum=0.0,
        maximum=1.0,
    )
    travel: float = parameter(
        _DEFAULTS.travel, "Length of the straight approach checked for collisions, metres.", minimum=0.0, maximum=1.0
    )
    opening_margin: float = parameter(
        STILL_OPEN, "Distance of the opened pads from each side of the object, metres; -1: fully opened.",
        minimum=-1.0, maximum=1.0,
    )  # fmt: skip
    forearm: bool = parameter(_DEFAULTS.forearm, "Also avoid a cylinder in place of the forearm.")
    count: int = parameter(_DEFAULTS.count, "Number of grasps planned per mode.", minimum=1, maximum=100)
    symmetric: int = parameter(
        _DEFAULTS.symmetric, "Number of these whose symmetric equivalents are also given.",
        minimum=0, maximum=100,
    )  # fmt: skip


@dataclass(frozen=True)
class StabilityParameters:
    """Parameters of agreement between frames before a grasp is published."""

    frames: int = parameter(
        _STEADY.frames, "Number n of the last 2 n - 1 estimates in which a grasp must be found; 1: immediately.",
        minimum=1, maximum=100,
    )  # fmt: skip
    time: float = parameter(
        _STEADY.seconds, "Minimum time between the first and the last of these, seconds.", minimum=0.0, maximum=60.0
    )
    position: float = parameter(
        _STEADY.distance, "Largest distance of two grasps on the object that count as the same, metres.",
        minimum=0.001, maximum=0.2,
    )  # fmt: skip
    rotation: float = parameter(
        _STEADY.angle, "Largest rotation between two grasps that count as the same, radians.", minimum=0.01, maximum=3.2
    )


@dataclass(frozen=True)
class FrameParameters:
    """Parameters of the grasps' target frame."""

    id: str = parameter(
        "", "Target frame, such as the robot's base, looked up in tf at the image's stamp. Empty: the camera frame."
    )
    timeout: float = parameter(
        0.2, "Maximum wait for the transform at that stamp, seconds.", change="any time", minimum=0.0, maximum=10.0
    )

    def __post_init__(self) -> None:
        check_relative("frame.id", self.id)


@dataclass(frozen=True)
class GraspPublishParameters:
    """Parameters of published grasps."""

    count: int = parameter(8, "Maximum number of grasps in a message.", change="any time", minimum=1, maximum=100)
    minimum_score: float = parameter(
        0.0, "Minimum score of published grasps.", change="any time", minimum=0.0, maximum=1.0
    )
    tf: bool = parameter(True, "Publish the best grasp on /tf.", change="any time")
    tf_prefix: str = parameter(
        "", "Prefix of the frame name grasp and of collision object ids, for several cameras.", change="any time"
    )
    attached: str = parameter(
        "",
        "Ids of collision objects attached to the robot, separated by spaces; they are neither added to the "
        "planning scene nor removed. Set before attaching, empty after detaching.",
        change="any time",
    )
    collision_period: float = parameter(
        0.2, "Minimum time between two collision objects of the same id, seconds.",
        change="any time", minimum=0.0, maximum=60.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_relative("publish.tf_prefix", self.tf_prefix)


@dataclass(frozen=True)
class CaptureParameters:
    """Parameters of ~/capture_grasp."""

    folder: str = parameter(
        "~/.ros/grasps",
        "Folder of captured grasps; nothing is written elsewhere; ~ is the home folder. Empty: no files.",
    )


@dataclass(frozen=True)
class GraspParameters:
    """All parameters of the grasp node."""

    autostart: bool = parameter(False, "Configure and activate automatically after the start.", change="never")
    gripper: str = parameter("generic", "Gripper name (hoisdf grasp grippers), or a YAML file of your own.")
    modes: str = parameter(
        "imitate handover",
        "Planning modes, separated by spaces: imitate, handover, hand_only (used without an object).",
    )
    model: GraspModelParameters = group(GraspModelParameters)
    input: GraspInputParameters = group(GraspInputParameters)
    limits: LimitParameters = group(LimitParameters)
    plan: PlanParameters = group(PlanParameters)
    stability: StabilityParameters = group(StabilityParameters)
    frame: FrameParameters = group(FrameParameters)
    publish: GraspPublishParameters = group(GraspPublishParameters)
    capture: CaptureParameters = group(CaptureParameters)
    diagnostics: DiagnosticParameters = group(DiagnosticParameters)

    def __post_init__(self) -> None:
        self.wanted_modes()

    def wanted_modes(self) -> tuple[Mode, ...]:
        """Selected planning modes.

        Raises:
            ConfigError: none, or an unknown one.
        """
        modes = tuple(self.modes.split())
        unknown = [mode for mode in modes if mode not in MODES]
        if unknown or not modes:
            raise ConfigError(f"parameter modes must be some of {' '.join(MODES)}, got {self.modes!r}")
        return cast("tuple[Mode, ...]", modes)

    def grasp_settings(self) -> GraspSettings:
        """Settings of the grasp planner."""
        return GraspSettings(
            contact=self.plan.contact,
            clearance=self.plan.clearance,
            travel=self.plan.travel,
            opening_margin=None if self.plan.opening_margin < 0 else self.plan.opening_margin,
            forearm=self.plan.forearm,
            count=self.plan.count,
            symmetric=self.plan.symmetric,
            position_limit=self.limits.position,
            rotation_limit=self.limits.rotation,
            require_covariance=self.limits.require_covariance,
        )

    def steadiness(self) -> Steadiness:
        """Settings of the agreement between frames."""
        wanted = self.stability
        return Steadiness(wanted.frames, wanted.time, wanted.position, wanted.rotation)
