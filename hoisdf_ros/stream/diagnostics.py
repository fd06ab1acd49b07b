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

"""Node state as ``diagnostic_msgs/DiagnosticArray``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hoisdf_ros.message_classes import message_class
from hoisdf_ros.stream.device import MEBIBYTE, device_memory, process_memory
from hoisdf_ros.stream.monitor import Snapshot

Finding = tuple[str, bytes, str, Mapping[str, str]]

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
TOLERATED_DROPS = 0.1  # of the images; a stock middleware loses some
PLAUSIBLE_AGE = 3600.0  # seconds
ORDINARY_DROPS = frozenset({"superseded"})  # what a model slower than its camera does all the time


@dataclass(frozen=True)
class NodeState:
    """State of a node for its diagnostics.

    Attributes:
        label: lifecycle state.
        failure: why the last transition failed, empty if it didn't.
        model: name -> value of what was loaded.
        publishers: topic -> number of publishers, while active.
        timeout: seconds; no images for longer is a warning, a problem is shown for so long.
        stream, things: the topic that is worked off, and what people call its messages.
        work: name of the status about the work itself.
        findings: further statuses: name, level, text, values.
        waiting: why the newest message of the stream waits for others; empty where it doesn't.
        unused: topics that are published and that the node isn't set to read.
    """

    label: str
    failure: str
    model: Mapping[str, str] = field(default_factory=dict)
    publishers: Mapping[str, int] = field(default_factory=dict)
    timeout: float = 3.0
    stream: str = "image"
    things: str = "images"
    work: str = "estimator"
    findings: Sequence[Finding] = ()
    waiting: str = ""
    unused: Sequence[str] = ()


def diagnostic_message(node_name: str, stamp: Any, state: NodeState, snapshot: Snapshot) -> Any:
    """Diagnostic message of a node.

    ``node_name`` is the node's full name, ``stamp`` a ``builtin_interfaces/Time``.
    """
    message = message_class("diagnostic_msgs/msg/DiagnosticArray")()
    message.header.stamp = stamp
    message.status = [
        status_message(node_name, "state", *_state(state)),
        status_message(node_name, "input", *_input(state, snapshot)),
        status_message(node_name, state.work, *_work(state, snapshot)),
        *(status_message(node_name, *finding) for finding in state.findings),
    ]
    return message


def _state(state: NodeState) -> tuple[bytes, str, dict[str, str]]:
    if state.failure:
        return ERROR, state.failure, {"state": state.label}
    return OK, state.label, {"state": state.label}


def _input(state: NodeState, snapshot: Snapshot) -> tuple[bytes, str, dict[str, str]]:
    values = {}
    for topic in dict.fromkeys([*state.publishers, *snapshot.received]):
        values[f"{topic}: received"] = str(snapshot.received.get(topic, 0))
        values[f"{topic}: rate [Hz]"] = f"{snapshot.rates.get(topic, 0.0):.1f}"
        if topic in state.publishers:
            values[f"{topic}: publishers"] = str(state.publishers[topic])
    for topic, policy in snapshot.incompatible.items():
        values[f"{topic}: incompatible quality of service"] = policy
    values["processed"] = str(snapshot.processed)
    values["processed: rate [Hz]"] = f"{snapshot.processed_rate:.1f}"
    values["dropped"] = str(sum(snapshot.dropped.values()))
    values |= {f"dropped: {cause}": str(count) for cause, count in sorted(snapshot.dropped.items())}
    if snapshot.lost:
        values["lost before the node"] = str(snapshot.lost)
    if state.unused:
        values["published, not used (input.*)"] = ", ".join(state.unused)
    values |= {what: str(count) for what, count in sorted(snapshot.noted.items())}
    level, text = _input_verdict(state, snapshot)
    if snapshot.problem is not None:
        values["last error"] = snapshot.problem.text
        values["last error: cause"] = snapshot.problem.cause
        values["last error: age [s]"] = f"{snapshot.problem.age:.1f}"
    return level, text, values


def _input_verdict(state: NodeState, snapshot: Snapshot) -> tuple[bytes, str]:
    if state.label != "active":
        return OK, f"not listening: the node is {state.label}"
    if snapshot.problem is not None and snapshot.problem.age <= state.timeout:
        return ERROR, f"{snapshot.problem.cause}: {snapshot.problem.text}"
    if snapshot.silence > state.timeout:
        if snapshot.incompatible:
            topic, policy = next(iter(snapshot.incompatible.items()))
            return ERROR, f"no {state.things}: a publisher of {topic} offers an incompatible {policy}"
        missing = " and they have no publishers" if state.publishers.get(state.stream) == 0 else ""
        return WARN, f"no {state.things} for {snapshot.silence:.0f} s{missing}"
    missing_partners = [topic for topic in state.publishers if not snapshot.received.get(topic)]
    if missing_partners and snapshot.received.get(state.stream, 0) > 1:
        return WARN, f"{state.things} come, but nothing on {', '.join(missing_partners)}: none of them can be used"
    if state.waiting and not snapshot.processed:
        return WARN, f"{state.things} come, but none of them can be used: {state.waiting}"
    unusual = {cause: n for cause, n in snapshot.dropped_lately.items() if cause not in ORDINARY_DROPS}
    if sum(unusual.values()) > TOLERATED_DROPS * snapshot.received_lately.get(state.stream, 0):
        causes = ", ".join(f"{n} {cause}" for cause, n in sorted(unusual.items()))
        return WARN, f"{state.things} dropped lately: {causes}"
    if snapshot.lost_lately > TOLERATED_DROPS * snapshot.received_lately.get(state.stream, 0):
        return WARN, f"{snapshot.lost_lately} {state.things} were published lately and never came"
    coming = snapshot.rates.get(state.stream, 0.0)
    return OK, f"{snapshot.processed_rate:.1f} of {coming:.1f} {state.things} per second processed"


def _work(state: NodeState, snapshot: Snapshot) -> tuple[bytes, str, dict[str, str]]:
    values = dict(state.model)
    for name, (low, high) in snapshot.percentiles.items():
        if abs(high) > PLAUSIBLE_AGE:
            values[name] = f"the {state.things}' stamps are of another clock (a recording without use_sim_time?)"
            continue
        values[f"{name} p50 [ms]"], values[f"{name} p95 [ms]"] = f"{low * 1e3:.1f}", f"{high * 1e3:.1f}"
    values |= {f"stage {name} p50 [ms]": f"{seconds * 1e3:.1f}" for name, seconds in snapshot.stages.items()}
    values["device memory [MiB]"] = f"{device_memory() / MEBIBYTE:.0f}"
    values["process memory [MiB]"] = f"{process_memory() / MEBIBYTE:.0f}"
    if not state.model:
        return OK, "not loaded", values
    latency = snapshot.percentiles.get("latency")
    text = "loaded" if latency is None else f"latency p50 {latency[0] * 1e3:.0f} ms, p95 {latency[1] * 1e3:.0f} ms"
    return OK, text, values


def status_message(node_name: str, task: str, level: bytes, text: str, values: Mapping[str, str]) -> Any:
    """``diagnostic_msgs/DiagnosticStatus`` about one task of a node."""
    status = message_class("diagnostic_msgs/msg/DiagnosticStatus")
    pair = message_class("diagnostic_msgs/msg/KeyValue")
    return status(
        level=level,
        name=f"{node_name.lstrip('/')}: {task}",
        message=text,
        hardware_id=node_name,
        values=[pair(key=key, value=value) for key, value in values.items()],
    )
