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

"""How long the nodes take from their start until they are active, and what they cost while nothing comes.

    python benchmark/start.py --rounds 5

Nodes run as users start them, with the shipped weights, one after the other. Wall time and processor time from the
process's start until its state is ``active`` (asked for every 50 ms; the former needs an idle machine), then the
processor time of ``--idle`` seconds without a single message. The first start fills the page cache and isn't counted.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from statistics import median
from typing import Annotated

import rclpy
import typer
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rich.console import Console
from rich.table import Table

NODES = {"perception": "hoisdf_ros.perception.node", "grasp": "hoisdf_ros.grasp.node"}
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """Processor time of a process's threads until now."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start(name: str, idle: float) -> tuple[float, float, float]:
    """Wall seconds and processor seconds until active, then the share of a core while nothing comes."""
    begun = time.monotonic()
    arguments = ["--ros-args", "-p", "autostart:=true", "--log-level", "warn"]
    process = subprocess.Popen([sys.executable, "-m", NODES[name], *arguments])
    watcher = Node("watcher")
    client = watcher.create_client(GetState, f"/{name}/get_state")
    try:
        while not _is_active(watcher, client):
            if process.poll() is not None or time.monotonic() - begun > 120:
                raise RuntimeError(f"{name} didn't become active")
            time.sleep(0.05)
        wall, cost = time.monotonic() - begun, processor_seconds(process.pid)
        time.sleep(2.0)  # what the start left behind
        before = processor_seconds(process.pid)
        time.sleep(idle)
        share = (processor_seconds(process.pid) - before) / idle if idle else 0.0
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        watcher.destroy_node()
    return wall, cost, share


def _is_active(watcher: Node, client: rclpy.client.Client) -> bool:
    if not client.service_is_ready():
        return False
    future = client.call_async(GetState.Request())
    rclpy.spin_until_future_complete(watcher, future, timeout_sec=1.0)
    return bool(future.done() and future.result().current_state.id == State.PRIMARY_STATE_ACTIVE)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Starts of each node that are counted.")] = 5,
    idle: Annotated[float, typer.Option(help="Seconds without messages after each start.")] = 10.0,
) -> None:
    """Time the nodes' start and their idling."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    rclpy.init()
    table = Table("node", "to active, s", "processor, s", "idle, % of a core", title=f"medians of {rounds} starts")
    for name in NODES:
        start(name, 0.0)
        wall, cost, share = (median(column) for column in zip(*(start(name, idle) for _ in range(rounds)), strict=True))
        table.add_row(name, f"{wall:.2f}", f"{cost:.2f}", f"{100 * share:.2f}")
    Console().print(table)
    rclpy.shutdown()


if __name__ == "__main__":
    typer.run(main)
