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

"""The perception node as a process: started as users start it, talked to from outside, ended by a signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info  # noqa: E402
from perception_rig import Peer, wait_until  # noqa: E402
from rclpy.qos import ReliabilityPolicy  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

ROOT = Path(__file__).parents[2]


def test_the_process_works_and_ends_in_good_order(tmp_path):
    parameters = {
        "autostart": "true",
        "model.weights": "untrained:compact",
        "regions.hand": "[200.0, 100.0, 440.0, 340.0]",
        "diagnostics.period": "0.2",
    }
    arguments = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    command = [sys.executable, "-m", "hoisdf_ros.perception.node", "--ros-args", *arguments, "-r", "__ns:=/outside"]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    peer = Peer("/outside/perception", "raw", ReliabilityPolicy.RELIABLE, "/outside")
    try:
        peer.listen(MarkerArray, "/outside/perception/markers")
        peer.wait_for_status("state", lambda s: s.message == "active", 60.0)
        peer.connect()
        stamps = iter(range(1, 1000))

        def marked():
            peer.send(float(next(stamps)), image=make_image("rgb8", 640, 480), info=make_info(640, 480, 600.0))
            return peer.wait(lambda: peer.heard["markers"], 0.5)

        wait_until(marked, 30.0)
        assert peer.heard["hand_object"][-1].hands[0].hand_model == "open_hand"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        last = peer.heard["markers"][-1].markers
        assert peer.wait(lambda: all(m.action == Marker.DELETE for m in peer.heard["markers"][-1].markers)), last
    finally:
        process.kill()
        process.wait()
        peer.close()
