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

"""The lifecycle node ``grasp``: ``hoisdf/HandObject`` in; poses for a robot's gripper out.

*configure* loads gripper, hand model and meshes, *activate* subscribes and publishes, *deactivate* stops both and takes
back what was published. The executor's thread only receives and answers services; another thread plans.
docs/grasp_node.md has the topics, services and parameters.
"""

from __future__ import annotations

if __name__ == "__main__":  # before anything is imported that takes its time
    from hoisdf_ros.processes import grasp

    grasp()

from functools import partial
from pathlib import Path
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from hoisdf_model.errors import ConfigError, GraspError, HoisdfError
from hoisdf_model.grasping import GraspFollower, GraspPlanner, Gripper, load_gripper, read_grasp, write_grasp
from hoisdf_model.hand import HandModel, load_hand_model
from hoisdf_model.objects import Catalogue, load_catalogue
from hoisdf_model.paths import named
from hoisdf_ros.catalogue_meshes import Meshes
from hoisdf_ros.grasp import moveit
from hoisdf_ros.grasp.frame_buffer import FrameBuffer
from hoisdf_ros.grasp.grasp_messages import grasp_message, grasps_message
from hoisdf_ros.grasp.outputs import GraspOutputs
from hoisdf_ros.grasp.parameters import GraspParameters
from hoisdf_ros.grasp.pipeline import UNSTEADY, GraspPipeline
from hoisdf_ros.message_classes import ROS_TYPES, message_class
from hoisdf_ros.node_parameters import SyncParameters
from hoisdf_ros.processes import Ending
from hoisdf_ros.spinning import spin_node
from hoisdf_ros.stream.diagnostics import OK, WARN, Finding, NodeState
from hoisdf_ros.stream.failures import note_refused
from hoisdf_ros.stream.inputs import HAND_OBJECT
from hoisdf_ros.stream.managed import ACTIVE, INACTIVE, transition
from hoisdf_ros.stream.node import StreamNode
from hoisdf_ros.transforms import TF_QOS, TF_TOPIC

TF_STATIC = "/tf_static"
TF_STATIC_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
WATCH = 0.1  # seconds between looks at the age of what was published; each wakes the interpreter
NORMAL = ("no_estimate", "no_hand", "no_object", UNSTEADY)  # no object is held, or not for long enough
ENDINGS = (".yaml", ".yml")


class GraspNode(StreamNode[GraspParameters]):
    """Lifecycle node ``grasp``.

    ``arguments`` are those of ``rclpy.lifecycle.LifecycleNode``.
    """

    def __init__(self, **arguments: Any) -> None:
        self._planner: GraspPlanner | None = None
        self._outputs: GraspOutputs | None = None
        self._pipeline: GraspPipeline | None = None
        self._frames = FrameBuffer()
        self._tf: list[Any] = []
        super().__init__("grasp", GraspParameters, HAND_OBJECT, **arguments)
        self.create_service(message_class("hoisdf/srv/CaptureGrasp"), "~/capture_grasp", self._capture_grasp)
        self.create_service(message_class("hoisdf/srv/PlanHandover"), "~/plan_handover", self._plan_handover)
        self._watch_timer = self.create_timer(WATCH, self._watch, clock=self._steady)

    @transition(INACTIVE)
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load gripper, models and catalogue.

        FAILURE with the reason if a parameter or a file is unusable.
        """
        self._settings = None
        parameters = self._declared.read()
        gripper = load_gripper(parameters.gripper)
        hand_model = load_hand_model(parameters.model.hand_model or None)
        catalogue = load_catalogue(parameters.model.catalogue or None)
        self._planner = GraspPlanner(gripper, hand_model, catalogue, parameters.grasp_settings())
        for name in parameters.model.objects.split():
            self._planner.shape(name).prepare()
        self._outputs = self._create_outputs(gripper, hand_model, catalogue, parameters)
        self._settings = parameters
        return super().on_configure(state)

    @transition(ACTIVE)
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Publish and subscribe."""
        assert self._planner is not None
        assert self._outputs is not None
        assert self._settings is not None
        self._monitor.restart()
        result = super().on_activate(state)
        self._pipeline = GraspPipeline(
            GraspFollower(self._planner, self._settings.steadiness()),
            self._outputs,
            self._frames,
            self._monitor,
            self._current_settings,
            now=lambda: self.get_clock().now().nanoseconds,
            log=self.get_logger().error,
        )
        if self._settings.frame.id:
            self._listen_to_tf()
        settings = self._settings
        topics = {HAND_OBJECT: "hoisdf/msg/HandObject"}
        sync = SyncParameters(jump_back=settings.input.jump_back)
        self._listen(self._pipeline.process, topics, settings.input.reliability, sync)
        return result

    def _create_outputs(
        self, gripper: Gripper, hand_model: HandModel, catalogue: Catalogue, parameters: GraspParameters
    ) -> GraspOutputs:
        collisions = moveit.CollisionObjects(hand_model, Meshes(catalogue), parameters.plan.forearm)
        return GraspOutputs(self, gripper, collisions)

    def _listen_to_tf(self) -> None:
        kind = message_class("tf2_msgs/msg/TFMessage")
        self._tf = [
            self.create_subscription(kind, TF_TOPIC, partial(self._take_tf, False), TF_QOS),
            self.create_subscription(kind, TF_STATIC, partial(self._take_tf, True), TF_STATIC_QOS),
        ]

    def _take_tf(self, static: bool, message: Any) -> None:
        for text in self._frames.take(message, static):
            note_refused(text, "invalid_transform", self._monitor, self.get_logger().error)

    def _node_state(self) -> NodeState:
        return NodeState(
            label=self.state_label,
            failure=self.failure,
            model=self._description(),
            publishers=self._publisher_counts(),
            timeout=float(self.get_parameter("diagnostics.timeout").value),
            stream=HAND_OBJECT,
            things="estimates",
            work="planner",
            findings=(self._finding(),),
        )

    def _description(self) -> dict[str, str]:
        if self._planner is None or self._settings is None:
            return {}
        hand_model = self._planner.hand_model
        return {
            "gripper": self._planner.gripper.name,
            "hand model": f"{hand_model.name} {hand_model.hash}",
            "modes": self._settings.modes,
            "frame": self._settings.frame.id or "the camera's",
            "collision objects": "moveit_msgs" if moveit.available() else "none: moveit_msgs isn't installed",
        }

    def _finding(self) -> Finding:
        if self._pipeline is None or self._outputs is None:
            return "grasp", OK, f"not planning: the node is {self.state_label}", {}
        reasons = self._pipeline.verdict
        values = {f"reason {k + 1}": f"{word}: {text}" for k, (word, text) in enumerate(reasons)}
        if self._outputs.given:
            return "grasp", OK, "there is a grasp", values
        level = OK if all(word in NORMAL for word, _ in reasons) else WARN
        return "grasp", level, "no grasp: " + "; ".join(f"{word}: {text}" for word, text in reasons), values

    def _watch(self) -> None:
        if self._pipeline is not None:
            self._pipeline.watch()

    def _forget(self) -> None:
        if self._pipeline is not None:
            self._pipeline.reset("time_jump", "time jumped back")

    def _stopped(self) -> None:
        for subscription in self._tf:
            self.destroy_subscription(subscription)
        self._tf = []
        if self._pipeline is not None and self.context.ok():
            self._pipeline.reset("inactive", "the node was deactivated")
        self._pipeline = None

    def _release(self) -> None:
        self._stop()
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._planner = None

    def _running(self) -> GraspPipeline:
        if self._pipeline is None:
            raise GraspError(f"no grasps are planned: the node is {self.state_label}")
        return self._pipeline

    def _capture_grasp(self, request: Any, response: Any) -> Any:
        try:
            pipeline = self._running()
            current, grasp = pipeline.capture()
            if request.file:
                path = capture_path(request.file, self._current_settings().capture.folder)
                write_grasp(path, pipeline.recorded(current, grasp))
                response.file = str(path)
            response.grasp = grasp_message(current.placed(grasp.candidate), current.header, ROS_TYPES)
            one = grasp.candidate
            response.success, response.message = True, f"{one.mode} of {one.object_name or 'what the hand holds'}"
        except HoisdfError as error:
            response.success, response.message = False, str(error)
        return response

    def _plan_handover(self, request: Any, response: Any) -> Any:
        try:
            pipeline = self._running()
            current = pipeline.newest()
            plan = pipeline.plan_handover(current, float(request.clearance))
            limits = self._current_settings().publish
            good = [one for one in plan.candidates if one.score >= limits.minimum_score]
            found = [current.placed(one) for one in good[: request.count or limits.count]]
            reasons = [(one.reason, one.message) for one in plan.refusals]
            response.grasps = grasps_message(found, reasons, current.header, ROS_TYPES)
            said = "; ".join(text for _, text in reasons) or "no grasp scores enough"
            response.success, response.message = bool(found), f"{len(found)} grasps" if found else said
        except HoisdfError as error:
            response.success, response.message = False, str(error)
        return response


def capture_path(file: str, folder: str) -> Path:
    """Path of a captured grasp; only grasp files are overwritten.

    Raises:
        ConfigError: no folder, another ending than YAML's, outside of ``folder``, or a file of another kind is there.
    """
    if not folder:
        raise ConfigError("no files are written: the parameter capture.folder is empty")
    root = named(folder).resolve()
    path = named(root / named(file)).resolve()
    if path.suffix not in ENDINGS:
        raise ConfigError(f"a grasp is written to a file that ends in {' or '.join(ENDINGS)}, got {file!r}")
    if root not in path.parents:
        raise ConfigError(f"grasps are written below {root} only (parameter capture.folder), got {file!r}")
    if path.exists():
        try:
            read_grasp(path)
        except GraspError as error:
            raise ConfigError(f"{path} is there already and isn't a grasp, so it isn't overwritten") from error
    return path


def main(ending: Ending) -> int:
    """Run the node until the process is to end."""
    return spin_node(GraspNode, ending)
