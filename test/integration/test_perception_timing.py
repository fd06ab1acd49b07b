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

"""A model slower than its camera, clocks that jump, and publishers of every quality of service."""

import time

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info, set_stamp, stamp_of, values_of  # noqa: E402
from perception_rig import Rig, wait_until, wait_until_matched  # noqa: E402
from rclpy.qos import ReliabilityPolicy  # noqa: E402
from rclpy.time import Time  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402


def test_a_slow_model_gets_the_newest_frame_and_its_latency_does_not_grow():
    with Rig() as rig:
        rig.estimator.seconds = 0.1
        rig.activate()
        count, period = 60, 1 / 40
        sent, start = {}, time.monotonic()
        for i in range(count):
            stamp = 10.0 + i * period
            sent[stamp] = time.monotonic()
            rig.peer.send(stamp)
            time.sleep(max(0.0, start + (i + 1) * period - time.monotonic()))
        time.sleep(0.3)
        stamps = [stamp_of(m) for m in rig.peer.heard["hand_object"]]
        snapshot = rig.node._monitor.snapshot()
        assert stamps == sorted(stamps)
        assert abs(stamps[-1] - max(sent)) < 1e-6, "the last frame must come through"
        # with a queue the last of sixty images would wait for 4.5 s: 6 s of work come in 1.5 s
        assert snapshot.percentiles["latency"][1] < 8 * rig.estimator.seconds
        assert len(stamps) + sum(snapshot.dropped.values()) == snapshot.received["image"]
        assert snapshot.dropped["superseded"] > count / 2


def test_a_recording_that_starts_again_resets_tracking_and_goes_on():
    with Rig() as rig:
        rig.activate()
        for stamp in (10.0, 10.1, 10.2):
            rig.peer.send(stamp)
            assert rig.peer.wait(lambda s=stamp: any(stamp_of(m) == s for m in rig.peer.heard["hand_object"]))
        resets = rig.estimator.resets
        rig.peer.send(5.0)
        assert rig.peer.wait(lambda: any(stamp_of(m) == 5.0 for m in rig.peer.heard["hand_object"]))
        assert rig.estimator.resets == resets + 1


def test_a_ros_clock_that_jumps_back_resets_tracking():
    with Rig({"use_sim_time": True}) as rig:
        rig.activate()
        clock = rig.peer.node.create_publisher(Clock, "/clock", 10)
        wait_until_matched(lambda: clock.get_subscription_count())

        def tell(seconds):
            clock.publish(Clock(clock=Time(seconds=seconds).to_msg()))
            wait_until(lambda: rig.node.get_clock().now().nanoseconds == seconds * 10**9)

        tell(100)
        rig.peer.send(99.9)
        assert rig.peer.wait(lambda: len(rig.peer.heard["hand_object"]) == 1)
        status = rig.peer.wait_for_status("estimator", lambda s: "age p50 [ms]" in values_of(s))
        assert values_of(status)["age p50 [ms]"] == "100.0"
        resets = rig.estimator.resets
        tell(50)
        rig.peer.send(49.9)
        assert rig.peer.wait(lambda: len(rig.peer.heard["hand_object"]) == 2)
        assert rig.estimator.resets == resets + 1
        assert [stamp_of(m) for m in rig.peer.heard["hand_object"]] == pytest.approx([99.9, 49.9])


def test_a_frame_that_is_a_little_late_is_dropped_and_counted():
    with Rig() as rig:
        rig.activate()
        rig.peer.send(10.0)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
        rig.peer.send(9.95)
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("dropped: out_of_order") == "1")
        assert len(rig.peer.heard["hand_object"]) == 1


def test_a_result_begun_before_a_reset_is_not_published():
    with Rig() as rig:
        rig.estimator.seconds = 0.5
        rig.activate()
        rig.peer.send(10.0)
        wait_until(lambda: rig.estimator.frames)
        assert rig.peer.reset_tracking().success
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("dropped: reset") == "1")
        assert rig.peer.heard["hand_object"] == []


@pytest.mark.parametrize("image_topic", ["image", "camera/image_raw"], ids=["as named", "remapped"])
@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_publishers_of_either_reliability_are_heard(reliability, image_topic):
    with Rig(reliability=reliability, image_topic=image_topic) as rig:
        rig.activate()
        deadline = time.monotonic() + 8
        stamp = 1.0
        while not rig.peer.heard["hand_object"] and time.monotonic() < deadline:
            rig.peer.send(stamp)
            stamp += 1.0
            time.sleep(0.05)
        assert rig.peer.heard["hand_object"]
        status = rig.peer.wait_for_status("input", lambda s: int(values_of(s)["processed"]) > 0)
        assert "image: incompatible quality of service" not in values_of(status)


def test_an_incompatible_publisher_is_named_where_reliability_is_forced():
    with Rig({"input.reliability": "reliable"}, reliability=ReliabilityPolicy.BEST_EFFORT) as rig:
        assert rig.peer.change("configure")
        assert rig.peer.change("activate")
        status = rig.peer.wait_for_status("input", lambda s: "image: incompatible quality of service" in values_of(s))
        assert values_of(status)["image: incompatible quality of service"] == "RELIABILITY"


def test_a_raw_640x480_image_arrives_from_a_reliable_camera():
    with Rig() as rig:
        rig.activate()
        for i in range(5):
            rig.peer.send(1.0 + i, image=make_image("rgb8", 640, 480), info=make_info(640, 480))
            time.sleep(0.05)
        assert rig.peer.wait(lambda: len(rig.peer.heard["hand_object"]) == 5)


def test_approximate_pairing_takes_an_info_within_the_slop():
    with Rig({"sync.policy": "approximate", "sync.slop": 0.02}) as rig:
        rig.activate()
        info = make_info()
        set_stamp(info, 1.015)
        rig.peer.camera_info.publish(info)
        rig.peer.send(1.0, info=False)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
        assert stamp_of(rig.peer.heard["hand_object"][0]) == 1.0
