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

"""When the grasp node tells a planning scene of hand and object: with every fresh estimate, until it is lost.

moveit_msgs isn't among the ROS 2 wheels, so another message travels in place of CollisionObject; what that holds is
tested in test/ros/test_moveit.py.
"""

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from geometry_msgs.msg import PoseStamped  # noqa: E402
from grasp_rig import CAMERA, NANOSECONDS, active, nanoseconds, scene, uncertain  # noqa: E402
from perception_rig import wait_until  # noqa: E402

from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_ros.grasp import moveit  # noqa: E402
from hoisdf_ros.grasp import outputs as grasp_outputs  # noqa: E402

ADDED, REMOVED = 1.0, -1.0


class FakeCollisionObjects:
    """Says with a pose's z whether hand and object were added or removed."""

    def __init__(self, *_):
        self.shown = False

    def write(self, estimate, transform, header, prefix, period, attached=()):
        if attached:
            return []
        if not estimate.hands:
            return self.remove(header)
        self.shown = True
        return [self.message(header, ADDED)]

    def remove(self, header, keep=()):
        if keep:
            return []
        was, self.shown = self.shown, False
        return [self.message(header, REMOVED)] if was else []

    def message(self, header, z):
        result = PoseStamped(header=header)
        result.pose.position.z = z
        return result


@pytest.fixture
def peer(monkeypatch):
    kind, qos = grasp_outputs.OUTPUTS[grasp_outputs.COLLISION]
    assert kind == "moveit_msgs/msg/CollisionObject"
    monkeypatch.setitem(grasp_outputs.OUTPUTS, grasp_outputs.COLLISION, ("geometry_msgs/msg/PoseStamped", qos))
    monkeypatch.setattr(grasp_outputs, "available", lambda: True)
    monkeypatch.setattr(moveit, "CollisionObjects", FakeCollisionObjects)
    with active() as peer:
        peer.listen(PoseStamped, f"{peer.name}/collision_object")
        wait_until(lambda: peer.node.count_publishers(f"{peer.name}/collision_object"))

        def heard():
            peer.ask(scene())
            return peer.wait(lambda: peer.heard["collision_object"], 0.5)

        wait_until(heard)
        peer.heard["collision_object"].clear()
        yield peer


def told(peer, estimate, stamp=None):
    """What the planning scene is told about an estimate."""
    answer = peer.ask(estimate, stamp)
    peer.wait(lambda: peer.heard["collision_object"], 5.0)
    messages = list(peer.heard["collision_object"])
    peer.heard["collision_object"].clear()
    assert all(nanoseconds(m.header) == nanoseconds(answer.header) for m in messages)
    assert all(m.header.frame_id == CAMERA for m in messages)
    return [m.pose.position.z for m in messages]


def test_fresh_estimates_are_added_also_where_there_is_no_grasp_and_lost_ones_removed(peer):
    assert told(peer, scene()) == [ADDED]
    assert told(peer, uncertain(scene(), 0.5)) == [ADDED]  # nobody should reach through a hand that is badly known
    assert told(peer, Estimate()) == [REMOVED]
    assert told(peer, scene()) == [ADDED]


def test_a_stale_estimate_removes_what_is_there(peer):
    assert told(peer, scene()) == [ADDED]
    assert told(peer, scene(), peer.now() + 60 * NANOSECONDS) == [REMOVED]


def test_deactivating_removes_what_is_there(peer):
    assert told(peer, scene()) == [ADDED]
    assert peer.change("deactivate")
    assert peer.wait(lambda: peer.heard["collision_object"])
    assert peer.heard["collision_object"][-1].pose.position.z == REMOVED


def test_what_the_robot_holds_is_neither_added_nor_removed(peer):
    """The stand-in takes its two as held by any name."""
    assert told(peer, scene()) == [ADDED]
    assert peer.set("publish.attached", "006_mustard_bottle").successful
    peer.ask(scene())
    peer.ask(Estimate())
    assert not peer.wait(lambda: peer.heard["collision_object"], 0.5)
    assert peer.set("publish.attached", "").successful
    assert told(peer, scene()) == [ADDED]
