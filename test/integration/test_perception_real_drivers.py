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

"""What real drivers do: latched or rare camera_info, ROS 1's slashes, messages with one bad item."""

import time

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")

from perception_fakes import make_image, make_info, make_regions, set_stamp, values_of  # noqa: E402
from perception_rig import Rig, wait_until_matched  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import CameraInfo  # noqa: E402

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)  # fmt: skip
HELD = "camera_info: images with the last one"


def results(rig):
    return rig.peer.heard["hand_object"]


def send_images(rig, count, first=1.0):
    """Images without camera_info, each after the one before was answered."""
    for i in range(count):
        before = len(results(rig))
        rig.peer.send(first + i / 10, info=False)
        assert rig.peer.wait(lambda before=before: len(results(rig)) > before), f"image {i} has no result"


def test_a_latched_camera_info_that_was_sent_before_the_start_serves_every_image():
    with Rig() as rig:
        rig.peer.node.destroy_publisher(rig.peer.camera_info)
        rig.peer.camera_info = rig.peer.node.create_publisher(CameraInfo, "camera_info", LATCHED)
        info = make_info(focal=77.0)
        set_stamp(info, 0.5)
        rig.peer.camera_info.publish(info)
        rig.activate()
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("camera_info: received") == "1")
        send_images(rig, 10)
        assert len(results(rig)) == 10
        assert {frame.intrinsics.fx for frame in rig.estimator.frames} == {77.0}
        status = rig.peer.wait_for_status("input", lambda s: values_of(s).get(HELD) == "10")
        assert "dropped: unpaired_camera_info" not in values_of(status)


def test_a_camera_info_that_comes_once_holds_until_another_comes():
    with Rig() as rig:
        rig.activate()
        for first, focal in ((1.0, 60.0), (2.0, 90.0)):
            info = make_info(focal=focal)
            set_stamp(info, first - 0.5)
            rig.peer.camera_info.publish(info)
            received = str(int(first))
            rig.peer.wait_for_status("input", lambda s, n=received: values_of(s).get("camera_info: received") == n)
            send_images(rig, 3, first)
        assert [frame.intrinsics.fx for frame in rig.estimator.frames] == [60.0] * 3 + [90.0] * 3


def test_the_last_camera_info_of_another_camera_is_not_taken_and_the_reason_is_said():
    with Rig() as rig:
        rig.activate()
        info = make_info(width=320, height=240)
        set_stamp(info, 0.5)
        rig.peer.camera_info.publish(info)
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("camera_info: received") == "1")
        for i in range(3):
            rig.peer.send(1.0 + i, info=False)
            time.sleep(0.02)
        status = rig.peer.wait_for_status("input", lambda s: s.level == b"\x01" and "none of them" in s.message)
        assert "320x240, this is 64x48" in status.message
        assert results(rig) == []


def test_a_leading_slash_is_taken_off_everywhere():
    with Rig() as rig:
        rig.activate()
        image = make_image()
        image.header.frame_id = "/camera_optical"
        rig.peer.send(1.0, image=image)
        assert rig.peer.wait(lambda: results(rig) and rig.peer.heard["tf"] and rig.peer.heard["hand_joints"])
        message = results(rig)[0]
        parts = [message, message.regions, *message.hands, *message.objects, *rig.peer.heard["tf"][0].transforms]
        assert {part.header.frame_id for part in parts} == {"camera_optical"}


@pytest.mark.parametrize("name", ["", "/"])
def test_an_image_without_a_frame_is_refused_with_the_reason(name):
    with Rig() as rig:
        rig.activate()
        image = make_image()
        image.header.frame_id = name
        rig.peer.send(1.0, image=image)
        status = rig.peer.wait_for_status("input", lambda s: s.level == b"\x02")
        assert "frame_id of" in status.message
        assert "is empty" in status.message
        assert values_of(status)["dropped: no_frame"] == "1"
        rig.peer.send(2.0)
        assert rig.peer.wait(lambda: results(rig) and rig.peer.heard["tf"])
        assert len(results(rig)) == len(rig.peer.heard["tf"]) == 1


def test_one_bad_region_leaves_the_others():
    with Rig({"input.regions": "regions"}) as rig:
        rig.activate()
        message, bad = make_regions(), make_regions((5.0, float("nan"), 30.0, 6.0))
        message.hands.insert(0, bad.hands[0])
        message.objects.append(bad.objects[0])
        set_stamp(message, 1.0)
        wait_until_matched(lambda: rig.peer.regions.get_subscription_count())
        rig.peer.regions.publish(message)
        rig.peer.send(1.0)
        assert rig.peer.wait(lambda: results(rig))
        (prior,) = rig.estimator.priors[-1]
        assert prior.hand_box.tolist() == [5, 6, 30, 40]
        status = rig.peer.wait_for_status("input", lambda s: "refused: invalid_regions" in values_of(s))
        assert values_of(status)["refused: invalid_regions"] == "2"
        assert "objects[1] of the regions" in values_of(status)["last error"]


def test_images_that_the_middleware_lost_are_counted():
    with Rig() as rig:
        rig.activate()
        for i in range(8):
            before = len(results(rig))
            info = make_info()
            set_stamp(info, 1.0 + i / 10)
            rig.peer.camera_info.publish(info)
            if i not in (3, 5):
                rig.peer.send(1.0 + i / 10, info=False)
                assert rig.peer.wait(lambda before=before: len(results(rig)) > before)
            else:  # published, and overwritten on the way
                received = str(i + 1)
                rig.peer.wait_for_status("input", lambda s, n=received: values_of(s).get("camera_info: received") == n)
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("lost before the node") == "2")
        said = [status.message for m in rig.peer.heard["diagnostics"] for status in m.status]
        assert any("published lately and never came" in text for text in said)


def test_an_optional_topic_that_is_there_and_not_read_is_told():
    with Rig() as rig:  # its peer publishes depth and regions
        rig.activate()
        status = rig.peer.wait_for_status("input", lambda s: "published, not used (input.*)" in values_of(s))
        assert values_of(status)["published, not used (input.*)"] == "depth, regions"


def test_how_far_off_a_depth_image_is_gets_said():
    with Rig({"input.depth": True}) as rig:
        rig.activate()
        wait_until_matched(lambda: rig.peer.depth.get_subscription_count())
        for i in range(3):
            depth = make_image("mono8")
            set_stamp(depth, 1.004 + i)
            rig.peer.depth.publish(depth)
            rig.peer.send(1.0 + i)
            time.sleep(0.05)
        status = rig.peer.wait_for_status("input", lambda s: "none of them" in s.message)
        assert "the nearest depth is 4 ms off, 0 ms are allowed" in status.message
