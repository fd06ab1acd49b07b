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

"""Memory of the perception node over hours: every output subscribed, clients that come and go.

    python benchmark/memory.py --minutes 60 -o out/benchmark/memory

The node runs with the shipped weights in a process of its own. This process is its camera, which plays the sample
recording forth and back with empty pictures in between, and its audience. Every 20 seconds another process comes,
subscribes to all outputs, reads and lists the node's parameters and its state, and leaves. Writes ``memory.csv``,
``memory.png`` and ``memory.json``; the physical memory (RSS) is read from /proc.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import rclpy
import typer
from hoisdf.msg import HandJoints
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.messages import encode_image, pinhole_to_camera_info
from hoisdf_ros.doctor import fast_dds_variable
from hoisdf_ros.message_classes import ROS_TYPES, has_package, message_class
from hoisdf_ros.perception.outputs import OUTPUTS

PROFILES = Path(__file__).resolve().parents[1] / "config" / "fastdds.xml"
FRAMES, EMPTY = 60, 30  # pictures of the recording, and grey ones after them
BETWEEN_CLIENTS, BETWEEN_READINGS = 20.0, 5.0  # seconds
WARM_UP = 120.0  # seconds that the comparison leaves out
START = 120.0  # seconds until the first hand at most

Reading = tuple[float, float, int, int]  # seconds, memory in MiB, threads, open files


def subscribe(node: Node) -> None:
    """Subscriptions to all outputs of the node; the messages stay serialised."""
    for topic, (type_name, _) in OUTPUTS.items():
        if has_package(type_name.split("/")[0]):
            node.create_subscription(message_class(type_name), topic.replace("~", "/perception"), _ignore, 5, raw=True)


def visit(seconds: float = 5.0) -> None:
    """A client that comes, listens, asks for parameters and state, and leaves."""
    rclpy.init()
    node = Node(f"visitor_{os.getpid()}")
    subscribe(node)
    asked = {
        "list_parameters": (ListParameters, {}),
        "get_parameters": (GetParameters, {"names": ["model.weights", "publish.tf"]}),
        "describe_parameters": (DescribeParameters, {"names": ["publish.tf", "regions.hand"]}),
        "get_state": (GetState, {}),
    }
    for name, (kind, fields) in asked.items():
        client = node.create_client(kind, f"/perception/{name}")
        if client.wait_for_service(2.0):
            rclpy.spin_until_future_complete(node, client.call_async(kind.Request(**fields)), timeout_sec=5.0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()


class Camera:
    """Images and camera_info of the sample recording, forth and back, with empty stretches."""

    def __init__(self) -> None:
        self.node = Node("memory_benchmark")
        self.sent = self.heard = 0
        self._image = self.node.create_publisher(Image, "image", QoSProfile(depth=2))
        self._info = self.node.create_publisher(CameraInfo, "camera_info", QoSProfile(depth=2))
        self._pictures, self._camera = _pictures()
        subscribe(self.node)
        self.node.create_subscription(HandJoints, "/perception/hand_joints", self._hear, 5, raw=True)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)

    def play(self, rate: float, seconds: float) -> Iterator[float]:
        """Publish ``rate`` images a second for ``seconds``; yields the seconds gone after each."""
        start = time.monotonic()
        while (gone := time.monotonic() - start) < seconds:
            picture = self._pictures[self.sent % len(self._pictures)]
            picture.header.stamp = self._camera.header.stamp = self.node.get_clock().now().to_msg()
            picture.header.frame_id = self._camera.header.frame_id = "camera_optical"
            self._info.publish(self._camera)
            self._image.publish(picture)
            self.sent += 1
            yield gone
            while (left := start + self.sent / rate - time.monotonic()) > 0:
                self._executor.spin_once(timeout_sec=left)
            if left < -1.0:  # this process fell behind: no burst to catch up
                start -= left

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _hear(self, _: bytes) -> None:
        self.heard += 1


def _pictures() -> tuple[list[Image], CameraInfo]:
    with BagReader(sample_recording()) as bag:
        frames = [frame.frame for _, frame in zip(range(FRAMES), bag.frames(), strict=False)]
    first = frames[0]
    camera = pinhole_to_camera_info(first.intrinsics, Header(), ROS_TYPES)
    there = [encode_image(frame.image, Header(), ROS_TYPES) for frame in frames]
    empty = encode_image(np.full_like(first.image, 110), Header(), ROS_TYPES)
    return [*there, *there[::-1], *[empty] * EMPTY], camera


def _ignore(_: bytes) -> None:
    pass


def reading(pid: int) -> tuple[float, int, int]:
    """Physical memory in MiB, number of threads, number of file descriptors of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    tasks, files = (len(os.listdir(f"/proc/{pid}/{folder}")) for folder in ("task", "fd"))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, tasks, files


def draw(rows: list[Reading], path: Path) -> None:
    """Plot of the memory over time."""
    minutes, memory = np.array([row[:2] for row in rows]).T
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.plot(minutes / 60, memory)
    axes.set(xlabel="minutes", ylabel="physical memory, MiB", ylim=(0, memory.max() * 1.15))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(
    minutes: Annotated[float, typer.Option(help="Minutes of images.")] = 60.0,
    rate: Annotated[float, typer.Option(help="Images per second.")] = 30.0,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path(
        "out/benchmark/memory"
    ),
    visitor: Annotated[bool, typer.Option("--visitor", hidden=True)] = False,
) -> None:
    """Watch the perception node's memory."""
    if visitor:
        visit()
        return
    output.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault(fast_dds_variable(os.environ.get("ROS_DISTRO", "")), str(PROFILES))
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    node = subprocess.Popen(
        [sys.executable, "-m", "hoisdf_ros.perception.node", "--ros-args", "-p", "autostart:=true"],
        stdout=(output / "node.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    rclpy.init()
    camera = Camera()
    try:
        rows, visits = watch(camera, node, rate, minutes * 60, output)
        node.send_signal(signal.SIGINT)
        ended = node.wait(30)
    finally:
        node.kill()  # nothing, where it has ended
        camera.close()
        rclpy.shutdown()
    settled = [row for row in rows if row[0] >= WARM_UP] or rows
    memory = [row[1] for row in settled]
    quarter = max(1, len(memory) // 4)
    result = {
        "minutes": minutes,
        "images": camera.sent,
        "hands": camera.heard,
        "hands_per_second": camera.heard / (minutes * 60),
        "visits": visits,
        "memory_first_quarter": float(np.median(memory[:quarter])),
        "memory_last_quarter": float(np.median(memory[-quarter:])),
        "memory_least": min(memory),
        "memory_most": max(memory),
        "threads": [min(row[2] for row in settled), max(row[2] for row in settled)],
        "files": [min(row[3] for row in settled), max(row[3] for row in settled)],
        "exit_code": ended,
    }
    (output / "memory.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(rows, output / "memory.png")
    print(json.dumps(result, indent=2))


def watch(
    camera: Camera, node: subprocess.Popen[bytes], rate: float, seconds: float, output: Path
) -> tuple[list[Reading], int]:
    """Readings while the camera plays, from the first hand on, and how many clients have come."""
    for gone in camera.play(rate, START):
        if camera.heard:
            break
        if node.poll() is not None or gone > START - 1:
            raise RuntimeError(f"the node gave no hand within {gone:.0f} s, see {output / 'node.log'}")
    camera.sent = camera.heard = visits = 0
    rows: list[Reading] = []
    guest: subprocess.Popen[bytes] | None = None
    with (output / "memory.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seconds", "memory_mib", "threads", "files"])
        for gone in camera.play(rate, seconds):
            if node.poll() is not None:
                raise RuntimeError(f"the node ended after {gone:.0f} s, see {output / 'node.log'}")
            if gone >= len(rows) * BETWEEN_READINGS:
                rows.append((gone, *reading(node.pid)))
                table.writerow(rows[-1])
                file.flush()
            if gone >= (visits + 1) * BETWEEN_CLIENTS and (guest is None or guest.poll() is not None):
                guest, visits = subprocess.Popen([sys.executable, __file__, "--visitor"]), visits + 1
    if guest is not None:
        guest.wait(60)
    return rows, visits


if __name__ == "__main__":
    typer.run(main)
