"""The lifecycle node ``perception``: images in; hand joints, meshes, object poses and TF out.

*configure* loads the weights and warms up, *activate* subscribes and publishes, *deactivate* stops both, *cleanup*
frees the memory. The executor's thread only receives and pairs; another thread decodes, estimates and publishes.
Diagnostics speak in every state. docs/perception_node.md has the topics and parameters.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from rclpy.clock import Clock, JumpThreshold
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from hoisdf_model.errors import ConfigError, HoisdfError
from hoisdf_ros.detections import PACKAGE as VISION_MSGS
from hoisdf_ros.device import release_device_memory
from hoisdf_ros.diagnostics import NodeState, diagnostic_message
from hoisdf_ros.inference_thread import InferenceThread
from hoisdf_ros.inputs import Inputs, InputSet, topic_types
from hoisdf_ros.messages import has_package, message_class
from hoisdf_ros.monitor import Monitor
from hoisdf_ros.outputs import Outputs
from hoisdf_ros.parameters import ParameterSet
from hoisdf_ros.perception_parameters import PerceptionParameters
from hoisdf_ros.pipeline import Pipeline
from hoisdf_ros.refused_transitions import answer_refused_transitions
from hoisdf_ros.scene import Scene, SceneLoader, load_scene, warm_up
from hoisdf_ros.spinning import spin_node

STOP_TIMEOUT = 30.0  # seconds a frame may still take when the node is deactivated
UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = "unconfigured", "inactive", "active", "finalized"
CONFIGURING = "configuring"
UNDOABLE = ("on_configure", "on_activate")  # the others end in error processing, and so unconfigured

Transition = Callable[["PerceptionNode", LifecycleState], TransitionCallbackReturn]


def _transition(reached: str) -> Callable[[Transition], Transition]:
    """A lifecycle callback that says on /diagnostics and in the log why it failed, instead of swallowing it."""

    def decorate(callback: Transition) -> Transition:
        @wraps(callback)
        def guarded(self: PerceptionNode, state: LifecycleState) -> TransitionCallbackReturn:
            before = self.state_label
            if callback.__name__ != "on_error":  # which follows a failure, and must not hide it
                self.failure = ""
            try:
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


class PerceptionNode(LifecycleNode):
    """See the module.

    Args:
        load: what to load at ``configure``.
        arguments: of ``rclpy.lifecycle.LifecycleNode`` (context, namespace, parameter_overrides, ...).
    """

    def __init__(self, load: SceneLoader = load_scene, **arguments: Any) -> None:
        super().__init__("perception", **arguments)
        answer_refused_transitions(self)
        self.state_label, self.failure = UNCONFIGURED, ""
        self._load = load
        self._monitor = Monitor()
        self._scene: Scene | None = None
        self._outputs: Outputs | None = None
        self._pipeline: Pipeline | None = None
        self._inputs: Inputs | None = None
        self._worker: InferenceThread[InputSet] | None = None
        self._settings: PerceptionParameters | None = None
        self._declared = ParameterSet(
            self,
            PerceptionParameters,
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
        self.create_service(message_class("hoisdf/srv/SetObject"), "~/set_object", self._set_object)
        self.create_service(message_class("std_srvs/srv/Trigger"), "~/reset_tracking", self._reset_tracking)
        backwards = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jump = self.get_clock().create_jump_callback(backwards, post_callback=lambda _: self._time_jumped())
        if self.get_parameter("autostart").value:
            self._autostart_timer = self.create_timer(0.0, self._autostart, clock=self._steady)

    @_transition(INACTIVE)
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up; FAILURE with the reason where a parameter or a file isn't usable."""
        self._settings = None
        parameters = self._declared.read()
        if parameters.input.regions == "detections" and not has_package(VISION_MSGS):
            raise ConfigError(
                "input.regions is 'detections', but vision_msgs isn't installed: install it or use 'regions'"
            )
        self.get_logger().info(f"loading {parameters.model.weights or 'the shipped weights'}")
        self.state_label = CONFIGURING
        self.publish_diagnostics()  # nothing is heard while it loads
        self._scene = self._load(parameters)
        warm_up(self._scene, parameters)
        self._outputs = Outputs(self, self._scene)
        self._settings = parameters
        return super().on_configure(state)

    @_transition(ACTIVE)
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish and subscribe."""
        assert self._scene is not None
        assert self._outputs is not None
        assert self._settings is not None
        self._monitor.restart()
        result = super().on_activate(state)
        self._pipeline = Pipeline(
            self._scene.estimator,
            self._outputs,
            self._monitor,
            self._current_settings,
            now=lambda: self.get_clock().now().nanoseconds,
            log=self.get_logger().error,
        )
        self._pipeline.reset()
        self._worker = InferenceThread(self._pipeline.process)
        self._inputs = Inputs(
            self,
            topic_types(self._settings.input),
            self._settings.input.reliability,
            self._settings.sync,
            self._monitor,
            self._deliver,
            self._time_jumped,
        )
        return result

    @_transition(INACTIVE)
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening and publishing, after the frame that is being computed."""
        self._stop()
        return super().on_deactivate(state)

    @_transition(UNCONFIGURED)
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything that configure made."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    @_transition(FINALIZED)
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    @_transition(UNCONFIGURED)
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured again."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go away."""
        self._release()
        super().destroy_node()

    def publish_diagnostics(self) -> None:
        """Say on /diagnostics how things stand."""
        state = NodeState(
            label=self.state_label,
            failure=self.failure,
            model=self._scene.description if self._scene else {},
            publishers=self._inputs.publishers() if self._inputs else {},
            timeout=float(self.get_parameter("diagnostics.timeout").value),
        )
        stamp = self.get_clock().now().to_msg()
        name = self.get_fully_qualified_name()
        self._diagnostics.publish(diagnostic_message(name, stamp, state, self._monitor.snapshot()))

    def _tick(self) -> None:
        if self._inputs is not None:
            self._inputs.follow_publishers()
        self.publish_diagnostics()

    def _autostart(self) -> None:
        self.destroy_timer(self._autostart_timer)
        if self.state_label == UNCONFIGURED and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _deliver(self, item: InputSet) -> None:
        if self._worker is not None and self._worker.mailbox.put(item) is not None:
            self._monitor.dropped({"superseded": 1})

    def _time_jumped(self) -> None:
        if self._pipeline is not None and self._worker is not None:
            self._pipeline.reset()
            if self._worker.mailbox.clear() is not None:
                self._monitor.dropped({"time_jump": 1})
            self.get_logger().info("time jumped back: tracking starts anew")

    def _stop(self) -> None:
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if self._worker is not None:
            if not self._worker.stop(STOP_TIMEOUT):
                self.get_logger().warning(f"a frame is still being computed after {STOP_TIMEOUT:.0f} s")
            self._worker = self._pipeline = None
            if self._outputs is not None and self.context.ok():
                self._outputs.clear_markers(self.get_clock().now().to_msg())

    def _undo(self, callback: str) -> TransitionCallbackReturn:
        """After a transition that failed halfway: back to where the state machine will be."""
        if callback == "on_activate":
            self._stop()
            super().on_deactivate(LifecycleState(state_id=0, label=INACTIVE))
        else:
            self._release()
        return TransitionCallbackReturn.FAILURE if callback in UNDOABLE else TransitionCallbackReturn.ERROR

    def _release(self) -> None:
        self._stop()
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._scene = None
        release_device_memory()

    def _check_parameters(self, parameters: PerceptionParameters) -> None:
        if self._scene is not None:
            self._scene.meshes.check(parameters.object.name)

    def _current_settings(self) -> PerceptionParameters:
        assert self._settings is not None
        return self._settings

    def _take_parameters(self, parameters: PerceptionParameters) -> None:
        if self._settings is not None:
            self._settings = parameters

    def _set_object(self, request: Any, response: Any) -> Any:
        if self._scene is None:
            response.success, response.message = False, "the node has no catalogue before it is configured"
            return response
        result = self.set_parameters([Parameter("object.name", value=request.name)])[0]
        done = f"the object is {request.name}" if request.name else "the object is unknown"
        response.success, response.message = result.successful, done if result.successful else result.reason
        return response

    def _reset_tracking(self, request: Any, response: Any) -> Any:
        if self._pipeline is None:
            response.success, response.message = False, f"nothing is tracked: the node is {self.state_label}"
            return response
        self._pipeline.reset()
        response.success, response.message = True, "the next frame is looked at without those before"
        return response


def main(args: list[str] | None = None) -> None:
    """Run the node until it is interrupted."""
    spin_node(PerceptionNode, args)


if __name__ == "__main__":
    main()
