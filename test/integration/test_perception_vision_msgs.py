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

"""Standard detections in and out over DDS, where vision_msgs is installed."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")
pytest.importorskip("vision_msgs", reason="vision_msgs isn't installed")

from perception_fakes import BOX, make_estimate, set_stamp  # noqa: E402
from perception_rig import Rig, wait_until, wait_until_matched  # noqa: E402
from vision_msgs.msg import (  # noqa: E402
    Detection2D,
    Detection2DArray,
    Detection3DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from hoisdf_ros.perception.outputs import OBJECTS  # noqa: E402


def detection(class_id, score, x, y, width, height):
    found = Detection2D(results=[ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=class_id, score=score))])
    found.bbox.center.position.x, found.bbox.center.position.y = x, y
    found.bbox.size_x, found.bbox.size_y = width, height
    return found


def test_boxes_of_a_standard_detector_become_priors_and_objects_leave_as_standard_detections():
    with Rig({"input.regions": "detections"}) as rig:
        peer = rig.peer
        boxes = peer.node.create_publisher(Detection2DArray, "detections", 5)
        peer.listen(Detection3DArray, f"{peer.name}/objects")
        rig.activate()
        wait_until_matched(lambda: boxes.get_subscription_count())
        wait_until(lambda: rig.node._outputs.is_wanted(OBJECTS))
        message = Detection2DArray(
            detections=[detection(BOX, 0.6, 30.0, 20.0, 10.0, 8.0), detection("left_hand", 0.9, 25.0, 20.0, 20.0, 16.0)]
        )
        set_stamp(message, 7.0)
        boxes.publish(message)
        peer.send(7.0)
        assert peer.wait(lambda: peer.heard["objects"])
        (prior,) = rig.estimator.priors[-1]
        assert (prior.side, prior.object_name) == ("left", BOX)
        assert prior.hand_box.tolist() == [15, 12, 35, 28]
        assert prior.object_box.tolist() == [25, 16, 35, 24]
        (found,) = peer.heard["objects"][-1].detections
        sent = make_estimate().objects[0]
        position = found.results[0].pose.pose.position
        assert np.allclose([position.x, position.y, position.z], sent.translation)
        assert (found.results[0].hypothesis.class_id, found.results[0].hypothesis.score) == (BOX, sent.score)
        assert found.results[0].pose.covariance[0] == -1
        size = found.bbox.size
        assert np.allclose([size.x, size.y, size.z], [0.1, 0.2, 0.3])  # the box is centred about its origin
        assert found.header.stamp.sec == 7
