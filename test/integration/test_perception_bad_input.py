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

"""Whatever a camera sends, the node says what is wrong on /diagnostics and goes on with the next good frame."""

import math
import time

import numpy as np
import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info, make_regions, set_stamp, stamp_of, values_of  # noqa: E402
from perception_rig import Rig  # noqa: E402
from sensor_msgs.msg import CompressedImage  # noqa: E402

from hoisdf_model.errors import MeshError  # noqa: E402
from hoisdf_model.messages.camera_infos import ENOUGH  # noqa: E402

ERROR = b"\x02"


@pytest.fixture(scope="module")
def raw():
    with Rig() as rig:
        rig.activate()
        know_each_other(rig)
        yield rig


@pytest.fixture(scope="module")
def compressed():
    with Rig({"input.transport": "compressed"}) as rig:
        rig.activate()
        know_each_other(rig)
        yield rig


clock = iter(range(100, 10_000))


def know_each_other(rig):
    """Good frames, until the node knows that every image has a camera_info of its own.

    To the first ones it gives the last camera_info where theirs comes late, and that may be a bad one.
    """
    for _ in range(ENOUGH + 1):
        stamp = float(next(clock))
        rig.peer.send(stamp, **good_frame(rig))
        assert rig.peer.wait(lambda stamp=stamp: any(stamp_of(m) == stamp for m in rig.peer.heard["hand_object"]))


def good_frame(rig):
    return {"image": jpeg()} if rig.peer.image_kind is CompressedImage else {}


def expect(rig, cause, said, **messages):
    """The bad frame is counted under ``cause`` with an error that says ``said``; the next good frame comes through."""
    rig.estimator.error = messages.pop("error", None)
    before = rig.node._monitor.snapshot().dropped.get(cause, 0)
    rig.peer.send(float(next(clock)), **messages)

    def named(status):
        return status.level == ERROR and int(values_of(status).get(f"dropped: {cause}", 0)) > before

    status = rig.peer.wait_for_status("input", named)
    values = values_of(status)
    for word in said:
        assert word in status.message, status.message
        assert word in values["last error"]
    assert values["last error: cause"] == cause
    rig.estimator.error = None
    rig.peer.heard.clear()
    rig.peer.send(float(next(clock)), **good_frame(rig))
    assert rig.peer.wait(lambda: rig.peer.heard["hand_object"]), "the node stopped working"
    assert rig.peer.state() == "active"


def changed(message, **fields):
    for name, value in fields.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (changed(make_image(), step=100), ["step", "192"]),
        (changed(make_image(), data=bytes(100)), ["data", "9216"]),
        (changed(make_image(), width=0, height=0, step=0, data=b""), ["empty", "0x0"]),
        (changed(make_image(), encoding="8UC7"), ["unknown encoding", "8UC7", "rgb8"]),
    ],
    ids=["step", "data length", "zero size", "encoding"],
)
def test_images_that_cannot_be_decoded(raw, image, said):
    expect(raw, "undecodable", said, image=image)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (changed(make_info(), k=[math.nan] * 9), ["finite"]),
        (changed(make_info(), k=[0.0] * 9), ["uncalibrated", "K[0] is 0"]),
        (make_info(width=320, height=240), ["320x240", "64x48"]),
        (changed(make_info(), distortion_model="magic", d=[0.1] * 5), ["magic", "plumb_bob"]),
    ],
    ids=["NaN", "uncalibrated", "another size", "distortion model"],
)
def test_cameras_that_cannot_be_used(raw, info, said):
    expect(raw, "uncalibrated", said, info=info)


def jpeg():
    cv2 = pytest.importorskip("cv2")
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    return as_message(cv2.imencode(".jpg", pixels)[1].tobytes())


def as_message(data):
    message = CompressedImage(format="jpeg", data=data)
    message.header.frame_id = "camera"
    return message


def test_a_truncated_jpeg(compressed):
    whole = jpeg()
    expect(compressed, "undecodable", ["truncated"], image=changed(jpeg(), data=whole.data[: len(whole.data) // 2]))


def test_compressed_data_that_is_no_image(compressed):
    expect(compressed, "undecodable", ["image"], image=as_message(b"not an image"))


def test_errors_of_the_estimator_known_and_unknown(raw):
    expect(raw, "estimator", ["unknown object 'x'"], error=MeshError("unknown object 'x'; the catalogue has: y"))
    expect(raw, "internal_error", ["ZeroDivisionError", "surprise"], error=ZeroDivisionError("surprise"))


def test_images_without_info_are_counted_and_named(raw):
    before = raw.node._monitor.snapshot().dropped.get("unpaired_camera_info", 0)
    for _ in range(11):  # the eleventh pushes the first out of the queue of ten
        raw.peer.send(float(next(clock)), info=False)
        time.sleep(0.02)
    dropped = "dropped: unpaired_camera_info"
    raw.peer.wait_for_status("input", lambda s: int(values_of(s).get(dropped, 0)) > before)
    raw.peer.heard.clear()
    raw.peer.send(float(next(clock)))
    assert raw.peer.wait(lambda: raw.peer.heard["hand_object"])


def test_a_camera_that_never_sends_info_is_a_warning_that_says_so():
    with Rig() as rig:
        rig.activate()
        for i in range(3):
            rig.peer.send(1.0 + i, info=False)
            time.sleep(0.02)
        status = rig.peer.wait_for_status("input", lambda s: s.level == b"\x01" and "camera_info" in s.message)
        assert "none of them can be used" in status.message


def test_malformed_regions():
    with Rig({"input.regions": "regions"}) as rig:
        rig.activate()
        upside_down = make_regions((5.0, 40.0, 30.0, 6.0))
        set_stamp(upside_down, 1.0)
        rig.peer.wait_for_status("input", lambda s: values_of(s).get("regions: publishers") == "1")
        rig.peer.regions.publish(upside_down)
        rig.peer.send(1.0)
        status = rig.peer.wait_for_status("input", lambda s: s.level == ERROR)
        assert "invalid_regions" in status.message
        assert "hands[0]" in status.message


def test_an_error_is_forgotten_after_the_timeout_but_stays_counted():
    with Rig({"diagnostics.timeout": 0.5}) as rig:
        rig.activate()
        rig.peer.send(1.0, image=changed(make_image(), encoding="8UC7"))
        rig.peer.wait_for_status("input", lambda s: s.level == ERROR)
        status = rig.peer.wait_for_status("input", lambda s: s.level != ERROR)
        assert values_of(status)["dropped: undecodable"] == "1"
