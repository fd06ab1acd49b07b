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

"""A grasp node and a peer that talks to it over real DDS, each with its own context, and scenes with known grasps."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped
from hoisdf.msg import Grasps, HandObject
from hoisdf.srv import CaptureGrasp, PlanHandover
from lifecycle_msgs.srv import ChangeState, GetState
from model.grasping_solids import held
from perception_rig import Peer, Spinner, wait_until_matched
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from tf2_msgs.msg import TFMessage

from hoisdf_model.estimates import Estimate
from hoisdf_model.grasping import GraspPlanner, load_gripper
from hoisdf_model.hand import load_hand_model
from hoisdf_model.messages import estimate_to_hand_object, make_header
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import load_library
from hoisdf_ros.grasp.node import GraspNode
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.transforms import transform_message

CAMERA, BASE = "camera_optical", "base_link"
NANOSECONDS = 1_000_000_000
BOTTLE = 36  # number of a grasp in the library
SERVICES = {
    "change_state": ChangeState,
    "get_state": GetState,
    "set_parameters": SetParameters,
    "capture_grasp": CaptureGrasp,
    "plan_handover": PlanHandover,
}
PARAMETERS = {
    "gripper": "franka_hand",
    "diagnostics.period": 0.1,
    "stability.frames": 1,
    "input.freshness": 20.0,  # tests run on busy machines
    "model.objects": "006_mustard_bottle",
}
_NUMBERS = itertools.count(1)


@cache
def planner() -> GraspPlanner:
    """The node's planner, with its defaults."""
    return GraspPlanner(load_gripper("franka_hand"), load_hand_model(), load_catalogue())


@cache
def scene() -> Estimate:
    """A hand of the benchmark's library that holds the mustard bottle, exactly known; both modes find grasps."""
    library = load_library(str(resources.files("hoisdf_model") / "assets" / "benchmark_grasps.npz"))
    estimate = held(library, BOTTLE, load_hand_model())
    assert estimate.objects[0].name == "006_mustard_bottle"
    return estimate


def uncertain(estimate: Estimate, deviation: float) -> Estimate:
    """The same with an object whose position has that standard deviation, metres."""
    covariance = np.diag([deviation**2] * 3 + [1e-8] * 3)
    return replace(estimate, objects=tuple(replace(thing, covariance=covariance) for thing in estimate.objects))


def message_of(estimate: Estimate, stamp: int, frame: str = CAMERA) -> HandObject:
    return estimate_to_hand_object(estimate, make_header(ROS_TYPES, stamp, frame), ROS_TYPES)


class GraspPeer(Peer):
    """Perception, consumer and operator in one node."""

    def __init__(self, name: str, namespace: str) -> None:
        self.spinner = Spinner()
        self.node = Node("peer", context=self.spinner.context, namespace=namespace)
        self.prepare(name, SERVICES)
        self.estimates = self.node.create_publisher(HandObject, "hand_object", 5)
        self.tf = self.node.create_publisher(TFMessage, "/tf", 100)
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.tf_static = self.node.create_publisher(TFMessage, "/tf_static", latched)
        self.clock = self.node.create_publisher(Clock, "/clock", 10)
        for kind, topic in (
            (Grasps, "grasps"), (PoseArray, "grasp_poses"), (PoseStamped, "grasp_pose"), (PoseStamped, "pregrasp_pose"),
        ):  # fmt: skip
            self.listen(kind, f"{name}/{topic}")
        self.listen(DiagnosticArray, "/diagnostics")
        self.listen(TFMessage, "/tf")
        self.spinner.start(self.node)

    def connect(self) -> None:
        """Wait until the node listens."""
        wait_until_matched(self.estimates.get_subscription_count, "hand_object")

    def now(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def show(self, estimate: Estimate, stamp: int | None = None, frame: str = CAMERA) -> int:
        """Publish an estimate, of now where no stamp is given; its stamp in nanoseconds."""
        stamp = self.now() if stamp is None else stamp
        self.estimates.publish(message_of(estimate, stamp, frame))
        return stamp

    def ask(self, estimate: Estimate, stamp: int | None = None, frame: str = CAMERA) -> Grasps:
        """Publish an estimate and wait for the node's answer to it."""
        stamp = self.show(estimate, stamp, frame)
        return self.answer_to(stamp)

    def answer_to(self, stamp: int) -> Grasps:
        def found() -> Any:
            return [m for m in self.heard["grasps"] if nanoseconds(m.header) == stamp]

        assert self.wait(found), "the node said nothing about this estimate"
        return found()[0]

    def capture(self, file: str = "") -> Any:
        return self.call("capture_grasp", CaptureGrasp.Request(file=file))

    def handover(self, **fields: Any) -> Any:
        return self.call("plan_handover", PlanHandover.Request(**fields))

    def tell_tf(self, transform: np.ndarray, stamp: int, parent: str = BASE, child: str = CAMERA) -> None:
        """Publish (4, 4) child -> parent on /tf."""
        turn = Rotation.from_matrix(transform[:3, :3])
        header = make_header(ROS_TYPES, stamp, parent)
        self.tf.publish(transform_message(header, [(child, turn, transform[:3, 3])]))


def nanoseconds(header: Any) -> int:
    return header.stamp.sec * NANOSECONDS + header.stamp.nanosec


class GraspRig:
    """Node and peer together."""

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        namespace = f"/grasp_rig_{next(_NUMBERS)}"
        self.spinner = Spinner()
        values = PARAMETERS | dict(parameters or {})
        self.node = GraspNode(
            context=self.spinner.context,
            namespace=namespace,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )
        self.spinner.start(self.node)
        self.peer = GraspPeer(f"{namespace}/grasp", namespace)
        self.peer.greet()

    def activate(self) -> GraspPeer:
        assert self.peer.change("configure"), self.node.failure
        assert self.peer.change("activate"), self.node.failure
        self.connect()
        return self.peer

    def connect(self) -> None:
        """Wait until node and peer hear each other."""
        self.peer.connect()
        outputs = self.node._outputs._publishers
        wait_until_matched(
            lambda: all(map(outputs.is_wanted, ("~/grasps", "~/grasp_poses", "~/grasp_pose", "/tf"))), "grasps and /tf"
        )

    def close(self) -> None:
        self.peer.close()
        self.spinner.close()


@contextlib.contextmanager
def active(**parameters: Any) -> Iterator[GraspPeer]:
    """An active node's peer; parameters with ``__`` for a dot."""
    rig = GraspRig({name.replace("__", "."): value for name, value in parameters.items()})
    try:
        yield rig.activate()
    finally:
        rig.close()
