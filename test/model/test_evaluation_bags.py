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

"""Evaluation on bags: what estimators see, what is counted, what becomes of bad bags, and the command."""

import csv
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from demo_bag import CAMERA, START
from evaluation_film import BOX, NAME, PERIOD, film, moved, truth_at, write
from tiny_network import tiny_network
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import BagReader, BagWriter
from hoisdf_model.data.bags.labelled_source import BagFrames, BagTopics, bags_in
from hoisdf_model.data.bags.reader import SYNTHETIC
from hoisdf_model.errors import BagError, ConfigError, EvaluationError, HoisdfError, MeshError
from hoisdf_model.evaluation import EstimateErrors, Models, OnlineEvaluation, preparation_for
from hoisdf_model.evaluation.reports.bag_pictures import bag_sheet
from hoisdf_model.evaluation.runs.bag_reading import BagTally, Reading
from hoisdf_model.evaluation.runs.bag_run import estimated, recorded
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames
from hoisdf_model.network import NetworkConfig, save_network
from hoisdf_model.objects import load_catalogue

CATALOGUE = load_catalogue()
MODELS = Models(CATALOGUE.get)


def changed(path, target, topic, change):
    """A copy of a bag; ``change(number, message)`` of a topic's messages gives another one, or None to leave it out."""
    seen = Counter()
    with BagReader(path) as source, BagWriter(target) as bag:
        for item in source.messages():
            message = item.message
            if item.topic == topic:
                message = change(seen[topic], message)
                seen[topic] += 1
            if message is not None:
                bag.write(item.topic, message, item.time)
    return target


class Knowing:
    """In place of an estimator: says the truth of one frame after the other, moved."""

    def __init__(self, by=(0, 0, 0), side="right"):
        self.by, self.side, self.seen, self.resets = by, side, [], 0

    def __call__(self, frame, prior=None):
        self.seen.append((frame, prior))
        return moved(truth_at(len(self.seen) - 1, self.side), self.by)

    def reset(self):
        self.resets += 1


def run(path, estimator, **reading):
    """Records, moments and the tally of one bag."""
    evaluation, tally = OnlineEvaluation(EstimateErrors(MODELS), "network"), BagTally("bag")
    steps = list(estimated(path, 0, estimator, Reading(**reading), evaluation, tally))
    return [record for step in steps for record in step[0]], [m for step in steps for m in step[1]], tally


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return write(tmp_path_factory.mktemp("bags") / "bag")


def test_an_estimator_that_knows_the_truth_makes_no_errors(bag):
    records, _, tally = run(bag, Knowing())
    assert tally.compared == len(records) == 4
    assert tally.recorded == pytest.approx(0.3)
    assert not tally.left_out
    assert [record.stamp for record in records] == [START + i * PERIOD for i in range(4)]
    for record in records:
        assert record.object == BOX
        assert record.results["network"].found == (True, True)
        for metric in ("MJE", "camera MJE", "wrist", "MME", "OCE", "MCE", "ADD", "ADD-S", "rotation"):
            assert record.results["network"].errors[metric] == pytest.approx(0, abs=2e-4), metric


def test_one_that_is_10_mm_off_is_10_mm_off_in_the_camera_frame(bag):
    for record in run(bag, Knowing((0.006, 0.0, -0.008)))[0]:
        errors = record.results["network"].errors
        for metric in ("camera MJE", "wrist", "OCE", "ADD", "MCE"):
            assert errors[metric] == pytest.approx(10, abs=1e-3), metric
        assert errors["MJE"] == errors["rotation"] == pytest.approx(0, abs=1e-3)


def test_the_estimator_sees_image_and_camera_and_what_is_given(bag):
    bare, told = Knowing(), Knowing()
    run(bag, bare)
    run(bag, told, given=("regions", "depth"))
    for (seen, nothing), (deep, [prior]), item in zip(bare.seen, told.seen, film(), strict=True):
        assert np.array_equal(seen.image, item.frame.image)
        assert seen.intrinsics.fx == CAMERA.fx
        assert nothing is seen.depth is None
        assert deep.depth == pytest.approx(item.frame.depth, abs=1e-3)
        assert prior.hand_box == pytest.approx(item.regions.hands[0].box)
        assert (prior.object_name, prior.side, prior.root) == (BOX, "right", None)


def test_it_remembers_from_frame_to_frame_unless_it_is_to_forget(bag):
    tracking, forgetful = Knowing(), Knowing()
    run(bag, tracking)
    run(bag, forgetful, forgetful=True)
    assert (tracking.resets, forgetful.resets) == (1, 4)


def test_only_the_first_frames_where_so_many_are_asked_for(bag):
    estimator = Knowing()
    assert len(run(bag, estimator, frames=2)[0]) == len(estimator.seen) == 2


def test_a_frame_without_truth_is_followed_but_not_compared(bag, tmp_path):
    gap = changed(bag, tmp_path / "gap", "/ground_truth", lambda i, message: None if i == 1 else message)
    estimator = Knowing()
    records, _, tally = run(gap, estimator)
    assert len(estimator.seen) == 4
    assert tally.left_out == {"no ground truth": 1}
    assert [record.stamp for record in records] == [START + i * PERIOD for i in (0, 2, 3)]
    assert all(record.results["network"].errors["wrist"] == 0 for record in records)


def test_a_frame_without_its_regions_is_left_out_as_in_the_node(bag, tmp_path):
    gap = changed(bag, tmp_path / "gap", "/regions", lambda i, message: None if i == 3 else message)
    records, _, tally = run(gap, Knowing(), given=("regions",))
    assert len(records) == 3
    assert tally.left_out == {"no regions": 1}


def test_a_broken_image_is_counted_and_named_and_the_others_go_on(bag, tmp_path):
    def cut(i, message):
        return replace(message, data=message.data[: len(message.data) // 2]) if i == 2 else message

    estimator = Knowing()
    records, _, tally = run(changed(bag, tmp_path / "cut", "/image/compressed", cut), estimator)
    assert len(records) == len(estimator.seen) == 3
    assert tally.left_out == {"unreadable image": 1}
    assert "/image/compressed recorded at 1700000000.200" in tally.problems[0]


def uncalibrated(_, message):
    return replace(message, k=np.zeros(9), p=np.zeros(12))


def later(_, message):
    stamp = replace(message.header.stamp, nanosec=message.header.stamp.nanosec + 1)
    return replace(message, header=replace(message.header, stamp=stamp))


@pytest.mark.parametrize(("topic", "change", "said"), [
    ("/ground_truth", lambda i, message: None, "no ground truth: needs a topic of the type hoisdf/msg/HandObject"),
    ("/camera_info", lambda i, message: None, "no topic for camera_info"),
    ("/camera_info", uncalibrated, "calibrat"),
    ("/ground_truth", later, "first one is of 1700000000.000000000 s.*ground_truth of 1700000000.000000001 s"),
    ("/regions", lambda i, message: None, "no topic for regions"),
])  # fmt: skip
def test_a_bag_that_cannot_be_evaluated_says_why(bag, tmp_path, topic, change, said):
    with pytest.raises((BagError, EvaluationError), match=said):
        run(changed(bag, tmp_path / "bad", topic, change), Knowing(), given=("regions",))


def test_recorded_estimates_are_compared_by_stamp(tmp_path):
    told = [(START + i * PERIOD, moved(truth_at(i), (0, 0, 0.01))) for i in (0, 2, 3)]
    told.append((START + 9 * PERIOD, truth_at(0)))
    path = write(tmp_path / "told", told=told)
    evaluation, tally = OnlineEvaluation(EstimateErrors(MODELS), "network"), BagTally("told")
    steps = list(recorded(path, 0, NAME, Reading(), evaluation, tally))
    records = [record for step in steps for record in step[0]]
    assert [record.stamp for record in records] == [START + i * PERIOD for i in (0, 2, 3)]
    assert [record.results["network"].errors["wrist"] for record in records] == pytest.approx([10] * 3, abs=1e-3)
    assert tally.left_out == {"estimates without ground truth": 1, "ground truth without estimate": 1}
    source = BagFrames({"told": path}, BagTopics(), [m for step in steps for m in step[1]], CATALOGUE.get)
    assert np.array_equal(source.frame(1).image, list(film())[2].frame.image)


def test_recorded_estimates_of_another_type_are_refused(bag):
    with pytest.raises(BagError, match=r"/regions.*is a hoisdf/msg/Regions, estimates are hoisdf/msg/HandObject"):
        list(recorded(bag, 0, "regions", Reading(), None, BagTally("bag")))


@pytest.mark.parametrize("side", ["right", "left"])
def test_frames_of_bags_are_labelled_with_the_truth_and_pictures_show_it(tmp_path, side):
    path = write(tmp_path / "bag", film(3, side))
    records, moments, _ = run(path, Knowing(side=side))
    source = BagFrames({"bag": path}, BagTopics(), moments, CATALOGUE.get)
    assert len(source) == 3
    preparation = preparation_for(NetworkConfig())
    for i in (2, 0):  # in any order
        frame, truth = source.frame(i), truth_at(i, side)
        assert np.array_equal(frame.hand.joints, truth.hands[0].joints)
        assert (frame.hand.side, frame.object.name, source.tags(i)) == (side, BOX, ())
        assert frame.object.pose[:3, 3] == pytest.approx(truth.objects[0].translation)
        assert source.true_vertices(i) == pytest.approx(truth.hands[0].vertices)
        assert EvaluatedFrames(source, [i], preparation)[0].sample.mirrored.item() == (side == "left")
    picture = bag_sheet(records, "network", source, preparation, MODELS)
    tile = picture[28 : 28 + 256]  # truth on the left, estimate on the right: the same
    assert np.abs(tile[:, :256].astype(int) - tile[:, 256:512]).mean() < 0.3


def test_bags_are_found_in_folders_and_below(tmp_path):
    write(tmp_path / "b" / "two", film(1))
    write(tmp_path / "one", film(1))
    assert list(bags_in(tmp_path)) == ["b/two", "one"]
    assert list(bags_in(tmp_path / "one")) == ["one"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BagError, match="holds no bag"):
        bags_in(tmp_path / "empty")
    with pytest.raises(BagError, match="no bag and no folder"):
        bags_in(tmp_path / "nowhere")


def test_objects_that_no_catalogue_knows_leave_the_hand(bag):
    def find(name):
        raise MeshError(name)

    moments = run(bag, Knowing())[1]
    assert BagFrames({"bag": bag}, BagTopics(), moments, find).frame(0).object is None


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    network = tiny_network()
    save_network(network, network.config, path, keep_hand_model=True)
    return path


def command(*arguments):
    ran = CliRunner().invoke(app, ["evaluate", "--device", "cpu", *map(str, arguments)])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return ran.output


def test_the_same_bag_twice_gives_the_same_numbers(bag, weights, tmp_path):
    said = [
        command("-w", weights, "--bag", bag, "--protocol", "live", "--given", "regions", "-o", tmp_path / name)
        for name in ("one", "two")
    ]
    for name in ("frames.csv", "frames.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two")]
    assert summaries[0]["groups"] == summaries[1]["groups"]
    assert summaries[0]["counts"] == summaries[1]["counts"]
    assert summaries[0]["bags"] == {"bag": {"compared": 4, "left_out": {}, "problems": []}}
    assert "times real time" in said[0]
    report = (tmp_path / "one" / "report.html").read_text()
    assert "the recording&#x27;s regions" in report
    assert "synthetic" not in report
    with (tmp_path / "one" / "frames.csv").open() as file:
        assert [row["stamp (s)"] for row in csv.DictReader(file)] == [f"1700000000.{i}00000000" for i in range(4)]


def test_a_folder_of_bags_has_a_group_for_each_and_leaves_out_what_is_none(bag, weights, tmp_path):
    write(tmp_path / "bags" / "first", film(2), about={SYNTHETIC: "a test"})
    write(tmp_path / "bags" / "second", film(3), about={SYNTHETIC: "a test"})
    write(tmp_path / "bags" / "third", film(2), without=("/ground_truth",), about={SYNTHETIC: "a test"})
    said = command("-w", weights, "--bag", tmp_path / "bags", "--protocol", "live", "-o", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["frames"] == 5
    assert {"all", "first", "second"} <= set(summary["groups"])
    assert summary["bags"]["third"]["left_out"] == {"the whole bag": 1}
    assert "third has no ground truth" in said.replace("\n", "")
    assert "synthetic bags: 5 frames" in said


def test_under_the_paper_protocol_bags_are_data_as_any_other(bag, weights, tmp_path):
    options = ("-w", weights, "--bag", bag, "--workers", "0", "--untrained", "0", "-o", tmp_path / "out")
    assert "4 frames, paper protocol" in command(*options)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(summary["groups"]["all"]) >= {"network", "mean pose", "informed mean"}
    assert summary["groups"]["all"]["network"]["metrics"]["wrist"]["mean"] == 0


def test_recorded_estimates_need_no_network(tmp_path):
    told = [(START + i * PERIOD, moved(truth_at(i), (0, 0, 0.01))) for i in range(3)]
    path = write(tmp_path / "told", told=told, without=("/image/compressed", "/camera_info"))
    said = command("--bag", path, "--estimates", NAME, "-o", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["groups"]["all"]["network"]["metrics"]["camera MJE"]["mean"] == pytest.approx(10, abs=1e-3)
    assert "3 frames" in said
    assert not (tmp_path / "out" / "sheet.jpg").exists()


@pytest.mark.parametrize(("options", "said"), [
    (["--given", "regions"], "--given is for bags"),
    (["--bag", "b", "--data", "x"], "--data doesn't go together with --bag"),
    (["--bag", "b", "--protocol", "live", "--given", "boxes"], "--given takes regions and depth"),
    (["--bag", "b", "--topic", "picture=/image"], "ROLE=TOPIC"),
    (["--bag", "b", "--forget"], "--forget is for --protocol live"),
    (["--bag", "nowhere", "--protocol", "live", "-w", "untrained:compact"], "no bag and no folder of bags at nowhere"),
])  # fmt: skip
def test_options_that_do_not_fit_are_named(options, said):
    ran = CliRunner().invoke(app, ["evaluate", *options])
    assert isinstance(ran.exception, HoisdfError)
    assert isinstance(ran.exception, (ConfigError, BagError))
    assert said in str(ran.exception)


def test_a_command_that_failed_leaves_no_folder_that_refuses_the_mended_one(bag, tmp_path):
    failed = CliRunner().invoke(app, ["evaluate", "--bag", str(bag), "--estimates", "/x", "-o", str(tmp_path / "out")])
    assert "has no topic '/x'" in str(failed.exception)
    assert not (tmp_path / "out").exists()
