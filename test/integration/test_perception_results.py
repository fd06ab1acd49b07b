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

"""What comes out of the perception node, heard over real DDS."""

from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import (  # noqa: E402
    BOX,
    FRAME_ID,
    HEIGHT,
    WIDTH,
    fake_scene,
    make_estimate,
    make_image,
    make_info,
    make_regions,
    set_stamp,
    stamp_of,
    values_of,
)
from perception_rig import Rig, wait_until, wait_until_matched  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hoisdf_model.estimates import Estimate  # noqa: E402
from hoisdf_model.estimation import Smoother  # noqa: E402
from hoisdf_model.hand import load_hand_model  # noqa: E402
from hoisdf_model.messages import hand_object_to_estimate  # noqa: E402
from hoisdf_ros.perception.outputs import MARKERS as MARKERS_TOPIC  # noqa: E402
from hoisdf_ros.perception.outputs import OVERLAY  # noqa: E402


@pytest.fixture(scope="module")
def rig():
    with Rig() as rig:
        rig.activate()
        yield rig


@pytest.fixture(autouse=True)
def fresh(rig):
    rig.estimator.estimate, rig.estimator.error = make_estimate(), None
    rig.estimator.priors.clear()
    rig.peer.heard.clear()
    yield
    for name, value in (("object.name", ""), ("publish.vertices", True), ("publish.tf", True), ("regions.hand", [])):
        assert rig.peer.set(name, value).successful


clock = iter(range(100, 10_000))


def ask(rig, key="hand_object", **messages):
    """Send one frame; what comes out on ``key`` with its stamp, and the stamp."""
    stamp = float(next(clock))
    rig.peer.send(stamp, **messages)
    assert rig.peer.wait(lambda: any(stamp_of(m) == stamp for m in rig.peer.heard[key])), rig.peer.status("input")
    return next(m for m in rig.peer.heard[key] if stamp_of(m) == stamp)


def test_an_estimate_arrives_as_it_left_the_estimator_with_the_image_s_header(rig):
    message = ask(rig)
    sent, heard = make_estimate(), hand_object_to_estimate(message)
    assert message.header.frame_id == FRAME_ID
    assert np.array_equal(heard.hands[0].joints, sent.hands[0].joints)
    assert np.array_equal(heard.hands[0].vertices, sent.hands[0].vertices)
    assert np.array_equal(heard.hands[0].root_covariance, sent.hands[0].root_covariance)
    assert heard.hands[0].root_source == "monocular"
    assert np.allclose(heard.objects[0].rotation, sent.objects[0].rotation)
    assert heard.objects[0].name == BOX
    assert heard.regions.hands[0].side == "right"
    assert heard.timing == {"network": np.float32(0.001)}


def test_every_hand_also_comes_alone(rig):
    message = ask(rig)
    assert rig.peer.wait(lambda: rig.peer.heard["hand_joints"])
    assert rig.peer.heard["hand_joints"][-1] == message.hands[0]


def test_a_frame_in_which_nothing_is_seen_sends_an_empty_message_and_no_transform(rig):
    rig.estimator.estimate = Estimate()
    message = ask(rig)
    assert (message.hands, message.objects) == ([], [])
    assert rig.peer.heard["hand_joints"] == rig.peer.heard["tf"] == []


def test_transforms_carry_the_image_s_frame_and_stamp(rig):
    message = ask(rig)
    assert rig.peer.wait(lambda: rig.peer.heard["tf"])
    transforms = rig.peer.heard["tf"][-1].transforms
    assert [t.child_frame_id for t in transforms] == ["hand_right", BOX]
    assert all(t.header == message.header for t in transforms)
    wrist = transforms[0].transform.translation
    assert np.allclose([wrist.x, wrist.y, wrist.z], make_estimate().hands[0].joints[0])


def test_the_image_reaches_the_estimator_as_rgb_with_its_camera(rig):
    image = make_image("bgr8")
    ask(rig, image=image, info=make_info(focal=77.0))
    frame = rig.estimator.frames[-1]
    assert np.array_equal(frame.image, np.frombuffer(image.data, np.uint8).reshape(HEIGHT, WIDTH, 3)[..., ::-1])
    assert (frame.intrinsics.fx, frame.intrinsics.width, frame.intrinsics.height) == (77.0, WIDTH, HEIGHT)


def test_parameters_at_run_time_change_what_is_sent(rig):
    assert rig.peer.set("publish.vertices", False).successful
    assert rig.peer.set("publish.tf", False).successful
    message = ask(rig)
    assert len(message.hands[0].vertices) == 0
    assert len(message.hands[0].joints) == 21
    assert rig.peer.heard["tf"] == []


def test_boxes_of_the_parameters_reach_the_estimator(rig):
    assert rig.peer.set("regions.hand", [1.0, 2.0, 30.0, 40.0]).successful
    ask(rig)
    (prior,) = rig.estimator.priors[-1]
    assert prior.hand_box.tolist() == [1, 2, 30, 40]
    refused = rig.peer.set("regions.hand", [30.0, 2.0, 1.0, 40.0])
    assert not refused.successful
    assert "x0 < x1" in refused.reason


def test_without_boxes_the_estimator_looks_for_itself(rig):
    ask(rig)
    assert rig.estimator.priors[-1] is None


def test_set_object_names_what_is_held_and_refuses_what_the_catalogue_lacks(rig):
    assert rig.peer.set_object(BOX).success
    ask(rig)
    assert rig.estimator.priors[-1][0].object_name == BOX
    refused = rig.peer.set_object("banana")
    assert not refused.success
    assert BOX in refused.message
    ask(rig)
    assert rig.estimator.priors[-1][0].object_name == BOX
    assert rig.peer.set_object("").success
    ask(rig)
    assert rig.estimator.priors[-1] is None


def test_reset_tracking_reaches_the_estimator_before_the_next_frame(rig):
    ask(rig)
    before = rig.estimator.resets
    ask(rig)
    assert rig.estimator.resets == before
    assert rig.peer.reset_tracking().success
    ask(rig)
    assert rig.estimator.resets == before + 1


def test_overlays_come_at_most_as_often_as_asked(rig):
    peer = rig.peer
    subscription = peer.listen(Image, f"{peer.name}/overlay")
    wait_until(lambda: rig.node._outputs.is_wanted(OVERLAY))
    assert peer.set("publish.overlay_rate", 0.5).successful
    try:
        stamps = [stamp_of(ask(rig)) for _ in range(7)]  # a second apart: every other one
        assert peer.wait(lambda: [stamp_of(overlay) for overlay in peer.heard["overlay"]] == stamps[::2])
        assert peer.set("publish.overlay_rate", 0.0).successful
        peer.heard.clear()
        stamps = [stamp_of(ask(rig, "overlay")) for _ in range(3)]
        assert [stamp_of(overlay) for overlay in peer.heard["overlay"]] == stamps
    finally:
        peer.set("publish.overlay_rate", 10.0)
        peer.node.destroy_subscription(subscription)
        wait_until(lambda: not rig.node._outputs.is_wanted(OVERLAY))


def test_markers_and_overlay_are_made_only_while_somebody_listens(rig):
    peer = rig.peer
    ask(rig)
    assert peer.heard["markers"] == peer.heard["overlay"] == []
    subscriptions = [peer.listen(MarkerArray, f"{peer.name}/markers"), peer.listen(Image, f"{peer.name}/overlay")]
    wait_until(lambda: all(peer.node.count_publishers(s.topic_name) for s in subscriptions))
    wait_until(lambda: rig.node.count_subscribers(f"{peer.name}/overlay") == 1)
    wait_until(lambda: rig.node._outputs.is_wanted(OVERLAY))
    wait_until(lambda: rig.node._outputs.is_wanted(MARKERS_TOPIC))
    overlay = ask(rig, "overlay")
    assert (overlay.encoding, overlay.width, overlay.height, overlay.data[0]) == ("rgb8", WIDTH, HEIGHT, 1)
    assert peer.wait(lambda: peer.heard["markers"])
    assert {(m.ns, m.action) for m in peer.heard["markers"][-1].markers} == {("hand_right", 0), (BOX, 0)}
    rig.estimator.estimate = Estimate()
    ask(rig)
    deleted = peer.wait(lambda: [m for m in peer.heard["markers"][-1].markers if m.action == Marker.DELETE])
    assert {m.ns for m in deleted} == {"hand_right", BOX}
    for subscription in subscriptions:
        peer.node.destroy_subscription(subscription)
    wait_until(lambda: not rig.node._outputs.is_wanted(OVERLAY))


def test_markers_are_held_and_messages_are_not_by_the_images_stamps():
    """Within the hold nothing is said again, so that nobody takes it for new; then every marker is taken away."""
    with Rig({"smoothing.hold": 0.5}) as rig:
        rig.activate()
        peer = rig.peer
        subscription = peer.listen(MarkerArray, f"{peer.name}/markers")
        wait_until(lambda: peer.node.count_publishers(subscription.topic_name))
        wait_until(lambda: rig.node._outputs.is_wanted(MARKERS_TOPIC))

        def markers_at(stamp, estimate):
            rig.estimator.estimate = estimate
            count = len(peer.heard["markers"])
            peer.send(stamp)
            assert peer.wait(lambda: len(peer.heard["markers"]) > count)
            return {(m.ns, m.action) for m in peer.heard["markers"][-1].markers}

        names = {"hand_right", BOX}
        assert markers_at(100.0, make_estimate()) == {(name, Marker.ADD) for name in names}
        assert markers_at(100.3, Estimate()) == set()
        assert markers_at(100.6, Estimate()) == {(name, Marker.DELETE) for name in names}
        assert peer.wait(lambda: len(peer.heard["hand_object"]) == 3)
        assert [len(m.hands) for m in peer.heard["hand_object"]] == [1, 0, 0]
        assert peer.wait(lambda: peer.heard["tf"])
        assert [stamp_of(t) for m in peer.heard["tf"] for t in m.transforms] == [100.0, 100.0]


def test_diagnostics_tell_model_rates_and_latency(rig):
    for _ in range(3):
        ask(rig)
    rig.peer.wait_for_status("input", lambda s: int(values_of(s)["processed"]) >= 3)
    estimator = values_of(rig.peer.status("estimator"))
    assert estimator["weights"] == "fake"
    assert float(estimator["latency p95 [ms]"]) >= float(estimator["latency p50 [ms]"]) > 0
    assert "process memory [MiB]" in estimator
    assert values_of(rig.peer.status("input"))["image: publishers"] == "1"


def test_regions_wait_for_their_image_and_become_priors():
    with Rig({"input.regions": "regions"}) as rig:
        rig.activate()
        wait_until_matched(lambda: rig.peer.regions.get_subscription_count())
        regions = make_regions()
        set_stamp(regions, 50.0)
        rig.peer.send(50.0)
        rig.peer.regions.publish(regions)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
        (prior,) = rig.estimator.priors[-1]
        assert (prior.side, prior.object_name, prior.hand_box.tolist()) == ("left", BOX, [5, 6, 30, 40])
        nothing = type(regions)()
        set_stamp(nothing, 51.0)
        rig.peer.send(51.0)
        rig.peer.regions.publish(nothing)
        assert rig.peer.wait(lambda: len(rig.peer.heard["hand_object"]) == 2)
        assert rig.estimator.priors[-1] == ()


def test_depth_arrives_in_metres():
    with Rig({"input.depth": True}) as rig:
        rig.activate()
        wait_until_matched(lambda: rig.peer.depth.get_subscription_count())
        depth = make_image("mono8")
        depth.encoding, depth.step = "16UC1", WIDTH * 2
        depth.data = np.full(WIDTH * HEIGHT, 1250, np.uint16).tobytes()
        set_stamp(depth, 50.0)
        rig.peer.send(50.0)
        rig.peer.depth.publish(depth)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
        assert np.allclose(rig.estimator.frames[-1].depth, 1.25)


@pytest.mark.parametrize("topic", ["image", "/fuzz_camera/image_raw", "/fuzz_camera/image_raw/compressed"])
def test_compressed_images_are_read_where_image_transport_publishes_them(topic):
    cv2 = pytest.importorskip("cv2")
    with Rig({"input.transport": "compressed"}, image_topic=topic) as rig:
        assert rig.peer.image.topic_name.endswith(f"{topic.removesuffix('/compressed')}/compressed")
        rig.activate()
        red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        red[..., 2] = 250  # BGR
        message = CompressedImage(format="png", data=cv2.imencode(".png", red)[1].tobytes())
        message.header.frame_id = "camera"
        rig.peer.send(5.0, image=message)
        assert rig.peer.wait(lambda: rig.peer.heard["hand_object"])
        assert rig.estimator.frames[-1].image[0, 0].tolist() == [250, 0, 0]


def test_what_is_smoothed_follows_the_images_stamps_until_tracking_is_reset():
    """The time constant is that of one frame, so that the box goes half of its way; by much more than it, all of it."""
    smoother = Smoother(load_hand_model(), 0.1)
    with Rig(load=lambda _: replace(fake_scene(rig.estimator), smoother=smoother)) as rig:
        rig.activate()

        def seen_at(stamp, x):
            (thing,) = make_estimate().objects
            moved = replace(thing, translation=np.array([x, 0.0, 0.7]))
            rig.estimator.estimate = replace(make_estimate(), objects=(moved,))
            rig.peer.send(stamp)
            assert rig.peer.wait(lambda: any(stamp_of(m) == stamp for m in rig.peer.heard["hand_object"]))
            message = next(m for m in rig.peer.heard["hand_object"] if stamp_of(m) == stamp)
            return message.objects[0].pose.pose.position.x

        step = 1e-4  # so small that its speed hardly counts
        assert seen_at(100.0, 0.5) == 0.5
        assert seen_at(100.1, 0.5 + step) == pytest.approx(0.5 + step / 2, abs=0.02 * step)
        assert seen_at(110.0, 0.6) == 0.6
        assert rig.peer.reset_tracking().success
        assert seen_at(110.1, 0.7) == 0.7
