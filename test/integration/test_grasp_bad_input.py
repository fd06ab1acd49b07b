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

"""Whatever comes, nobody gets a grasp that shouldn't be used; the grasp node says why and goes on."""

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import yaml

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from grasp_rig import (  # noqa: E402
    BASE,
    CAMERA,
    NANOSECONDS,
    GraspRig,
    active,
    message_of,
    scene,
    uncertain,
)
from perception_fakes import values_of  # noqa: E402
from perception_rig import wait_until_matched  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402

from hoisdf_model.estimates import Estimate  # noqa: E402

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"


@pytest.fixture(scope="module")
def peer():
    with active() as peer:
        yield peer


def refused(peer, answer, word, *said, level=WARN):
    """The answer has no grasp and says why, and so do /diagnostics and ~/capture_grasp; then all is well again."""
    assert not answer.grasps
    assert word in answer.reasons
    text = answer.messages[list(answer.reasons).index(word)]
    for part in said:
        assert part in text, text
    status = peer.wait_for_status("grasp", lambda s: word in s.message)
    assert status.level == level
    captured = peer.capture()
    assert not captured.success
    assert text in captured.message
    assert peer.state() == "active"


def changed(**fields):
    """The scene with another object."""
    return replace(scene(), objects=(replace(scene().objects[0], **fields),))


def with_hand(**fields):
    return replace(scene(), hands=(replace(scene().hands[0], **fields),))


@pytest.mark.parametrize(
    ("estimate", "word", "said", "level"),
    [
        (lambda: Estimate(), "no_hand", ["no hand"], OK),
        (lambda: replace(scene(), objects=()), "no_object", ["holds no object"], OK),
        (lambda: changed(name="teapot"), "unknown_object", ["teapot"], WARN),
        (lambda: changed(name=""), "unknown_object", ["has no name"], WARN),
        (lambda: changed(translation=np.array([0.0, np.nan, 0.6])), "invalid_message", ["objects[0]", "finite"], WARN),
        (lambda: with_hand(vertices=np.empty((0, 3), np.float32)), "no_hand_mesh", ["publish"], WARN),
        (lambda: uncertain(scene(), 0.05), "uncertain", ["deviation of 50 mm", "at most 30"], WARN),
        (lambda: with_hand(vertices=scene().hands[0].vertices * 1000, joints=scene().hands[0].joints * 1000),
         "degenerate_hand", ["no hand's"], WARN),
    ],
    ids=["empty", "no object", "no mesh", "no name", "NaN", "no hand mesh", "uncertain", "millimetres"],
)  # fmt: skip
def test_estimates_without_a_grasp(peer, estimate, word, said, level):
    refused(peer, peer.ask(estimate()), word, *said, level=level)
    assert peer.ask(scene()).grasps


def test_an_object_without_a_mesh_still_allows_a_pinch_where_that_is_wanted():
    with active(modes="imitate hand_only") as peer:
        assert [grasp.mode for grasp in peer.ask(changed(name="teapot")).grasps] == [2]


@pytest.mark.parametrize(
    ("age", "said"), [(30.0, "30.0 s old"), (-30.0, "ahead of the ROS clock"), (2e8, "use_sim_time")]
)
def test_stale_stamps_are_refused(peer, age, said):
    dropped = int(values_of(peer.wait_for_status("input", lambda s: True)).get("dropped: stale", 0))
    refused(peer, peer.ask(scene(), peer.now() - round(age * NANOSECONDS)), "stale", said)
    status = peer.wait_for_status("input", lambda s: int(values_of(s).get("dropped: stale", 0)) == dropped + 1)
    assert status.level == ERROR
    assert said in status.message
    assert peer.ask(scene()).grasps


def test_a_malformed_message_is_named_and_counted(peer):
    assert peer.ask(scene()).grasps
    stamp = peer.now()
    message = message_of(scene(), stamp)
    message.objects[0].pose.pose.orientation.w = 7.0
    peer.estimates.publish(message)
    refused(peer, peer.answer_to(stamp), "invalid_message", "objects[0]", "quaternion of length 1")
    assert peer.ask(scene()).grasps


def test_an_exception_in_the_planner_is_named_and_the_node_lives_on():
    rig = GraspRig()
    try:
        peer = rig.activate()
        plan, rig.node._planner.plan_hand = rig.node._planner.plan_hand, lambda *_: 1 / 0
        refused(peer, peer.ask(scene()), "internal_error", "ZeroDivisionError")
        rig.node._planner.plan_hand = plan
        assert peer.ask(scene()).grasps
    finally:
        rig.close()


def test_a_frame_that_tf_does_not_know_gives_no_grasp_until_it_does():
    with active(frame__id=BASE, frame__timeout=1.0) as peer:  # what is on its way comes within that
        wait_until_matched(lambda: peer.tf.get_subscription_count() > 1)
        answer = peer.ask(scene())
        refused(peer, answer, "no_transform", BASE, CAMERA, "doesn't know")
        assert answer.header.frame_id == CAMERA  # nothing can be said in the other
        stamp = peer.now() - NANOSECONDS
        peer.tell_tf(np.eye(4), stamp)
        refused(peer, peer.ask(scene(), stamp + NANOSECONDS // 2), "no_transform", "0.500 s after the newest")
        stamp = peer.now()
        peer.tell_tf(np.eye(4), stamp)
        assert peer.ask(scene(), stamp).header.frame_id == BASE


def test_covariances_that_are_unknown_are_refused_where_they_are_required():
    unknown = np.diag([-1.0, 0, 0, 0, 0, 0])
    with active(limits__require_covariance=True, limits__position=0.005) as peer:
        refused(peer, peer.ask(changed(covariance=unknown)), "uncertain", "is unknown")
        refused(peer, peer.ask(uncertain(scene(), 0.006)), "uncertain", "6 mm, at most 5")
        assert peer.ask(uncertain(scene(), 0.004)).grasps


def test_grasps_below_the_minimum_score_are_not_published(peer):
    assert peer.set("publish.minimum_score", 0.999).successful
    try:
        refused(peer, peer.ask(scene()), "low_score", "1.00 are wanted")
    finally:
        assert peer.set("publish.minimum_score", 0.0).successful
    assert peer.ask(scene()).grasps


@pytest.mark.parametrize(
    ("gripper", "said"),
    [
        ("no_such_gripper", ["unknown gripper 'no_such_gripper'", "franka_hand"]),
        ({"stroke": 80}, ["stroke must be a length in metres", "millimetres?"]),
        ({"pads": 1}, ["unknown pads"]),
    ],
    ids=["unknown", "millimetres", "unknown key"],
)
def test_a_wrong_gripper_fails_configure_with_the_reason_and_can_be_mended(gripper, said, tmp_path):
    if isinstance(gripper, dict):
        text = (resources.files("hoisdf_model") / "assets/grippers/generic.yaml").read_text()
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(text) | gripper))
        gripper = str(path)
    rig = GraspRig({"gripper": gripper})
    try:
        assert not rig.peer.change("configure")
        status = rig.peer.wait_for_status("state", lambda s: s.level == ERROR)
        assert status.message.startswith("configure: ")
        for part in said:
            assert part in status.message
        assert rig.peer.state() == "unconfigured"
        assert rig.peer.set("gripper", "robotiq_2f_85").successful
        assert rig.activate().ask(scene()).header.frame_id == CAMERA
    finally:
        rig.close()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"modes": "imitate juggle"}, "modes must be some of imitate handover hand_only, got 'imitate juggle'"),
        ({"model.objects": "teapot"}, "teapot"),
        ({"model.hand_model": "/nowhere.pkl"}, "/nowhere.pkl"),
        ({"plan.clearance": 15.0}, "plan.clearance must"),
        ({"frame.id": "/base_link"}, "must not start with '/'"),
    ],
)
def test_parameters_that_make_no_sense_fail_configure_with_the_reason(parameters, said):
    rig = GraspRig(parameters)
    try:
        assert not rig.peer.change("configure")
        assert said in rig.peer.wait_for_status("state", lambda s: s.level == ERROR).message
    finally:
        rig.close()


def test_a_capture_before_any_estimate_is_refused():
    with active() as peer:
        assert peer.capture().message == "no estimate yet"
        assert not peer.handover().success


def test_a_grasp_is_withdrawn_when_nothing_follows_it():
    """On simulated time: the estimate is as old as the clock says, whatever the machine does."""
    with active(use_sim_time=True, input__freshness=1.0) as peer:
        wait_until_matched(peer.clock.get_subscription_count)

        def tell(seconds):
            peer.clock.publish(Clock(clock=message_of(scene(), round(seconds * NANOSECONDS)).header.stamp))

        tell(100.0)
        answer = ask_until_time_has_come(peer, round(99.5 * NANOSECONDS))
        assert answer.grasps
        peer.heard["grasps"].clear()
        tell(100.4)
        tell(101.0)
        assert peer.wait(lambda: peer.heard["grasps"])
        gone = peer.heard["grasps"][-1]
        assert not gone.grasps
        assert gone.reasons == ["stale"]
        assert "at most 1 s" in peer.capture().message
        assert not peer.handover().success


def ask_until_time_has_come(peer, stamp):
    """The node's first answer that isn't about its clock, which it may hear after the estimate."""
    for k in range(200):
        answer = peer.ask(scene(), stamp + k)
        if "stale" not in answer.reasons:
            return answer
    raise AssertionError("the node doesn't hear /clock")


def test_a_jump_back_of_time_starts_anew():
    with active(stability__frames=2, input__freshness=60.0) as peer:
        now = peer.now()
        peer.ask(scene(), now)
        assert peer.ask(scene(), now + 1).grasps
        peer.heard["grasps"].clear()
        answer = peer.ask(scene(), now - 5 * NANOSECONDS)
        assert peer.heard["grasps"][0].reasons == ["time_jump"]  # withdrawn at once
        assert answer.reasons == ["unsteady"]  # one frame since
        assert "1 of the last 1" in answer.messages[0]
        assert peer.ask(scene(), now - 4 * NANOSECONDS).grasps
