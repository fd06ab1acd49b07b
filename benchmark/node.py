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

"""What the perception node costs beside its estimator, and whether it keeps up with a camera that is too fast.

    python benchmark/node.py                 # overhead per output, then the soak
    python benchmark/node.py --soak 0        # overhead only

The node runs in a process of its own with an estimator that only sleeps; this process is its camera and its audience.
Everything goes through DDS, with Fast DDS's settings of the launch files (config/fastdds.xml) unless Fast
DDS's own environment variable names others or is empty. Prints tables and writes JSON.
"""

from __future__ import annotations

import array
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import rclpy
import typer
from diagnostic_msgs.msg import DiagnosticArray
from hoisdf.msg import HandJoints, HandObject
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hoisdf_model.estimates import Estimate, Frame, HandEstimate, HandRegion, ObjectEstimate, ObjectRegion, Regions
from hoisdf_ros.doctor import fast_dds_variable

PROFILES = Path(__file__).resolve().parents[1] / "config" / "fastdds.xml"
WIDTH, HEIGHT, FOCAL = 640, 480, 600.0
OBJECT = "006_mustard_bottle"
ALWAYS = {"hand_object": HandObject, "hand_joints": HandJoints}
OUTPUTS = {"markers": MarkerArray, "overlay": Image}
AUDIENCES = ((), ("markers",), ("overlay",), ("markers", "overlay"))


# --- the node's process ---------------------------------------------------------------------------------------------


class SleepingEstimator:
    """The same hand and object for every frame, after ``seconds``."""

    def __init__(self, estimate: Estimate, seconds: float) -> None:
        self._estimate, self._seconds = estimate, seconds

    def __call__(self, frame: Frame, prior: Any = None) -> Estimate:
        """Sleep, which like a network leaves the interpreter to other threads."""
        time.sleep(self._seconds)
        return self._estimate

    def reset(self) -> None:
        """Nothing is remembered."""


def serve(seconds: float) -> None:
    """Run the node with the sleeping estimator, the real meshes and the real overlay."""
    import torch

    from hoisdf_model.drawing import draw_overlay
    from hoisdf_model.hand import HandLayer, load_hand_model
    from hoisdf_model.objects import load_catalogue
    from hoisdf_ros.catalogue_meshes import Meshes
    from hoisdf_ros.perception.node import PerceptionNode
    from hoisdf_ros.perception.scene import Scene
    from hoisdf_ros.processes import run
    from hoisdf_ros.spinning import spin_node

    hand_model, catalogue = load_hand_model(), load_catalogue()
    rotations = torch.eye(3).repeat(1, 16, 1, 1)
    rotations[0, 0] = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # the palm to the camera
    mesh = HandLayer(hand_model)(rotations, torch.zeros(1, 10))
    offset = np.array([-0.08, 0.0, 0.6], np.float32)
    joints, vertices = mesh.joints[0].numpy() + offset, mesh.vertices[0].numpy() + offset
    ones, pose = np.ones(21, np.float32), np.zeros((16, 3), np.float32)
    covariance = np.diag([1e-4, 1e-4, 1e-3])
    shape = np.zeros(10, np.float32)
    hand = HandEstimate("right", 1.0, joints, ones, vertices, pose, shape, covariance, "monocular", hand_model.info)
    thing = ObjectEstimate(OBJECT, 1.0, np.eye(3), np.array([0.08, 0.0, 0.6]), np.eye(6) * 1e-4)
    box = np.array([200.0, 150.0, 400.0, 350.0])
    regions = Regions((HandRegion(box, "right"),), (ObjectRegion(box, OBJECT),))
    scene = Scene(
        SleepingEstimator(Estimate((hand,), (thing,), regions, {"network": seconds}), seconds),
        Meshes(catalogue),
        {"right": hand_model.faces, "left": hand_model.faces[:, ::-1]},
        lambda frame, estimate: draw_overlay(frame.image, estimate, frame.intrinsics, catalogue, hand_model),
        {"weights": "none, the estimator sleeps"},
        prepare=lambda name: None,
    )
    arguments = ["--ros-args", "-p", "autostart:=true", "-p", "model.warm_up:=0", "-p", "diagnostics.period:=0.5"]
    run(lambda ending: spin_node(lambda: PerceptionNode(lambda _: scene), ending, arguments))


@contextmanager
def node_process(seconds: float) -> Iterator[int]:
    """The node in a process of its own; yields the process id."""
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(seconds)])
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)


# --- the camera and the audience ------------------------------------------------------------------------------------


class Audience:
    """Publishes images and listens to the node."""

    def __init__(self, outputs: Sequence[str]) -> None:
        self.node = Node("benchmark")
        self.latencies: list[float] = []
        self.values: dict[str, str] = {}
        qos = QoSProfile(depth=5)
        self._image = self.node.create_publisher(Image, "image", qos)
        self._info = self.node.create_publisher(CameraInfo, "camera_info", qos)
        self.node.create_subscription(HandObject, "perception/hand_object", self._hear, 10)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._read, 10)
        # serialised: what this process does with them must not take time from the node
        self.node.create_subscription(HandJoints, "perception/hand_joints", _ignore, 10, raw=True)
        self.node.create_subscription(TFMessage, "/tf", _ignore, 10, raw=True)
        for output in outputs:
            self.node.create_subscription(OUTPUTS[output], f"perception/{output}", _ignore, 10, raw=True)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        self._picture = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * 3)
        self._picture.data = array.array("B", pixels.tobytes())
        self._camera = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob")
        self._camera.k = [FOCAL, 0.0, WIDTH / 2, 0.0, FOCAL, HEIGHT / 2, 0.0, 0.0, 1.0]
        self._picture.header.frame_id = self._camera.header.frame_id = "camera_optical"

    def wait_for_node(self) -> None:
        """Wait until the node listens."""
        deadline = time.monotonic() + 60
        while not self._image.get_subscription_count():
            self._executor.spin_once(timeout_sec=0.05)
            if time.monotonic() > deadline:
                raise RuntimeError("the node didn't start")

    def feed(self, rate: float, seconds: float) -> Iterator[float]:
        """Publish at ``rate`` for ``seconds``; yields about once a second, the seconds gone."""
        start, sent, told = time.monotonic(), 0, 0.0
        while (gone := time.monotonic() - start) < seconds:
            stamp = self.node.get_clock().now().to_msg()
            self._picture.header.stamp = self._camera.header.stamp = stamp
            self._info.publish(self._camera)
            self._image.publish(self._picture)
            sent += 1
            while (left := start + sent / rate - time.monotonic()) > 0:
                self._executor.spin_once(timeout_sec=left)
            if gone - told >= 1.0:
                told = gone
                yield gone
        deadline = time.monotonic() + 1.2  # the last diagnostics
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _hear(self, message: HandObject) -> None:
        now, stamp = self.node.get_clock().now().nanoseconds, message.header.stamp
        self.latencies.append((now - stamp.sec * 10**9 - stamp.nanosec) * 1e-9)

    def _read(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.values |= {f"{status.name.split(': ')[-1]}/{item.key}": item.value for item in status.values}


def _ignore(data: bytes) -> None:
    pass


@dataclass(frozen=True)
class Overhead:
    """The node's own time per frame, milliseconds."""

    outputs: str
    frames: int
    overhead_p50: float
    overhead_p95: float
    overhead_cpu_p50: float
    end_to_end_p50: float


def measure_overhead(outputs: Sequence[str], seconds: float, rate: float) -> Overhead:
    """Feed one node for a while at a rate it can follow."""
    audience = Audience(outputs)
    with node_process(0.01):
        audience.wait_for_node()
        for _ in audience.feed(rate, seconds):
            pass
    audience.close()
    return Overhead(
        outputs=" + ".join(("results, TF", *outputs)),
        frames=int(audience.values["input/processed"]),
        overhead_p50=float(audience.values["estimator/overhead p50 [ms]"]),
        overhead_p95=float(audience.values["estimator/overhead p95 [ms]"]),
        overhead_cpu_p50=float(audience.values["estimator/overhead_cpu p50 [ms]"]),
        end_to_end_p50=float(np.median(audience.latencies[10:])) * 1e3,
    )


@dataclass(frozen=True)
class Soak:
    """A camera of 60 images per second against a model of 200 ms; seconds and MiB."""

    seconds: float
    images_sent_per_second: float
    inference: float
    processed: int
    superseded: int
    other_drops: int
    latency_p50: float
    latency_p95: float
    latency_p99: float
    latency_max: float
    later_than_twice_inference: int
    latency_first_quarter: float
    latency_last_quarter: float
    memory_first_quarter: float
    memory_last_quarter: float
    memory_max: float


def soak(seconds: float, rate: float = 60.0, inference: float = 0.2) -> Soak:
    """Feed the node faster than it can compute, everything subscribed; latency is heard here, stamp to arrival."""
    audience = Audience(tuple(OUTPUTS))
    memory: list[float] = []
    with node_process(inference) as pid:
        audience.wait_for_node()
        for _ in audience.feed(rate, 3.0):
            pass  # the first frames build the markers' templates
        audience.latencies.clear()
        before = {key: int(value) for key, value in audience.values.items() if _is_count(key)}
        steps = audience.feed(rate, seconds)
        for _ in track(steps, "soak", total=int(seconds) - 1, console=Console(stderr=True)):
            memory.append(_memory(pid))
    audience.close()
    counts = {key: int(value) - before.get(key, 0) for key, value in audience.values.items() if _is_count(key)}
    superseded = counts.get("input/dropped: superseded", 0)
    quarter = max(1, len(memory) // 4)
    latencies = audience.latencies
    early, late = latencies[: len(latencies) // 4], latencies[-(len(latencies) // 4) :]
    return Soak(
        seconds=seconds,
        images_sent_per_second=rate,
        inference=inference,
        processed=counts["input/processed"],
        superseded=superseded,
        other_drops=counts["input/dropped"] - superseded,
        latency_p50=float(np.percentile(latencies, 50)),
        latency_p95=float(np.percentile(latencies, 95)),
        latency_p99=float(np.percentile(latencies, 99)),
        latency_max=max(latencies),
        later_than_twice_inference=sum(latency > 2 * inference for latency in latencies),
        latency_first_quarter=float(np.median(early)),
        latency_last_quarter=float(np.median(late)),
        memory_first_quarter=float(np.median(memory[:quarter])),
        memory_last_quarter=float(np.median(memory[-quarter:])),
        memory_max=max(memory),
    )


def _is_count(key: str) -> bool:
    return key == "input/processed" or key.startswith("input/dropped")


def _memory(pid: int) -> float:
    """Physical memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of each overhead measurement.")] = 20.0,
    rate: Annotated[float, typer.Option(help="Images per second of the overhead measurements.")] = 15.0,
    soak_seconds: Annotated[float, typer.Option("--soak", help="Seconds of the soak; 0 leaves it out.")] = 60.0,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("out/benchmark/node.json"),
    serve_seconds: Annotated[float | None, typer.Option("--serve", hidden=True)] = None,
) -> None:
    """Measure the perception node."""
    if serve_seconds is not None:
        serve(serve_seconds)
        return
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault(fast_dds_variable(os.environ.get("ROS_DISTRO", "")), str(PROFILES))
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    rclpy.init()
    console = Console()
    table = Table(title=f"Node overhead per {WIDTH}x{HEIGHT} rgb8 frame: everything but the estimator [ms]")
    for column in ("subscribed", "frames", "p50", "p95", "p50 CPU", "stamp to arrival p50\n(estimator: 10 ms)"):
        table.add_column(column, justify="left" if column == "subscribed" else "right")
    rows = [
        measure_overhead(outputs, seconds, rate)
        for outputs in track(AUDIENCES, "overhead", console=Console(stderr=True))
    ]
    for row in rows:
        figures = (f"{v:.1f}" for v in (row.overhead_p50, row.overhead_p95, row.overhead_cpu_p50, row.end_to_end_p50))
        table.add_row(row.outputs, str(row.frames), *figures)
    console.print(table)
    result: dict[str, Any] = {"overhead_ms": [asdict(row) for row in rows], "load_average": os.getloadavg()}
    if soak_seconds > 0:
        figures_of_soak = asdict(soak(soak_seconds))
        table = Table(title="Soak: a camera faster than the model, everything subscribed [s, MiB]")
        table.add_column("figure")
        table.add_column("value", justify="right")
        for name, value in figures_of_soak.items():
            table.add_row(name.replace("_", " "), f"{value:.3f}" if isinstance(value, float) else str(value))
        console.print(table)
        result["soak"] = figures_of_soak
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")
    console.print(f"written to {output}")
    rclpy.shutdown()


if __name__ == "__main__":
    typer.run(main)
