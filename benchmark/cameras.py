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

"""Two cameras in one perception process, and in a process each.

    python benchmark/cameras.py --seconds 20

Nodes run as users start them, with the shipped weights. This process plays the sample recording to both cameras, 30
images a second each, and counts what comes back. Memory is the proportional share (PSS) of all processes, so that what
they share counts once. Prints a table.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import rclpy
import typer
from hoisdf.msg import HandJoints
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.messages import encode_image, pinhole_to_camera_info
from hoisdf_ros.doctor import fast_dds_variable
from hoisdf_ros.message_classes import ROS_TYPES

PROFILES = Path(__file__).resolve().parents[1] / "config" / "fastdds.xml"
CAMERAS, FRAMES, RATE, START = ("left", "right"), 60, 30.0, 120.0
NODE = (sys.executable, "-m", "hoisdf_ros.perception.node")


def commands(together: bool) -> list[list[str]]:
    """Command lines of the processes."""
    ros = ["--ros-args", "-p", "autostart:=true", "--log-level", "warn"]
    if together:
        return [[*NODE, "--cameras", *CAMERAS, *ros]]
    return [[*NODE, *ros, "-r", f"__ns:=/{name}", "-p", f"publish.tf_prefix:={name}_"] for name in CAMERAS]


def memory(processes: list[subprocess.Popen[bytes]]) -> float:
    """Physical memory of processes in MiB, what is shared counted once."""
    rows = [row for p in processes for row in Path(f"/proc/{p.pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def measured(together: bool, seconds: float) -> tuple[float, float]:
    """Results a second of both cameras, and MiB."""
    with BagReader(sample_recording()) as bag:
        frames = [item.frame for _, item in zip(range(FRAMES), bag.frames(), strict=False)]
    images = [encode_image(frame.image, Header(), ROS_TYPES) for frame in frames]
    info = pinhole_to_camera_info(frames[0].intrinsics, Header(), ROS_TYPES)
    processes = [subprocess.Popen(command) for command in commands(together)]
    node, heard = Node("cameras"), dict.fromkeys(CAMERAS, 0)

    def count(name: str) -> None:
        heard[name] += 1

    sent = {}
    for name in CAMERAS:
        topics = ((Image, f"/{name}/image"), (CameraInfo, f"/{name}/camera_info"))
        sent[name] = [node.create_publisher(kind, topic, QoSProfile(depth=2)) for kind, topic in topics]
        topic = f"/{name}/perception/hand_joints"
        node.create_subscription(HandJoints, topic, lambda _, name=name: count(name), 5, raw=True)
    try:
        begun, limit, number = time.monotonic(), START, 0
        while (gone := time.monotonic() - begun) < limit:
            if limit == START and all(heard.values()):  # both see hands: now it counts
                begun, limit, heard = time.monotonic(), seconds, dict.fromkeys(CAMERAS, 0)
            image = images[number % len(images)]
            image.header.stamp = info.header.stamp = node.get_clock().now().to_msg()
            image.header.frame_id = info.header.frame_id = "camera_optical"
            for of_image, of_info in sent.values():
                of_info.publish(info)
                of_image.publish(image)
            number += 1
            until = time.monotonic() + 1 / RATE
            while (left := until - time.monotonic()) > 0:
                rclpy.spin_once(node, timeout_sec=left)
        if limit == START:
            raise RuntimeError(f"a camera gave no hand within {START:.0f} s: {heard}")
        return sum(heard.values()) / gone, memory(processes)
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(30)
        node.destroy_node()


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of images for each way.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often each way is measured, in turn.")] = 2,
) -> None:
    """Compare one process for two cameras with a process for each."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault(fast_dds_variable(os.environ.get("ROS_DISTRO", "")), str(PROFILES))
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    table = Table("cameras", "results a second", "memory, MiB", title="two cameras")
    rclpy.init()
    for _ in range(rounds):
        for together in (True, False):
            rate, mib = measured(together, seconds)
            table.add_row("one process" if together else "a process each", f"{rate:.1f}", f"{mib:.0f}")
    rclpy.shutdown()
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
