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

"""Which camera_info an image has when it has none of its own."""

from types import SimpleNamespace

import pytest

from hoisdf_model.messages import CameraInfos


def info(name, frame="camera", width=640, height=480, binning=0, roi=(0, 0)):
    return SimpleNamespace(
        name=name, header=SimpleNamespace(frame_id=frame), width=width, height=height, binning_x=binning,
        binning_y=binning, roi=SimpleNamespace(width=roi[0], height=roi[1]),
    )  # fmt: skip


def image(frame="camera", width=640, height=480):
    return SimpleNamespace(header=SimpleNamespace(frame_id=frame), width=width, height=height)


def test_the_last_one_holds_until_another_comes():
    infos = CameraInfos()
    assert infos.last_for(image()) is None
    assert "none has come" in infos.why_not(image())
    for name in ("first", "second"):
        infos.add(0, info(name))
        assert infos.last_for(image()).name == name


def test_each_camera_and_size_has_its_own():
    infos = CameraInfos()
    infos.add(0, info("left", "left"))
    infos.add(0, info("right", "/right"))
    infos.add(0, info("small", "left", 320, 240))
    assert infos.last_for(image("left")).name == "left"
    assert infos.last_for(image("right")).name == "right"
    assert infos.last_for(image("left", 320, 240)).name == "small"
    assert infos.last_for(image("third")) is None
    assert "of the frame 'left', the image of 'third'" in infos.why_not(image("third"))
    assert "320x240, this is 100x100" in infos.why_not(image("left", 100, 100))


@pytest.mark.parametrize(
    ("given", "size"),
    [({"binning": 2}, (320, 240)), ({"roi": (200, 100)}, (200, 100)), ({"width": 0, "height": 0}, (33, 44))],
)
def test_the_size_is_that_of_the_published_image(given, size):
    infos = CameraInfos()
    infos.add(0, info("a", **given))
    assert infos.last_for(image("camera", *size)).name == "a"


def test_a_compressed_image_has_no_size_and_an_info_may_have_no_frame():
    infos = CameraInfos()
    infos.add(0, info("a", frame=""))
    assert infos.last_for(SimpleNamespace(header=SimpleNamespace(frame_id="camera"))).name == "a"


@pytest.mark.parametrize(("own", "expected"), [((1, 2, 3), True), ((3,), False), ((), False)])
def test_whether_each_image_has_one_is_told_by_those_before(own, expected):
    infos = CameraInfos(slop=0)
    for stamp in (1, 2, 3, 4):
        infos.add_image(stamp)
        if stamp in own:
            infos.add(stamp, info("a"))
    assert infos.sent_with_each(4) is expected
    infos.restart()
    assert not infos.sent_with_each(4)
    assert (infos.last_for(image()) is None) == (not own)


def test_images_of_long_ago_count_no_more():
    """A driver that has stopped sending them, or sends one a second."""
    infos = CameraInfos()
    for stamp in range(20):
        infos.add_image(stamp)
        if stamp < 5 or stamp == 15:
            infos.add(stamp, info("a"))
    assert not infos.sent_with_each(20)
