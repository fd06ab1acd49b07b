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

"""The replay node: a bag written here, played through real DDS, heard by a node of this process."""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool

from hoisdf_model.data import BagWriter
from hoisdf_model.errors import BagError, ConfigError
from hoisdf_ros.feeds.camera import CameraParameters
from hoisdf_ros.feeds.recorded_qos import offered_profile
from hoisdf_ros.feeds.replay import ReplayNode, ReplayParameters
from hoisdf_ros.parameters import markdown_table
from hoisdf_ros.spinning import Spin

pytestmark = pytest.mark.ros
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
IMAGES = 10
PERIOD = SECOND // 20


@pytest.fixture(params=[("mcap", "none"), ("sqlite3", "none"), ("mcap", "zstd"), ("sqlite3", "zstd")], ids="-".join)
def any_bag(request, tmp_path):
    return write_bag(tmp_path / "bag", *request.param)


@pytest.fixture
def bag(tmp_path):
    return write_bag(tmp_path / "bag")


def write_bag(path, storage="mcap", compression="none"):
    """A latched message first, then ten small images at 20 Hz."""
    with BagWriter(path, storage, compression) as writer:
        types = writer.types
        writer.add_topic("/latched", "std_msgs/msg/String", latched=True)
        writer.write("/latched", types.create("std_msgs/msg/String", data="map"), START)
        for i in range(IMAGES):
            stamp = types.create("builtin_interfaces/msg/Time", sec=START // SECOND, nanosec=i * PERIOD)
            image = types.create(
                "sensor_msgs/msg/Image",
                header=types.create("std_msgs/msg/Header", stamp=stamp, frame_id="camera"),
                height=4, width=5, encoding="mono8", is_bigendian=0, step=5, data=np.full(20, i, np.uint8),
            )  # fmt: skip
            writer.write("/image", image)
    return path


def write_bag_with_unknown_type(path):
    """``/gone`` has a type that no ROS installation has, ``/latched`` an ordinary one."""
    types = get_typestore(Stores.ROS2_JAZZY)
    types.register(get_types_from_msg("string text", "nowhere_msgs/msg/Gone"))
    fields = {"/gone": ("nowhere_msgs/msg/Gone", "text"), "/latched": ("std_msgs/msg/String", "data")}
    with Writer(path, version=9) as writer:
        for topic, (name, field) in fields.items():
            connection = writer.add_connection(topic, name, typestore=types)
            writer.write(connection, START, types.serialize_cdr(types.types[name](**{field: "x"}), name))
    return path


class Listener:
    """Collects (seconds, message) of some topics in a context and thread of its own."""

    def __init__(self):
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.heard = {}
        self.loop = Spin(self.executor)
        self.thread = threading.Thread(target=self.loop.run, daemon=True)

    def listen(self, kind, topic, qos=10):
        heard = self.heard.setdefault(topic, [])
        self.node.create_subscription(kind, topic, lambda m: heard.append((time.monotonic(), m)), qos)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.end()
        self.thread.join()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@contextlib.contextmanager
def replay_node(**parameters):
    context = rclpy.Context()
    rclpy.init(context=context)
    values = [rclpy.Parameter(name.replace("__", "."), value=value) for name, value in parameters.items()]
    try:
        node = ReplayNode(context=context, parameter_overrides=values)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        loop = Spin(executor)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        try:
            yield node
        finally:
            node.stop()
            loop.end()
            thread.join()
            executor.shutdown()
            node.destroy_node()
    finally:
        rclpy.shutdown(context=context)


def play(listener, **parameters):
    """Play to the end; returns the node's report."""
    first = next(iter(listener.heard))
    with listener, replay_node(wait_for__topics=first, delay=0.0, **parameters) as node:
        node.run()
        time.sleep(0.2)
        return node.report


def test_plays_what_was_recorded_at_the_recorded_pace(any_bag):
    listener = Listener()
    listener.listen(Image, "/image")
    report = play(listener, bag=str(any_bag))
    times, images = zip(*listener.heard["/image"], strict=True)
    assert [image.data[0] for image in images] == list(range(IMAGES))
    assert [image.header.stamp.nanosec for image in images] == [i * PERIOD for i in range(IMAGES)]
    early = np.array(times) - np.arange(IMAGES) * PERIOD / SECOND
    assert np.median(np.abs(early - np.median(early))) < 0.04  # a busy machine delays some
    assert report.late / report.counts.total() < 0.05
    assert report.counts == {"/image": IMAGES, "/latched": 1}


def test_rate_and_topic_selection(bag):
    listener = Listener()
    listener.listen(Image, "/image")
    report = play(listener, bag=str(bag), rate=0.5, topics="image")
    times = [t for t, _ in listener.heard["/image"]]
    recorded = (IMAGES - 1) * PERIOD / SECOND
    assert times[-1] - times[0] == pytest.approx(2 * recorded, abs=recorded / 2)  # a busy machine delays the ends
    assert set(report.counts) == {"/image"}


def test_start_offset_and_duration_and_latched_messages_from_before(bag):
    listener = Listener()
    listener.listen(Image, "/image")
    play(listener, bag=str(bag), start_offset=0.1, duration=0.2, rate=2.0)
    assert [m.data[0] for _, m in listener.heard["/image"]] == [2, 3, 4, 5, 6]

    listener = Listener()
    listener.listen(String, "/latched")
    play(listener, bag=str(bag), start_offset=0.1, rate=2.0)
    assert [m.data for _, m in listener.heard["/latched"]] == ["map"]


def test_late_subscriber_gets_what_was_latched(bag):
    with replay_node(bag=str(bag), delay=0.0) as node:
        threading.Thread(target=node.run, daemon=True).start()
        time.sleep(0.2)
        listener = Listener()
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE)
        listener.listen(String, "/latched", qos)
        with listener:
            time.sleep(0.8)
    assert [m.data for _, m in listener.heard["/latched"]] == ["map"]


def test_clock_follows_the_recording_and_pauses(bag):
    listener = Listener()
    listener.listen(Clock, "/clock", 100)
    with listener, replay_node(bag=str(bag), clock=100.0, rate=0.1, loop=True) as node:
        threading.Thread(target=node.run, daemon=True).start()
        client = listener.node.create_client(SetBool, "/replay/pause")
        assert client.wait_for_service(5.0)
        until = time.monotonic() + 10
        while len(listener.heard["/clock"]) < 25 and time.monotonic() < until:
            time.sleep(0.01)
        answer = client.call(SetBool.Request(data=True))
        assert answer.success
        time.sleep(0.05)
        paused_from = len(listener.heard["/clock"])
        time.sleep(0.2)
        paused_to = len(listener.heard["/clock"])
        client.call(SetBool.Request(data=False))
        time.sleep(0.2)
    heard = [(t, m.clock.sec * SECOND + m.clock.nanosec) for t, m in listener.heard["/clock"]]
    (t0, c0), (t1, c1) = heard[2], heard[20]
    assert (c1 - c0) / SECOND == pytest.approx(0.1 * (t1 - t0), abs=0.005)
    assert START <= c0 < START + SECOND
    still = {clock for _, clock in heard[paused_from:paused_to]}
    assert len(still) == 1
    assert heard[-1][1] != heard[paused_to][1]


def test_loop_starts_again_until_stopped(bag):
    listener = Listener()
    listener.listen(Image, "/image", 100)
    with listener, replay_node(bag=str(bag), loop=True, rate=10.0, topics="/image", wait_for__topics="image") as node:
        thread = threading.Thread(target=node.run)
        thread.start()
        time.sleep(1.0)
        node.stop()
        thread.join(2.0)
        assert not thread.is_alive()
    first = [m.data[0] for _, m in listener.heard["/image"]][: 2 * IMAGES]
    assert first == [*range(IMAGES), *range(IMAGES)]
    assert node.report.rounds >= 2


def test_type_that_is_not_installed_is_skipped_and_named(tmp_path, capfd):
    bag = str(write_bag_with_unknown_type(tmp_path / "bag"))
    with replay_node(bag=bag, delay=0.0) as node:
        node.run()
    assert node.report.counts == {"/latched": 1}
    assert "skipping /gone: its type nowhere_msgs/msg/Gone isn't installed here" in "".join(capfd.readouterr())
    with pytest.raises(BagError, match=r"nothing of .* can be played"), replay_node(bag=bag, topics="/gone"):
        pass


def test_nobody_subscribing_is_an_error_that_names_the_topic(bag):
    with (
        replay_node(bag=str(bag), delay=0.0, wait_for__topics="image", wait_for__timeout=0.2) as node,
        pytest.raises(BagError, match="no subscriber to /image within"),
    ):
        node.run()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({}, ConfigError, "parameter bag must name"),
        ({"bag": "/nowhere"}, BagError, "there is no bag at /nowhere"),
        ({"rate": -1.0}, ConfigError, "rate"),
        ({"topics": "/other"}, BagError, "no topic '/other'.*it has"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(bag, parameters, error, message):
    given = {"bag": str(bag), **parameters} if parameters else {}
    with pytest.raises(error, match=message), replay_node(**given):
        pass


def test_start_behind_the_end_is_refused(bag):
    with replay_node(bag=str(bag), start_offset=60.0) as node, pytest.raises(BagError, match=r"start_offset 60.0 s"):
        node.run()


def run_replay(*arguments):
    command = [sys.executable, "-m", "hoisdf_ros.feeds.replay", "--ros-args", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_process_ends_with_a_summary_and_code_0(bag):
    process = run_replay("-p", f"bag:={bag}", "-p", "rate:=10.0", "-p", "delay:=0.0")
    assert process.returncode == 0, process.stderr
    assert f"played {IMAGES + 1} messages: /image {IMAGES}, /latched 1" in process.stderr


def test_damaged_bag_ends_the_process_with_code_1_and_the_reason(bag):
    file = next(bag.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 10])
    process = run_replay("-p", f"bag:={bag}")
    assert process.returncode == 1
    assert "is not a readable bag" in process.stderr
    assert "Traceback" not in process.stderr


def test_profile_promises_the_strongest_of_what_was_offered():
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    def recorded(reliability, durability, depth):
        limit = QosTime(0, 0)
        return Qos(
            QosHistory.KEEP_LAST, depth, QosReliability[reliability], QosDurability[durability],
            limit, limit, QosLiveliness.AUTOMATIC, limit, False,
        )  # fmt: skip

    weak, latched = recorded("BEST_EFFORT", "VOLATILE", 5), recorded("RELIABLE", "TRANSIENT_LOCAL", 1)
    assert offered_profile([weak]).reliability == ReliabilityPolicy.BEST_EFFORT
    assert offered_profile([weak]).depth == 5
    both = offered_profile([latched, weak, latched])
    assert (both.reliability, both.durability) == (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
    assert both.depth == 2  # what each of the two latched publishers kept
    assert offered_profile([]).reliability == ReliabilityPolicy.RELIABLE


@pytest.mark.parametrize("kind", [CameraParameters, ReplayParameters])
def test_the_documentation_lists_the_parameters_as_they_are(kind):
    page = (Path(__file__).parents[2] / "docs" / "camera_and_replay.md").read_text()
    assert markdown_table(kind) in page, f"put the output of markdown_table({kind.__name__}) there"
