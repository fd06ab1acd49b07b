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

"""vision_msgs in and out, on classes with the fields of vision_msgs 4 (which isn't on PyPI)."""

from types import SimpleNamespace

import numpy as np
import pytest

from hoisdf_model.errors import InvalidInputError
from hoisdf_model.messages import MessageTypes
from hoisdf_ros.perception.detections import detections_from_objects, detections_to_regions


def detection(classes, x=50.0, y=40.0, width=20.0, height=10.0, theta=0.0):
    results = [SimpleNamespace(hypothesis=SimpleNamespace(class_id=name, score=s)) for name, s in classes.items()]
    center = SimpleNamespace(position=SimpleNamespace(x=x, y=y), theta=theta)
    return SimpleNamespace(results=results, bbox=SimpleNamespace(center=center, size_x=width, size_y=height))


def regions_of(*detections):
    return detections_to_regions(SimpleNamespace(detections=list(detections)))


def test_hands_and_objects_are_told_apart_by_class_and_come_best_first():
    regions = regions_of(
        detection({"003_box": 0.4}),
        detection({"hand": 0.3}),
        detection({"Left_Hand": 0.9, "cup": 0.2}),
        detection({"cup": 0.8}),
    )
    assert [(hand.side, hand.score) for hand in regions.hands] == [("left", 0.9), (None, 0.3)]
    assert [(item.name, item.score) for item in regions.objects] == [("cup", 0.8), ("003_box", 0.4)]


def test_a_box_is_its_centre_plus_and_minus_half_its_size():
    assert regions_of(detection({"hand": 1.0})).hands[0].box.tolist() == [40, 35, 60, 45]


def test_a_turned_box_is_taken_by_its_upright_bounds():
    box = regions_of(detection({"hand": 1.0}, theta=np.pi / 2)).hands[0].box
    assert np.allclose(box, [45, 30, 55, 50])


def test_detections_without_a_hypothesis_are_passed_over():
    assert regions_of(detection({})).hands == ()


@pytest.mark.parametrize("fault", [{"width": 0.0}, {"x": float("nan")}])
def test_a_malformed_box_is_named(fault):
    with pytest.raises(InvalidInputError, match=r"detections\[1\]"):
        regions_of(detection({"hand": 1.0}), detection({"hand": 1.0}, **fault))


def test_one_bad_detection_leaves_the_others_and_is_named():
    said = []
    boxes = [detection({"hand": 0.4}), detection({"hand": 0.9}, width=-1.0), detection({"cup": float("nan")})]
    regions = detections_to_regions(SimpleNamespace(detections=boxes), said.append)
    assert [hand.score for hand in regions.hands] == [0.4]
    assert regions.objects == ()
    assert [str(error).split(" must")[0] for error in said] == ["the box of detections[1]", "detections[2]"]
    with pytest.raises(InvalidInputError, match=r"detections\[0\]"):  # none left is something else than none there
        detections_to_regions(SimpleNamespace(detections=boxes[1:2]), said.append)


def test_objects_leave_with_pose_covariance_and_a_box_that_holds_the_mesh():
    types = MessageTypes(lambda name: lambda **fields: SimpleNamespace(type=name, **fields), lambda values: values)
    pose = SimpleNamespace(
        name="003_box", score=0.5, pose=SimpleNamespace(pose="the pose", covariance="the covariance")
    )
    bounds = np.array([[-0.1, -0.2, 0.0], [0.1, 0.1, 0.3]])
    message = detections_from_objects([pose], lambda name: bounds, "header", types)
    found = message.detections[0]
    assert (message.header, found.header, found.id) == ("header", "header", "003_box")
    assert found.results[0].hypothesis.class_id == "003_box"
    assert found.results[0].pose is pose.pose
    assert found.bbox.center == "the pose"
    assert np.allclose([found.bbox.size.x, found.bbox.size.y, found.bbox.size.z], [0.2, 0.4, 0.6])


def test_an_object_without_a_mesh_has_a_box_without_a_size():
    types = MessageTypes(lambda name: lambda **fields: SimpleNamespace(**fields), lambda values: values)
    pose = SimpleNamespace(name="x", score=0.5, pose=SimpleNamespace(pose=None, covariance=None))
    box = detections_from_objects([pose], lambda name: None, "header", types).detections[0].bbox
    assert (box.size.x, box.size.y, box.size.z) == (0.0, 0.0, 0.0)
