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

"""Gripper descriptions: what ships, and what a wrong file is told."""

import numpy as np
import pytest
import yaml

from hoisdf_model.errors import ConfigError
from hoisdf_model.grasping import gripper_names, load_gripper
from hoisdf_model.grasping.grippers import gripper_from_mapping

GOOD = {
    "stroke": 0.1,
    "pad": {"length": 0.02, "width": 0.02},
    "finger": {"length": 0.05, "width": 0.02, "thickness": 0.015},
    "palm": {"width": 0.06, "span": 0.15, "depth": 0.08},
    "frame": {"name": "base", "closing_axis": "+x", "approach_axis": "+z", "palm_distance": 0.08},
    "sources": ["a drawing"],
}


def changed(path: str, value):
    copy = yaml.safe_load(yaml.safe_dump(GOOD))
    *parents, last = path.split(".")
    place = copy
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


def test_strokes_of_the_shipped_grippers_are_the_makers():
    assert {name: load_gripper(name).stroke for name in gripper_names()} == {
        "franka_hand": 0.08, "robotiq_2f_85": 0.085, "robotiq_2f_140": 0.14, "generic": 0.1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["franka_hand", "robotiq_2f_85", "robotiq_2f_140", "generic"])
def test_every_shipped_gripper_names_its_sources_and_has_a_palm_wider_than_its_fingers(name):
    gripper = load_gripper(name)
    fingers = gripper.boxes(gripper.stroke)[:2]
    assert gripper.sources
    assert np.ptp(fingers[..., 1]) <= gripper.palm[1]  # or a swept finger would stick out behind the palm


def test_franka_tool_frame_is_a_third_of_a_millimetre_from_panda_hand_tcp():
    hand = load_gripper("franka_hand").mount_pose(np.eye(4), 0.04)
    assert np.allclose(hand[:3, :3], np.eye(3))
    assert np.allclose(hand[:3, 3], [0, 0, -0.1034], atol=5e-4)


def test_robotiq_tips_reach_farther_when_closed():
    gripper = load_gripper("robotiq_2f_85")
    open_, closed = (-gripper.mount_pose(np.eye(4), width)[2, 3] for width in (0.085, 0.0))
    assert closed - open_ == pytest.approx(0.0135, abs=1e-4)
    assert np.allclose(gripper.mount_pose(np.eye(4), 0.0)[:3, 0], [0, 1, 0])  # the link's x closes


def test_boxes_leave_the_opening_free_and_reach_from_palm_to_tip():
    gripper = load_gripper("generic")
    left, right, palm = gripper.boxes(0.06, travel=0.1)
    assert left[0, 1] == 0.03
    assert right[1, 1] == -0.03
    assert left[1, 2] == pytest.approx(0.01)
    assert palm[1, 2] == pytest.approx(0.01 - 0.05)
    assert palm[0, 2] == pytest.approx(0.01 - 0.05 - 0.08 - 0.1)
    assert gripper.boxes(0.06, closed_to=0.02)[0, 0, 1] == 0.01


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("stroke", None, "lacks stroke"),
        ("stroke", 100, "millimetres"),
        ("stroke", -0.1, "above 0"),
        ("stroke", "wide", "a length in metres"),
        ("stroke", float("nan"), "a length in metres"),
        ("pad.depth", 0.1, "unknown depth"),
        ("pad.length", 0.06, "within finger.length"),
        ("frame.closing_axis", "y", "one of"),
        ("frame.approach_axis", "-x", "right angles"),
        ("frame.palm_distance", {}, "opening"),
        ("frame.palm_distance", {"open": 0.1}, "opening"),
        ("frame.name", "", "name of a link"),
        ("sources", [], "where the numbers come from"),
        ("palm", 3, "must have the keys"),
    ],
)
def test_a_wrong_value_is_named(path, value, words):
    with pytest.raises(ConfigError, match=f"gripper mine.*{words}"):
        gripper_from_mapping("mine", changed(path, value))


def test_own_file_is_read_and_a_missing_or_broken_one_is_an_error(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    assert load_gripper(path).name == "mine"
    path.write_text("stroke: [")
    with pytest.raises(ConfigError, match="no YAML"):
        load_gripper(path)
    path.write_text("!!python/object/apply:os.system [false]")
    with pytest.raises(ConfigError, match="no YAML"):
        load_gripper(path)
    with pytest.raises(ConfigError, match="franka_hand"):
        load_gripper("frank_hand")
