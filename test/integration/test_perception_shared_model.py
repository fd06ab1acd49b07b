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

"""Nodes of several cameras with one estimator, over real DDS: who gets what, together, and who disturbs whom."""

import gc
import threading
import weakref

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import stamp_of, values_of  # noqa: E402
from perception_rig import Rig, wait_until  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hoisdf_model.data import BagReader, sample_recording  # noqa: E402
from hoisdf_model.estimation import Estimator  # noqa: E402
from hoisdf_model.messages import encode_image, pinhole_to_camera_info  # noqa: E402
from hoisdf_ros.message_classes import ROS_TYPES  # noqa: E402
from hoisdf_ros.parameters import build  # noqa: E402
from hoisdf_ros.perception.cameras import camera_nodes  # noqa: E402
from hoisdf_ros.perception.parameters import PerceptionParameters  # noqa: E402
from hoisdf_ros.perception.scene import SharedScenes  # noqa: E402

UNTRAINED = "untrained:compact"


class Cameras:
    """Two perception nodes with the shipped weights; ``hold`` keeps the network from answering while it is set."""

    def __init__(self, **parameters):
        self.scenes, self.batches, self.go = SharedScenes(), [], threading.Event()
        self.go.set()
        values = {"model.weights": "", "model.device": "cpu", "model.precision": "float32"} | parameters
        self.left, self.right = (self.rig(values) for _ in range(2))
        for rig in (self.left, self.right):
            rig.activate()
        (shared,) = self.scenes._shared.values()
        network = shared.estimator.network
        found = network.find_root

        def find_root(batch):
            self.batches.append(len(batch.image))
            assert self.go.wait(30.0)
            return found(batch)

        network.find_root = find_root

    def rig(self, values):
        def load(parameters):
            return self.scenes(parameters, lambda: rig.node.has_next)

        rig = Rig(values, load=load)
        return rig

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go.set()
        for rig in (self.left, self.right):
            rig.close()


def show(rig, frame, stamp, name):
    """Send a frame whose coordinates are called ``name``."""
    image = encode_image(frame.image, Header(frame_id=name), ROS_TYPES)
    rig.peer.send(stamp, image, pinhole_to_camera_info(frame.intrinsics, Header(frame_id=name), ROS_TYPES))


def result(rig, stamp, seconds=30.0):
    """The result with that stamp."""
    found = rig.peer.wait(lambda: [m for m in rig.peer.heard["hand_object"] if stamp_of(m) == stamp], seconds)
    assert found, f"nothing for {stamp}"
    return found[0]


def joints(message):
    return np.array([[p.x, p.y, p.z] for p in message.hands[0].joints])


@pytest.fixture(scope="module")
def frames():
    with BagReader(sample_recording()) as bag:
        found = [item.frame for item in bag.frames(depth="")]
    return found[0], found[1], found[40]


@pytest.fixture(scope="module")
def cameras():
    with Cameras() as both:
        yield both


def test_frames_that_wait_together_take_one_pass_and_give_each_camera_its_own(cameras, frames):
    alone = [Estimator.load(device="cpu", precision="float32") for _ in range(2)]
    first, second, other = frames
    cameras.batches.clear()
    cameras.go.clear()
    show(cameras.left, first, 10.0, "left_optical")
    wait_until(lambda: cameras.batches == [1])
    show(cameras.left, second, 11.0, "left_optical")  # these two wait while the first one is computed
    show(cameras.right, other, 20.0, "right_optical")
    (shared,) = cameras.scenes._shared.values()
    wait_until(lambda: cameras.left.node.has_next and len(shared._waiting) == 1)
    cameras.go.set()
    left, right = result(cameras.left, 11.0), result(cameras.right, 20.0)
    assert cameras.batches == [1, 2]
    expected = [alone[0](first), alone[0](second), alone[1](other)]
    for message, estimate in zip((result(cameras.left, 10.0), left, right), expected, strict=True):
        assert len(message.hands) == len(estimate.hands) == 1
        np.testing.assert_allclose(joints(message), estimate.hands[0].joints, atol=1e-4)
    assert (left.header.frame_id, right.header.frame_id) == ("left_optical", "right_optical")
    assert np.abs(joints(left) - joints(right)).max() > 0.01  # they saw different things
    assert {stamp_of(m) for m in cameras.right.peer.heard["hand_object"]} == {20.0}
    assert {stamp_of(m) for m in cameras.left.peer.heard["hand_object"]} == {10.0, 11.0}


def test_what_happens_to_one_camera_is_not_felt_by_the_other(cameras, frames):
    """Undecodable pictures, boxes beside the image, resets, objects, jumps of time, and being taken down."""
    left, right = cameras.left, cameras.right
    followers = [rig.node._scene.estimator.follower for rig in (left, right)]
    forgotten = []
    followers[0].reset = lambda reset=followers[0].reset: (forgotten.append("left"), reset())
    followers[1].reset = lambda reset=followers[1].reset: (forgotten.append("right"), reset())
    broken = encode_image(frames[0].image, Header(frame_id="right_optical"), ROS_TYPES)
    broken.step = 7
    right.peer.send(30.0, broken)
    right.peer.wait_for_status("input", lambda s: "undecodable" in str(s))
    assert right.peer.set("regions.hand", [900.0, 900.0, 990.0, 990.0]).successful
    show(right, frames[2], 31.0, "right_optical")
    show(left, frames[0], 30.0, "left_optical")
    assert result(left, 30.0).hands
    right.peer.wait_for_status("input", lambda s: "invalid_regions" in str(s))
    assert right.peer.set("regions.hand", []).successful
    assert right.peer.reset_tracking().success
    assert right.peer.set_object("006_mustard_bottle").success
    show(right, frames[2], 25.0, "right_optical")  # back in time
    assert result(right, 25.0).hands
    show(left, frames[1], 31.0, "left_optical")
    assert result(left, 31.0).hands
    assert set(forgotten) == {"right"}
    assert left.node.get_parameter("object.name").value == ""
    assert right.peer.change("deactivate")
    assert right.peer.change("cleanup")
    show(left, frames[0], 32.0, "left_optical")
    assert result(left, 32.0).hands
    assert "dropped: undecodable" not in values_of(left.peer.status("input"))


def test_a_model_goes_with_the_last_camera_that_uses_it():
    scenes, asked = SharedScenes(), build(PerceptionParameters, {"model.weights": UNTRAINED})
    one, other = scenes(asked), scenes(asked)
    model = weakref.ref(one.estimator._shared.estimator)
    assert other.estimator._shared is one.estimator._shared
    assert other.estimator is not one.estimator
    del one
    gc.collect()
    assert model() is not None
    del other
    gc.collect()
    assert model() is None


@pytest.mark.parametrize(("name", "value", "shares"), [
    ("hand.size", 0.2, False), ("object.refinement", "always", False), ("hand.refinement", "never", False),
    ("model.precision", "float32", False), ("model.warm_up", 3, True), ("object.name", "006_mustard_bottle", True),
    ("smoothing.time", 0.5, True), ("publish.tf_prefix", "left_", True),
])  # fmt: skip
def test_models_are_shared_where_all_that_makes_them_is_equal(name, value, shares):
    scenes = SharedScenes()
    one, other = (
        scenes(build(PerceptionParameters, {"model.weights": UNTRAINED} | more)) for more in ({}, {name: value})
    )
    assert (one.estimator._shared is other.estimator._shared) is shares
    assert (other.smoother is not None) == (name == "smoothing.time")


def test_weights_that_were_replaced_are_other_weights(tmp_path):
    """A camera that is configured again gets those that are there now, not the ones that another camera still has."""
    from hoisdf_model.network import shipped_weights

    file = tmp_path / "weights.safetensors"
    file.write_bytes(shipped_weights().read_bytes())
    scenes, asked = SharedScenes(), build(PerceptionParameters, {"model.weights": str(file)})
    running = scenes(asked)
    assert scenes(asked).estimator._shared is running.estimator._shared
    (tmp_path / "new").write_bytes(shipped_weights().read_bytes())
    (tmp_path / "new").rename(file)
    assert scenes(asked).estimator._shared is not running.estimator._shared


def test_names_on_tf_stay_different_while_the_nodes_run(ros_context):
    left, right = camera_nodes(["left", "right"])
    try:
        assert [node.get_parameter("publish.tf_prefix").value for node in (left, right)] == ["left_", "right_"]
        (refused,) = left.set_parameters([Parameter("publish.tf_prefix", value="right_")])
        assert (refused.successful, "/right/perception already" in refused.reason) == (False, True)
        (taken,) = left.set_parameters([Parameter("publish.tf_prefix", value="upper_")])
        assert taken.successful
        (free,) = right.set_parameters([Parameter("publish.tf_prefix", value="left_")])
        assert free.successful
    finally:
        left.destroy_node()
        right.destroy_node()


@pytest.fixture
def ros_context():
    from hoisdf_ros.beginning import ros

    with ros(["perception"]):
        yield
