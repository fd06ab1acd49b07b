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

"""What the grasp node takes for a message, and a recording end to end: images -> perception -> grasps -> PoseStamped.

    python benchmark/grasp_node.py              # 200 estimates of the benchmark's grasp library, then the sample bag
    python benchmark/grasp_node.py --messages 0 --bag recording/ --freshness 3
    python benchmark/grasp_node.py --no-bag

All nodes run in processes of their own, everything goes through DDS. Estimates are synthetic and exact. Latency counts
from publishing an estimate to hearing the answer, and in the end to end part from hearing an image to hearing its
PoseStamped. Prints tables and writes JSON.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import rclpy
import typer
from geometry_msgs.msg import PoseStamped
from hoisdf.msg import Grasps, HandObject
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hoisdf_model.data import BagReader
from hoisdf_model.estimates import Estimate, HandEstimate, ObjectEstimate
from hoisdf_model.hand import load_hand_model
from hoisdf_model.messages import estimate_to_hand_object, make_header, stamp_of
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import PosableHand, load_library
from hoisdf_ros.child import Child
from hoisdf_ros.demo.command import chosen_weights
from hoisdf_ros.demo.playing import DemoPlan, run_demo
from hoisdf_ros.doctor import fast_dds_variable
from hoisdf_ros.message_classes import ROS_TYPES
from hoisdf_ros.spinning import Spin

PROFILES = Path(__file__).resolve().parents[1] / "config" / "fastdds.xml"
ASSETS = resources.files("hoisdf_model") / "assets"
KNOWN = np.diag([1e-8] * 6)
IN_FRONT = np.array([0.0, 0.0, 0.6])  # metres before the camera
PATIENCE = 30.0  # seconds for an answer
console = Console(width=max(Console().width, 110))


class Consumer:
    """Listens to the grasp node, in a thread of its own, and shows it estimates."""

    def __init__(self) -> None:
        self.node = Node("benchmark")
        self._estimates = self.node.create_publisher(HandObject, "perception/hand_object", 5)
        self.answers: dict[int, tuple[float, Grasps]] = {}
        self.poses: dict[int, float] = {}
        self._changed = threading.Condition()
        self.node.create_subscription(Grasps, "grasp/grasps", self._hear, 50)
        self.node.create_subscription(PoseStamped, "grasp/grasp_pose", self._hear_pose, 50)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._loop = Spin(self._executor)
        self._thread = threading.Thread(target=self._loop.run, daemon=True)
        self._thread.start()

    def wait_for_node(self) -> None:
        """Wait until the node listens."""
        deadline = time.monotonic() + 120
        while not self._estimates.get_subscription_count():
            time.sleep(0.05)
            if time.monotonic() > deadline:
                raise RuntimeError("the grasp node didn't start")

    def ask(self, estimate: Estimate) -> tuple[float, Grasps] | None:
        """Publish and wait: seconds until the answer came, and the answer."""
        stamp = self.node.get_clock().now().nanoseconds
        message = estimate_to_hand_object(estimate, make_header(ROS_TYPES, stamp, "camera"), ROS_TYPES)
        began = time.monotonic()
        self._estimates.publish(message)
        with self._changed:
            if not self._changed.wait_for(lambda: stamp in self.answers, PATIENCE):
                return None
        heard, answer = self.answers[stamp]
        return heard - began, answer

    def close(self) -> None:
        """Leave the graph."""
        self._loop.end()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

    def _hear(self, message: Grasps) -> None:
        with self._changed:
            self.answers.setdefault(stamp_of(message), (time.monotonic(), message))
            self._changed.notify_all()

    def _hear_pose(self, message: PoseStamped) -> None:
        self.poses.setdefault(stamp_of(message), time.monotonic())


@contextmanager
def grasp_node(folder: Path, **parameters: Any) -> Iterator[Child]:
    """The node in a process of its own; parameters with ``__`` for a dot."""
    values = {"autostart": "true", "gripper": "franka_hand", **{k.replace("__", "."): v for k, v in parameters.items()}}
    arguments = ["--ros-args", "-r", "hand_object:=perception/hand_object"]
    for name, value in values.items():
        arguments += ["-p", f"{name}:={value}"]
    with Child("hoisdf_ros.grasp.node", arguments, folder / "grasp.log") as child:
        yield child


def scenes(count: int, seed: int) -> list[Estimate]:
    """Hands of the benchmark's library with objects of the catalogue, exactly known; as many as there are at most."""
    library, model, catalogue = load_library(str(ASSETS / "benchmark_grasps.npz")), load_hand_model(), load_catalogue()
    usable = [k for k in range(len(library)) if library.objects[library.object[k]] in catalogue]
    chosen = np.random.default_rng(seed).permutation(usable)[:count]
    return [_scene(library, int(number), model) for number in chosen]


def _scene(library: Any, number: int, model: Any) -> Estimate:
    rotation, wrist, _ = library.placement(number)
    posed = PosableHand(model, library.shape[number]).pose(library.postures(number)[1], rotation[None], wrist[None])
    joints, vertices = ((points[0] + IN_FRONT).astype(np.float32) for points in (posed.joints, posed.vertices))
    hand = HandEstimate(
        "right", 1.0, joints, np.ones(21, np.float32), vertices, np.zeros((16, 3), np.float32),
        library.shape[number].astype(np.float32), KNOWN[:3, :3], "given", model.info,
    )  # fmt: skip
    return Estimate(
        (hand,), (ObjectEstimate(library.objects[library.object[number]], 1.0, np.eye(3), IN_FRONT, KNOWN),)
    )


def measure_messages(count: int, seed: int, folder: Path) -> dict[str, Any]:
    """One estimate after the other; the objects' meshes are prepared before."""
    shown = scenes(count, seed)
    names = " ".join(sorted({estimate.objects[0].name for estimate in shown}))
    consumer, latencies, with_grasp, reasons = Consumer(), [], 0, Counter()
    parameters = {"stability__frames": 1, "input__freshness": PATIENCE, "model__objects": names}
    with grasp_node(folder, **parameters) as child:
        consumer.wait_for_node()
        consumer.ask(Estimate())
        before = _processor_time(child)
        for estimate in track(shown, "estimates", console=Console(stderr=True), transient=True):
            if (answer := consumer.ask(estimate)) is not None:
                latencies.append(answer[0])
                with_grasp += bool(answer[1].grasps)
                reasons.update(answer[1].reasons)
        spent = _processor_time(child) - before
    consumer.close()
    return {
        "messages": len(shown),
        "answered": len(latencies),
        "with a grasp": with_grasp,
        "latency p50, ms": _percentile(latencies, 50),
        "latency p95, ms": _percentile(latencies, 95),
        "latency max, ms": _percentile(latencies, 100),
        "processor time of the node a message, ms": 1000 * spent / max(1, len(latencies)),
        "reasons": dict(reasons.most_common()),
        "load of the machine": os.getloadavg()[0],
    }


def measure_bag(plan: DemoPlan, freshness: float, limit: float, turn: float, console_: Console) -> dict[str, Any]:
    """Play a recording into perception, and its estimates into the grasp node, on simulated time."""
    consumer = Consumer()
    parameters = {"use_sim_time": "true", "input__freshness": freshness, "limits__position": limit}
    parameters["limits__rotation"] = turn
    with grasp_node(plan.folder, **parameters), console_.status("starting") as status:
        consumer.wait_for_node()
        run = run_demo(plan, status.update)
        time.sleep(1.0)
    consumer.close()
    answers = {stamp: answer for stamp, (_, answer) in consumer.answers.items() if stamp in run.messages}
    ends = [consumer.poses[stamp] - heard for stamp, heard in run.heard.items() if stamp in consumer.poses]
    reasons = Counter(reason for answer in answers.values() for reason in answer.reasons)
    return {
        "images": run.recorded,
        "images processed by perception": run.statistics.answered,
        "estimates answered by the grasp node": len(answers),
        "with a grasp": sum(bool(answer.grasps) for answer in answers.values()),
        "PoseStamped": len(ends),
        "image to estimate p50, ms": 1000 * run.statistics.latency.get("p50", float("nan")),
        "image to PoseStamped p50, ms": _percentile(ends, 50),
        "image to PoseStamped p95, ms": _percentile(ends, 95),
        "reasons": dict(reasons.most_common()),
        "boxes of the recording": plan.regions,
        "depth of the recording": plan.depth,
        "limits.position, m": limit,
        "limits.rotation, rad": turn,
        "input.freshness, s": freshness,
        "load of the machine": os.getloadavg()[0],
    }


def measure_truth(bag: Path, folder: Path) -> dict[str, Any]:
    """Play a recording's ground truth into the grasp node with its defaults: what it makes of good estimates."""
    with BagReader(bag) as reader:
        roles = reader.roles()
        if "truth" not in roles:
            return {"ground truth": "none in the recording"}
        recorded = reader.topics[roles["truth"]].count
    consumer = Consumer()
    heard: dict[int, float] = {}
    consumer.node.create_subscription(
        HandObject, "perception/hand_object", lambda m: heard.setdefault(stamp_of(m), time.monotonic()), 50
    )
    with grasp_node(folder, use_sim_time="true"):
        consumer.wait_for_node()
        parameters = {"bag": bag, "topics": roles["truth"], "clock": 100.0, "wait_for.topics": roles["truth"]}
        parameters |= {"wait_for.subscribers": 2}  # the node and this process
        arguments = ["--ros-args", "-r", f"{roles['truth']}:=/perception/hand_object"]
        arguments += [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
        with Child("hoisdf_ros.feeds.replay", arguments, folder / "replay.log") as replay:
            while replay.exit_code is None:
                time.sleep(0.1)
        time.sleep(2.0)
    consumer.close()
    latencies = [consumer.poses[stamp] - came for stamp, came in heard.items() if stamp in consumer.poses]
    answers = [answer for _, answer in consumer.answers.values()]
    return {
        "estimates": recorded,
        "answered (the newest at a time)": len(answers),
        "with a grasp": sum(bool(answer.grasps) for answer in answers),
        "PoseStamped": len(latencies),
        "estimate to PoseStamped p50, ms": _percentile(latencies, 50),
        "estimate to PoseStamped p95, ms": _percentile(latencies, 95),
        "reasons": dict(Counter(reason for answer in answers for reason in answer.reasons).most_common()),
        "load of the machine": os.getloadavg()[0],
    }


def _percentile(seconds: list[float], percent: float) -> float:
    return 1000 * float(np.percentile(seconds, percent)) if seconds else float("nan")


def _processor_time(child: Child) -> float:
    """Seconds of all its threads."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def show(title: str, figures: dict[str, Any]) -> None:
    """A table of one measurement."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console.print(table)


def main(
    messages: Annotated[int, typer.Option(min=0, help="Estimates to measure; 0 leaves that out.")] = 200,
    bag: Annotated[Path, typer.Option(help="Recording for the end to end part.")] = Path(str(ASSETS / "sample_bag")),
    end_to_end: Annotated[bool, typer.Option("--end-to-end/--no-bag", help="Play the recording.")] = True,
    weights: Annotated[
        str | None, typer.Option(help="Perception's weights; those that ship with the package if not given.")
    ] = None,
    regions: Annotated[bool, typer.Option(help="Give perception the recording's boxes.")] = True,
    depth: Annotated[bool, typer.Option(help="Give perception the recording's depth.")] = True,
    seconds: Annotated[float, typer.Option(help="How much of the recording; 0: all.")] = 0.0,
    freshness: Annotated[float, typer.Option(help="input.freshness of the end to end part, seconds.")] = 1.0,
    limit: Annotated[float, typer.Option(help="limits.position of the end to end part, metres.")] = 0.03,
    rotation_limit: Annotated[float, typer.Option(help="limits.rotation of the end to end part, radians.")] = 0.35,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the estimates.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON file to write.")] = Path(
        "out/benchmark/grasp_node.json"
    ),
) -> None:
    """Measure the grasp node."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault(fast_dds_variable(os.environ.get("ROS_DISTRO", "")), str(PROFILES))
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    rclpy.init()
    result: dict[str, Any] = {"synthetic": True}
    with TemporaryDirectory() as name:
        folder = Path(name)
        if messages:
            result["messages"] = measure_messages(messages, seed, folder)
            show("the grasp node, one message at a time, Franka Hand, imitate and handover", result["messages"])
        if end_to_end:
            plan = DemoPlan(bag, chosen_weights(weights)[0], folder, seconds, regions, depth)
            result["end to end"] = measure_bag(plan, freshness, limit, rotation_limit, Console(stderr=True))
            show(f"{bag.name}: images -> perception -> grasps -> PoseStamped", result["end to end"])
            result["ground truth"] = measure_truth(bag, folder)
            show(f"{bag.name}: ground truth -> grasps -> PoseStamped", result["ground truth"])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {output}")
    rclpy.shutdown()


if __name__ == "__main__":
    typer.run(main)
