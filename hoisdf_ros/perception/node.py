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

"""Lifecycle node ``perception``: hand joints, meshes, object poses and TF.

*configure* loads the weights and warms up, *activate* subscribes and publishes, *deactivate* stops both, *cleanup*
frees the memory. The executor's thread only receives and pairs; another thread decodes, estimates and publishes.
Diagnostics speak in every state. docs/perception_node.md has the topics and parameters.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import perception

    perception()

import sys
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from hoisdf_model.errors import ConfigError
from hoisdf_ros.message_classes import has_package, message_class
from hoisdf_ros.perception.detections import PACKAGE as VISION_MSGS
from hoisdf_ros.perception.outputs import Outputs
from hoisdf_ros.perception.parameters import PerceptionParameters
from hoisdf_ros.perception.pipeline import Pipeline
from hoisdf_ros.perception.scene import Scene, SceneLoader, load_scene, warm_up
from hoisdf_ros.perception.topics import topic_types
from hoisdf_ros.processes import Ending
from hoisdf_ros.spinning import spin_node, spin_nodes
from hoisdf_ros.stream.device import release_device_memory
from hoisdf_ros.stream.diagnostics import NodeState
from hoisdf_ros.stream.inputs import DEPTH, DETECTIONS, IMAGE, REGIONS
from hoisdf_ros.stream.managed import ACTIVE, INACTIVE, transition
from hoisdf_ros.stream.node import StreamNode

NAME = "perception"
UNUSED = (DEPTH, REGIONS, DETECTIONS)  # optional topics
CONFIGURING = "configuring"


class PerceptionNode(StreamNode[PerceptionParameters]):
    """Lifecycle node ``perception``.

    Args:
        load: what to load at ``configure``.
        arguments: of ``rclpy.lifecycle.LifecycleNode`` (context, namespace, parameter_overrides, ...).
    """

    def __init__(self, load: SceneLoader = load_scene, **arguments: Any) -> None:
        self._load = load
        self._scene: Scene | None = None
        self._outputs: Outputs | None = None
        self._pipeline: Pipeline | None = None
        super().__init__(NAME, PerceptionParameters, IMAGE, **arguments)
        self.create_service(message_class("hoisdf/srv/SetObject"), "~/set_object", self._set_object)
        self.create_service(message_class("std_srvs/srv/Trigger"), "~/reset_tracking", self._reset_tracking)

    @transition(INACTIVE)
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the estimator and warm it up.

        FAILURE with the reason if a parameter or a file is unusable.
        """
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
        self._outputs = Outputs(self, self._scene, parameters.smoothing.hold)
        self._settings = parameters
        return super().on_configure(state)

    @transition(ACTIVE)
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
            smoother=self._scene.smoother,
        )
        self._pipeline.reset()
        settings = self._settings
        self._listen(self._pipeline.process, topic_types(settings.input), settings.input.reliability, settings.sync)
        return result

    def _node_state(self) -> NodeState:
        return NodeState(
            label=self.state_label,
            failure=self.failure,
            model=self._scene.description if self._scene else {},
            publishers=self._publisher_counts(),
            waiting=self._inputs.why_waiting() if self._inputs is not None else "",
            unused=[topic for topic in UNUSED if self._is_unused(topic)],
            timeout=float(self.get_parameter("diagnostics.timeout").value),
        )

    def _is_unused(self, topic: str) -> bool:
        """Whether an optional topic is published that this node isn't set to read."""
        if self._inputs is None or topic in self._inputs.publishers():
            return False
        return bool(self.count_publishers(self.resolve_topic_name(topic)))

    def _forget(self) -> None:
        if self._pipeline is not None:
            self._pipeline.reset()

    def _stopped(self) -> None:
        if self._pipeline is not None:
            self._pipeline.reset()
        self._pipeline = None
        if self._outputs is not None and self.context.ok():
            self._outputs.clear_markers(self.get_clock().now().to_msg())

    def _release(self) -> None:
        self._stop()
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._scene = None
        release_device_memory()

    def _check_parameters(self, parameters: PerceptionParameters) -> None:
        if self._scene is not None:
            self._scene.prepare(parameters.object.name)

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
        response.success, response.message = True, "the next frame is estimated without the previous ones"
        return response


def main(ending: Ending) -> int:
    """Run the node, or one for each camera, until the end."""
    from hoisdf_ros.perception.cameras import camera_nodes, cameras_of

    try:
        names = cameras_of(sys.argv)
    except SystemExit as said:
        return int(said.code or 0)
    return spin_nodes(lambda: camera_nodes(names), ending) if names else spin_node(PerceptionNode, ending)
