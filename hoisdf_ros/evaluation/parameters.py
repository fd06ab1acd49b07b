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
