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

"""ROS checks of ``hoisdf doctor``: installation, interfaces, communication between processes.

``checks`` is found by ``hoisdf doctor`` through the entry point group ``hoisdf.doctor``. Nothing here imports ROS at
the top, so that a missing ROS is a finding.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "fail"]
Finding = dict[str, str]

SUPPORTED = ("jazzy", "kilted", "lyrical", "rolling")
TOO_OLD = ("foxy", "galactic", "humble", "iron")
OLD_FAST_DDS = ("jazzy",)  # Fast DDS 2, whose environment variables still begin with the former name
DISCOVERY_RANGES = ("SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT")
BUILD = "build the workspace (scripts/setup, or colcon build) and source it"
_CV_BRIDGE = """
import numpy as np
from cv_bridge import CvBridge
message = CvBridge().cv2_to_imgmsg(np.zeros((2, 2, 3), np.uint8), "bgr8")
CvBridge().imgmsg_to_cv2(message, "rgb8")
"""
# Left to another check where rclpy can't be imported.
_BEGINNING = """
try:
    import rclpy
except ImportError:
    raise SystemExit(0)
from hoisdf_ros.beginning import ros
from hoisdf_ros.processes import run
def work(ending):
    with ros():
        rclpy.create_node("hoisdf_doctor_beginning").destroy_node()
    return 0
run(work)
"""


def finding(check: str, status: Status, detail: str, remedy: str = "") -> Finding:
    """One line of the report, in the format of ``hoisdf doctor``."""
    return {"check": check, "status": status, "detail": detail, "remedy": remedy}


def checks() -> Iterator[Finding]:
    """All checks of the ROS side.

    Checks that depend on something missing are omitted.
    """
    if hindrance := _beginning():
        yield hindrance
        yield from _variables(os.environ)
        return
    yield _ros()
    if sys.modules.get("rclpy") is None:  # it couldn't be imported
        return
    yield from _interfaces()
    yield from _environment(os.environ)
    yield from _round_trip()
    yield from _clock()
    yield _cv_bridge()
    yield _optional("vision_msgs", "detections in and Detection3DArray out", "vision-msgs")
    yield _optional("launch_ros", "launch files", "launch-ros")


def _beginning() -> Finding | None:
    """Why no node can be started; in a process of its own, which a wrong domain or middleware ends."""
    run = subprocess.run([sys.executable, "-c", _BEGINNING], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode == 0:
        return None
    said = [line for line in run.stderr.splitlines() if line.strip()] or [f"the process ended with {run.returncode}"]
    reason, _, remedy = said[-1].removeprefix("error: ").partition("; ")
    return finding("ros", "fail", reason, remedy or "look at the environment: ROS_*, RMW_IMPLEMENTATION, FASTDDS_*")


def _ros() -> Finding:
    distribution = os.environ.get("ROS_DISTRO", "")
    try:
        import rclpy  # noqa: F401 - whether it can be imported is the question
    except ImportError as error:
        # a warning where there is no ROS at all: a training server needs none
        status: Status = "warn" if importlib.util.find_spec("rclpy") is None else "fail"
        remedy = "for the nodes: source /opt/ros/<distro>/setup.bash or scripts/env.sh"
        return finding("ros", status, f"rclpy can't be imported ({error})", remedy)
    version = f"rclpy {_version('rclpy')}"
    if not distribution:
        return finding("ros", "ok", f"{version}, ROS_DISTRO isn't set")
    if distribution not in SUPPORTED:
        remedy = f"use one of {', '.join(SUPPORTED)}: {SUPPORTED[0]} is the oldest that has what the nodes need"
        status = "fail" if distribution in TOO_OLD else "warn"
        return finding("ros", status, f"{distribution}, {version}", remedy)
    return finding("ros", "ok", f"{distribution}, {version}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def _interfaces() -> Iterator[Finding]:
    """Whether the built messages are those of the sources, by the type hash that DDS compares too."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    from hoisdf_model.data import interface_types
    from hoisdf_ros.message_classes import message_class

    store = interface_types()
    ours = sorted(name for name in store.fielddefs if name.startswith("hoisdf/msg/"))
    try:
        for name in ours:
            message_class(name)
        share = Path(get_package_share_directory("hoisdf"))
    except (ImportError, AttributeError, PackageNotFoundError) as error:
        yield finding("interfaces", "fail", f"hoisdf's messages aren't there: {error}", BUILD)
        return
    stale = [name for name in ours if _built_hash(share, name) != store.hash_rihs01(name)]
    if stale:
        yield finding("interfaces", "fail", f"built from other definitions: {', '.join(stale)}", f"{BUILD} again")
    else:
        yield finding("interfaces", "ok", f"{len(ours)} message types, equal to their definitions")
    if importlib.util.find_spec("tf2_msgs") is None:
        remedy = "apt install ros-<distro>-tf2-msgs, or run scripts/setup"
        yield finding("tf2_msgs", "fail", "not installed, nothing can be published on /tf", remedy)


def _built_hash(share: Path, name: str) -> str:
    """The type hash that rosidl wrote next to the definition; empty where it wrote none."""
    _, kind, message = name.split("/")
    try:
        described = json.loads((share / kind / f"{message}.json").read_text("utf-8"))
        return next(str(item["hash_string"]) for item in described["type_hashes"] if item["type_name"] == name)
    except (OSError, ValueError, KeyError, StopIteration):
        return ""


def _environment(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Domain, discovery range and middleware."""
    from rclpy.utilities import get_rmw_implementation_identifier

    yield from _variables(environment)
    yield finding("middleware", "ok", get_rmw_implementation_identifier())


def _variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Domain and discovery range."""
    domain = environment.get("ROS_DOMAIN_ID", "0") or "0"
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET") or "SUBNET"
    if not domain.isdigit() or not 0 <= int(domain) <= 232:
        yield finding("domain", "fail", f"ROS_DOMAIN_ID is {domain!r}", "set a number from 0 to 101 in every terminal")
    elif int(domain) > 101:
        remedy = "use 0 to 101: higher domains meet Linux's ephemeral ports"
        yield finding("domain", "warn", f"ROS_DOMAIN_ID {domain}", remedy)
    else:
        yield finding("domain", "ok", f"ROS_DOMAIN_ID {domain}, discovery range {reach}")
    if reach not in DISCOVERY_RANGES:
        remedy = f"use one of {', '.join(DISCOVERY_RANGES)}"
        yield finding("discovery", "fail", f"ROS_AUTOMATIC_DISCOVERY_RANGE is {reach!r}", remedy)
    elif reach == "OFF":
        remedy = "unset ROS_AUTOMATIC_DISCOVERY_RANGE, or set LOCALHOST or SUBNET"
        yield finding("discovery", "fail", "discovery is off: no node will find another", remedy)
    if environment.get("ROS_LOCALHOST_ONLY", "0") not in ("", "0"):
        remedy = "unset it and set ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST"
        yield finding("discovery", "warn", "ROS_LOCALHOST_ONLY is deprecated and overrides the range", remedy)


def _round_trip() -> Iterator[Finding]:
    from hoisdf_ros.round_trip import measure_round_trip

    result = measure_round_trip()
    if result.discovery is None:
        remedy = (
            "check ROS_DOMAIN_ID and ROS_AUTOMATIC_DISCOVERY_RANGE, firewall and VPN (multicast), and /dev/shm "
            "(remove stale fastdds_* files)"
        )
        yield finding("dds", "fail", "two processes of this machine don't hear each other", remedy)
        return
    small = f"{result.small * 1e3:.1f} ms" if result.small is not None else "lost"
    yield finding("dds", "ok", f"two processes found each other in {result.discovery:.1f} s, round trip {small}")
    for name, image in (("images", result.reliable), ("best effort", result.best_effort)):
        yield _images(name, image.median, image.lost, image.sent, os.environ.get("ROS_DISTRO", ""))


def fast_dds_variable(distribution: str) -> str:
    """Environment variable of Fast DDS's profiles file, for a distribution."""
    return f"{'FASTRTPS' if distribution in OLD_FAST_DDS else 'FASTDDS'}_DEFAULT_PROFILES_FILE"


def _images(name: str, median: float | None, lost: int, sent: int, distribution: str) -> Finding:
    speed = "none came back" if median is None else f"round trip {median * 1e3:.1f} ms"
    detail = f"640x480 rgb8 there and back: {lost} of {sent} lost, {speed}"
    if lost <= sent // 10:
        return finding(name, "ok", detail)
    if name == "best effort":
        remedy = (
            "stock Fast DDS loses best-effort messages over 0.5 MB: let the camera driver publish reliable (as this "
            f"package's nodes do), or start it with {fast_dds_variable(distribution)}=<share/hoisdf>/config/fastdds.xml"
        )
        return finding(name, "warn", detail, remedy)
    remedy = "something is slow or full: look at the load, at /dev/shm (df) and at the middleware's configuration"
    return finding(name, "fail", detail, remedy)


def _clock() -> Iterator[Finding]:
    """The ROS clock against the system's, and whether simulated time is published."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("hoisdf_doctor", context=context)
    try:
        offset = abs(node.get_clock().now().nanoseconds * 1e-9 - time.time())
        time.sleep(0.5)  # discovery
        simulated = node.count_publishers("/clock")
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
    if offset > 0.1:
        yield finding("clock", "warn", f"the ROS clock is {offset:.1f} s from the system's", "unset use_sim_time")
    elif simulated:
        remedy = "start nodes with use_sim_time:=true, or stop what publishes /clock"
        yield finding("clock", "warn", "a node publishes /clock: stamps differ from the system time", remedy)
    else:
        yield finding("clock", "ok", "system time, no publisher of /clock")


def _cv_bridge() -> Finding:
    """In a process of its own: built for another NumPy it may kill the process that imports it."""
    if importlib.util.find_spec("cv_bridge") is None:
        return finding("cv_bridge", "ok", "not installed, and not needed: images are decoded without it")
    run = subprocess.run([sys.executable, "-c", _CV_BRIDGE], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode == 0:
        return finding("cv_bridge", "ok", "works; this package decodes images without it")
    reason = (run.stderr.strip().splitlines() or [f"the process ended with {run.returncode}"])[-1]
    remedy = (
        "nodes of this package don't use it; for others: pip install 'numpy<2' where the distribution's cv_bridge is "
        "built for NumPy 1, or run them outside this virtual environment"
    )
    return finding("cv_bridge", "warn", f"is broken with NumPy {_version('numpy')}: {reason}", remedy)


def _optional(package: str, what_for: str, apt: str) -> Finding:
    if importlib.util.find_spec(package) is not None:
        return finding(package, "ok", "installed")
    return finding(package, "warn", f"not installed: no {what_for}", f"apt install ros-<distro>-{apt}")
