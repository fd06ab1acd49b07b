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

"""Parameters that are given and change nothing, read by ROS itself."""

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("rclpy")

from rclpy.node import Node  # noqa: E402

from hoisdf_ros.beginning import ros  # noqa: E402
from hoisdf_ros.unused_parameters import warn_of_unused  # noqa: E402


def warned(capfd, *arguments):
    """What a node called /left/perception with one parameter says, and the value that it got."""
    args = ["node", "--ros-args", "-r", "__ns:=/left", *arguments]
    with ros(args):
        node = Node("perception")
        value = node.declare_parameter("regions.hand", "none").value
        warn_of_unused(node, args)
        node.destroy_node()
    return capfd.readouterr().err, value


def test_a_misspelt_parameter_is_named_with_the_one_that_was_meant(capfd):
    said, value = warned(capfd, "-p", "regions.hnad:=box", "-p", "use_sim_time:=true")
    assert value == "none"
    assert "regions.hnad was given, but /left/perception has none of that name: did you mean regions.hand?" in said
    assert "use_sim_time" not in said


def test_parameters_that_are_there_and_those_of_publishers_are_no_warning(capfd):
    qos = "qos_overrides./image.subscription.reliability:=best_effort"
    assert warned(capfd, "-p", "regions.hand:=box", "-p", qos) == ("", "box")


@pytest.mark.parametrize(("content", "reaches"), [
    ("/left/perception: {ros__parameters: {regions.hand: box}}", True),
    ("/**: {ros__parameters: {regions.hand: box}}", True),
    ("/**/perception: {ros__parameters: {regions: {hand: box}}}", True),
    ("/*/perception: {ros__parameters: {regions.hand: box}}", True),
    ("left: {perception: {ros__parameters: {regions.hand: box}}}", True),
    ("grasp: {ros__parameters: {a: 1}}\n/left/perception: {ros__parameters: {regions.hand: box}}", True),
    ("perception: {ros__parameters: {regions.hand: box}}", False),
    ("/right/perception: {ros__parameters: {regions.hand: box}}", False),
    ("/*: {ros__parameters: {regions.hand: box}}", False),
])  # fmt: skip
def test_a_file_that_is_for_other_nodes_is_told_exactly_where_ros_passes_over_it(tmp_path, capfd, content, reaches):
    file = tmp_path / "parameters.yaml"
    file.write_text(content + "\n")
    said, value = warned(capfd, "--params-file", str(file))
    assert value == ("box" if reaches else "none")  # what ROS makes of the file
    assert ("none of this node, /left/perception" in said) is not reaches


def test_a_file_for_another_node_of_the_process_is_in_its_place(tmp_path, capfd):
    for name, content in (("right", "/right/perception"), ("nobody", "/up/perception")):
        (tmp_path / name).write_text(f"{content}: {{ros__parameters: {{regions.hand: box}}}}\n")
    files = [word for name in ("right", "nobody") for word in ("--params-file", str(tmp_path / name))]
    with ros(["node", "--ros-args", *files]):
        nodes = [Node("perception", namespace=side) for side in ("left", "right")]
        for node in nodes:
            node.declare_parameter("regions.hand", "none")
            warn_of_unused(node, files, nodes)
        for node in nodes:
            node.destroy_node()
    said = capfd.readouterr().err
    assert "the parameter file " + str(tmp_path / "right") not in said
    assert said.count("the parameter file " + str(tmp_path / "nobody")) == 2
