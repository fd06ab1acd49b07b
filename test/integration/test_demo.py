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

"""The demo as a user runs it: a process that starts the node and the replay, and ends with table, pictures and code."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import cv2
import pytest

pytest.importorskip("rclpy")

from demo_bag import write_demo_bag

pytestmark = pytest.mark.ros


def demo_command(*arguments):
    return [sys.executable, "-m", "hoisdf_ros.demo", *map(str, arguments)]


def run_demo(*arguments, timeout=240):
    return subprocess.run(demo_command(*arguments), capture_output=True, text=True, timeout=timeout, check=False)


def test_plays_a_bag_and_reports_what_came_through(tmp_path):
    bag = write_demo_bag(tmp_path / "bag")
    process = run_demo("--bag", bag, "--output", tmp_path / "out", "--weights", "untrained:compact")
    said = process.stdout
    assert process.returncode == 0, said + process.stderr
    assert "UNTRAINED" in said
    assert re.search(r"\d+ of 12 images in, \d+ processed", said), said  # a progress line

    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["trained"] is False
    stream, node = results["stream"], results["node"]
    assert stream["sent"] == 12
    assert 1 <= stream["answered"] == node["processed"]
    assert node["processed"] + node["dropped"] == node["received"] <= 12
    assert 0 < stream["latency"]["min"] <= stream["latency"]["p50"] <= stream["latency"]["p95"]
    assert results["joint_errors"]["synthetic"]
    assert results["joint_errors"]["found"] == stream["answered"]
    for word in ("latency p50", "latency p95", "joint error", "synthetic", f"{stream['answered']}"):
        assert word in said

    sheet = cv2.imread(str(tmp_path / "out" / "contact_sheet.png"))
    assert sheet.shape[1] > 600
    video = cv2.VideoCapture(str(next((tmp_path / "out").glob("overlay.*"))))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == stream["answered"]


def test_node_that_refuses_ends_the_demo_with_its_reason(tmp_path):
    bag = write_demo_bag(tmp_path / "bag", frames=2)
    weights = tmp_path / "broken.safetensors"
    weights.write_bytes(b"these are no weights")
    process = run_demo("--bag", bag, "--output", tmp_path / "out", "--weights", weights)
    assert process.returncode == 1
    assert "the perception node refuses: configure" in process.stderr
    assert "broken.safetensors" in process.stderr


def test_nothing_coming_through_is_an_error(tmp_path):
    """The images' camera_info has other stamps and another camera, so that the node can't pair them."""
    bag = write_demo_bag(tmp_path / "bag", frames=3, camera_info_late=True)
    process = run_demo("--bag", bag, "--output", tmp_path / "out", "--weights", "untrained:compact")
    assert process.returncode == 1
    assert "no result came from the perception node; it says:" in process.stderr


def processes_with(token):
    """Ids of the processes that have inherited an environment variable with that value."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if token.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes under /proc")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_no_process_behind(tmp_path, ending):
    bag = write_demo_bag(tmp_path / "bag", frames=2)
    token = uuid.uuid4().hex
    command = [
        sys.executable,
        "-m",
        "hoisdf_ros.demo",
        "--bag",
        bag,
        "--output",
        tmp_path,
        "--weights",
        "untrained:compact",
    ]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOISDF_TEST": token})
    for line in demo.stdout:
        if "perception is" in line:
            break
    assert len(processes_with(token)) == 2
    demo.send_signal(ending)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert processes_with(token) == []


@pytest.mark.parametrize(
    ("without", "message"),
    [(("/image",), "has no topic for image"), (("/camera_info",), "has no topic for camera_info")],
)
def test_bag_without_what_is_needed(tmp_path, without, message):
    bag = write_demo_bag(tmp_path / "bag", frames=1, without=without)
    process = run_demo("--bag", bag, "--output", tmp_path / "out", "--weights", "untrained:compact")
    assert process.returncode == 1
    assert message in process.stderr


def test_missing_bag_damaged_bag_and_missing_weights(tmp_path):
    missing = run_demo("--bag", tmp_path / "none", "--output", tmp_path, "--weights", "untrained:compact")
    assert missing.returncode == 1
    assert "there is no bag at" in missing.stderr

    bag = write_demo_bag(tmp_path / "bag", frames=1)
    (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    damaged = run_demo("--bag", bag, "--output", tmp_path, "--weights", "untrained:compact")
    assert damaged.returncode == 1
    assert "is not a readable bag" in damaged.stderr

    weights = run_demo("--bag", bag, "--output", tmp_path, "--weights", tmp_path / "none.safetensors")
    assert weights.returncode == 1
    assert "there is no weights file at" in weights.stderr


def test_help_names_every_option():
    process = run_demo("--help")
    assert process.returncode == 0
    for option in ("--bag", "--weights", "--seconds", "--output", "--depth", "--regions", "--domain"):
        assert option in process.stdout
