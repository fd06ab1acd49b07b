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

"""Playback of a bag into the perception node, with recorded results.

Player and node run in separate processes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from hoisdf_model.data import BagReader
from hoisdf_model.errors import HoisdfError
from hoisdf_ros.child import Child
from hoisdf_ros.demo.latency import StreamStatistics, stream_statistics
from hoisdf_ros.demo.recorder import Recorder
from hoisdf_ros.spinning import Spin

NANOSECONDS = 1_000_000_000
LOADING = 300.0  # seconds the node may take to load weights and become active
ANSWER = 20.0  # seconds after the last image in which the last result must have come
SILENCE = 5.0  # the same where there was no result at all
REPORT = 3.0  # seconds to wait for a diagnostic report that knows of the last result
PERCEPTION, REPLAY = "hoisdf_ros.perception.node", "hoisdf_ros.feeds.replay"

ShowProgress = Callable[[str], None]


class DemoError(HoisdfError):
    """Error of a demo run that gave no result.

    The message ends with the last output of the processes.
    """

    def __str__(self) -> str:
        return Exception.__str__(self)  # in as many lines as they printed


@dataclass(frozen=True)
class DemoPlan:
    """Settings of a demo run.

    Attributes:
        bag: the recording.
        weights: what ``model.weights`` of the node is set to.
        seconds: how much of the recording is played; 0: all.
        regions: give the node the recording's boxes, where it has any.
        depth: give the node the recording's depth images, where it has any.
        folder: for everything that is written, the processes' output included.
    """

    bag: Path
    weights: str
    folder: Path
    seconds: float = 0.0
    regions: bool = True
    depth: bool = False


@dataclass(frozen=True)
class DemoRun:
    """Messages received in a demo run.

    Attributes:
        recorded: images in the part of the recording that was played.
        statistics: rates and latency, from hearing an image to hearing its result.
        messages: stamp -> ``HandObject``.
        counts: the node's own counts: ``received``, ``processed``, ``dropped``.
        dropped: cause -> images that the node gave up.
        estimator: the node's last report on its estimator (weights, stage times, memory).
        loading, first_result: seconds from starting the node until it was active, and until its first result.
        heard: stamp of each image -> when it was heard, seconds of the steady clock.
    """

    recorded: int
    statistics: StreamStatistics
    messages: Mapping[int, Any]
    counts: Mapping[str, int]
    dropped: Mapping[str, int]
    estimator: Mapping[str, str] = field(default_factory=dict)
    loading: float = 0.0
    first_result: float = 0.0
    heard: Mapping[int, float] = field(default_factory=dict)


def run_demo(plan: DemoPlan, show: ShowProgress) -> DemoRun:
    """Start the node, play the recording, and collect the results.

    Waits until the node is active, and listens until the last image is answered.

    Args:
        plan: what to play.
        show: is given a line about the progress a few times a second.

    Raises:
        BagError: the recording can't be read or has no image or camera_info.
        DemoError: the node didn't become active, the replay failed, or no result came.
    """
    with BagReader(plan.bag) as bag:
        roles = bag.roles()
        image_type = bag.topics[roles["image"]].type
        duration = (bag.end - bag.start) / NANOSECONDS
        if plan.seconds:
            duration = min(duration, plan.seconds)
        recorded = sum(1 for _ in bag.raw([roles["image"]], None, bag.start + round(duration * NANOSECONDS) + 1))
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("demo", context=context)
    recorder = Recorder(node, roles["image"], image_type)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    loop = Spin(executor)
    thread = threading.Thread(target=_spin, args=(loop,), name="recorder", daemon=True)
    thread.start()
    try:
        began = time.monotonic()
        with Child(
            PERCEPTION, _perception_arguments(plan, roles, image_type), plan.folder / "perception.log"
        ) as perception:
            _wait_until_active(recorder, perception, show)
            loading = time.monotonic() - began
            arguments = _replay_arguments(plan, roles)
            with Child(REPLAY, arguments, plan.folder / "replay.log") as replay:
                _listen(recorder, perception, replay, duration, recorded, show)
            _wait_for_report(recorder)
        return _summary(recorder, perception, recorded, began, loading)
    finally:
        loop.end()
        thread.join()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


def _spin(loop: Spin) -> None:
    with contextlib.suppress(ExternalShutdownException):  # an interrupt; the main thread cleans up
        loop.run()


def _perception_arguments(plan: DemoPlan, roles: Mapping[str, str], image_type: str) -> list[str]:
    regions, depth = plan.regions and "regions" in roles, plan.depth and "depth" in roles
    parameters = {
        "autostart": "true",
        "use_sim_time": "true",
        "model.weights": plan.weights,
        "input.transport": "compressed" if image_type.endswith("CompressedImage") else "raw",
        "input.regions": "regions" if regions else "none",
        "input.depth": "true" if depth else "false",
    }
    arguments = ["--ros-args"]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={value}"]
    compressed = parameters["input.transport"] == "compressed"
    for role, topic in roles.items():
        if role != "truth":
            arguments += ["-r", f"{role}{'/compressed' if compressed and role == 'image' else ''}:={topic}"]
    return arguments


def _replay_arguments(plan: DemoPlan, roles: Mapping[str, str]) -> list[str]:
    topics = [topic for role, topic in roles.items() if role != "truth"]
    parameters = {
        "bag": str(plan.bag),
        "topics": " ".join(topics),
        "clock": "100.0",
        "duration": str(float(plan.seconds)),
        "wait_for.topics": roles["image"],
        "wait_for.subscribers": "2",  # the node and the recorder
    }
    # whatever the recording's camera offered: stock Fast DDS loses most best-effort messages over 0.5 MB
    parameters |= {f"qos_overrides.{topic}.publisher.reliability": "reliable" for topic in topics}
    return ["--ros-args", *(part for name, value in parameters.items() for part in ("-p", f"{name}:={value}"))]


def _wait_until_active(recorder: Recorder, perception: Child, show: ShowProgress) -> None:
    began = time.monotonic()
    while recorder.state != "active":
        waited = time.monotonic() - began
        show(f"perception is {recorder.state or 'starting'} ... {waited:.0f} s")
        if recorder.failure:
            raise DemoError(f"the perception node refuses: {recorder.failure}")
        if perception.exit_code is not None:
            raise DemoError(f"the perception node ended with code {perception.exit_code}:\n{perception.tail()}")
        if waited > LOADING:
            raise DemoError(f"the perception node isn't active after {LOADING:.0f} s:\n{perception.tail()}")
        time.sleep(0.1)


def _listen(
    recorder: Recorder, perception: Child, replay: Child, duration: float, recorded: int, show: ShowProgress
) -> None:
    """Until the replay has ended and its last image is answered."""
    ended: float | None = None
    while True:
        time.sleep(0.1)
        show(_progress(recorder, duration, recorded))
        if perception.exit_code is not None:
            raise DemoError(f"the perception node ended with code {perception.exit_code}:\n{perception.tail()}")
        if replay.exit_code is None:
            continue
        if replay.exit_code:
            raise DemoError(f"the replay ended with code {replay.exit_code}:\n{replay.tail()}")
        ended = ended or time.monotonic()
        if _all_accounted_for(recorder) or time.monotonic() - ended > (ANSWER if recorder.results else SILENCE):
            return


def _all_accounted_for(recorder: Recorder) -> bool:
    """Whether the last image has its result, or the node has reported a fate for as many images as were heard."""
    if recorder.images and max(recorder.images) in recorder.results:
        return True
    values = recorder.values("input")
    return bool(recorder.images) and sum(int(values.get(key, "0")) for key in ("processed", "dropped")) >= len(
        recorder.images
    )


def _progress(recorder: Recorder, duration: float, recorded: int) -> str:
    if not recorder.images:
        return "the recording is being opened ..."
    statistics = stream_statistics(dict(recorder.images), dict(recorder.results))
    played = (max(recorder.images) - min(recorder.images)) / NANOSECONDS
    latency = f", latency {statistics.latency['p50'] * 1e3:.0f} ms" if statistics.latency else ""
    dropped = recorder.values("input").get("dropped", "0")
    return (
        f"{played:4.1f} of {duration:.1f} s   {statistics.sent} of {recorded} images in, "
        f"{statistics.answered} processed, {dropped} dropped{latency}"
    )


def _wait_for_report(recorder: Recorder) -> None:
    until = time.monotonic() + REPORT
    while int(recorder.values("input").get("processed", "0")) < len(recorder.results) and time.monotonic() < until:
        time.sleep(0.1)


def _summary(recorder: Recorder, perception: Child, recorded: int, began: float, loading: float) -> DemoRun:
    if not recorder.results:
        status = recorder.status.get("input")
        said = f"it says: {status.message}" if status is not None else "it said nothing on /diagnostics"
        raise DemoError(
            f"{len(recorder.images)} images were played and no result came from the perception node; {said}\n"
            f"{perception.tail()}"
        )
    values = recorder.values("input")
    return DemoRun(
        recorded=recorded,
        statistics=stream_statistics(recorder.images, recorder.results),
        messages=dict(sorted(recorder.messages.items())),
        counts={
            "received": int(values.get("image: received", "0")),
            "processed": int(values.get("processed", "0")),
            "dropped": int(values.get("dropped", "0")),
        },
        dropped={
            key.removeprefix("dropped: "): int(count) for key, count in values.items() if key.startswith("dropped: ")
        },
        estimator=recorder.values("estimator"),
        loading=loading,
        first_result=min(recorder.results.values()) - began,
        heard=dict(recorder.images),
    )
