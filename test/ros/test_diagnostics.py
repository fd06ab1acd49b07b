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

"""What the diagnostic statuses say about a node in a given state."""

import dataclasses
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time  # noqa: E402

from hoisdf_ros.stream.diagnostics import ERROR, OK, WARN, NodeState, diagnostic_message, status_message  # noqa: E402
from hoisdf_ros.stream.monitor import Problem, Snapshot  # noqa: E402

ACTIVE = NodeState("active", "", {"weights": "w"}, {"image": 1, "camera_info": 1}, timeout=3.0)
GOOD = Snapshot(
    received={"image": 100, "camera_info": 100},
    received_lately={"image": 30, "camera_info": 30},
    rates={"image": 30.0, "camera_info": 30.0},
    dropped={"superseded": 80},
    dropped_lately={"superseded": 25},
    processed=20,
    processed_rate=5.0,
    percentiles={"latency": (0.2, 0.3), "age": (0.21, 0.31)},
    stages={"network": 0.19},
    silence=0.03,
    incompatible={},
    problem=None,
)


def statuses(state=ACTIVE, **changes):
    message = diagnostic_message("/ns/perception", Time(sec=3), state, dataclasses.replace(GOOD, **changes))
    assert message.header.stamp.sec == 3
    return {status.name.removeprefix("ns/perception: "): status for status in message.status}


def values(status):
    return {item.key: item.value for item in status.values}


def test_a_slow_model_is_in_order():
    found = statuses()
    assert {name: status.level for name, status in found.items()} == {"state": OK, "input": OK, "estimator": OK}
    assert found["input"].message == "5.0 of 30.0 images per second processed"
    assert values(found["input"])["dropped: superseded"] == "80"
    assert values(found["estimator"])["latency p95 [ms]"] == "300.0"
    assert values(found["estimator"])["weights"] == "w"
    assert found["input"].hardware_id == "/ns/perception"


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({"problem": Problem("undecodable", "step must be 192", 1.0)}, ERROR, "undecodable: step must be 192"),
        ({"problem": Problem("undecodable", "step must be 192", 4.0)}, OK, "images per second"),
        ({"silence": 9.0}, WARN, "no images for 9 s"),
        ({"silence": 9.0, "incompatible": {"image": "RELIABILITY"}}, ERROR, "incompatible RELIABILITY"),
        ({"received": {"image": 5}}, WARN, "nothing on camera_info"),
        ({"dropped_lately": {"unpaired_camera_info": 10, "superseded": 5}}, WARN, "10 unpaired_camera_info"),
        ({"dropped_lately": {"unpaired_camera_info": 1}}, OK, "images per second"),
    ],
)
def test_the_input_status_names_what_is_wrong(changes, level, said):
    status = statuses(**changes)["input"]
    assert said in status.message
    assert status.level == level


def test_nobody_publishing_is_said():
    state = dataclasses.replace(ACTIVE, publishers={"image": 0, "camera_info": 0})
    assert "they have no publishers" in statuses(state, silence=9.0)["input"].message


def test_an_inactive_node_does_not_complain_about_silence():
    state = dataclasses.replace(ACTIVE, label="inactive", publishers={})
    assert statuses(state, silence=9.0)["input"].level == OK


def test_stamps_of_another_clock_are_not_called_latency():
    found = values(statuses(percentiles={"age": (1e9, 1e9)})["estimator"])
    assert "another clock" in found["age"]
    assert "age p50 [ms]" not in found


def test_a_failed_transition_is_an_error_with_its_reason():
    state = dataclasses.replace(ACTIVE, label="unconfigured", failure="configure: no weights", model={})
    found = statuses(state)
    assert (found["state"].level, found["state"].message) == (ERROR, "configure: no weights")
    assert found["estimator"].message == "not loaded"


@pytest.mark.parametrize("namespace", ["", "/left"])
@pytest.mark.parametrize("node", ["perception", "grasp", "evaluation"])
def test_the_aggregators_file_takes_every_status_of_the_nodes(namespace, node):
    content = yaml.safe_load((Path(__file__).parents[2] / "config/diagnostic_aggregator.yaml").read_text())
    analyzer = content["analyzers"]["ros__parameters"][node]
    name = status_message(f"{namespace}/{node}", "state", b"\x00", "", {}).name
    assert any(part in name for part in analyzer["contains"])  # as diagnostic_aggregator's GenericAnalyzer matches
    others = [one for one in ("perception", "grasp", "evaluation") if one != node]
    for other in others:
        assert not any(p in name for p in content["analyzers"]["ros__parameters"][other]["contains"])
