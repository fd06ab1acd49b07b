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

"""The parameters of the perception node."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.estimates import Prior
from hoisdf_ros.node_parameters import DiagnosticParameters, SyncParameters, check_relative
from hoisdf_ros.parameters import group, parameter


@dataclass(frozen=True)
class ModelParameters:
    """Parameters of network, weights and hand model."""

    weights: str = parameter(
        "", "Weights file (safetensors or an official snapshot), or untrained:compact. Empty: the shipped weights."
    )
    preset: str = parameter("", "Preset of the weights, if their keys are ambiguous. Empty: recognised.")
    hand_model: str = parameter(
        "", "Hand model file (.npz, MANO .pkl). Empty: the one of the weights, else the open hand."
    )
    device: str = parameter("auto", "Compute device: auto, cpu, cuda, cuda:1 ...")
    precision: str = parameter("auto", "Number format of the network, as Estimator.load takes it: auto, float32 ...")
    warm_up: int = parameter(
        1, "Warm-up frames computed at configure, so that the first real frame isn't slow.", minimum=0, maximum=20
    )


@dataclass(frozen=True)
class InputParameters:
    """Parameters of the subscribed topics."""

    transport: str = parameter(
        "raw",
        "Image transport: raw reads the topic image, compressed reads image/compressed, as image_transport names it.",
        choices=("raw", "compressed"),
    )
    reliability: str = parameter(
        "auto",
        "Requested reliability: auto follows the publishers (reliable if all offer it, which large images need on "
        "a stock Fast DDS, else best_effort).",
        choices=("auto", "reliable", "best_effort"),
    )
    rectified: bool = parameter(False, "The images are rectified: use P of camera_info, else K and D.")
    depth: bool = parameter(False, "Wait for a depth image, aligned to the image, on the topic depth.")
    regions: str = parameter(
        "none",
        "Source of hand and object boxes: the topic regions (hoisdf/Regions), the topic detections "
        "(vision_msgs/Detection2DArray), or none (parameters, tracking, the whole image).",
        choices=("none", "regions", "detections"),
    )


@dataclass(frozen=True)
class RegionParameters:
    """Fixed boxes, used if no topic provides any."""

    hand: tuple[float, ...] = parameter((), "Hand box x0 y0 x1 y1 in pixels; empty: none.", change="any time")
    object: tuple[float, ...] = parameter((), "Object box x0 y0 x1 y1 in pixels; empty: none.", change="any time")
    side: str = parameter(
        "", "Side of hands whose boxes have none; empty: unknown.", choices=("", "right", "left"), change="any time"
    )

    def __post_init__(self) -> None:
        self.prior()

    def prior(self) -> Prior:
        """The boxes and the side as a prior.

        Raises:
            ConfigError: a box is malformed.
        """
        try:
            return Prior(hand_box=self.hand or None, object_box=self.object or None, side=self.side or None)  # type: ignore[arg-type]
        except InvalidInputError as error:
            raise ConfigError(f"parameters regions.hand and regions.object: {error}") from error


@dataclass(frozen=True)
class HandParameters:
    """Parameters of the hands."""

    size: float = parameter(
        0.0,
        "Span of the flat hand from the wrist to the tip of the middle finger, metres, used to estimate the "
        "distance; 0: a mean hand. docs/live_use.md explains how to measure it.",
        minimum=0.0, maximum=0.26,
    )  # fmt: skip
    refinement: str = parameter(
        "auto",
        "Refinement of hands with a hand tracker's landmarks; auto: where the weights were trained with landmarks.",
        choices=("auto", "always", "never"),
    )


@dataclass(frozen=True)
class ObjectParameters:
    """Parameters of the held object."""

    name: str = parameter(
        "",
        "Catalogue name of the held object, if regions don't give it; ~/set_object changes it at run time.",
        change="any time",
    )
    catalogue: str = parameter("", "Folder of object meshes. Empty: the catalogue that ships with the package.")
    refinement: str = parameter(
        "auto",
        "Refinement of named objects with masks and the hand; auto: where the weights have a calibration.",
        choices=("auto", "always", "never"),
    )


@dataclass(frozen=True)
class SmoothingParameters:
    """Parameters of temporal smoothing and of held markers."""

    time: float = parameter(
        0.0,
        "Smoothing time constant at rest, seconds; 0: no smoothing. The lag is at most this times 0.1 m/s for "
        "positions and 0.5 rad/s for rotations.",
        minimum=0.0, maximum=5.0,
    )  # fmt: skip
    hold: float = parameter(
        0.0,
        "Time for which markers of a lost hand or object stay displayed, seconds between the images' stamps; they keep "
        "their old stamp. Messages and transforms aren't held. 0: removed at once.",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip


@dataclass(frozen=True)
class PublishParameters:
    """Parameters of the outputs."""

    tf: bool = parameter(True, "Publish hands and objects on /tf.", change="any time")
    tf_prefix: str = parameter("", "Prefix of the frame names, for several cameras.", change="any time")
    vertices: bool = parameter(True, "Include the 778 mesh vertices in the messages.", change="any time")
    overlay_rate: float = parameter(
        10.0, "Maximum rate of overlays by the images' stamps, hertz; 0: one for each result.", change="any time",
        minimum=0.0, maximum=1000.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_relative("publish.tf_prefix", self.tf_prefix)


@dataclass(frozen=True)
class PerceptionParameters:
    """All parameters of the perception node."""

    autostart: bool = parameter(False, "Configure and activate automatically after the start.", change="never")
    model: ModelParameters = group(ModelParameters)
    input: InputParameters = group(InputParameters)
    sync: SyncParameters = group(SyncParameters)
    regions: RegionParameters = group(RegionParameters)
    hand: HandParameters = group(HandParameters)
    object: ObjectParameters = group(ObjectParameters)
    smoothing: SmoothingParameters = group(SmoothingParameters)
    publish: PublishParameters = group(PublishParameters)
    diagnostics: DiagnosticParameters = group(DiagnosticParameters)
