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

import signal

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info  # noqa: E402
from perception_rig import Peer, node_process, wait_until  # noqa: E402
from rclpy.qos import ReliabilityPolicy  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402


def test_the_process_works_and_ends_in_good_order(tmp_path):
    log = tmp_path / "log"
    with node_process(log, "/outside") as process:
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
            peer.close()
