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

"""Several cameras in one perception process, talked to from outside."""

import signal

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info, stamp_of  # noqa: E402
from perception_rig import Peer, node_process, wait_until  # noqa: E402
from rclpy.qos import ReliabilityPolicy  # noqa: E402

from hoisdf_model.errors import ConfigError  # noqa: E402
from hoisdf_ros.beginning import ros  # noqa: E402
from hoisdf_ros.perception.cameras import camera_nodes, cameras_of  # noqa: E402


def test_each_camera_has_its_node_and_one_that_fails_doesn_t_hold_up_the_other(tmp_path):
    log = tmp_path / "log"
    with node_process(log, "/pair", "--cameras", "left,right") as process:
        names = ("left", "right")
        peers = {
            name: Peer(f"/pair/{name}/perception", "raw", ReliabilityPolicy.RELIABLE, f"/pair/{name}") for name in names
        }
        try:
            for peer in peers.values():
                peer.wait_for_status("state", lambda s: s.message == "active", 60.0)
                peer.connect()
            stamps = iter(range(1, 1000))
            shift = {"left": 0.0, "right": 30.0}  # of the principal point: the same picture, seen by another camera

            def send(name: str, broken: bool = False) -> float:
                stamp, image = float(next(stamps)), make_image("rgb8", 640, 480)
                if broken:
                    image.step = 7
                info = make_info(640, 480, 600.0)
                info.k[2] += shift[name]
                peers[name].send(stamp, image=image, info=info)
                return stamp

            def heard(name: str, stamp: float, seconds: float) -> bool:
                results = peers[name].heard["hand_object"]
                return bool(peers[name].wait(lambda: any(stamp_of(one) == stamp for one in results), seconds))

            for name in names:  # until all are matched
                wait_until(lambda name=name: heard(name, send(name), 1.0), 30.0)
            sent = {name: send(name) for name in names}
            results = {}
            for name, stamp in sent.items():
                assert heard(name, stamp, 10.0)
                results[name] = next(m for m in peers[name].heard["hand_object"] if stamp_of(m) == stamp)
                assert stamp not in {
                    stamp_of(m) for other in names if other != name for m in peers[other].heard["hand_object"]
                }
            wrists = {name: result.hands[0].joints[0].x for name, result in results.items()}
            assert wrists["left"] - wrists["right"] > 0.01  # the same pixels, seen 30 pixels further to the left

            def frames(name: str) -> set[str]:
                return {t.child_frame_id for m in peers[name].heard["tf"] for t in m.transforms}

            assert peers["left"].wait(lambda: {f[: f.index("_")] for f in frames("left")} == set(names)), frames("left")

            for _ in range(3):
                send("right", broken=True)
                assert heard("left", send("left"), 10.0)
            assert peers["right"].wait_for_status("input", lambda s: "undecodable" in str(s), 10.0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, log.read_text()
            assert "Traceback" not in log.read_text()
            assert log.read_text().count("loading untrained:compact") == 2
            assert log.read_text().count("random weights") == 1, log.read_text()  # loaded once
        finally:
            for peer in peers.values():
                peer.close()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], []),
        (["--cameras", "left", "right"], ["left", "right"]),
        (["--cameras", "left,/arm/right"], ["left", "arm/right"]),
    ],
)
def test_cameras_are_named_on_the_command_line(words: list[str], names: list[str]):
    assert cameras_of(["perception", *words, "--ros-args", "-p", "autostart:=true", "-r", "__ns:=/x"]) == names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["left", "left"], "each camera needs a name of its own, got left left"),
        (["left,,right"], "it is empty"),
        (["2nd"], "'2nd' can't be a namespace"),
        (["a b"], "'a b' can't be a namespace"),
    ],
)
def test_names_that_are_no_namespaces_are_refused(words: list[str], said: str):
    with pytest.raises(ConfigError, match=said):
        cameras_of(["perception", "--cameras", *words])


def test_two_cameras_with_the_same_names_on_tf_are_refused():
    said = r"publish\.tf_prefix is the same for several cameras \('both_'\)"
    with ros(["--ros-args", "-p", "publish.tf_prefix:=both_"]), pytest.raises(ConfigError, match=said):
        camera_nodes(["left", "right"])
