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

"""Lifecycle node ``evaluation``: comparison of estimates with ground truth.

Publishes running figures and writes a report.

*configure* opens the folder of the report, *activate* subscribes and starts the counts anew, *deactivate* writes the
report. Comparing takes milliseconds, so the executor's thread does it all; while a report is drawn messages wait in
their queues. docs/evaluation.md has the topics and parameters.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import evaluation

    evaluation()

import time
from collections import Counter
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from hoisdf_model.errors import EvaluationError, HoisdfError, InvalidInputError
from hoisdf_model.messages import hand_object_to_estimate, stamp_of
from hoisdf_model.objects import find_object, load_catalogue
from hoisdf_model.paths import named
from hoisdf_ros.evaluation.figures import figures_message
from hoisdf_ros.evaluation.parameters import EvaluationParameters
from hoisdf_ros.evaluation.session import EvaluationSession
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.processes import Ending
from hoisdf_ros.spinning import spin_node
from hoisdf_ros.stream.diagnostics import OK, WARN, Finding, NodeState
from hoisdf_ros.stream.failures import account_for, note_refused
from hoisdf_ros.stream.managed import ACTIVE, INACTIVE, ManagedNode, transition
from hoisdf_ros.stream.monitor import Timing

ESTIMATE, TRUTH = "hand_object", "ground_truth"
KINDS = {ESTIMATE: "estimate", TRUTH: "truth"}
ENOUGH = 10  # messages on both topics without a single pair are worth a warning
REPORT_PATIENCE = 60.0  # seconds that drawing the report may take after an interrupt
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (InvalidInputError, "invalid_message"),
    (EvaluationError, "not_written"),
    (HoisdfError, "evaluation"),
    (Exception, "internal_error"),
)


class EvaluationNode(ManagedNode[EvaluationParameters]):
    """Lifecycle node ``evaluation``.

    Args:
        arguments: of ``rclpy.lifecycle.LifecycleNode`` (context, namespace, parameter_overrides, ...).
    """

    def __init__(self, **arguments: Any) -> None:
        self._session: EvaluationSession | None = None
        self._listening: dict[str, Any] = {}
        self._figures: Any = None
        self._compared_stamp: Any = None
        self._newest_truth = 0
        self._frame_ids: dict[str, str] = {}
        self._heard: Counter[str] = Counter()
        super().__init__("evaluation", EvaluationParameters, ESTIMATE, **arguments)
        self.create_service(message_class("std_srvs/srv/Trigger"), "~/write_report", self._write_report)
        period = float(self.get_parameter("figures.period").value)
        self._figures_timer = self.create_timer(period, self._publish_figures, clock=self._steady)

    @transition(INACTIVE)
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the report folder.

        FAILURE with the reason if a parameter or the folder is unusable.
        """
        self._settings = None
        parameters = self._declared.read()
        load_catalogue(parameters.catalogue or None)
        self._session = self._new_session(parameters)
        newest = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
        self._figures = self.create_lifecycle_publisher(
            message_class("diagnostic_msgs/msg/DiagnosticArray"), "~/figures", newest,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )  # fmt: skip
        self._settings = parameters
        return super().on_configure(state)

    @transition(ACTIVE)
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Reset the evaluation and subscribe."""
        assert self._settings is not None
        self._monitor.restart()
        self._session = self._new_session(self._settings)
        self._session.begin()
        self._compared_stamp, self._newest_truth, self._frame_ids, self._heard = None, 0, {}, Counter()
        result = super().on_activate(state)
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=self._settings.pairs.queue_size,
            reliability=ReliabilityPolicy[self._settings.reliability.upper()],
        )
        for topic in (ESTIMATE, TRUTH):
            self._listening[topic] = self.create_subscription(
                message_class("hoisdf/msg/HandObject"), topic, partial(self._receive, topic), qos,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )  # fmt: skip
        return result

    def _new_session(self, parameters: EvaluationParameters) -> EvaluationSession:
        output = named(parameters.output) if parameters.output else None
        topics = self.resolve_topic_name(ESTIMATE), self.resolve_topic_name(TRUTH)
        find = partial(find_object, catalogue=parameters.catalogue)
        return EvaluationSession(output, topics, find, parameters.pairs.queue_size)

    def _receive(self, topic: str, message: Any) -> None:
        try:
            self._take(topic, message)
        except Exception as error:
            account_for(error, _CAUSES, self._monitor, self.get_logger().error)

    def _refused(self, error: Exception) -> None:
        note_refused(error, "invalid_message", self._monitor, self.get_logger().error)

    def _take(self, topic: str, message: Any) -> None:
        session, settings, began = self._session, self._settings, time.perf_counter()
        assert session is not None
        assert settings is not None
        self._monitor.received(topic)
        stamp = stamp_of(message)
        self._frame_ids[topic] = message.header.frame_id.lstrip("/")
        self._heard[topic] += 1
        if topic == TRUTH:
            if stamp < self._newest_truth - settings.pairs.jump_back * 1e9:
                self._time_jumped()
            self._newest_truth = max(self._newest_truth, stamp)
        pair = session.pairs.add(KINDS[topic], stamp, hand_object_to_estimate(message, self._refused))  # type: ignore[arg-type]
        if pair is not None:
            session.compare(stamp, *pair)
            self._compared_stamp = message.header.stamp
            age = (self.get_clock().now().nanoseconds - stamp) * 1e-9
            self._monitor.processed(Timing(time.perf_counter() - began, age, pair[0].timing))

    def _time_jumped(self) -> None:
        if self._session is not None and self._listening:
            self._session.pairs.give_up()
            self._newest_truth = 0
            self.get_logger().info("time jumped back: what had no partner is given up")

    def _publish_figures(self) -> None:
        if self._listening and self._session is not None:
            stamp = self._compared_stamp or message_class("builtin_interfaces/msg/Time")()
            self._figures.publish(figures_message(self.get_fully_qualified_name(), stamp, self._session))

    def _node_state(self) -> NodeState:
        return NodeState(
            label=self.state_label,
            failure=self.failure,
            model={"output": self._settings.output or "none"} if self._settings is not None else {},
            publishers={topic: self.count_publishers(s.topic_name) for topic, s in self._listening.items()},
            timeout=float(self.get_parameter("diagnostics.timeout").value),
            stream=ESTIMATE,
            things="estimates",
            work="comparison",
            findings=[self._pairs_found()] if self._session is not None else [],
        )

    def _pairs_found(self) -> Finding:
        assert self._session is not None
        counts = self._session.pair_counts()
        values = {name: str(count) for name, count in counts.items()}
        level, text = OK, f"{counts['compared']} compared"
        if len(set(self._frame_ids.values())) > 1:
            frames = " and ".join(f"{topic} in {frame!r}" for topic, frame in self._frame_ids.items())
            level, text = WARN, f"{text}, but {frames}: errors in the camera frame mean nothing"
        elif not counts["compared"] and min(self._heard[topic] for topic in KINDS) >= ENOUGH:
            level, text = WARN, "estimates and ground truth come, but none have the same stamp"
        return "pairs", level, text, values

    def _stop(self, timeout: float = 0.0) -> None:
        if not self._listening:
            return
        self._publish_figures()
        for subscription in self._listening.values():
            self.destroy_subscription(subscription)
        self._listening = {}
        if self._session is None or self._settings is None:
            return
        self._session.pairs.give_up()
        if self._settings.output:
            if not self._session.evaluation.figures.hands:
                self.get_logger().warning("no report: nothing was compared")
                return
            try:
                self.get_logger().info(self._session.write_report())
            except HoisdfError as error:
                self.get_logger().error(f"no report: {error}")

    def _release(self) -> None:
        self._stop()
        if self._figures is not None:
            self.destroy_lifecycle_publisher(self._figures)
        self._figures = self._session = None

    def _write_report(self, request: Any, response: Any) -> Any:
        if self._session is None:
            response.success, response.message = False, f"nothing is evaluated: the node is {self.state_label}"
            return response
        try:
            response.success, response.message = True, self._session.write_report()
        except HoisdfError as error:
            response.success, response.message = False, str(error)
        return response


def main(ending: Ending) -> int:
    """Run the node until the process is to end."""
    return spin_node(EvaluationNode, ending, patience=REPORT_PATIENCE)
