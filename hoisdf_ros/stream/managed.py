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

"""Lifecycle node with reported, undone failures of transitions.

Diagnostics are published in every state.

*configure* makes what the node needs, *activate* listens and publishes, *deactivate* stops both, *cleanup* frees
everything. A transition that fails halfway is undone.
"""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, TypeVar

from rclpy.clock import Clock, JumpThreshold
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hoisdf_model.errors import HoisdfError
from hoisdf_ros.message_classes import message_class
from hoisdf_ros.parameters import ParameterSet
from hoisdf_ros.stream.diagnostics import NodeState, diagnostic_message
from hoisdf_ros.stream.model_log import model_log_to
from hoisdf_ros.stream.monitor import Monitor
from hoisdf_ros.stream.refused_transitions import answer_refused_transitions

UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = "unconfigured", "inactive", "active", "finalized"
STOP_TIMEOUT = 30.0  # seconds that what is being computed may still take when the node is deactivated
END_TIMEOUT = 0.3  # ... when it is destroyed: a process must not outlive its interrupt
ACKNOWLEDGED = 0.3  # seconds in which the last messages must be received then
UNDOABLE = ("on_configure", "on_activate")  # the others end in error processing, and so unconfigured

Parameters = TypeVar("Parameters")
Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def transition(reached: str) -> Callable[[Transition], Transition]:
    """Lifecycle callback that reports its errors on /diagnostics and in the log."""

    def decorate(callback: Transition) -> Transition:
        @wraps(callback)
        def guarded(self: ManagedNode[Any], state: LifecycleState) -> TransitionCallbackReturn:
            before = self.state_label
            if callback.__name__ != "on_error":  # which follows a failure, and must not hide it
                self.failure = ""
            try:
                with model_log_to(self.get_logger()):
                    result = callback(self, state)
            except HoisdfError as error:
                self.failure = f"{callback.__name__.removeprefix('on_')}: {error}"
                self.get_logger().error(self.failure)
                result = self._undo(callback.__name__)
            except Exception as error:
                self.failure = f"{callback.__name__.removeprefix('on_')}: {type(error).__name__}: {error}"
                self.get_logger().error(traceback.format_exc())
                result = self._undo(callback.__name__)
            self.state_label = reached if result == TransitionCallbackReturn.SUCCESS else before
            self.publish_diagnostics()
            return result

        return guarded

    return decorate


class ManagedNode(LifecycleNode, ABC, Generic[Parameters]):
    """Base class of the lifecycle nodes.

    A subclass writes ``on_configure``, ``on_activate`` and the abstract methods.

    Its parameters have ``autostart`` and ``diagnostics.period``.

    Args:
        name: the node's.
        kind: dataclass of its parameters.
        stream: the topic whose silence is worth a warning.
        arguments: of ``rclpy.lifecycle.LifecycleNode`` (context, namespace, parameter_overrides, ...).

    Attributes:
        state_label: lifecycle state.
        failure: why the last transition failed; empty if it didn't.
    """

    def __init__(self, name: str, kind: type[Parameters], stream: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        answer_refused_transitions(self)
        self.state_label, self.failure = UNCONFIGURED, ""
        self._monitor = Monitor(stream)
        self._settings: Parameters | None = None
        self._declared = ParameterSet(
            self,
            kind,
            is_unconfigured=lambda: self.state_label == UNCONFIGURED,
            check=self._check_parameters,
            changed=self._take_parameters,
        )
        # ordinary publisher and a clock that always runs: diagnostics speak in every state, and while time is paused
        self._diagnostics = self.create_publisher(
            message_class("diagnostic_msgs/msg/DiagnosticArray"), "/diagnostics", 10
        )
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        period = float(self.get_parameter("diagnostics.period").value)
        self._diagnostics_timer = self.create_timer(period, self._tick, clock=self._steady)
        backwards = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jump = self.get_clock().create_jump_callback(backwards, post_callback=lambda _: self._time_jumped())
        if self.get_parameter("autostart").value:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=self._steady)

    @abstractmethod
    def _node_state(self) -> NodeState:
        """What /diagnostics is to say."""

    @abstractmethod
    def _release(self) -> None:
        """Stop, and free everything that configure made."""

    @abstractmethod
    def _stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop listening; what is being computed may take ``timeout`` seconds more."""

    @abstractmethod
    def _time_jumped(self) -> None:
        """Time has jumped back."""

    def _check_parameters(self, parameters: Parameters) -> None:
        """Refuse a change of parameters by raising a ``HoisdfError``."""

    @transition(INACTIVE)
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Finish the work in progress, unsubscribe and stop publishing."""
        self._stop()
        return super().on_deactivate(state)

    @transition(UNCONFIGURED)
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release all resources of *configure*."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    @transition(FINALIZED)
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and release all resources."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    @transition(UNCONFIGURED)
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release all resources, so that the node can be configured again."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Stop, and delete displayed markers, before the publishers are destroyed.

        Memory isn't freed as ``cleanup`` does it: looking through all of it takes longer than all else together.
        """
        self._stop(END_TIMEOUT)
        deadline = time.monotonic() + ACKNOWLEDGED
        for publisher in self.publishers:  # what takes back results must arrive before the process is gone
            publisher.wait_for_all_acked(Duration(seconds=max(deadline - time.monotonic(), 0.0)))
        super().destroy_node()

    def publish_diagnostics(self) -> None:
        """Publish the current diagnostics."""
        stamp = self.get_clock().now().to_msg()
        name = self.get_fully_qualified_name()
        self._diagnostics.publish(diagnostic_message(name, stamp, self._node_state(), self._monitor.snapshot()))

    def _tick(self) -> None:
        self.publish_diagnostics()

    def _autostart(self) -> None:
        self.destroy_timer(self._autostart_timer)
        if self.state_label == UNCONFIGURED and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _undo(self, callback: str) -> TransitionCallbackReturn:
        """After a transition that failed halfway: back to where the state machine will be."""
        if callback == "on_activate":
            self._stop()
            super().on_deactivate(LifecycleState(state_id=0, label=INACTIVE))
        else:
            self._release()
        return TransitionCallbackReturn.FAILURE if callback in UNDOABLE else TransitionCallbackReturn.ERROR

    def _current_settings(self) -> Parameters:
        assert self._settings is not None
        return self._settings

    def _take_parameters(self, parameters: Parameters) -> None:
        if self._settings is not None:
            self._settings = parameters
