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

"""Webcam, video and folder sources, and video files that are written."""

import cv2
import numpy as np
import PIL.Image
import pytest

from hoisdf_model.errors import ImageError, InvalidInputError
from hoisdf_model.feeds import CaptureError, VideoFile, open_source, open_video
from hoisdf_model.feeds import picture_sources as sources
from hoisdf_model.messages import natural_order


def grey_levels(source):
    levels = []
    while (picture := source.read()) is not None:
        levels.append(int(picture.mean()))
    return levels


@pytest.fixture
def folder(tmp_path):
    for i, level in ((1, 10), (2, 20), (10, 100)):
        cv2.imwrite(str(tmp_path / f"frame_{i}.png"), np.full((24, 32, 3), level, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_folder_is_read_in_the_order_of_the_numbers_in_the_names(folder):
    source = open_source(str(folder))
    assert source.size == (32, 24)
    assert grey_levels(source) == [10, 20, 100]
    assert source.read() is None
    source.rewind()
    assert grey_levels(source) == [10, 20, 100]


def test_pattern_and_single_image(folder):
    assert grey_levels(open_source(str(folder / "frame_1*.png"))) == [10, 100]
    assert grey_levels(open_source(str(folder / "frame_2.png"))) == [20]


def test_pictures_are_rgb(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "red.png"), red)
    assert open_source(str(tmp_path)).read()[0, 0].tolist() == [255, 0, 0]


def test_damaged_image_is_an_error_of_its_own_and_the_next_one_comes(folder):
    (folder / "frame_2.png").write_bytes((folder / "frame_2.png").read_bytes()[:40])
    source = open_source(str(folder))
    source.read()
    with pytest.raises(ImageError, match="frame_2"):
        source.read()
    assert source.read().mean() == 100


def test_image_of_another_size_is_refused_with_both_sizes(folder):
    cv2.imwrite(str(folder / "frame_3.png"), np.zeros((10, 12, 3), np.uint8))
    source = open_source(str(folder))
    source.read(), source.read()
    with pytest.raises(ImageError, match=r"12x10.*32x24"):
        source.read()


def test_video_gives_its_frames_and_rate_and_rewinds(tmp_path):
    path = str(tmp_path / "video.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 12.0, (32, 24))
    assert writer.isOpened()
    for level in (0, 100, 200):
        writer.write(np.full((24, 32, 3), level, np.uint8))
    writer.release()
    source = open_source(path)
    assert (source.size, source.rate, source.live) == ((32, 24), 12.0, False)
    first = grey_levels(source)
    assert first == pytest.approx([0, 100, 200], abs=3)  # JPEG
    source.rewind()
    assert grey_levels(source) == first
    source.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("987", "camera 987 can't be opened"),
        ("/dev/video987", "no camera at /dev/video987"),
        ("missing.mp4", "no camera, video or folder 'missing.mp4'"),
        ("nothing/*.png", "no images match"),
    ],
)
def test_what_is_not_there_is_named(name, message):
    with pytest.raises(CaptureError, match=message.replace("*", r"\*")):
        open_source(name)


def test_empty_folder_and_damaged_video_are_refused(tmp_path):
    with pytest.raises(CaptureError, match="no images in the folder"):
        open_source(str(tmp_path))
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    with pytest.raises(CaptureError, match=r"broken.mp4 can't be opened"):
        open_source(str(tmp_path / "broken.mp4"))


def test_natural_order(tmp_path):
    names = ["b1", "a10", "a9", "a"]
    assert [p.name for p in sorted((tmp_path / n for n in names), key=natural_order)] == ["a", "a9", "a10", "b1"]


class FakeWebcam:
    """Stands in for ``cv2.VideoCapture``: gives ``frames`` pictures of 640x480, whatever it is asked for."""

    def __init__(self, frames=2):
        self.frames, self.asked, self.released = frames, {}, False

    def __call__(self, source):
        self.source = source
        return self

    def isOpened(self):
        return True

    def set(self, key, value):
        self.asked[key] = value

    def get(self, key):
        return 30.0

    def read(self):
        self.frames -= 1
        return (True, np.zeros((480, 640, 3), np.uint8)) if self.frames >= 0 else (False, None)

    def release(self):
        self.released = True


def test_webcam_is_asked_for_size_and_rate_and_sets_its_own_pace(monkeypatch):
    webcam = FakeWebcam()
    monkeypatch.setattr(sources.cv2, "VideoCapture", webcam)
    source = open_source("3", (640, 480), 15.0)
    assert webcam.source == 3
    assert webcam.asked[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert webcam.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 480
    assert webcam.asked[cv2.CAP_PROP_FPS] == 15.0
    assert (source.live, source.size, source.rate) == (True, (640, 480), 0.0)


def test_webcam_that_is_unplugged_is_an_error_after_its_last_picture(monkeypatch):
    monkeypatch.setattr(sources.cv2, "VideoCapture", FakeWebcam(frames=2))
    source = open_source("0")
    assert source.read().shape == (480, 640, 3)
    assert source.read() is not None
    with pytest.raises(CaptureError, match="stopped giving pictures"):
        source.read()


def test_webcam_that_cannot_do_the_size_is_let_go(monkeypatch):
    webcam = FakeWebcam()
    monkeypatch.setattr(sources.cv2, "VideoCapture", webcam)
    with pytest.raises(CaptureError, match="doesn't do 1280x720, it gives 640x480"):
        open_source("0", (1280, 720))
    assert webcam.released


def with_exif(path, orientation):
    """A JPEG whose left half is black and right half white, and which says that it is turned."""
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(pixels).save(path, exif=exif.tobytes(), quality=95)
    return path


@pytest.mark.parametrize("orientation", [3, 6])
def test_an_exif_turn_is_said_and_not_applied(tmp_path, caplog, orientation):
    source = open_source(str(with_exif(tmp_path / "a.jpg", orientation)))
    picture = source.read()
    assert source.size == (32, 24)
    assert picture[:, :14].mean() < 5
    assert picture[:, 18:].mean() > 250
    assert f"Exif orientation {orientation} isn't applied" in caplog.text


def test_half_a_jpeg_is_no_picture(folder):
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8))[1].tobytes()
    (folder / "frame_3.jpg").write_bytes(whole[: len(whole) // 2])
    source = open_source(str(folder))
    source.read(), source.read()
    with pytest.raises(ImageError, match=r"frame_3\.jpg.*truncated"):
        source.read()


@pytest.mark.parametrize("name", ["0", "shots[1]", "what?", "a*b", "rtsp:", "take %03d"])
def test_a_folder_or_file_that_exists_is_that_whatever_its_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / name / "a.png"), np.full((24, 32, 3), 50, np.uint8))
    assert grey_levels(open_source(name)) == [50]
    image = tmp_path / f"{name}.png"
    cv2.imwrite(str(image), np.full((24, 32, 3), 70, np.uint8))
    assert grey_levels(open_source(image.name)) == [70]


@pytest.mark.parametrize("name", ["12:30.avi", "take [2].avi", "clip%03d.avi"])
def test_a_video_file_that_exists_is_that_whatever_its_name(tmp_path, monkeypatch, name):
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 12.0, (32, 24))
    writer.write(np.full((24, 32, 3), 100, np.uint8))
    writer.release()
    (tmp_path / "v.avi").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert grey_levels(open_source(name)) == pytest.approx([100], abs=3)


def test_an_image_without_an_ending_is_told_by_its_content(tmp_path):
    cv2.imwrite(str(tmp_path / "a.webp"), np.full((24, 32, 3), 50, np.uint8))
    (tmp_path / "a.webp").rename(tmp_path / "picture")
    assert grey_levels(open_source(str(tmp_path / "picture"))) == pytest.approx([50], abs=3)


def test_a_video_is_not_turned(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"x")
    webcam = FakeWebcam()
    monkeypatch.setattr(sources.cv2, "VideoCapture", webcam)
    source = open_source(str(tmp_path / "a.mp4"))
    assert webcam.asked[cv2.CAP_PROP_ORIENTATION_AUTO] == 0
    webcam.asked.clear()
    source.read()
    source.rewind()
    assert webcam.asked[cv2.CAP_PROP_ORIENTATION_AUTO] == 0


def written(path, count, rate=12.0, shape=(24, 32, 3), code="mp4v"):
    """A video of pictures that get brighter by ten levels each, made by OpenCV alone."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, shape[1::-1])
    for i in range(count):
        writer.write(np.full(shape, 10 * i, np.uint8))
    writer.release()
    return path


def test_a_video_says_how_many_pictures_it_holds_and_when_each_is_shown(tmp_path):
    source = open_video(written(tmp_path / "a.mp4", 6))
    assert (source.announced, source.rate) == (6, 12.0)
    shown = []
    while source.read() is not None:
        shown.append(source.seconds)
    assert shown == pytest.approx([i / 12 for i in range(6)], abs=1e-3)


def test_a_video_that_is_missing_or_none_is_refused_with_the_reason(tmp_path):
    with pytest.raises(CaptureError, match=r"no such file: .*nowhere\.mp4"):
        open_video(tmp_path / "nowhere.mp4")
    whole = written(tmp_path / "a.mp4", 6).read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CaptureError, match=r"half\.mp4 can't be opened: .*cut off"):
        open_video(tmp_path / "half.mp4")


@pytest.mark.parametrize("shape", [(24, 32, 3), (25, 33, 3)], ids=["even", "odd"])
def test_a_video_that_is_written_is_read_by_opencv(tmp_path, shape):
    video = VideoFile(tmp_path / "b.mp4", 7.5)
    for i in range(5):
        assert video.write(np.full(shape, (40 * i, 0, 0), np.uint8))
    assert video.close()
    reader = cv2.VideoCapture(str(tmp_path / "b.mp4"))
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(7.5)
    reds = []
    while (got := reader.read())[0]:
        assert got[1].shape == (24, 32, 3)
        reds.append(got[1][..., 2].mean())  # OpenCV reads BGR
    assert reds == pytest.approx([0, 40, 80, 120, 160], abs=6)


def test_a_video_has_pictures_of_one_size_and_a_folder_to_be_written_to(tmp_path):
    video = VideoFile(tmp_path / "b.mp4", 7.5)
    assert not video.close()  # nothing was written
    video.write(np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(ImageError, match=r"first is \(24, 32, 3\), got \(24, 34, 3\)"):
        video.write(np.zeros((24, 34, 3), np.uint8))
    with pytest.raises(InvalidInputError, match="No such file or directory"):
        VideoFile(tmp_path / "nowhere" / "b.mp4", 7.5).write(np.zeros((24, 32, 3), np.uint8))


class Shut:
    """A writer of an OpenCV without codecs."""

    fourcc = staticmethod(cv2.VideoWriter.fourcc)

    def __init__(self, *_):
        pass

    def isOpened(self):
        return False

    def release(self):
        pass


def test_without_a_codec_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoWriter", Shut)
    video = VideoFile(tmp_path / "b.mp4", 7.5)
    assert not video.write(np.zeros((24, 32, 3), np.uint8))
    assert not video.close()
    assert not (tmp_path / "b.mp4").exists()
