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

"""An evaluation from frames to files: what perfect, shifted and interrupted estimates give."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from labelled_frames import BOX, TURNS_OF_BOX, Frames, frame, hand_layer
from scipy.spatial.transform import Rotation
from tiny_network import tiny_network
from torch._utils import ExceptionWrapper

from hoisdf_model.data.labelled_frames import HandLabel, ObjectLabel
from hoisdf_model.errors import DatasetError, EvaluationError
from hoisdf_model.estimates import Estimate, HandEstimate, HandModelInfo, ObjectEstimate
from hoisdf_model.evaluation import (
    Contender,
    LiveProtocol,
    MeanHandAndObject,
    Models,
    PaperProtocol,
    RecordFile,
    evaluate,
    mean_pose_of,
    preparation_for,
    read_mean_pose,
    read_records,
    summarise,
    untrained_like,
    write_csv,
    write_mean_pose,
)
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, joined
from hoisdf_model.evaluation.runs.methods import Answer
from hoisdf_model.evaluation.runs.truth import truths_of
from hoisdf_model.objects.symmetry import Symmetry
from hoisdf_model.training.scores import scores
from hoisdf_model.training.targets import input_of, target_of

MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


def box_model(name):
    return SimpleNamespace(mesh=BOX, symmetry=Symmetry(np.zeros(3), TURNS_OF_BOX[:, :3, :3]))


MODELS = Models(box_model)


class Knowing:
    """Says the truth, with everything but the wrist moved by ``shift`` metres, then changed by ``change``."""

    def __init__(self, shift=(0, 0, 0), change=lambda number, estimate: estimate):
        self.shift, self.change, self.frames = np.array(shift, float), change, []

    def __call__(self, batch):
        self.frames += batch.numbers
        return [
            Answer(self.change(number, self.moved(truth)), (True, True))
            for number, truth in zip(batch.numbers, truths_of(batch, hand_layer()), strict=True)
        ]

    def moved(self, truth):
        joints = np.repeat([[0], [1]], [1, 20], 0) * self.shift
        hands = [replace(h, joints=h.joints + joints, vertices=h.vertices + self.shift) for h in truth.hands]
        things = [replace(thing, translation=thing.translation + self.shift) for thing in truth.objects]
        return Estimate(tuple(hands), tuple(things))


def with_objects(estimate, **changes):
    """The estimate with attributes of its objects changed by functions of them."""
    changed = (
        replace(thing, **{name: change(getattr(thing, name)) for name, change in changes.items()})
        for thing in estimate.objects
    )
    return replace(estimate, objects=tuple(changed))


def run(folder, contenders, source=None, numbers=range(4), about=None, batch_size=3, **options):
    source = source or Frames(len(numbers), 200)
    records = RecordFile(folder, about or {})
    preparation = preparation_for(tiny_network().config)
    steps = evaluate(
        source, numbers, contenders, records, preparation, MODELS, hand_layer(), batch_size=batch_size, **options
    )
    return sum(steps), read_records(folder)


class Only:
    """A source of given frames."""

    def __init__(self, *frames):
        self.frames = frames

    def __len__(self):
        return len(self.frames)

    def frame(self, index):
        return self.frames[index]


def left(seeds=(0, 1)):
    """Frames as a mirror shows them: left hands, and a box, which is its own mirror image."""
    result = []
    for seed in seeds:
        seen = frame(seed, 200)
        hand, thing = seen.hand, seen.object
        m = MIRROR[:3, :3]
        result.append(
            replace(
                seen, image=seen.image[:, ::-1], camera=seen.camera.mirrored(), hand_mask=None, object_mask=None,
                hand=HandLabel("left", hand.joints @ m, hand.samples.moved(MIRROR), m @ hand.rotations @ m, hand.shape),
                object=ObjectLabel("box", MIRROR @ thing.pose @ MIRROR, thing.corners, thing.samples.moved(MIRROR),
                                   thing.symmetries),
            )
        )  # fmt: skip
    return Only(*result)


def test_perfect_estimates_have_no_error(tmp_path):
    _, records = run(tmp_path, {"network": Contender(Knowing())})
    for record in records:
        errors = record.results["network"].errors
        falling = {name: value for name, value in errors.items() if not name.startswith(("F@", "VAUC", "PA-F", "PA-V"))}
        assert len(falling) == 14
        assert max(falling.values()) < 1e-2, falling
        # of the curve's first threshold, 0, rounding leaves nothing: half of one step of 99
        assert min(errors[name] for name in errors.keys() - falling.keys()) > 100 - 100 / 99


@pytest.mark.parametrize("source", [None, left()], ids=["right", "left"])
def test_shifted_estimates_have_the_shift_as_their_error(tmp_path, source):
    numbers = range(2) if source else range(4)
    _, records = run(tmp_path, {"network": Contender(Knowing((0.003, -0.004, 0.012)))}, source, numbers)
    for record in records:
        errors = record.results["network"].errors
        for metric in ("MME", "OCE", "OCE box", "MCE", "MCE box", "ADD"):
            assert errors[metric] == pytest.approx(13, abs=2e-2), metric
        for metric in ("MJE", "camera MJE"):  # the wrist counts, and isn't moved
            assert errors[metric] == pytest.approx(13 * 20 / 21, abs=2e-2), metric
        assert max(errors["PA-MME"], errors["rotation"], errors["wrist"]) < 1e-2
        assert errors["ADD-S"] < 13
        np.testing.assert_allclose(record.results["network"].joint_errors, [0] + [13] * 20, atol=2e-2)


def test_what_a_symmetric_object_looks_like_counts(tmp_path):
    def turned(_, estimate):
        return with_objects(estimate, rotation=lambda own: own @ TURNS_OF_BOX[2, :3, :3])

    _, records = run(tmp_path, {"network": Contender(Knowing(change=turned))}, numbers=range(2))
    for record in records:
        errors = record.results["network"].errors
        assert errors["rotation"] < 1e-2
        assert errors["MCE box"] > 100  # half a turn moves the corners
        assert errors["ADD-S"] < 6  # points are drawn at random, about 5 mm from each other


def test_what_is_not_in_a_frame_is_not_judged(tmp_path):
    source = Only(frame(0, 200, thing=False), frame(1, 200, hand=False))
    _, (hand, thing) = run(tmp_path, {"network": Contender(Knowing(), kept=True)}, source, range(2))
    assert "MJE" in hand.results["network"].errors
    assert "OCE" not in hand.results["network"].errors
    assert hand.results["network"].pose.keys() == {"joints"}
    assert set(thing.results["network"].errors) == {"OCE", "OCE box", "MCE", "MCE box", "ADD", "ADD-S", "rotation"}


def test_numbers_that_are_not_finite_are_no_estimate(tmp_path):
    def blind(batch):
        answers = Knowing()(batch)
        hand = replace(answers[0].hand, joints=np.full((21, 3), np.nan))
        answers[0] = replace(answers[0], estimate=replace(answers[0].estimate, hands=(hand,)), sure=(False, True))
        return answers

    _, records = run(tmp_path, {"network": Contender(blind)}, numbers=range(2))
    assert "MJE" not in records[0].results["network"].errors
    summary = summarise(records)
    assert summary.figures["all"]["network"]["MJE"].count == 1
    assert summary.found["all"]["network"] == (0.5, 1.0)


def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path):
    source, whole, parts = Frames(6, 200), tmp_path / "whole", tmp_path / "parts"
    run(whole, {"network": Contender(Knowing())}, source, range(6), batch_size=2)
    run(parts, {"network": Contender(Knowing())}, source, range(4), batch_size=2)
    with (parts / "frames.jsonl").open("a") as file:
        file.write('{"frame":4,"obj')  # killed while writing
    again = Knowing()
    done, records = run(parts, {"network": Contender(again)}, source, range(6), batch_size=2)
    assert (done, again.frames) == (2, [4, 5])
    assert records == read_records(whole)


def test_a_folder_is_not_continued_with_another_evaluation(tmp_path):
    run(tmp_path, {}, numbers=range(1), about={"weights": "a", "frames": [1, 2]})
    RecordFile(tmp_path, {"weights": "a", "frames": (1, 2)})
    with pytest.raises(EvaluationError, match=r"differs in weights \('a' there, 'b' now\)"):
        RecordFile(tmp_path, {"weights": "b", "frames": [1, 2]})


def test_a_damaged_line_is_named(tmp_path):
    run(tmp_path, {"network": Contender(Knowing())}, numbers=range(2), batch_size=1)
    path = tmp_path / "frames.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + second.replace('"errors"', '"eorrrs"') + "\n")
    with pytest.raises(EvaluationError, match="line 2"):
        read_records(tmp_path)


def test_some_contenders_take_part_in_the_first_frames_only(tmp_path):
    _, records = run(tmp_path, {"all": Contender(Knowing()), "few": Contender(Knowing(), frames=2)})
    assert ["few" in record.results for record in records] == [True, True, False, False]
    assert summarise(records).figures["all"]["few"]["MJE"].count == 2


def test_batch_size_and_other_processes_change_nothing(tmp_path):
    network = {"network": Contender(PaperProtocol(tiny_network()))}
    _, one = run(tmp_path / "one", network, numbers=range(3), batch_size=1)
    _, many = run(tmp_path / "many", network, numbers=range(3), batch_size=3)
    for a, b in zip(one, many, strict=True):
        for metric, value in a.results["network"].errors.items():
            assert b.results["network"].errors[metric] == pytest.approx(value, abs=0.02), metric


def test_left_hands_have_the_errors_of_their_mirror_images(tmp_path):
    """The network sees the same; what is decoded is compared where the hand is, and not in the mirror."""
    network = {"network": Contender(PaperProtocol(tiny_network(), scale=3.1), kept=True)}
    _, right = run(tmp_path / "right", network, Only(frame(0, 200), frame(1, 200)), range(2))
    _, seen = run(tmp_path / "left", network, left(), range(2))
    for a, b in zip(right, seen, strict=True):
        one, other = a.results["network"], b.results["network"]
        for metric in one.errors.keys() - {"ADD", "ADD-S"}:  # whose points are drawn at random, on one side
            assert other.errors[metric] == pytest.approx(one.errors[metric], abs=2e-3), metric
        np.testing.assert_allclose(np.array(other.pose["joints"]) * [-1, 1, 1], one.pose["joints"], atol=2e-5)


@pytest.mark.parametrize(
    ("name", "fault", "metric"),
    [
        ("on_host", lambda *tensors: [1.1 * tensor.numpy() for tensor in tensors], "camera MJE"),
        ("MIRROR_IMAGE", np.diag([1.0, -1.0, 1.0, 1.0]), "ADD"),
    ],
    ids=["hand", "object"],
)
def test_a_fault_in_decoding_moves_the_figures(tmp_path, monkeypatch, name, fault, metric):
    """The paper's protocol reads the network's output with the code that every robot runs."""
    network = {"network": Contender(PaperProtocol(tiny_network()))}
    _, right = run(tmp_path / "right", network, left((0,)), range(1))
    monkeypatch.setattr(f"hoisdf_model.estimation.decoding.{name}", fault)
    _, wrong = run(tmp_path / "wrong", network, left((0,)), range(1))
    assert abs(wrong[0].results["network"].errors[metric] - right[0].results["network"].errors[metric]) > 1


def test_training_watches_the_same_errors(tmp_path):
    """Scores for watching a run are computed on tensors by other code; joints must agree to rounding."""
    network, source = tiny_network(), Frames(3, 200)
    _, records = run(tmp_path, {"network": Contender(PaperProtocol(network))}, source, range(3))
    batch = joined([EvaluatedFrames(source, range(3), preparation_for(network.config))[k] for k in range(3)]).sample
    target = target_of(batch, network.hand_layer, network.config.field.scale)
    with torch.inference_mode():
        watched = scores(network(input_of(batch)), target, network.config.field.scale)
    for metric, score in (("MJE voted", "joints_mm"), ("PA-MJE voted", "joints_aligned_mm")):
        own = [record.results["network"].errors[metric] for record in records]
        np.testing.assert_allclose(own, watched[score], rtol=1e-3)
    turned = [record.results["network"].errors["rotation"] for record in records]
    np.testing.assert_allclose(turned, watched["object_rotation_deg"], atol=0.05)


def test_an_untrained_network_is_the_same_each_time_and_not_the_trained_one(tmp_path):
    network = tiny_network()
    state = torch.get_rng_state()
    first, second = untrained_like(network), untrained_like(network)
    assert torch.equal(torch.get_rng_state(), state)
    own, other, trained = (n.state_dict() for n in (first, second, network))
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert any(not torch.equal(own[name], trained[name]) for name in own)
    assert first.config == network.config
    assert not first.training


def test_mean_pose_is_the_mean_of_what_frames_show():
    frames = Frames(5, 200)
    means = mean_pose_of((frames.frame(k) for k in range(5)), {"command": "x"})
    seen = [frames.frame(k) for k in range(5)]
    np.testing.assert_allclose(means.joints, np.mean([f.hand.joints - f.hand.joints[0] for f in seen], 0))
    # the box's own frame has its origin in its middle
    expected = np.mean([f.object.pose[:3, 3] - f.hand.joints[0] for f in seen], 0)
    np.testing.assert_allclose(means.object_from_wrist, expected)
    chordal = Rotation.from_matrix([f.object.pose[:3, :3] for f in seen]).mean().as_matrix()
    np.testing.assert_allclose(means.rotation, chordal, atol=1e-6)
    assert means.about == {"command": "x", "hands_with_objects": 5}


def test_the_aligned_mean_hand_is_a_better_guess_of_a_hands_own_form(tmp_path):
    frames = Frames(5, 200)
    means = mean_pose_of((frames.frame(k) for k in range(5)), {})
    plain = replace(means, aligned_joints=means.joints)
    contenders = {
        name: Contender(MeanHandAndObject(m, MODELS, informed=True))
        for name, m in (("aligned", means), ("plain", plain))
    }
    _, records = run(tmp_path, contenders, frames, range(5))
    figures = summarise(records).figures["all"]
    assert figures["aligned"]["PA-MJE"].mean < figures["plain"]["PA-MJE"].mean
    assert figures["aligned"]["MJE"] == figures["plain"]["MJE"]


def test_baselines_of_a_single_frame_know_it(tmp_path):
    """Means over one frame are that frame; so both baselines are right about it, by wrist and by box."""
    source = Frames(1, 200)
    means = mean_pose_of([source.frame(0)], {})
    contenders = {
        "wrist": Contender(MeanHandAndObject(means, MODELS)), "box": Contender(MeanHandAndObject(means, MODELS, True))
    }  # fmt: skip
    _, (record,) = run(tmp_path, contenders, source, range(1))
    for name in contenders:
        errors = record.results[name].errors
        assert max(errors[metric] for metric in ("MJE", "PA-MJE", "OCE", "MCE", "ADD-S", "rotation")) < 0.02, errors


def test_baselines_are_as_right_about_left_hands(tmp_path):
    source = left((0,))
    means = mean_pose_of([frame(0, 200)], {})
    for informed in (False, True):
        contender = {"mean": Contender(MeanHandAndObject(means, MODELS, informed))}
        _, (record,) = run(tmp_path / str(informed), contender, source, range(1))
        errors = record.results["mean"].errors
        assert max(errors[metric] for metric in ("MJE", "OCE", "ADD-S", "rotation")) < 0.02, errors


def test_mean_pose_comes_back_from_its_file(tmp_path):
    means = mean_pose_of([frame(0, 200), frame(1, 200)], {"command": "hoisdf mean-pose"})
    write_mean_pose(means, tmp_path / "mean.yaml")
    read = read_mean_pose(tmp_path / "mean.yaml")
    np.testing.assert_allclose(read.joints, means.joints, atol=1e-6)
    np.testing.assert_allclose(read.rotation, means.rotation, atol=1e-6)
    assert read.about == means.about


def test_shipped_means_are_of_a_training_split():
    means = read_mean_pose()
    assert means.about["library"]["split"] == "train"
    assert means.about["hands_with_objects"] > 1000
    np.testing.assert_allclose(means.rotation @ means.rotation.T, np.eye(3), atol=1e-5)
    assert 0.12 < np.linalg.norm(means.aligned_joints, axis=1).max() < 0.22  # as large as a hand


@pytest.mark.parametrize(
    ("content", "message"), [("joints: [1, 2]", "joints"), ("[", "can't be read"), ("3", "joints")]
)
def test_a_mean_pose_that_is_no_mean_pose_is_refused(tmp_path, content, message):
    (tmp_path / "mean.yaml").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_mean_pose(tmp_path / "mean.yaml")


def test_no_means_of_frames_without_objects():
    with pytest.raises(DatasetError, match="nothing to take means of"):
        mean_pose_of([frame(0, 200, thing=False)], {})


class Watching:
    """An estimator that knows the frames it is shown by their images."""

    def __init__(self, source, nothing=()):
        self.source, self.nothing = source, nothing

    def __call__(self, seen):
        for number in range(len(self.source)):
            known = self.source.frame(number)
            if known.image is seen.image or np.array_equal(known.image, seen.image):
                break
        if number in self.nothing:
            return Estimate()
        hand = HandEstimate(
            side=known.hand.side, score=1.0, joints=known.hand.joints + 0.1, joint_scores=np.ones(21),
            vertices=np.zeros((778, 3)), pose=np.zeros((16, 3)), shape=np.zeros(10), root_covariance=np.eye(3),
            root_source="monocular", model=HandModelInfo("x", "y"),
        )  # fmt: skip
        pose = known.object.pose
        thing = ObjectEstimate("box", 1.0, pose[:3, :3], pose[:3, 3] + 0.1, np.zeros((6, 6)))
        return Estimate(hands=(hand,), objects=(thing,))


@pytest.mark.parametrize("source", [Frames(3, 200), left((0, 1, 2))], ids=["right", "left"])
def test_live_estimates_are_judged_in_the_camera_frame(tmp_path, source):
    contenders = {"network": Contender(LiveProtocol(Watching(source, nothing=(1,))))}
    _, records = run(tmp_path, contenders, source, range(3), images=True)
    away = 1e3 * np.sqrt(3) * 0.1
    for k in (0, 2):
        errors = records[k].results["network"].errors
        assert errors["MJE"] < 0.02
        assert errors["wrist"] == pytest.approx(away, abs=0.02)
        assert errors["camera MJE"] == pytest.approx(away, abs=0.02)
        assert errors["OCE"] == pytest.approx(away, abs=0.02)
        assert errors["rotation"] < 0.02
    assert records[1].results["network"].errors == {}
    assert records[1].results["network"].found == (False, False)


def test_models_are_made_of_the_mesh():
    model = MODELS("box")
    assert model.points.shape == (1000, 3)
    assert np.abs(trimesh.proximity.signed_distance(BOX, model.points)).max() < 1e-9
    np.testing.assert_allclose(np.sort(model.corners, 0)[[0, -1]], BOX.bounds)


def test_csv_has_a_line_for_each_frame_and_method(tmp_path):
    _, records = run(tmp_path, {"a": Contender(Knowing()), "b": Contender(Knowing())}, numbers=range(3))
    write_csv(records, tmp_path / "frames.csv")
    head, *lines = (tmp_path / "frames.csv").read_text().splitlines()
    assert len(lines) == 6
    column = head.split(",").index("MJE (mm)")
    assert [float(line.split(",")[column]) for line in lines] == pytest.approx([0] * 6, abs=0.01)
    json.dumps(summarise(records).to_json())


def test_errors_of_loading_processes_are_told_in_one_line(tmp_path, monkeypatch):
    try:
        raise DatasetError("frame 3 of x.tar is damaged")
    except DatasetError:
        sent = ExceptionWrapper(where="in DataLoader worker process 0")  # what a worker puts into its queue

    def loader(*_):
        yield from ()
        sent.reraise()

    monkeypatch.setattr("hoisdf_model.evaluation.runs.frame_run.loader_of", loader)
    with pytest.raises(DatasetError) as caught:
        run(tmp_path, {})
    assert str(caught.value) == "frame 3 of x.tar is damaged"
