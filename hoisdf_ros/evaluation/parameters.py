"""The parameters of the evaluation node."""

from __future__ import annotations

from dataclasses import dataclass

from hoisdf_ros.node_parameters import DiagnosticParameters
from hoisdf_ros.parameters import group, parameter


@dataclass(frozen=True)
class PairParameters:
    """Parameters of matching estimates and ground truth by stamp."""

    queue_size: int = parameter(
        300, "Queue size per topic of messages without a partner; the oldest is dropped first.",
        minimum=1, maximum=100000,
    )  # fmt: skip
    jump_back: float = parameter(
        2.0,
        "Ground truth older than the newest by more than this, seconds, is a jump back in time and empties the "
        "queues.",
        minimum=0.0, maximum=3600.0,
    )  # fmt: skip


@dataclass(frozen=True)
class FigureParameters:
    """Parameters of the published running figures."""

    period: float = parameter(
        1.0, "Period of messages on ~/figures, seconds.", change="never", minimum=0.05, maximum=3600.0
    )


@dataclass(frozen=True)
class EvaluationParameters:
    """All parameters of the evaluation node."""

    autostart: bool = parameter(False, "Configure and activate automatically after the start.", change="never")
    output: str = parameter(
        "",
        "Folder for the report, written at deactivation and on request; a previous report there is replaced. "
        "Empty: no report.",
    )  # fmt: skip
    catalogue: str = parameter("", "Folder of object meshes. Empty: the catalogue that ships with the package.")
    reliability: str = parameter(
        "reliable", "Requested reliability on both topics.", choices=("reliable", "best_effort")
    )
    pairs: PairParameters = group(PairParameters)
    figures: FigureParameters = group(FigureParameters)
    diagnostics: DiagnosticParameters = group(DiagnosticParameters)
