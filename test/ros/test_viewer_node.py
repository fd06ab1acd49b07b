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

"""The node ``viewer`` over real DDS: images meet their estimates, and both reach Rerun (a fake that keeps calls)."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from fake_rerun import FakeRerun  # noqa: E402
from hoisdf.msg import HandObject  # noqa: E402
from perception_fakes import HEIGHT, WIDTH, make_estimate, make_image, make_info, set_stamp  # noqa: E402
from perception_rig import Spinner, wait_until, wait_until_matched  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402

from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_model.messages import estimate_to_hand_object  # noqa: E402
from hoisdf_ros.message_classes import ROS_TYPES  # noqa: E402
from hoisdf_ros.parameters import markdown_table  # noqa: E402
from hoisdf_ros.viewer import ViewerNode, ViewerParameters  # noqa: E402


def test_an_image_is_shown_with_the_estimate_of_its_stamp(monkeypatch):
    rerun = FakeRerun()
    monkeypatch.setitem(sys.modules, "rerun", rerun)
    spinner = Spinner()
    try:
        peer = Node("peer", context=spinner.context)
        viewer = ViewerNode(context=spinner.context)
        spinner.executor.add_node(peer)
        spinner.start(viewer)
        topics = ((Image, "image"), (CameraInfo, "camera_info"), (HandObject, "hand_object"))
        image, info, found = (peer.create_publisher(kind, topic, 10) for kind, topic in topics)
        for publisher in (image, info, found):
            wait_until_matched(publisher.get_subscription_count)

        def send(stamp, estimate):
            messages = [make_image(), make_info()]
            for message in messages:
                set_stamp(message, stamp)
            image.publish(messages[0])
            info.publish(messages[1])
            if estimate is not None:
                found.publish(estimate_to_hand_object(estimate, messages[0].header, ROS_TYPES))

        (stream,) = rerun.streams
        for stamp, estimate, count in ((5.0, make_estimate(), 1), (6.0, None, 1), (7.5, Estimate(), 2)):
            send(stamp, estimate)
            wait_until(lambda count=count: len(stream.at("world/camera/image")) == count)
        pictures = [times["time"] for where, _, times, _ in stream.logged if where == "world/camera/image"]
        assert pictures == pytest.approx([0.0, 2.5])  # the one without an estimate is left out
        pixels = np.frombuffer(make_image().data, np.uint8).reshape(HEIGHT, WIDTH, 3)
        assert np.array_equal(stream.at("world/camera/image")[0].args[0], pixels)
        drawn, gone = stream.at("world/hands/hand_right/joints")
        assert np.array_equal(drawn.args[0], make_estimate().hands[0].joints)
        assert gone.kind == "Clear"
    finally:
        spinner.close()
    assert stream.closed


def test_the_documentation_has_the_parameters():
    page = (Path(__file__).parents[2] / "docs" / "live_use.md").read_text()
    assert markdown_table(ViewerParameters) in page, "put the output of markdown_table(ViewerParameters) there"
