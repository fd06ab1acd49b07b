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

"""Parameters from dataclasses: a wrong value is named, never fatal, and refused at run time."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.ros
rclpy = pytest.importorskip("rclpy")

from rcl_interfaces.msg import ParameterType  # noqa: E402
from rclpy.context import Context  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hoisdf_model.errors import ConfigError  # noqa: E402
from hoisdf_model.grasping import GraspSettings, Steadiness  # noqa: E402
from hoisdf_ros.grasp.parameters import GraspParameters  # noqa: E402
from hoisdf_ros.parameters import ParameterSet, build, group, markdown_table, parameter, specifications  # noqa: E402
from hoisdf_ros.perception.parameters import PerceptionParameters  # noqa: E402


@dataclass(frozen=True)
class Sync:
    slop: float = parameter(0.02, "Slop.", minimum=0.0, maximum=1.0)
    policy: str = parameter("exact", "Policy.", choices=("exact", "approximate"), change="any time")


@dataclass(frozen=True)
class Everything:
    name: str = parameter("x", "Name.", change="never")
    box: tuple[float, ...] = parameter((), "Box.", change="any time")
    sync: Sync = group(Sync)

    def __post_init__(self):
        if self.box and self.sync.policy == "approximate":
            raise ConfigError("box and approximate don't go together")


@pytest.fixture
def make():
    context = Context()
    rclpy.init(context=context)
    nodes = []

    def create(kind=Everything, unconfigured=True, **overrides):
        values = [Parameter(name.replace("__", "."), value=value) for name, value in overrides.items()]
        node = Node(f"n{len(nodes)}_{os.getpid()}", context=context, parameter_overrides=values)
        nodes.append(node)
        changes = []
        return node, ParameterSet(node, kind, lambda: unconfigured, changed=changes.append), changes

    yield create
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_defaults_and_overrides_arrive_in_the_dataclass(make):
    _, declared, _ = make(sync__slop=0.5, box=[1.0, 2.0])
    assert declared.read() == Everything(box=(1.0, 2.0), sync=Sync(slop=0.5))


def test_descriptors_say_range_choices_and_what_is_read_only(make):
    node, _, _ = make()
    slop, policy, name = node.describe_parameters(["sync.slop", "sync.policy", "name"])
    assert (slop.floating_point_range[0].from_value, slop.floating_point_range[0].to_value) == (0.0, 1.0)
    assert "'exact', 'approximate'" in policy.additional_constraints
    assert name.read_only
    assert slop.description == "Slop."


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"sync__slop": 3.0}, r"sync\.slop must be a double in \[0"),
        ({"sync__slop": "fast"}, r"sync\.slop must be a double"),
        ({"sync__policy": "sometimes"}, r"sync\.policy must be one of exact, approximate"),
        ({"box": ["a"]}, r"box must be a list of numbers"),
        ({"box": [1.0], "sync__policy": "approximate"}, "don't go together"),
    ],
)
def test_a_wrong_override_is_named_when_read_and_mended_by_setting_it(make, overrides, said):
    node, declared, _ = make(**overrides)
    with pytest.raises(ConfigError, match=said):
        declared.read()
    good = [Parameter("sync.slop", value=0.1), Parameter("sync.policy", value="exact"), Parameter("box", value=[])]
    assert node.set_parameters_atomically(good).successful
    assert declared.read() == Everything(sync=Sync(slop=0.1))


def test_a_change_that_breaks_the_whole_is_refused_with_the_reason(make):
    node, declared, changes = make(box=[1.0])
    result = node.set_parameters([Parameter("sync.policy", value="approximate")])[0]
    assert not result.successful
    assert "don't go together" in result.reason
    assert declared.read().sync.policy == "exact"
    assert changes == []


def test_a_change_at_run_time_is_handed_on(make):
    node, _, changes = make(unconfigured=False)
    assert node.set_parameters([Parameter("box", value=[3.0])])[0].successful
    assert changes == [Everything(box=(3.0,))]


@pytest.mark.parametrize("box", [None, [], [1, 2], [1.0, 2.0]])
def test_a_list_of_numbers_is_described_as_doubles_whatever_it_was_given_as(make, box):
    node, declared, _ = make(**({} if box is None else {"box": box}))
    [described] = node.describe_parameters(["box"])
    assert described.type == ParameterType.PARAMETER_DOUBLE_ARRAY
    for value in (box or [], [3, 4], []):
        assert node.set_parameters([Parameter("box", value=value)])[0].successful
        assert node.describe_parameters(["box"])[0].type == ParameterType.PARAMETER_DOUBLE_ARRAY
        assert declared.read().box == tuple(map(float, value))


def test_the_nodes_boxes_are_described_as_doubles(make):
    node, _, _ = make(PerceptionParameters)
    described = node.describe_parameters(["regions.hand", "regions.object"])
    assert [one.type for one in described] == [ParameterType.PARAMETER_DOUBLE_ARRAY] * 2


def test_what_is_read_at_configure_is_refused_later(make):
    node, _, _ = make(unconfigured=False)
    result = node.set_parameters([Parameter("sync.slop", value=0.3)])[0]
    assert not result.successful
    assert "clean the node up first" in result.reason


def test_the_table_lists_every_parameter_of_the_node(make):
    table = markdown_table(PerceptionParameters)
    assert '| `sync.policy` | string | `"exact"` | unconfigured |' in table
    node, _, _ = make(PerceptionParameters)
    rows = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    standard = ("use_sim_time", "start_type_description_service")
    assert rows == {name for name in node._parameters if name not in standard}


@pytest.mark.parametrize("box", [[5.0, 5.0, 1.0, 9.0], [1.0, 2.0, 3.0], [float("nan"), 0.0, 1.0, 1.0]])
def test_a_malformed_box_is_refused(box):
    with pytest.raises(ConfigError, match=r"regions\.hand"):
        build(PerceptionParameters, {"regions.hand": box})


def test_a_slop_counts_only_with_the_approximate_policy():
    exact = build(PerceptionParameters, {"sync.slop": 0.5})
    approximate = build(PerceptionParameters, {"sync.slop": 0.5, "sync.policy": "approximate"})
    assert (exact.sync.allowed_difference, approximate.sync.allowed_difference) == (0, 500_000_000)


NODES = [
    ("perception", PerceptionParameters, {"autostart", "regions.hand", "regions.object"}),
    ("grasp", GraspParameters, {"autostart"}),
]


@pytest.mark.parametrize(("node", "kind"), [entry[:2] for entry in NODES])
def test_the_documentation_lists_the_parameters_as_they_are(node, kind):
    page = (Path(__file__).parents[2] / "docs" / f"{node}_node.md").read_text()
    assert markdown_table(kind) in page, f"put the output of markdown_table({kind.__name__}) there"


@pytest.mark.parametrize(("node", "kind", "left_out"), NODES)
def test_the_shipped_parameter_file_holds_the_defaults_of_parameters_that_exist(node, kind, left_out):
    content = yaml.safe_load((Path(__file__).parents[2] / "config" / f"{node}.yaml").read_text())
    values = {}
    for name, value in content["/**"]["ros__parameters"].items():
        values |= {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    defaults = {s.name: s.default for s in specifications(kind)}
    assert values == {name: defaults[name] for name in values}
    assert set(defaults) - set(values) == left_out


def test_grasp_parameters_are_the_planners_own_defaults():
    parameters = build(GraspParameters, {})
    assert parameters.grasp_settings() == GraspSettings()
    assert parameters.steadiness() == Steadiness()
