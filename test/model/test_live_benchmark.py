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

"""The live benchmark's arithmetic, with estimators made up to be wrong by a known amount."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hoisdf_model.estimates import Estimate, Frame, HandEstimate, HandModelInfo, ObjectEstimate
from hoisdf_model.evaluation import EstimateErrors, Models
from hoisdf_model.geometry import Pinhole
from hoisdf_model.objects import find_object

sys.path.append(str(Path(__file__).parents[2] / "benchmark"))  # where its files find each other

import live
import live_figures as benchmark
from live_figures import EMPTY, REPEATS, WARM_UP, Tally

CAMERA = Pinhole(400.0, 400.0, 159.5, 119.5, 320, 240)
FRAME = Frame(np.full((240, 320, 3), 90, np.uint8), CAMERA)
JOINTS = np.random.default_rng(0).uniform((-0.05, -0.05, 0.55), (0.05, 0.05, 0.65), (21, 3))
ERRORS = EstimateErrors(Models(find_object))


def hand(shift=(0, 0, 0), side="right", covariance=None):
    zeros = np.zeros((0, 3), np.float32)
    return HandEstimate(
        side, 0.9, (JOINTS + shift).astype(np.float32), np.ones(21, np.float32), zeros, np.zeros((16, 3), np.float32),
        np.zeros(10, np.float32), np.eye(3) * 1e-4 if covariance is None else covariance, "monocular",
        HandModelInfo("none", ""),
    )  # fmt: skip


def mug(shift=(0, 0, 0)):
    return ObjectEstimate("025_mug", 0.9, np.eye(3), np.array([0.0, 0.0, 0.6]) + shift, np.zeros((6, 6)))


TRUTH = Estimate((hand(),), (mug(),))


def compared(*pairs):
    """Figures of frames with these estimates and truths."""
    tally = Tally()
    for estimate, truth in pairs:
        benchmark.compare(estimate, truth, FRAME, ERRORS, tally)
    return tally.figures()


class Sees:
    """An estimator that sees hands from a list, one entry a frame, the last one again and again."""

    def __init__(self, *hands):
        self.hands, self.given, self.resets = hands, [], 0

    def reset(self):
        self.resets += 1

    def __call__(self, frame, prior=None):
        assert prior is None
        self.given.append(frame)
        return Estimate(self.hands[min(len(self.given), len(self.hands)) - 1], timing={"network": 0.25})


def test_precision_and_recall_count_hands_by_overlap():
    nothing, far = Estimate(), Estimate((hand((0.08, 0, 0)),))  # 0.08 of 0.1 m away: the boxes overlap by a ninth
    both = Estimate((hand(), hand((-0.12, 0, 0))))
    figures = compared(
        (TRUTH, TRUTH), (nothing, TRUTH), (far, TRUTH), (both, TRUTH), (far, nothing), (nothing, nothing)
    )
    assert figures["frames"] == 6
    assert figures["true hands"] == 4
    assert figures["precision"] == pytest.approx(2 / 5)
    assert figures["recall"] == pytest.approx(2 / 4)


def test_a_hand_outside_the_picture_needn_t_be_found_and_may_be():
    outside = Estimate((hand((0.3, 0, 0)),))  # 0.3 m at 0.6 m: 200 pixels right of the middle of 320
    figures = compared((Estimate(), outside), (outside, outside), (TRUTH, TRUTH))
    assert (figures["true hands"], figures["recall"], figures["precision"]) == (1, 1.0, 1.0)
    assert figures["wrist"]["count"] == 1


def test_a_hand_behind_the_camera_is_not_in_the_picture():
    assert not benchmark.in_picture(hand((0, 0, -1.2)), CAMERA, FRAME.image.shape)
    assert benchmark.in_picture(hand(), CAMERA, FRAME.image.shape)


def test_errors_are_millimetres_in_the_camera_frame_and_after_alignment():
    estimates = [Estimate((hand((0, 0, 1e-3 * off)),), (mug((0, 2e-3 * off, 0)),)) for off in range(11)]
    figures = compared(*((estimate, TRUTH) for estimate in estimates))
    for name in ("wrist", "camera MJE"):
        assert figures[name] == pytest.approx({"count": 11, "mean": 5, "median": 5, "p90": 9}, abs=1e-2)
    assert figures["PA-MJE"]["p90"] == pytest.approx(0, abs=1e-2)
    assert figures["OCE box"]["median"] == pytest.approx(10, abs=1e-2)
    assert 0 < figures["ADD-S"]["median"] < 10


def test_objects_that_were_not_estimated_have_no_errors_and_sides_are_counted():
    figures = compared((Estimate((hand(side="left"),)), TRUTH), (TRUTH, TRUTH))
    assert figures["ADD-S"]["count"] == 1
    assert figures["side right"] == pytest.approx(0.5)


def test_the_ellipsoid_holds_95_percent_of_normal_errors():
    rng = np.random.default_rng(1)
    factor = np.array([[3.0, 0, 0], [1.0, 0.5, 0], [0.2, 0.1, 2.0]]) * 1e-3
    covariance = factor @ factor.T
    held = [benchmark.inside(hand(factor @ rng.normal(size=3), covariance=covariance), hand()) for _ in range(4000)]
    assert np.mean(held) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
    assert benchmark.inside(hand(covariance=-np.eye(3)), hand()) is None


def test_jitter_is_the_spread_of_joints_of_a_still_hand():
    tally, ways = Tally(), [(hand((0.5e-3 * (-1) ** k, 0, 0)),) for k in range(WARM_UP + REPEATS)]
    estimator = Sees(*ways)
    depth = np.ones((240, 320), np.float32)
    depth[0] = 0
    benchmark.still(estimator, replace(FRAME, depth=depth), TRUTH, np.random.default_rng(0), tally)
    assert tally.jitter == pytest.approx([0.5], abs=1e-3)  # half a millimetre to both sides
    assert tally.relative_jitter == pytest.approx([0], abs=1e-3)
    assert estimator.resets == 1
    images = np.stack([frame.image for frame in estimator.given]).astype(float)
    assert images.std(0).mean() == pytest.approx(benchmark.IMAGE_NOISE, rel=0.1)
    assert all((frame.depth[0] == 0).all() and frame.depth[1].std() > 0 for frame in estimator.given)


def test_a_still_hand_that_is_lost_has_no_jitter():
    tally = Tally()
    benchmark.still(Sees((hand(),), ()), FRAME, TRUTH, np.random.default_rng(0), tally)
    assert (tally.jitter, tally.unstill) == ([], 1)


@pytest.mark.parametrize(("late", "seconds"), [(0, 0.0), (2, 0.4), (99, None)])
def test_recovery_is_the_time_from_the_hand_s_return(late, seconds):
    seen, unseen = (hand(),), ()
    moments = [(7 + 0.2 * k, FRAME, TRUTH) for k in range(5)]
    stale = [seen, seen] + [unseen] * (EMPTY - 2)
    estimator, tally = Sees(*[seen] * benchmark.SEEN_BEFORE, *stale, *[unseen] * late, seen), Tally()
    benchmark.recover(estimator, moments, np.random.default_rng(0), tally)
    assert tally.recoveries == [None if seconds is None else pytest.approx(seconds)]
    assert tally.stale == 2
    figures = tally.figures()
    assert figures["not recovered"] == (seconds is None)


def test_times_are_medians_by_stage():
    tally = Tally()
    for seconds in (0.1, 0.2, 0.9):
        benchmark.look(lambda frame, prior, s=seconds: Estimate(timing={"network": s}), FRAME, tally)
    assert tally.figures()["stages, ms"] == pytest.approx({"network": 200})
    assert len(tally.cpu) == len(tally.wall) == 3


def test_an_evaluation_of_nothing_has_dashes_and_no_warnings(capsys):
    figures = Tally().figures()
    live.show({"image": figures}, "nothing")
    assert "wrist, mm" in capsys.readouterr().out
    assert figures["precision"] is figures["recall"] is figures["frames/s"] is None
    assert live.text(None) == "-"


def test_the_sample_recording_is_measured_with_and_without_depth():
    from hoisdf_model.data.bags.sample_bag import sample_recording

    moments = live.read(sample_recording(), True)[:6]
    assert all(frame.depth is not None for _, frame, _ in moments)
    truths = iter([truth for _, _, truth in moments])

    class Knows(Sees):
        def __call__(self, frame, prior=None):
            super().__call__(frame)
            known = next(truths, moments[3][2])
            return replace(known, hands=tuple(replace(one, root_covariance=np.eye(3)) for one in known.hands))

    tally = Tally()
    live.measure(Knows(()), moments, ERRORS, tally)
    figures = tally.figures()
    assert (figures["precision"], figures["recall"]) == (1.0, 1.0)
    assert figures["wrist"]["p90"] == figures["ADD-S"]["p90"] == 0
    assert tally.jitter == [0]
    assert figures["inside 95 %"] == 1.0
