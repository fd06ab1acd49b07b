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

"""The ROS checks of ``hoisdf doctor``: each bad environment is told from the good one, with what to do about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hoisdf_ros import doctor

ROOT = Path(__file__).parents[2]

STATUS = {"ok", "warn", "fail"}


def by_check(findings):
    return {item["check"]: item for item in findings}


@pytest.mark.ros
def test_healthy_environment_has_no_failure_and_hears_both_ways():
    findings = by_check(doctor.checks())
    assert {item["status"] for item in findings.values()} <= STATUS
    assert not [item for item in findings.values() if item["status"] == "fail"]
    assert {"ros", "interfaces", "domain", "middleware", "dds", "images", "clock", "cv_bridge"} <= set(findings)
    for item in findings.values():
        assert item["status"] == "ok" or item["remedy"], f"{item['check']} says no remedy"


@pytest.mark.ros
@pytest.mark.parametrize(
    ("environment", "check", "status"),
    [
        ({"ROS_DOMAIN_ID": "7"}, "domain", "ok"),
        ({"ROS_DOMAIN_ID": "150"}, "domain", "warn"),
        ({"ROS_DOMAIN_ID": "300"}, "domain", "fail"),
        ({"ROS_DOMAIN_ID": "blue"}, "domain", "fail"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, "discovery", "fail"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "everywhere"}, "discovery", "fail"),
        ({"ROS_LOCALHOST_ONLY": "1"}, "discovery", "warn"),
    ],
)
def test_environment_variables(environment, check, status):
    assert by_check(doctor._environment(environment))[check]["status"] == status


@pytest.mark.ros
def test_processes_that_cannot_find_each_other_are_a_failure():
    code = (
        "from hoisdf_ros import round_trip, doctor\n"
        "measure = round_trip.measure_round_trip\n"
        "round_trip.measure_round_trip = lambda: measure(patience=2.0)\n"
        "print(next(doctor._round_trip())['status'])\n"
    )
    environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert run.stdout.strip() == "fail", run.stderr


@pytest.mark.ros
def test_interfaces_built_from_other_definitions_are_named(monkeypatch):
    built = doctor._built_hash
    monkeypatch.setattr(
        doctor, "_built_hash", lambda share, name: "RIHS01_0" if name.endswith("Grasp") else built(share, name)
    )
    finding = next(doctor._interfaces())
    assert finding["status"] == "fail"
    assert finding["detail"].endswith("hoisdf/msg/Grasp")


def test_missing_rclpy_is_a_finding_and_no_traceback(tmp_path):
    # an rclpy in front of the real one that fails as a missing library does
    (tmp_path / "rclpy.py").write_text("raise ImportError('librcl.so: cannot open shared object file')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    code = "from hoisdf_ros.doctor import checks; print([f['check'] + ' ' + f['status'] for f in checks()])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert run.stdout.strip() == "['ros fail']", run.stderr


def test_a_machine_without_ros_is_only_warned(monkeypatch):
    # None in sys.modules makes the import fail; find_spec then finds nothing either
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    findings = list(doctor.checks())
    assert [(f["check"], f["status"]) for f in findings] == [("ros", "warn")]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("raise ImportError('compiled using NumPy 1.x')", "warn", "compiled using NumPy 1.x"),
        ("import os; os.abort()", "warn", "the process ended with -6"),
    ],
)
def test_broken_cv_bridge_is_found_even_if_it_kills_its_process(tmp_path, monkeypatch, body, status, said):
    (tmp_path / "cv_bridge.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = doctor._cv_bridge()
    assert finding["status"] == status
    assert said in finding["detail"]
    assert "numpy<2" in finding["remedy"]


@pytest.mark.ros
@pytest.mark.parametrize(
    ("distribution", "variable"),
    [("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"), ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE")],
)
def test_lost_images_are_answered_with_the_variable_that_this_distribution_reads(distribution, variable):
    found = doctor._images("best effort", None, 9, 10, distribution)
    assert found["status"] == "warn"
    assert f" {variable}=" in found["remedy"]


@pytest.mark.ros
@pytest.mark.skipif(os.environ.get("RMW_IMPLEMENTATION") != "rmw_fastrtps_cpp", reason="another middleware")
def test_the_installed_fast_dds_reads_the_named_variable_and_does_not_call_it_deprecated(tmp_path):
    """A profiles file that doesn't parse is complained about by who reads it."""
    (tmp_path / "broken.xml").write_text("<dds><nonsense/></dds>")
    code = "import rclpy; rclpy.init(); rclpy.create_node('n'); rclpy.shutdown()"
    environment = {**os.environ, doctor.fast_dds_variable(os.environ["ROS_DISTRO"]): str(tmp_path / "broken.xml")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "XML" in run.stdout + run.stderr
    assert "deprecated" not in run.stdout + run.stderr


@pytest.mark.ros
@pytest.mark.parametrize(("distribution", "status"), [("humble", "fail"), ("jazzy", "ok"), ("later", "warn")])
def test_distributions_before_the_oldest_supported_are_a_failure(monkeypatch, distribution, status):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    found = doctor._ros()
    assert found["status"] == status
    assert ("jazzy is the oldest" in found["remedy"]) == (status != "ok")


@pytest.mark.ros
@pytest.mark.parametrize(("environment", "said", "remedy"), [
    ({"HOME": "", "ROS_LOG_DIR": ""}, "HOME isn't set", "ROS_LOG_DIR"),
    ({"ROS_LOG_DIR": "/proc/nowhere"}, "Failed to create log directory '/proc/nowhere'", "ROS_LOG_DIR"),
    ({"ROS_DOMAIN_ID": "999"}, "ROS_DOMAIN_ID is 999", "0 to 101"),
    ({"RMW_IMPLEMENTATION": "rmw_nonsense"}, "rmw_nonsense", "RMW_IMPLEMENTATION"),
])  # fmt: skip
def test_what_hinders_every_node_is_named_and_does_not_end_the_report(monkeypatch, environment, said, remedy):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    first = next(iter(doctor.checks()))
    assert (first["check"], first["status"]) == ("ros", "fail")
    assert said in first["detail"]
    assert remedy in first["remedy"]
