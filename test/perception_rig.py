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

"""A perception node with a fake estimator and a peer that talks to it over real DDS, each with its own context."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from hoisdf.msg import HandJoints, HandObject, Regions
from hoisdf.srv import SetObject
from lifecycle_msgs.srv import ChangeState, GetState
from perception_fakes import FakeEstimator, fake_scene, make_estimate, make_image, make_info, set_stamp, values_of
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from hoisdf_ros.perception.node import PerceptionNode
from hoisdf_ros.perception.scene import Scene
from hoisdf_ros.spinning import Spin
from hoisdf_ros.transforms import TF_TOPIC

ROOT = Path(__file__).parents[1]
SERVICES = {
    "change_state": ChangeState,
    "get_state": GetState,
    "set_parameters": SetParameters,
    "set_object": SetObject,
    "reset_tracking": Trigger,
}
TRANSITIONS = {"configure": 1, "cleanup": 2, "activate": 3, "deactivate": 4, "shutdown": 7}  # from active


@contextlib.contextmanager
def node_process(log: Path, namespace: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The perception node as users start it, active by itself, with untrained weights and a fixed hand box.

    Args:
        log: file for what it says.
        namespace: the node's.
        words: of the command line, before ROS's own.
    """
    parameters = {
        "autostart": "true",
        "model.weights": "untrained:compact",
        "regions.hand": "[200.0, 100.0, 440.0, 340.0]",
        "diagnostics.period": "0.2",
    }
    given = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    command = [sys.executable, "-m", "hoisdf_ros.perception.node", *words]
    command += ["--ros-args", *given, "-r", f"__ns:={namespace}"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Spinner:
    """A context of its own with an executor in a thread."""

    def __init__(self) -> None:
        self.context = Context()
        rclpy.init(context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._loop = Spin(self.executor)
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def start(self, node: Node) -> None:
        self.node = node
        self.executor.add_node(node)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._loop.run()

    def close(self) -> None:
        self._loop.end()
        self._thread.join(5.0)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


class Peer:
    """Camera, consumer and operator in one node.

    Args:
        name: full name of the perception node.
        transport: ``raw`` or ``compressed``.
        reliability: of the published images.
        image_topic: where images are published; compressed ones where image_transport does for that topic.
    """

    def __init__(
        self, name: str, transport: str, reliability: ReliabilityPolicy, namespace: str, image_topic: str = "image"
    ) -> None:
        self.spinner = Spinner()
        self.node = Node("peer", context=self.spinner.context, namespace=namespace)
        self.prepare(name, SERVICES)
        self.image_kind = CompressedImage if transport == "compressed" else Image
        qos = QoSProfile(depth=5, reliability=reliability)
        if transport == "compressed" and not image_topic.endswith("/compressed"):
            image_topic += "/compressed"
        self.image = self.node.create_publisher(self.image_kind, image_topic, qos)
        self.camera_info = self.node.create_publisher(CameraInfo, "camera_info", qos)
        self.depth = self.node.create_publisher(Image, "depth", qos)
        self.regions = self.node.create_publisher(Regions, "regions", qos)
        self._outputs = [
            self.listen(HandObject, f"{name}/hand_object"),
            self.listen(HandJoints, f"{name}/hand_joints"),
        ]
        self.listen(DiagnosticArray, "/diagnostics")
        self.listen(TFMessage, "/tf")
        self.spinner.start(self.node)

    def prepare(self, name: str, services: Mapping[str, Any]) -> None:
        """What every peer has: clients of the services of the node called ``name``, and what is heard."""
        self.name, self._services = name, services
        self.heard: dict[str, list[Any]] = defaultdict(list)
        self._changed = threading.Condition()
        self.clients = {
            service: self.node.create_client(kind, f"{name}/{service}") for service, kind in services.items()
        }

    def listen(self, kind: Any, topic: str, depth: int = 50) -> Any:
        """Keep what comes on a topic in ``heard[last part of its name]``."""
        key = topic.rsplit("/", 1)[-1]
        return self.node.create_subscription(kind, topic, lambda message: self._hear(key, message), depth)

    def _hear(self, key: str, message: Any) -> None:
        with self._changed:
            self.heard[key].append(message)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], Any], seconds: float = 8.0) -> Any:
        """Wait until something heard makes the condition true; its value, false after ``seconds``."""
        with self._changed:
            self._changed.wait_for(condition, seconds)
        return condition()

    def call(self, service: str, request: Any) -> Any:
        """Call a service of the node."""
        response = self.answer(service, request, 30.0)  # configuring loads weights, which takes its time under load
        assert response is not None, f"{service} didn't answer"
        return response

    def greet(self) -> None:
        """Ask every service for nothing until it answers: requests sent while discovery goes on may be lost."""
        nothing = {service: kind.Request() for service, kind in self._services.items()}
        nothing["change_state"].transition.id = 255
        for service, request in nothing.items():
            wait_until_matched(lambda s=service, r=request: self.answer(s, r, 0.2) is not None, f"service {service}")

    def answer(self, service: str, request: Any, seconds: float) -> Any:
        """What a service answers; None where it doesn't within the time."""
        client = self.clients[service]
        if not client.wait_for_service(seconds):
            return None
        future, done = client.call_async(request), threading.Event()
        future.add_done_callback(lambda _: done.set())
        return future.result() if done.wait(seconds) else None

    def change(self, transition: str) -> bool:
        """Ask for a lifecycle transition."""
        request = ChangeState.Request()
        request.transition.id = TRANSITIONS[transition]
        return self.call("change_state", request).success

    def state(self) -> str:
        return self.call("get_state", GetState.Request()).current_state.label

    def set(self, name: str, value: Any) -> Any:
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self.call("set_parameters", request).results[0]

    def set_object(self, name: str) -> Any:
        return self.call("set_object", SetObject.Request(name=name))

    def reset_tracking(self) -> Any:
        return self.call("reset_tracking", Trigger.Request())

    def connect(self) -> None:
        """Wait until the node listens to the camera, and is heard."""
        wait_until_matched(
            lambda: self.image.get_subscription_count() and self.camera_info.get_subscription_count(),
            "image, camera_info",
        )
        wait_until_matched(lambda: all(one.get_publisher_count() for one in self._outputs), "hand_object, hand_joints")

    def send(self, stamp: float, image: Any = None, info: Any = None) -> None:
        """Publish an image and its camera info, each the default one where None is given; False leaves it out."""
        for message, default, publisher in (
            (info, make_info, self.camera_info),
            (image, make_image, self.image),
        ):
            if message is not False:
                message = default() if message is None else message
                set_stamp(message, stamp)
                publisher.publish(message)

    def status(self, task: str, since: int = 0) -> Any:
        """The newest diagnostic status of that task among the messages from number ``since`` on; None without one."""
        name = f"{self.name.lstrip('/')}: {task}"
        for message in reversed(self.heard["diagnostics"][since:]):
            for status in message.status:
                if status.name == name:
                    return status
        return None

    def wait_for_status(self, task: str, condition: Callable[[Any], Any], seconds: float = 8.0) -> Any:
        """The newest status of ``task`` once it fulfils the condition."""
        self.wait(lambda: (s := self.status(task)) is not None and condition(s), seconds)
        status = self.status(task)
        assert status is not None, f"nothing on /diagnostics about {task}"
        assert condition(status), f"/diagnostics says: {status.message} {values_of(status)}"
        return status

    def close(self) -> None:
        self.spinner.close()


_NUMBERS = itertools.count(1)


class Rig:
    """Node and peer together; see ``Peer`` for what can be done."""

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        load: Callable[[Any], Scene] | None = None,
        reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
        image_topic: str = "image",
    ) -> None:
        namespace = f"/rig_{next(_NUMBERS)}"  # several may be alive at once
        values = {"model.weights": "fake", "diagnostics.period": 0.1, "model.warm_up": 0}
        values |= {name.format(namespace): value for name, value in (parameters or {}).items()}
        self.estimator = FakeEstimator(make_estimate())
        self.spinner = Spinner()
        self.node = PerceptionNode(
            load or (lambda _: fake_scene(self.estimator)),
            context=self.spinner.context,
            namespace=namespace,
            cli_args=["--ros-args", "-r", f"image:={image_topic}"],
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )
        self.spinner.start(self.node)
        transport = values.get("input.transport", "raw")
        self.peer = Peer(f"{namespace}/perception", transport, reliability, namespace, image_topic)
        self.peer.greet()

    def activate(self) -> None:
        assert self.peer.change("configure"), self.node.failure
        assert self.peer.change("activate"), self.node.failure
        self.peer.connect()
        # outputs are made for those who listen alone, and the first must be heard too
        wanted = ("~/hand_object", "~/hand_joints", TF_TOPIC)
        wait_until_matched(lambda: all(map(self.node._outputs.is_wanted, wanted)), "outputs")

    def close(self) -> None:
        self.peer.close()
        self.spinner.close()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class DiscoveryTimeout(AssertionError):  # noqa: N818 (its name is what a second try is told by)
    """Two ends of a topic or service didn't find each other in time; the one failure that is tried a second time."""


def wait_until_matched(condition: Callable[[], Any], what: str = "a topic", seconds: float = 8.0) -> None:
    """Poll whether both ends have found each other.

    Raises:
        DiscoveryTimeout: they haven't.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DiscoveryTimeout(f"{what}: no match after {seconds:g} s")
        time.sleep(0.005)


def wait_until(condition: Callable[[], Any], seconds: float = 8.0) -> None:
    """Poll a condition that nothing announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
