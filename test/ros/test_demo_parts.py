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

"""The demo's parts that need no ROS graph: statistics, errors, pictures, child processes."""

import signal
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")


from hoisdf_model.data import BagFrame
from hoisdf_model.errors import CheckpointError, InvalidInputError
from hoisdf_model.estimates import Estimate, Frame, HandEstimate, HandModelInfo
from hoisdf_model.geometry import Pinhole
from hoisdf_ros.child import Child
from hoisdf_ros.demo import run_pictures as demo_pictures
from hoisdf_ros.demo.command import chosen_weights
from hoisdf_ros.demo.latency import stream_statistics
from hoisdf_ros.demo.run_pictures import draw_pictures, write_contact_sheet, write_video
from hoisdf_ros.demo.run_report import joint_errors

pytestmark = pytest.mark.ros


def make_hand(joints, side="right", model="mano"):
    return HandEstimate(
        side=side,
        score=1.0,
        joints=np.asarray(joints, np.float32),
        joint_scores=np.ones(21, np.float32),
        vertices=np.zeros((778, 3), np.float32),
        pose=np.zeros((16, 3), np.float32),
        shape=np.zeros(10, np.float32),
        root_covariance=np.zeros((3, 3)),
        root_source="given",
        model=HandModelInfo(model, "0"),
    )


JOINTS = np.random.default_rng(0).normal((0, 0, 0.6), 0.05, (21, 3))


def test_rates_are_over_n_minus_one_intervals_and_latency_is_matched_by_stamp():
    sent = {i: 10.0 + 0.1 * i for i in range(11)}
    answered = {0: 10.3, 4: 10.6, 8: 11.0, 99: 0.0}  # 99 was never sent
    statistics = stream_statistics(sent, answered)
    assert (statistics.sent, statistics.answered, statistics.missed) == (11, 3, 8)
    assert statistics.sent_rate == pytest.approx(10.0)
    assert statistics.answered_rate == pytest.approx(2 / 0.7)
    assert statistics.latency["min"] == pytest.approx(0.2)
    assert statistics.latency["max"] == pytest.approx(0.3)
    assert statistics.latency["p50"] == pytest.approx(0.2)
    assert statistics.latency["p95"] == pytest.approx(np.percentile([0.3, 0.2, 0.2], 95))
    assert statistics.jitter == pytest.approx(0.05)  # intervals of 0.3 and 0.4 s


def test_nothing_answered_has_no_latency():
    statistics = stream_statistics({1: 0.0}, {})
    assert (statistics.missed, dict(statistics.latency), statistics.answered_rate) == (1, {}, 0.0)


def test_a_shifted_hand_is_wrong_in_the_camera_frame_and_right_about_its_wrist():
    truth = make_hand(JOINTS, model="open_hand")
    estimate = Estimate(hands=(make_hand(JOINTS + np.array([0.0, 0.03, 0.04])), make_hand(JOINTS + 9.0)))
    errors = joint_errors({5: estimate}, {5: Estimate(hands=(truth,)), 6: Estimate(hands=(truth,))})
    assert errors.camera == pytest.approx(0.05, rel=1e-4)
    assert errors.wrist_relative == pytest.approx(0.0, abs=1e-6)
    assert (errors.hands, errors.found, errors.synthetic) == (1, 1, True)


def test_a_hand_of_the_other_side_is_not_the_hand():
    truth = Estimate(hands=(make_hand(JOINTS),))
    errors = joint_errors({5: Estimate(hands=(make_hand(JOINTS, "left"),))}, {5: truth})
    assert (errors.hands, errors.found, errors.synthetic) == (1, 0, False)
    assert np.isnan(errors.camera)
    assert joint_errors({5: truth}, {}) is None


def frames(count, truth=None):
    camera = Pinhole(50, 50, 15.5, 11.5, 32, 24)
    image = np.full((24, 32, 3), 128, np.uint8)
    return [BagFrame(Frame(image, camera), i * 100_000_000, "camera", None, truth) for i in range(count)]


def brightened(image, estimate, camera):
    return np.minimum(image.astype(int) + 20 * (1 + len(estimate.hands)), 255).astype(np.uint8)


def test_only_processed_frames_are_drawn_with_their_own_estimates():
    truth = Estimate(hands=(make_hand(JOINTS),))
    estimates = {100_000_000: Estimate(), 300_000_000: truth}
    pictures = draw_pictures(frames(5, truth), estimates, brightened)
    assert [p.seconds for p in pictures] == pytest.approx([0.1, 0.3])
    assert [int(p.estimate.mean()) for p in pictures] == [148, 168]
    assert [int(p.truth.mean()) for p in pictures] == [168, 168]


def test_video_has_all_frames_at_the_rate_of_the_results(tmp_path):
    estimates = {i * 100_000_000: Estimate() for i in range(0, 9, 2)}
    path = write_video(tmp_path / "overlay", draw_pictures(frames(9), estimates, brightened))
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(5.0)


def test_without_a_codec_it_is_a_gif(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_pictures, "_write_mp4", lambda *_: False)
    estimates = {i * 100_000_000: Estimate(hands=(make_hand(JOINTS),) * (i % 3)) for i in range(4)}
    path = write_video(tmp_path / "overlay", draw_pictures(frames(4), estimates, brightened))
    assert path.suffix == ".gif"
    from PIL import Image

    assert Image.open(path).n_frames == 4
    assert not (tmp_path / "overlay.mp4").exists()


def shows(sheet, level):
    """Whether a large part of the sheet has that grey level; the edges of letters have all of them."""
    return (sheet == level).all(-1).sum() > 10_000


def test_contact_sheet_shows_estimate_and_truth(tmp_path):
    truth = Estimate(hands=(make_hand(JOINTS),))
    pictures = draw_pictures(frames(20, truth), {i * 100_000_000: Estimate() for i in range(20)}, brightened)
    sheet = cv2.imread(str(write_contact_sheet(tmp_path / "sheet.png", pictures, "title")))
    half = sheet.shape[0] // 2
    shown = [
        [int((part == level).all(-1).sum()) > 10_000 for level in (148, 168)] for part in (sheet[:half], sheet[half:])
    ]
    assert shown == [[True, False], [False, True]]
    without = [replace(picture, truth=None) for picture in pictures]
    sheet = cv2.imread(str(write_contact_sheet(tmp_path / "sheet.png", without, "title")))
    assert [shows(sheet, level) for level in (148, 168)] == [True, False]


def test_no_pictures_is_an_error(tmp_path):
    for write in (write_video, lambda path, pictures: write_contact_sheet(path, pictures, "title")):
        with pytest.raises(InvalidInputError, match="at least one picture"):
            write(tmp_path / "x", [])


def test_weights_asked_for_must_be_there(tmp_path):
    assert chosen_weights("untrained:compact") == ("untrained:compact", False)
    (tmp_path / "w.safetensors").write_bytes(b"x")
    assert chosen_weights(str(tmp_path / "w.safetensors")) == (str(tmp_path / "w.safetensors"), True)
    with pytest.raises(CheckpointError, match="no weights file at /nowhere"):
        chosen_weights("/nowhere")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that a child can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(code):
        (tmp_path / "some_child.py").write_text(code)
        return "some_child"

    return write


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_child_keeps_what_it_prints_and_its_exit_code(module, tmp_path):
    code = "import sys, os\nprint(os.environ['COLOUR'], *sys.argv[1:])\nsys.exit('bad luck')"
    with Child(module(code), ["a", "b"], tmp_path / "log", {"COLOUR": "red"}) as child:
        assert wait_for(lambda: child.exit_code is not None)
    assert child.exit_code == 1
    assert child.tail() == "red a b\nbad luck"
    assert child.tail(1) == "bad luck"


def test_child_is_ended_when_left_even_if_it_ignores_interrupts(module, tmp_path):
    code = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(60)"
    )
    child = Child(module(code), [], tmp_path / "log")
    assert wait_for(lambda: child.tail() == "up")
    child.end(patience=0.2)
    assert child.exit_code == -signal.SIGKILL
