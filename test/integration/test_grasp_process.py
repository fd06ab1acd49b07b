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

"""The grasp node as a process: started as users start it, talked to from outside, ended by a signal."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from grasp_rig import GraspPeer, scene  # noqa: E402

from hoisdf_ros.child import Child  # noqa: E402

ROOT = Path(__file__).parents[2]


def test_the_process_works_withdraws_its_grasp_and_ends_in_good_order(tmp_path):
    arguments = ["--ros-args", "-r", "__ns:=/outside", "--params-file", str(ROOT / "config" / "grasp.yaml")]
    for name, value in {"autostart": "true", "stability.frames": "1", "input.freshness": "20.0"}.items():
        arguments += ["-p", f"{name}:={value}"]
    peer = GraspPeer("/outside/grasp", "/outside")
    try:
        with Child("hoisdf_ros.grasp.node", arguments, tmp_path / "log", {"OMP_NUM_THREADS": "1"}) as process:
            peer.wait_for_status("state", lambda s: s.message == "active", 60.0)
            peer.connect()
            for _ in range(20):  # the first may come before the answer's way is found
                peer.show(scene())
                if peer.wait(lambda: peer.heard["grasp_pose"], 2.0):
                    break
            assert peer.heard["grasps"][-1].grasps[0].gripper == "generic"
            peer.heard["grasps"].clear()
            process.end()
            assert process.exit_code == 0, process.tail()
            assert peer.wait(lambda: peer.heard["grasps"] and not peer.heard["grasps"][-1].grasps)
            assert peer.heard["grasps"][-1].reasons == ["inactive"]
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        peer.close()
