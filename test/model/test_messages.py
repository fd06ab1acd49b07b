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

"""Estimates, regions, cameras and images survive being messages, with rosbags' classes and with rclpy's."""

import importlib
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoisdf_model import messages
from hoisdf_model.data import interface_types
from hoisdf_model.errors import CameraError, InvalidInputError
from hoisdf_model.estimates import (
    Estimate,
    Frame,
    HandEstimate,
    HandModelInfo,
    HandRegion,
    ObjectEstimate,
    ObjectRegion,
    Regions,
)
from hoisdf_model.geometry import Pinhole

STAMP = 1_763_600_000_123_456_789


def ros_class(name):
    package, kind, cls = name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), cls)


@pytest.fixture(scope="module", params=["rosbags", "rclpy"])
def wire(request):
    """(class set, function that serialises and deserialises a message as it would on the wire)."""
    if request.param == "rosbags":
        store = interface_types()

        def travel(message):
            data = store.serialize_cdr(message, message.__msgtype__)
            return store.deserialize_cdr(bytes(data), message.__msgtype__)

        return messages.rosbags_types(store), travel
    serialization = pytest.importorskip("rclpy.serialization", reason="rclpy isn't installed")
    pytest.importorskip("hoisdf.msg", reason="the interfaces aren't built and sourced")
    return (
        messages.ros_types(ros_class),
        lambda message: serialization.deserialize_message(serialization.serialize_message(message), type(message)),
    )


def made_up_estimate(seed=0, side="left"):
    rng = np.random.default_rng(seed)
    hand = HandEstimate(
        side=side,
        score=float(np.float32(0.7)),
        joints=rng.normal(size=(21, 3)).astype(np.float32),
        joint_scores=rng.random(21).astype(np.float32),
        vertices=rng.normal(size=(778, 3)).astype(np.float32),
        pose=rng.normal(size=(16, 3)).astype(np.float32),
        shape=rng.normal(size=10).astype(np.float32),
        root_covariance=rng.normal(size=(3, 3)),
        root_source="depth",
        model=HandModelInfo("open hand", "0123456789abcdef"),
    )
    item = ObjectEstimate(
        name="006_mustard_bottle",
        score=0.5,
        rotation=Rotation.random(random_state=seed).as_matrix(),
        translation=rng.normal(size=3),
        covariance=rng.normal(size=(6, 6)),
        side=side,
    )
    regions = Regions(
        hands=(
            HandRegion(np.array([1.0, 2.5, 30.25, 40.0]), side, 0.5, np.array([0.1, -0.2, 0.7])),
            HandRegion(np.array([5.0, 6.0, 7.0, 8.0])),
        ),
        objects=(ObjectRegion(np.array([0.0, 0.0, 9.0, 9.5]), "sphere", 0.25, np.array([0.0, 0.1, 0.8])),),
    )
    return Estimate((hand,), (item,), regions, {"network": 0.25, "decode": 0.125})


def assert_same(a, b, exact=True):
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=0, atol=0 if exact else 1e-15)
    elif hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            assert_same(getattr(a, name), getattr(b, name), exact=name != "rotation")
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_estimate_comes_back_bit_for_bit(wire, side):
    types, travel = wire
    estimate = made_up_estimate(side=side)
    message = travel(messages.estimate_to_hand_object(estimate, messages.make_header(types, STAMP, "camera"), types))
    assert messages.stamp_of(message) == messages.stamp_of(message.hands[0]) == STAMP
    assert message.header.frame_id == message.objects[0].header.frame_id == "camera"
    assert_same(estimate, messages.hand_object_to_estimate(message))


def test_an_empty_estimate_comes_back_empty(wire):
    types, travel = wire
    message = travel(messages.estimate_to_hand_object(Estimate(), messages.make_header(types, 0, ""), types))
    assert messages.hand_object_to_estimate(message) == Estimate()


def test_constants_are_those_of_the_interface():
    cls = interface_types().types["hoisdf/msg/HandJoints"]
    header = messages.make_header(messages.rosbags_types(interface_types()), 0, "")
    hand = made_up_estimate().hands[0]
    for name, side in (("SIDE_RIGHT", "right"), ("SIDE_LEFT", "left")):
        message = messages.hand_to_hand_joints(replaced(hand, side=side), header, hand_types())
        assert message.side == getattr(cls, name)
    for source in ("unknown", "given", "depth", "monocular", "tracked"):
        message = messages.hand_to_hand_joints(replaced(hand, root_source=source), header, hand_types())
        assert message.root_source == getattr(cls, f"ROOT_{source.upper()}")


def hand_types():
    return messages.rosbags_types(interface_types())


def replaced(thing, **changes):
    return type(thing)(**{name: getattr(thing, name) for name in thing.__dataclass_fields__} | changes)


def hand_message():
    types = hand_types()
    return messages.hand_to_hand_joints(made_up_estimate().hands[0], messages.make_header(types, 0, ""), types)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("side", 0, "must say its side"),
        ("side", 7, "must be 0 .unknown., 1 .right. or 2 .left., got 7"),
        ("root_source", 9, "root_source of hands.0."),
        ("vertices", np.zeros(12, np.float32), "778 x 3 = 2334"),
    ],
)
def test_a_malformed_hand_is_refused_by_name(field, value, words):
    message = hand_message()
    setattr(message, field, value)
    with pytest.raises(InvalidInputError, match=words):
        messages.hand_joints_to_hand(message, "hands[0]")


def two_hands(objects=2, side=None):
    """A message with two left hands, told apart by their scores, and the objects that they hold."""
    estimate = made_up_estimate()
    (hand,), (item,) = estimate.hands, estimate.objects
    hands = (replaced(hand, score=0.25), replaced(hand, score=0.75))
    items = tuple(replaced(item, name=name, side=side) for name in ("first", "second")[:objects])
    estimate = replaced(estimate, hands=hands, objects=items)
    return messages.estimate_to_hand_object(estimate, messages.make_header(hand_types(), 0, "c"), hand_types())


def taken(message):
    """Scores of the hands and names of the objects that are left, and what was said of the others."""
    said = []
    estimate = messages.hand_object_to_estimate(message, said.append)
    return [h.score for h in estimate.hands], [o.name for o in estimate.objects], [str(error) for error in said]


def test_one_bad_hand_leaves_the_other_with_its_object():
    message = two_hands()
    message.hands[0].side = 9
    hands, objects, said = taken(message)
    assert (hands, objects) == ([0.75], ["second", "first"])
    assert ["side of hands[0]" in text for text in said] == [True]
    with pytest.raises(InvalidInputError, match=r"hands\[0\]"):
        messages.hand_object_to_estimate(message)


def test_one_bad_object_leaves_the_other_with_its_hand():
    message = two_hands()
    message.objects[0].pose.pose.orientation.w = float("nan")
    hands, objects, said = taken(message)
    assert (hands, objects) == ([0.75, 0.25], ["second"])
    assert len(said) == 1


def test_the_object_of_a_refused_hand_never_becomes_another_hands():
    message = two_hands(objects=1)
    message.hands[0].side = 9
    hands, objects, said = taken(message)
    assert (hands, objects) == ([0.75], [])
    assert "objects[0] belongs to a hand that was refused" in said[1]


def test_objects_go_by_their_side_wherever_hands_were_refused():
    message = two_hands(side="left")
    message.hands[0].side = 1
    message.objects[1].side = "right"
    crossed = messages.hand_object_to_estimate(message)
    assert [crossed.held_by(i).name for i in range(2)] == ["second", "first"]
    message.hands[0].root_source = 9  # the right hand is refused: its object, the second, lies about
    left = messages.hand_object_to_estimate(message, lambda _: None)
    assert ([h.score for h in left.hands], left.held_by(0).name) == ([0.75], "first")
    message.objects[0].side = "right"  # and now nothing is the left one's
    assert messages.hand_object_to_estimate(message, lambda _: None).held_by(0) is None


def test_the_object_of_a_refused_hand_isnt_taken_by_another_of_its_side():
    message = two_hands(side="left")
    message.hands[0].root_source = 9
    message.objects[1].side = ""  # is the second hand's by its place
    said = []
    estimate = messages.hand_object_to_estimate(message, said.append)
    assert [item.name for item in estimate.objects] == ["second"]
    assert "objects[0] belongs to a hand that was refused" in str(said[1])


def test_an_object_of_no_side_that_there_is_is_refused():
    message = two_hands(side="left")
    message.objects[0].side = "both"
    with pytest.raises(InvalidInputError, match=r"side of objects\[0\] must be 'right', 'left' or empty"):
        messages.hand_object_to_estimate(message)


def test_bad_regions_and_times_leave_hands_and_objects():
    message = two_hands()
    message.regions.hands[0].x1 = float("nan")
    message.stage_seconds = np.zeros(5, np.float32)
    hands, objects, said = taken(message)
    assert (hands, objects) == ([0.25, 0.75], ["first", "second"])
    assert len(said) == 2


def test_where_no_hand_is_left_it_is_no_empty_message():
    message = two_hands()
    for hand in message.hands:
        hand.side = 9
    with pytest.raises(InvalidInputError, match=r"hands\[0\]"):
        taken(message)


def test_a_score_that_is_no_number_is_refused():
    message = two_hands()
    message.regions.hands[0].score = float("nan")
    with pytest.raises(InvalidInputError, match=r"score of hands\[0\] of the regions"):
        messages.message_to_regions(message.regions)


def test_a_hand_without_a_mesh_is_a_hand():
    message = hand_message()
    message.vertices = np.zeros(0, np.float32)
    assert messages.hand_joints_to_hand(message).vertices.shape == (0, 3)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (float("nan"), 0, 0, 1), (1, 1, 0, 0)])
def test_an_object_without_a_rotation_is_refused(quaternion):
    types = hand_types()
    message = messages.object_to_object_pose(made_up_estimate().objects[0], messages.make_header(types, 0, ""), types)
    q = message.pose.pose.orientation
    q.x, q.y, q.z, q.w = quaternion
    with pytest.raises(InvalidInputError, match="quaternion of length 1"):
        messages.object_pose_to_object(message)


@given(st.lists(st.floats(0, 1000, width=32), min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_regions_come_back_or_are_refused(box):
    types = hand_types()
    region = HandRegion(np.array(box), "right")
    message = messages.regions_to_message(Regions((region,)), messages.make_header(types, 0, ""), types)
    if box[0] < box[2] and box[1] < box[3]:
        assert_same(messages.message_to_regions(message), Regions((region,)))
    else:
        with pytest.raises(InvalidInputError, match=r"hands\[0\]"):
            messages.message_to_regions(message)


def test_a_hand_with_its_mesh_takes_less_than_a_millisecond(wire):
    types, _ = wire
    estimate = made_up_estimate()
    header = messages.make_header(types, 0, "")
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        messages.estimate_to_hand_object(estimate, header, types)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1e-3  # the least: this is about the code, not about what else the machine does


# Cameras


@pytest.mark.parametrize(
    "camera",
    [
        Pinhole(600, 610, 320, 240, 640, 480),
        Pinhole(600, 610, 320, 240, 640, 480, (0.1, -0.2, 1e-3, 2e-3, 0.05)),
        Pinhole(300, 310, 320, 240, 640, 480, (0.1, -0.2, 1e-3, 2e-3), "equidistant"),
    ],
)
def test_a_camera_comes_back(wire, camera):
    types, travel = wire
    message = travel(messages.pinhole_to_camera_info(camera, messages.make_header(types, STAMP, "camera"), types))
    assert messages.camera_info_to_pinhole(message) == camera
    assert messages.camera_info_to_pinhole(message, rectified=True) == Pinhole(
        camera.fx, camera.fy, camera.cx, camera.cy, 640, 480
    )


def camera_info(**changes):
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    fields = {
        "header": SimpleNamespace(frame_id="camera"),
        "width": 640,
        "height": 480,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": [600.0, 0, 320, 0, 610, 240, 0, 0, 1],
        "p": [500.0, 0, 310, 0, 0, 510, 230, 0, 0, 0, 1, 0],
        "binning_x": 0,
        "binning_y": 0,
        "roi": roi,
    }
    return SimpleNamespace(**(fields | changes))


def test_rectified_images_take_p_and_raw_ones_k():
    assert messages.camera_info_to_pinhole(camera_info(), rectified=True).fx == 500
    assert messages.camera_info_to_pinhole(camera_info(), rectified=False).fx == 600


@pytest.mark.parametrize(
    ("changes", "rectified", "words"),
    [
        ({"k": [0.0] * 9, "p": [0.0] * 12}, False, r"'camera' is uncalibrated \(K\[0\] is 0\): calibrate it"),
        ({"p": [0.0] * 12}, True, r"P\[0\] is 0.*its K is set"),
        ({"k": [float("nan"), 0, 320, 0, 610, 240, 0, 0, 1]}, False, "finite"),
        ({"d": [0.1] * 5, "distortion_model": "mei"}, False, "'mei' is not supported"),
        ({"d": [0.1] * 7}, False, "4 or 5 coefficients"),
    ],
)
def test_an_unusable_camera_says_why(changes, rectified, words):
    with pytest.raises(CameraError, match=words):
        messages.camera_info_to_pinhole(camera_info(**changes), rectified)


def test_zero_distortion_of_a_model_we_lack_is_no_distortion():
    assert messages.camera_info_to_pinhole(camera_info(distortion_model="inverse_brown_conrady")).distortion == ()


def test_a_region_of_interest_and_binning_keep_the_ray():
    """A point seen by the whole sensor at u is seen at (u - offset) / binning in the published image."""
    roi = SimpleNamespace(x_offset=100, y_offset=50, width=320, height=240, do_rectify=False)
    cut = messages.camera_info_to_pinhole(camera_info(roi=roi, binning_x=2, binning_y=2))
    whole = messages.camera_info_to_pinhole(camera_info())
    point = np.array([0.05, -0.03, 0.6])
    np.testing.assert_allclose(cut.project(point), (whole.project(point) - [100, 50]) / 2)
    assert (cut.width, cut.height) == (160, 120)


def test_an_info_of_another_size_is_refused():
    camera = messages.camera_info_to_pinhole(camera_info())
    with pytest.raises(CameraError, match="calibrated for 640x480, the image is 320x240"):
        Frame(np.zeros((240, 320, 3), np.uint8), camera)
