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

"""Running figures of an evaluation as ``diagnostic_msgs/DiagnosticArray``."""

from __future__ import annotations

from typing import Any

from hoisdf_model.evaluation import METRICS
from hoisdf_ros.evaluation.session import EvaluationSession
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.stream.diagnostics import OK, status_message

SPOKEN = ("camera MJE", "MJE", "PA-MJE", "OCE", "ADD-S")


def figures_message(node_name: str, stamp: Any, session: EvaluationSession) -> Any:
    """Running figures as message: counts, and the mean of each metric.

    Args:
        node_name: the node's full name.
        stamp: ``builtin_interfaces/Time`` of the newest image that was compared.
        session: the evaluation.
    """
    figures = session.evaluation.figures
    values = {name: str(value) for name, value in session.pair_counts().items()}
    values |= {"waiting": str(sum(session.pairs.waiting(kind) for kind in ("estimate", "truth")))}
    values |= {name.replace("_", " "): str(value) for name, value in figures.to_json().items()}
    for metric, about in METRICS.items():
        mean = figures.mean(metric)
        if mean is not None:
            values[f"{metric} [{about.unit}]"] = f"{mean:.6f}"
            values[f"{metric}: frames"] = str(figures.counts[metric])
    spoken = [
        f"{metric} {mean:.1f} {METRICS[metric].unit}" for metric in SPOKEN if (mean := figures.mean(metric)) is not None
    ]
    message = message_class("diagnostic_msgs/msg/DiagnosticArray")()
    message.header.stamp = stamp
    text = f"{figures.frames} frames" + (f": {', '.join(spoken)}" if spoken else "")
    message.status = [status_message(node_name, "figures", OK, text, values)]
    return message
