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

"""The weights that ship load by themselves, and know more than one who doesn't look."""

import numpy as np
import pytest

from hoisdf_model import Estimator
from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.estimates import Prior
from hoisdf_model.evaluation import read_mean_pose
from hoisdf_model.geometry import boxes
from hoisdf_model.grasping import GraspSettings
from hoisdf_model.hand import load_hand_model
from hoisdf_model.network import read_weights, shipped_weights
from hoisdf_model.objects import load_catalogue


@pytest.fixture(scope="module")
def errors():
    """(N, 4) metres on every twelfth frame of the sample recording, the true wrist and boxes given.

    Joints of the estimate and of the training data's mean pose, relative to the wrist; the object's position likewise.
    """
    estimator, catalogue, mean = Estimator.load(device="cpu"), load_catalogue(), read_mean_pose()
    found, truths = [], []
    with BagReader(sample_recording()) as bag:
        for item in list(bag.frames(depth=""))[::12]:
            hand, thing, camera = item.truth.hands[0], item.truth.objects[0], item.frame.intrinsics
            corners = np.asarray(catalogue.mesh(thing.name).bounding_box.vertices)
            prior = Prior(
                hand_box=boxes.around(camera.project(hand.joints), 1.1),
                object_box=boxes.around(camera.project(corners @ thing.rotation.T + thing.translation), 1.0),
                root=hand.joints[0],
                side="right",
                object_name=thing.name,
            )
            estimate = estimator(item.frame, prior)
            (seen,), (held,) = estimate.hands, estimate.objects
            found.append((seen.joints - seen.joints[0], held.translation - hand.joints[0]))
            truths.append((hand.joints - hand.joints[0], thing.translation - hand.joints[0]))
    joints, places = (np.stack(x) for x in zip(*found, strict=True))
    true_joints, true_places = (np.stack(x) for x in zip(*truths, strict=True))
    return np.stack(
        [
            np.linalg.norm(joints - true_joints, axis=2).mean(1),
            np.linalg.norm(mean.joints - true_joints, axis=2).mean(1),
            np.linalg.norm(places - true_places, axis=1),
            np.linalg.norm(mean.object_from_wrist - true_places, axis=1),
        ],
        1,
    )


def test_they_are_small_and_of_the_shipped_hand():
    weights = read_weights("shipped")
    assert weights.config.name == "compact_hand"
    assert weights.trained_with.hash == load_hand_model().hash
    assert shipped_weights().stat().st_size < 30e6


def test_they_say_how_far_objects_are_off(errors):
    calibration = read_weights("shipped").calibration
    assert calibration.frames >= 250
    assert calibration.data == "synthetic benchmark version 1"
    # of another recording, of a dozen frames that are much alike: the same order of magnitude
    off = np.sqrt((errors[:, 2] ** 2).mean() / 3) / calibration.object_position
    assert abs(np.log10(off)) < 0.5
    assert calibration.object_rotation > GraspSettings().rotation_limit  # nobody is handed grasps from these


def test_joints_are_a_third_better_than_the_mean_pose(errors):
    assert errors[:, 0].mean() < 0.65 * errors[:, 1].mean()


def test_object_positions_are_better_than_the_mean_pose(errors):
    assert errors[:, 2].mean() < 0.8 * errors[:, 3].mean()
