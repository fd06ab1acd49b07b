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

"""Two estimates of the same image, compared: what perfect, moved, missing and misnamed ones give; pairs by stamp."""

from dataclasses import replace

import numpy as np
import pytest
from demo_bag import hand_at
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import MeshError
from hoisdf_model.estimates import Estimate, ObjectEstimate
from hoisdf_model.evaluation import EstimateErrors, Models, OnlineEvaluation, StampPairs, compare, summarise
from hoisdf_model.objects import load_catalogue

BOX, CAN = "003_cracker_box", "005_tomato_soup_can"
NOTHING_OFF = ("MJE", "PA-MJE", "MME", "OCE", "MCE", "MCE box", "ADD", "ADD-S", "rotation", "wrist", "camera MJE")
COMPARE = EstimateErrors(Models(load_catalogue().get))


def thing(name=BOX, place=(0.05, 0.0, 0.6)):
    turn = Rotation.from_euler("xyz", (0.3, -1.2, 0.5)).as_matrix()
    return ObjectEstimate(name, 1.0, turn, np.array(place), np.zeros((6, 6)))


def moved(hand, by):
    by = np.array(by, np.float32)
    return replace(hand, joints=hand.joints + by, vertices=hand.vertices + by)


TRUTH = Estimate((hand_at(0.0),), (thing(),))


def only(estimate, truth=TRUTH):
    [hand] = COMPARE(estimate, truth).hands
    return hand


def test_the_truth_itself_has_no_errors():
    hand = only(TRUTH)
    for metric in NOTHING_OFF:
        assert hand.result.errors[metric] == pytest.approx(0, abs=2e-4), metric
    assert hand.result.errors["F@5"] == hand.result.errors["PA-F@15"] == 100
    assert hand.result.errors["VAUC"] == pytest.approx(100, abs=1.1)  # the curve's first threshold is 0
    assert (hand.object, hand.result.found, hand.side, hand.name) == (BOX, (True, True), True, "right")
    assert hand.result.joint_errors == (0,) * 21


def test_a_hand_moved_by_10_mm_is_off_by_10_mm_in_the_camera_frame_only():
    errors = only(replace(TRUTH, hands=(moved(TRUTH.hands[0], (0, 0.006, 0.008)),))).result.errors
    assert errors["camera MJE"] == pytest.approx(10, abs=1e-3)
    assert errors["wrist"] == pytest.approx(10, abs=1e-3)
    for metric in ("MJE", "PA-MJE", "MME", "PA-MME"):
        assert errors[metric] == pytest.approx(0, abs=1e-3), metric


def test_fingers_moved_by_10_mm_are_off_relative_to_a_wrist_that_is_right():
    hand = TRUTH.hands[0]
    joints = hand.joints.copy()
    joints[1:, 0] += 0.01
    errors = only(replace(TRUTH, hands=(replace(hand, joints=joints),))).result.errors
    assert errors["wrist"] == 0
    assert errors["MJE"] == pytest.approx(10 * 20 / 21, abs=1e-3)


def test_an_object_moved_and_turned_is_off_by_just_that():
    turn = Rotation.from_rotvec(np.deg2rad(20) * np.array([0.6, 0.0, 0.8])).as_matrix()
    own = replace(
        thing(), rotation=turn @ thing().rotation, translation=thing().translation + np.array((0.003, 0, 0.004))
    )
    errors = only(replace(TRUTH, objects=(own,))).result.errors
    assert errors["OCE"] == pytest.approx(5, abs=1e-3)
    assert errors["rotation"] == pytest.approx(20, abs=1e-3)


def test_a_left_hand_is_compared_as_it_is():
    left = replace(TRUTH.hands[0], side="left", joints=TRUTH.hands[0].joints * (-1, 1, 1))
    left = replace(left, vertices=TRUTH.hands[0].vertices * np.array((-1, 1, 1), np.float32))
    errors = only(Estimate((left,)), Estimate((left,))).result.errors
    assert errors["camera MJE"] == errors["MJE"] == 0
    mistaken = only(Estimate((replace(left, side="right"),)), Estimate((left,)))
    assert mistaken.side is False
    assert mistaken.result.errors["camera MJE"] == 0


def test_nothing_found_has_no_errors_and_counts_as_not_found():
    hand = only(Estimate())
    assert hand.result.errors == {}
    assert (hand.result.found, hand.side, hand.name) == ((False, False), None, "none")


def test_an_object_of_another_name_is_not_compared_and_one_without_is():
    wrong, nameless = (only(replace(TRUTH, objects=(thing(name),))) for name in (CAN, ""))
    assert (wrong.name, wrong.result.found) == ("wrong", (True, False))
    assert "OCE" not in wrong.result.errors
    assert (nameless.name, nameless.result.found) == ("unknown", (True, True))
    assert nameless.result.errors["ADD"] == pytest.approx(0, abs=1e-3)


def test_hands_are_matched_by_side_before_distance_and_others_are_spurious():
    near, far = hand_at(0.0), hand_at(0.3)
    estimate = Estimate((replace(near, side="left"), far, hand_at(-0.2)), (thing(CAN), thing(BOX)))
    comparison = COMPARE(estimate, TRUTH)
    [hand] = comparison.hands
    assert hand.result.errors["wrist"] == pytest.approx(200, abs=1e-3)  # the nearer of the two right ones, at -0.2
    assert comparison.spurious == 2
    assert hand.name == "none"  # objects[2] would be that hand's


def test_two_true_hands_get_the_estimates_that_are_theirs_whatever_the_order():
    truth = Estimate((hand_at(0.2), hand_at(-0.2)), (thing(BOX), thing(CAN)))
    estimate = Estimate((hand_at(-0.19), hand_at(0.2)), (thing(CAN), thing(BOX)))
    first, second = COMPARE(estimate, truth).hands
    assert (first.object, first.name, first.result.errors["wrist"]) == (BOX, "right", 0)
    assert (second.object, second.name) == (CAN, "right")
    assert second.result.errors["wrist"] == pytest.approx(10, abs=1e-3)


def test_objects_are_those_of_the_hands_of_their_side():
    left = replace(hand_at(-0.2), side="left")
    estimate = Estimate((left, hand_at(0.0)), (replace(thing(CAN), side="left"), replace(thing(BOX), side="right")))
    assert only(estimate, TRUTH).name == "right"
    assert only(replace(estimate, objects=estimate.objects[::-1]), TRUTH).name == "right"
    assert only(replace(estimate, objects=estimate.objects[:1]), TRUTH).name == "none"


def test_objects_that_lie_about_are_not_asked_for():
    truth = replace(TRUTH, objects=(thing(BOX), thing(CAN)))
    assert [hand.object for hand in COMPARE(TRUTH, truth).hands] == [BOX]


def test_an_object_that_is_in_no_catalogue_leaves_the_hand():
    def find(name):
        raise MeshError(name)

    [hand] = EstimateErrors(Models(find))(TRUTH, TRUTH).hands
    assert not hand.mesh
    assert hand.result.errors["MJE"] == 0
    assert "OCE" not in hand.result.errors


def test_without_vertices_there_is_no_error_of_the_mesh():
    bare = replace(TRUTH.hands[0], vertices=np.empty((0, 3), np.float32))
    for estimate, truth in ((bare, TRUTH.hands[0]), (TRUTH.hands[0], bare)):
        errors = only(replace(TRUTH, hands=(estimate,)), replace(TRUTH, hands=(truth,))).result.errors
        assert "MJE" in errors
        assert "MME" not in errors


def test_of_a_true_hand_with_a_known_wrist_only_the_object_is_compared():
    joints = TRUTH.hands[0].joints.copy()
    joints[1:] = np.nan
    hand = only(TRUTH, replace(TRUTH, hands=(replace(TRUTH.hands[0], joints=joints),)))
    assert hand.result.found == (True, True)
    assert "MJE" not in hand.result.errors
    assert hand.result.errors["ADD"] == pytest.approx(0, abs=1e-3)


def test_a_true_hand_that_is_not_known_is_left_out():
    unknown = replace(TRUTH.hands[0], joints=np.full((21, 3), np.nan, np.float32))
    comparison = COMPARE(TRUTH, Estimate((unknown,)))
    assert (comparison.hands, comparison.spurious) == ((), 1)


def test_running_means_are_those_of_the_summary():
    evaluation, records = OnlineEvaluation(COMPARE, "network"), []
    for k in range(4):
        estimate = Estimate((moved(TRUTH.hands[0], (0.01 * k, 0, 0)),), (thing(place=(0.05, 0.01 * k, 0.6)),))
        records += evaluation.add(100 + k, estimate if k != 2 else Estimate(), TRUTH, ("here",))
    records += evaluation.add(200, TRUTH, Estimate())
    figures = summarise(records).figures["all"]["network"]
    assert {metric: figure.count for metric, figure in figures.items()} == dict(evaluation.figures.counts)
    for metric, figure in figures.items():
        assert evaluation.figures.mean(metric) == pytest.approx(figure.mean)
    assert evaluation.figures.mean("wrist") == pytest.approx((0 + 10 + 30) / 3, abs=1e-3)
    counted = evaluation.figures.to_json()
    assert counted == {
        "frames": 5, "empty": 1, "hands": 4, "hands_found": 3, "other_side": 0, "objects": 4, "objects_found": 3,
        "other_name": 0, "spurious": 1,
    }  # fmt: skip
    assert [record.stamp for record in records] == [100, 101, 102, 103]
    assert [record.frame for record in records] == [0, 1, 2, 3]
    assert len(evaluation.figures.sentences()) == 2


def test_runs_are_compared_by_stamp_where_one_left_a_frame_out():
    runs = {}
    for name, frames in (("all", range(4)), ("fewer", (0, 2, 3))):
        evaluation = OnlineEvaluation(COMPARE, "network")
        far = 0.001 if name == "fewer" else 0.0
        runs[name] = [
            record
            for k in frames
            for record in evaluation.add(k, Estimate((moved(TRUTH.hands[0], (0.01 * k + far, 0, 0)),)), TRUTH)
        ]
    found = compare(runs, {"wrist": True}, dict.fromkeys(runs, "network"))["fewer"]["wrist"]
    assert found.count == 3
    assert found.first == pytest.approx((0 + 20 + 30) / 3, abs=1e-3)
    assert found.mean - found.first == pytest.approx(1, abs=1e-3)
    assert found.better == 0


@given(st.permutations([(kind, stamp) for kind in ("estimate", "truth") for stamp in range(6)]))
def test_every_stamp_is_paired_once_in_whatever_order_messages_come(order):
    pairs = StampPairs(depth=6)
    given_ = [pair for kind, stamp in order if (pair := pairs.add(kind, stamp, (kind, stamp)))]
    assert sorted(given_) == [(("estimate", k), ("truth", k)) for k in range(6)]
    assert (pairs.paired, pairs.unmatched.total(), pairs.repeated) == (6, 0, 0)


def test_what_waits_too_long_is_given_up_and_counted():
    pairs = StampPairs(depth=2)
    for stamp in range(5):
        assert pairs.add("truth", stamp, stamp) is None
    assert pairs.unmatched == {"truth": 3}
    assert pairs.add("estimate", 0, 0) is None
    assert pairs.add("estimate", 4, 4) == (4, 4)
    pairs.give_up()
    assert pairs.unmatched == {"truth": 4, "estimate": 1}
    assert pairs.waiting("truth") == pairs.waiting("estimate") == 0


def test_a_recording_that_loops_counts_each_stamp_once_and_catches_up():
    pairs = StampPairs(depth=10)
    for seen in ((0, 2), (0, 1, 2)):  # the estimator misses a frame in the first round
        for stamp in range(3):
            pairs.add("truth", stamp, stamp)
        given_ = [stamp for stamp in seen if pairs.add("estimate", stamp, stamp)]
        assert given_ == ([0, 2] if len(seen) == 2 else [1])
        pairs.give_up()
    assert (pairs.paired, pairs.repeated) == (3, 2)
