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

"""Nodes as processes that are interrupted at any moment, killed and started again, or started in a wrong way."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")
pytest.importorskip("hoisdf.msg")

from perception_fakes import make_image, make_info  # noqa: E402
from perception_rig import Peer, wait_until  # noqa: E402
from rclpy.qos import ReliabilityPolicy  # noqa: E402

from hoisdf_model.errors import ConfigError  # noqa: E402
from hoisdf_ros.beginning import ros  # noqa: E402
from hoisdf_ros.child import Child  # noqa: E402

ROOT = Path(__file__).parents[2]
PARAMETERS = ["-p", "autostart:=true", "-p", "model.weights:=untrained:compact", "-p", "diagnostics.period:=0.2"]
BOX = ["-p", "regions.hand:=[200.0, 100.0, 440.0, 340.0]"]


def started(tmp_path, *prefix, cameras=()):
    log = tmp_path / "log"
    with log.open("w") as out:
        command = [*prefix, sys.executable, "-m", "hoisdf_ros.perception.node", *cameras, "--ros-args", *PARAMETERS]
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT), log


def has_mapped(process, library):
    return library in Path(f"/proc/{process.pid}/maps").read_text()


def launch_prefix():
    """What the launch files put before a node's command."""
    [prefix] = {re.search(r'^PREFIX = "(.*)"', p.read_text(), re.M)[1] for p in ROOT.glob("launch/*.launch.py")}
    return prefix.split()


MOMENTS = {
    "starting Python": lambda process, log: time.sleep(0.02),
    "importing torch": lambda process, log: wait_until(lambda: has_mapped(process, "libtorch_cpu"), 60.0),
    "loading": lambda process, log: wait_until(lambda: "loading untrained" in log.read_text(), 90.0),
}


@pytest.mark.parametrize(("moment", "number"), [
    *((moment, number) for moment in MOMENTS for number in (signal.SIGINT, signal.SIGTERM)),
    ("loading", signal.SIGHUP),
])  # fmt: skip
def test_an_interrupt_ends_the_node_at_any_moment(tmp_path, moment, number):
    assert_ends(MOMENTS[moment], number, *started(tmp_path, *launch_prefix()))


def test_an_interrupt_ends_the_nodes_of_all_cameras_while_one_loads_and_another_waits_for_it(tmp_path):
    assert_ends(MOMENTS["loading"], signal.SIGINT, *started(tmp_path, cameras=("--cameras", "left", "right")))


def assert_ends(moment, number, process, log):
    try:
        moment(process, log)
        process.send_signal(number)
        assert process.wait(20) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        assert "Fatal" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("ignored", "code"), [(True, 7), (False, 0)])
def test_a_closed_terminal_ends_a_node_except_under_nohup(ignored, code):
    script = (
        "import signal, time\nfrom hoisdf_ros.processes import run\n"
        f"if {ignored}: signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "run(lambda ending: print('at work', flush=True) or time.sleep(1.0) or 7)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == code


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")
def test_torchs_libraries_are_there_before_its_import_holds_pythons_lock():
    script = (
        "import sys; from hoisdf_ros.processes import load_torch_libraries; load_torch_libraries()\n"
        "print('torch' in sys.modules, 'libtorch_cpu' in open('/proc/self/maps').read())\n"
        "import torch; print(float(torch.ones(3, 3).matmul(torch.ones(3, 1)).sum()))"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "9.0"]


def test_two_nodes_work_side_by_side_and_one_that_was_killed_comes_back(tmp_path):
    def node(side, log):
        return Child(
            "hoisdf_ros.perception.node",
            ["--ros-args", *PARAMETERS, *BOX, "-r", f"__ns:=/{side}"],
            tmp_path / log,
            {"OMP_NUM_THREADS": "1"},
        )

    def works(peer):
        peer.connect()
        peer.heard["hand_object"].clear()
        stamps = iter(range(int(time.time()), int(time.time()) + 1000))

        def answered():
            peer.send(float(next(stamps)), image=make_image("rgb8", 640, 480), info=make_info(640, 480, 600.0))
            return peer.wait(lambda: peer.heard["hand_object"], 0.5)

        wait_until(answered, 60.0)
        assert len(peer.heard["hand_object"][-1].hands) == 1

    peers = {
        side: Peer(f"/{side}/perception", "raw", ReliabilityPolicy.RELIABLE, f"/{side}") for side in ("left", "right")
    }
    try:
        with node("left", "first") as killed, node("right", "second"):
            for peer in peers.values():
                peer.wait_for_status("state", lambda s: s.message == "active", 90.0)
                works(peer)
            os.kill(killed.pid, signal.SIGKILL)
            wait_until(lambda: killed.exit_code is not None)
            peers["left"].heard["diagnostics"].clear()
            with node("left", "third"):
                peers["left"].wait_for_status("state", lambda s: s.message == "active", 90.0)
                works(peers["left"])
                works(peers["right"])
    finally:
        for peer in peers.values():
            peer.close()


def written(folder, text):
    file = folder / "parameters.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


@pytest.mark.parametrize(("arguments", "said", "remedy"), [
    (["--params-file", "/nowhere.yaml"], "/nowhere.yaml: No such file", "name a YAML file"),
    (["--params-file", "/tmp"], "/tmp: Is a directory", "name a YAML file"),
    (["--params-file"], "No file path", "name a YAML file"),
    (["-p", "foo"], "'-p foo'", "-p name:=value"),
    (["-p"], "-p", "-p name:=value"),
    (["-p", "box:=[1, 2.5]"], "box:=[1, 2.5]", "[200.0, 100.5]"),
    (["-r", "a b:=c"], "'-r a b:=c'", "-r from:=to"),
    (["-r", "__ns:=left"], "'-r __ns:=left'", "begin with '/'"),
    (["--log-level", "loud"], "loud", "debug, info"),
    (["--nonsense"], "--nonsense", "--params-file"),
])  # fmt: skip
def test_a_wrong_command_line_is_one_line_with_the_remedy(arguments, said, remedy):
    with pytest.raises(ConfigError) as caught, ros(["node", "--ros-args", *arguments]):
        pass
    assert said in str(caught.value)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ".c:" not in str(caught.value)


@pytest.mark.parametrize(("content", "said", "remedy"), [
    ("/**:\n  ros__parameters:\n    a: [200, 100.5]\n", "line_num 3", "[200.0, 100.5]"),
    ("/**:\n  ros__parameters:\n    a: \"x\n", "not YAML", "ros__parameters"),
    ("a: 1\n", "ros__parameters at line 1", "ros__parameters"),
    (b"\xff\xfe\x00", "not YAML", "ros__parameters"),
])  # fmt: skip
def test_a_wrong_parameter_file_is_named_with_the_line_and_the_remedy(tmp_path, content, said, remedy):
    file = written(tmp_path, content)
    with pytest.raises(ConfigError) as caught, ros(["node", "--ros-args", "--params-file", file]):
        pass
    assert f"parameter file {file}" in str(caught.value)
    assert said in str(caught.value)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("environment", "said", "remedy"), [
    ({"HOME": "", "ROS_LOG_DIR": ""}, "HOME isn't set", "set ROS_LOG_DIR"),
    ({"HOME": "/proc", "ROS_LOG_DIR": ""}, "'/proc/.ros/log'", "set ROS_LOG_DIR"),
    ({"ROS_LOG_DIR": "/etc/passwd/log"}, "Not a directory", "set ROS_LOG_DIR"),
    ({"ROS_DOMAIN_ID": "999"}, "999", "0 to 101"),
    ({"ROS_DOMAIN_ID": "blue"}, "ROS_DOMAIN_ID is not", "0 to 101"),
    ({}, "use_sim_time", "BOOL"),
])  # fmt: skip
def test_a_process_that_cannot_start_says_so_in_one_line(environment, said, remedy):
    wrong = [] if environment else ["-p", "use_sim_time:=perhaps"]
    command = [sys.executable, "-m", "hoisdf_ros.grasp.moveit_example", "--ros-args", *wrong]
    run = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=180, check=False
    )
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert remedy in line


def test_a_user_whom_the_system_does_not_know_can_run_a_node_without_a_home(tmp_path, monkeypatch):
    stranger = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    if shutil.which("unshare") is None or subprocess.run([*stranger, "true"], check=False).returncode:
        pytest.skip("unshare can't give a process another user here")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "logs"))
    process, log = started(tmp_path, *stranger)
    try:
        wait_until(lambda: "no hand-root head" in log.read_text() or process.poll() is not None, 180.0)  # it has loaded
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_missing_ros_is_one_line_too(tmp_path):
    (tmp_path / "rclpy.py").write_text("raise ModuleNotFoundError(\"No module named 'rclpy'\", name='rclpy')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-m", "hoisdf_ros.feeds.replay"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert "source /opt/ros" in line
