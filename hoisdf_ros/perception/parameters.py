"""The parameters of the perception node."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.estimates import Prior
from hoisdf_ros.node_parameters import DiagnosticParameters, SyncParameters, check_relative
from hoisdf_ros.parameters import group, parameter


@dataclass(frozen=True)
class ModelParameters:
    """What is loaded at ``configure``."""

    weights: str = parameter(
        "", "Weights: a file (ours or an official snapshot), or untrained:compact. Empty: what ships with the package."
    )
    preset: str = parameter("", "Preset of the weights, where their keys can't tell it. Empty: recognised.")
    hand_model: str = parameter(
        "", "Hand model file (.npz, MANO .pkl). Empty: what the weights bring or the open hand."
    )
    device: str = parameter("auto", "Where to compute: auto, cpu, cuda, cuda:1 ...")
    precision: str = parameter("auto", "Number format of the network, as Estimator.load takes it: auto, float32 ...")
    warm_up: int = parameter(
        1, "Frames computed at configure, so that the first real one isn't slow.", minimum=0, maximum=20
    )


@dataclass(frozen=True)
class InputParameters:
    """Which topics are read, and how."""

    transport: str = parameter(
        "raw",
        "What is read: raw is the topic image, compressed is image/compressed, as image_transport names it.",
        choices=("raw", "compressed"),
    )
    reliability: str = parameter(
        "auto",
        "Quality of service asked for: auto follows the publishers (reliable if all offer it, which large images need "
        "on a stock Fast DDS, else best_effort).",
        choices=("auto", "reliable", "best_effort"),
    )
    rectified: bool = parameter(False, "The images are rectified: use P of camera_info, else K and D.")
    depth: bool = parameter(False, "Wait for a depth image, aligned to the image, on the topic depth.")
    regions: str = parameter(
        "none",
        "Where hand and object boxes come from: the topic regions (hoisdf/Regions), the topic detections "
        "(vision_msgs/Detection2DArray), or none (parameters, tracking, the whole image).",
        choices=("none", "regions", "detections"),
    )


@dataclass(frozen=True)
class RegionParameters:
    """Boxes for a fixed view, used where no topic brings any."""

    hand: tuple[float, ...] = parameter((), "Hand box x0 y0 x1 y1 in pixels; empty: none.", change="any time")
    object: tuple[float, ...] = parameter((), "Object box x0 y0 x1 y1 in pixels; empty: none.", change="any time")
    side: str = parameter(
        "", "Side of hands whose boxes don't say it; empty: unknown.", choices=("", "right", "left"), change="any time"
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
    """The hands seen."""

    size: float = parameter(
        0.0,
        "From the wrist to the tip of the middle finger of the flat hand, metres, by which hands are placed; 0: a mean "
        "hand. docs/live_use.md says how to measure it.",
        minimum=0.0, maximum=0.26,
    )  # fmt: skip


@dataclass(frozen=True)
class ObjectParameters:
    """The object held."""

    name: str = parameter(
        "",
        "Name in the catalogue of the object held, where regions don't say it; ~/set_object changes it while running.",
        change="any time",
    )
    catalogue: str = parameter("", "Folder of object meshes. Empty: the catalogue that ships with the package.")


@dataclass(frozen=True)
class SmoothingParameters:
    """Less jitter for some lag, and less flicker on display."""

    time: float = parameter(
        0.0,
        "Time constant of what stands still, seconds; 0: estimates go out as they are. What moves lags by at most "
        "0.1 m/s, what turns by at most 0.5 rad/s times this.",
        minimum=0.0, maximum=5.0,
    )  # fmt: skip
    hold: float = parameter(
        0.0,
        "For so long markers of a hand or object that isn't seen any more stay on display, seconds between the images' "
        "stamps; they keep their old stamp. Messages and transforms aren't held. 0: they go at once.",
        minimum=0.0, maximum=60.0,
    )  # fmt: skip


@dataclass(frozen=True)
class PublishParameters:
    """What goes out."""

    tf: bool = parameter(True, "Publish hands and objects on /tf.", change="any time")
    tf_prefix: str = parameter("", "Put before the frame names, for several cameras.", change="any time")
    vertices: bool = parameter(True, "Put the 778 mesh vertices into the messages.", change="any time")

    def __post_init__(self) -> None:
        check_relative("publish.tf_prefix", self.tf_prefix)


@dataclass(frozen=True)
class PerceptionParameters:
    """All of them."""

    autostart: bool = parameter(False, "Configure and activate by itself after the start.", change="never")
    model: ModelParameters = group(ModelParameters)
    input: InputParameters = group(InputParameters)
    sync: SyncParameters = group(SyncParameters)
    regions: RegionParameters = group(RegionParameters)
    hand: HandParameters = group(HandParameters)
    object: ObjectParameters = group(ObjectParameters)
    smoothing: SmoothingParameters = group(SmoothingParameters)
    publish: PublishParameters = group(PublishParameters)
    diagnostics: DiagnosticParameters = group(DiagnosticParameters)
