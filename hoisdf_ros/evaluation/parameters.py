"""The parameters of the evaluation node."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_ros.node_parameters import DiagnosticParameters
from hoisdf_ros.parameters import group, parameter


@dataclass(frozen=True)
class PairParameters:
    """How estimates and ground truth of the same image are found."""

    queue_size: int = parameter(
        300, "Messages of each topic that wait for their partner; then the oldest is given up.",
        minimum=1, maximum=100000,
    )  # fmt: skip
    jump_back: float = parameter(
        2.0, "Ground truth older than the newest by more than this is a jump of time: what waits is given up. Seconds.",
        minimum=0.0, maximum=3600.0,
    )  # fmt: skip


@dataclass(frozen=True)
class FigureParameters:
    """What is said while it runs."""

    period: float = parameter(
        1.0, "Seconds between two messages on ~/figures.", change="never", minimum=0.05, maximum=3600.0
    )


@dataclass(frozen=True)
class EvaluationParameters:
    """All of them."""

    autostart: bool = parameter(False, "Configure and activate by itself after the start.", change="never")
    output: str = parameter(
        "", "Folder for the report, written when the node is deactivated or asked to; what a former run wrote there "
        "is replaced. Empty: no report.",
    )  # fmt: skip
    catalogue: str = parameter("", "Folder of object meshes. Empty: the catalogue that ships with the package.")
    reliability: str = parameter(
        "reliable", "Quality of service asked for on both topics.", choices=("reliable", "best_effort")
    )
    pairs: PairParameters = group(PairParameters)
    figures: FigureParameters = group(FigureParameters)
    diagnostics: DiagnosticParameters = group(DiagnosticParameters)
