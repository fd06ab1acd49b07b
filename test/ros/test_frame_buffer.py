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

"""Transforms at a moment, against matrices and rotations worked out by hand."""

import threading
import time

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("tf2_msgs")

from hoisdf_model.messages import make_header  # noqa: E402
from hoisdf_ros.grasp.frame_buffer import FrameBuffer, TransformError  # noqa: E402
from hoisdf_ros.message_classes import ROS_TYPES  # noqa: E402
from hoisdf_ros.transforms import transform_message  # noqa: E402

SECOND = 1_000_000_000


def message(parent, child, stamp, turn=None, move=(0.0, 0.0, 0.0)):
    header = make_header(ROS_TYPES, round(stamp * SECOND), parent)
    return transform_message(header, [(child, turn or Rotation.identity(), move)])


def pose(turn, move):
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = turn.as_matrix(), move
    return result


@pytest.fixture
def buffer():
    """An arm that moves on a base, a camera fixed to the arm, a table fixed to the base."""
    buffer = FrameBuffer()
    buffer.take(message("base", "arm", 1.0, move=(1.0, 0.0, 0.0)), False)
    buffer.take(message("base", "arm", 2.0, Rotation.from_euler("z", 90, degrees=True), (3.0, 0.0, 0.0)), False)
    buffer.take(message("arm", "camera", 0.0, move=(0.0, 0.0, 0.5)), True)
    buffer.take(message("base", "table", 0.0, Rotation.from_euler("x", 180, degrees=True)), True)
    return buffer


def test_a_chain_is_interpolated_at_the_stamp(buffer):
    expected = pose(Rotation.from_euler("z", 45, degrees=True), (2.0, 0.0, 0.5))
    np.testing.assert_allclose(buffer.lookup("base", "camera", round(1.5 * SECOND)), expected, atol=1e-12)
    np.testing.assert_allclose(
        buffer.lookup("camera", "base", round(1.5 * SECOND)), np.linalg.inv(expected), atol=1e-12
    )


def test_branches_meet_at_their_common_ancestor(buffer):
    expected = pose(Rotation.from_euler("x", 180, degrees=True), (0, 0, 0)) @ pose(Rotation.identity(), (1, 0, 0.5))
    np.testing.assert_allclose(buffer.lookup("table", "camera", SECOND), expected, atol=1e-12)


def test_a_frame_in_itself_is_the_identity_even_if_nobody_knows_it():
    np.testing.assert_array_equal(FrameBuffer().lookup("here", "here", 0), np.eye(4))


@pytest.mark.parametrize(
    ("target", "source", "stamp", "said"),
    [
        ("base", "camera", 2.25, "0.250 s after the newest"),
        ("base", "camera", 0.25, "0.750 s before the oldest"),
        ("world", "camera", 1.0, "doesn't know the frame world; it knows arm, base, camera, island, sea, table"),
        ("world", "moon", 1.0, "world nor moon"),
        ("island", "camera", 1.0, "doesn't connect camera with island"),
    ],
)
def test_what_is_not_known_is_named(buffer, target, source, stamp, said):
    buffer.take(message("sea", "island", 0.0), True)
    with pytest.raises(TransformError, match=said):
        buffer.lookup(target, source, round(stamp * SECOND))


def test_a_lookup_waits_for_the_transform():
    buffer = FrameBuffer()
    thread = threading.Timer(0.1, lambda: buffer.take(message("base", "camera", 0.0, move=(1, 2, 3)), True))
    thread.start()
    np.testing.assert_allclose(buffer.lookup("base", "camera", 5, timeout=20.0)[:3, 3], (1, 2, 3))
    thread.join()
    began = time.monotonic()
    with pytest.raises(TransformError):
        buffer.lookup("base", "moon", 5, timeout=0.05)
    assert time.monotonic() - began >= 0.05


def test_history_ends_after_ten_seconds_and_starts_anew_when_time_jumps_back(buffer):
    buffer.take(message("base", "arm", 11.5), False)
    with pytest.raises(TransformError, match="before the oldest"):
        buffer.lookup("base", "arm", round(1.4 * SECOND))
    buffer.take(message("base", "arm", 0.5, move=(7, 0, 0)), False)
    assert buffer.lookup("base", "arm", SECOND // 2)[0, 3] == 7
    with pytest.raises(TransformError, match="after the newest"):
        buffer.lookup("base", "arm", 2 * SECOND)


def test_clearing_forgets_what_moves_and_keeps_what_is_fixed(buffer):
    buffer.clear()
    with pytest.raises(TransformError):
        buffer.lookup("base", "camera", SECOND)
    np.testing.assert_allclose(buffer.lookup("arm", "camera", SECOND)[:3, 3], (0, 0, 0.5))


def test_nonsense_on_tf_is_left_out():
    buffer = FrameBuffer()
    for wrong in (
        message("base", "camera", 1.0, move=(float("nan"), 0, 0)), message("base", "base", 1.0), message("", "a", 1.0),
    ):  # fmt: skip
        buffer.take(wrong, False)
    zero = message("base", "camera", 1.0)
    zero.transforms[0].transform.rotation.w = 0.0
    buffer.take(zero, False)
    with pytest.raises(TransformError, match="it knows none"):
        buffer.lookup("base", "camera", SECOND)


def test_a_circle_on_tf_ends_in_an_error():
    buffer = FrameBuffer()
    for parent, child in (("a", "b"), ("b", "c"), ("c", "a")):
        buffer.take(message(parent, child, 1.0), True)
    with pytest.raises(TransformError):
        buffer.lookup("moon", "a", SECOND)


def test_one_bad_transform_leaves_the_others_and_is_named(buffer):
    mixed = message("base", "arm", 3.0, move=(7.0, 0.0, 0.0))
    for parent, child, move in (("", "lost", 0.0), ("base", "base", 0.0), ("base", "far", np.nan)):
        mixed.transforms[:0] = message(parent, child, 3.0, move=(move, 0.0, 0.0)).transforms
    refused = buffer.take(mixed, False)
    assert [text.split(" must")[0] for text in refused] == [
        "transforms[0] from 'far' to 'base'", "transforms[1] from 'base' to 'base'", "transforms[2] from 'lost' to ''",
    ]  # fmt: skip
    assert buffer.lookup("base", "arm", 3 * SECOND)[0, 3] == 7.0
    assert buffer.take(message("base", "arm", 4.0), False) == []
