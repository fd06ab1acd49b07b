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

"""``hoisdf evaluate`` on folders in DexYCB's and HO-3D's layout, with networks that are off by a known amount."""

import json
import shutil
import zipfile
from types import SimpleNamespace

import ho3d_toy
import numpy as np
import pytest
import torch
import trimesh
from egl import requires_egl
from scipy.spatial.transform import Rotation
from tiny_network import tiny_network
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.layouts import kind_of
from hoisdf_model.data.object_models import LOOK_ALIKES
from hoisdf_model.errors import ConfigError, DatasetError, EvaluationError
from hoisdf_model.evaluation import (
    Contender,
    MeanHandAndObject,
    Models,
    PaperProtocol,
    RecordFile,
    evaluate,
    preparation_for,
    read_mean_pose,
    read_records,
)
from hoisdf_model.evaluation.reports.descriptions import notes_of, warnings_of
from hoisdf_model.evaluation.runs.data_folder import FolderOptions, open_data_folder
from hoisdf_model.evaluation.runs.hand_file import HandFile
from hoisdf_model.geometry import distances, meshes
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import save_network
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis.trees.dexycb import DexYcbTreeSettings, write_dexycb
from hoisdf_model.synthesis.trees.ho3d import Ho3dTreeSettings, write_ho3d_tree

MIRROR = np.diag([-1.0, 1.0, 1.0])
SHIFT = np.array([0.003, -0.004, 0.012])  # 13 mm
MOVED = np.repeat([[0], [1]], [1, 20], 0)  # joints but the wrist, which a network has at the origin
HAND = {"MJE", "PA-MJE", "ST-MJE", "wrist", "camera MJE", "MJE voted", "PA-MJE voted"}
MESH = {"MME", "PA-MME", "VAUC", "PA-VAUC", "F@5", "F@15", "PA-F@5", "PA-F@15"}
TOUCH = {"penetration", "intersection", "contact", "overlap"}
POINTS = {"points to surface", *(f"points at {part}" for part in ("palm", "proximal", "middle", "distal"))} | {
    f"{kind} to points" for kind in ("joints", "MCP", "PIP", "DIP", "tip")
}
FIELDS = {
    f"{what} {name}"
    for what in ("hand", "object")
    for name in ("field", "chamfer", "surface", "field F@1", "field F@5")
}
THING = {"OCE", "OCE box", "MCE", "MCE box", "ADD", "ADD-S", "rotation"}


@pytest.fixture(scope="module")
def dexycb(tmp_path_factory):
    """A right and a left hand, two frames of each."""
    folder = tmp_path_factory.mktemp("data") / "dexycb"
    write_dexycb(folder, DexYcbTreeSettings(sequences=2, frames=2, cameras=1, objects=("061_foam_brick",)))
    return folder


@pytest.fixture(scope="module")
def ho3d(tmp_path_factory):
    """Two frames to train on and two for evaluation, with their ground truth."""
    folder = tmp_path_factory.mktemp("data") / "ho3d"
    write_ho3d_tree(folder, Ho3dTreeSettings(sequences=1, frames=2, objects=("003_cracker_box",), seed=4))
    return folder


class Pretend:
    """In place of a network: says what the labels say, moved by ``shift``, of one frame after the other."""

    def __init__(self, frames, vertices, shift):
        self.frames, self.vertices, self.shift, self.next = frames, vertices, shift, 0

    def __call__(self, given):
        joints, vertices, turns, places = [], [], [], []
        for center in given.object_center.double().numpy():
            frame = self.frames.frame(self.next)
            mirror = MIRROR if frame.hand.side == "left" else np.eye(3)
            wrist = frame.hand.joints[0]
            known = np.where(np.isnan(frame.hand.joints), wrist, frame.hand.joints)
            joints.append((known - wrist) @ mirror + MOVED * self.shift)
            vertices.append((self.vertices(self.next) - wrist) @ mirror + self.shift)
            turns.append(Rotation.from_matrix(mirror @ frame.object.pose[:3, :3] @ mirror).as_rotvec())
            places.append(mirror @ frame.object.pose[:3, 3] + self.shift - center)
            self.next += 1
        found = torch.ones(len(joints), dtype=torch.bool)
        joints, vertices, turns, places = (
            torch.from_numpy(np.array(p)).float() for p in (joints, vertices, turns, places)
        )
        return SimpleNamespace(
            joints=joints, vertices=vertices, voted_joints=joints, object_rotation=turns, object_translation=places,
            hand_valid=found, object_valid=found, hand_points=vertices, maps=torch.ones(len(joints), 3, 8, 8),
            vote_spread=None, mano_rotations=None, mano_shape=None, object_rotation_spread=torch.zeros(len(joints)),
            object_translation_spread=torch.zeros(len(joints)),
        )  # fmt: skip


class TrueFields:
    """In place of a network: its fields are the distances from what the labels say, in the frame with that wrist."""

    config = SimpleNamespace(field=SimpleNamespace(scale=3.1, clamp=0.15))

    def __init__(self, frames, vertices, models):
        self.seen = [frames.frame(number) for number in range(len(frames))]
        self.vertices, self.models = vertices, models

    def encode(self, image):
        return image

    def query_fields(self, features, hand_points, object_points, batch):
        root, center = batch.hand_root[0].double().numpy(), batch.object_center[0].double().numpy()
        mirrors = [MIRROR if frame.hand.side == "left" else np.eye(3) for frame in self.seen]
        apart = [np.linalg.norm(m @ f.hand.joints[0] - root) for f, m in zip(self.seen, mirrors, strict=True)]
        number = int(np.argmin(apart))
        frame, mirror = self.seen[number], mirrors[number]
        hand = trimesh.Trimesh(*meshes.capped(self.vertices(number), load_hand_model().faces), process=False)
        hand.faces = hand.faces[:, ::-1] if frame.hand.side == "left" else hand.faces
        thing = self.models.get(frame.object.name).mesh.copy().apply_transform(frame.object.pose)
        result = []
        for points, origin, mesh in ((hand_points, root, hand), (object_points, center, thing)):
            places = (points[0].double().numpy() / 3.1 + origin) @ mirror
            found = distances.signed_distance(places, mesh.vertices, mesh.faces) if len(places) else np.zeros(0)
            result.append(torch.tensor(found * 3.1).clamp(-0.15, 0.15)[None])
        return tuple(result)


def posed(frames):
    """Vertices by number, of hands posed as they are, left ones with the left hand."""
    layers = {"right": HandLayer(load_hand_model()), "left": HandLayer(load_hand_model().mirrored())}

    def vertices(number):
        hand = frames.frame(number).hand
        with torch.no_grad():
            mesh = layers[hand.side](torch.tensor(hand.rotations[None]).float(), torch.tensor(hand.shape[None]).float())
        return mesh.vertices[0].double().numpy() + hand.joints[0]

    return vertices


@pytest.fixture
def weights(tmp_path):
    network = tiny_network()
    save_network(network, network.config, tmp_path / "tiny.safetensors", keep_hand_model=True)
    return tmp_path / "tiny.safetensors"


def evaluated(monkeypatch, weights, out, data, pretend, *options):
    """Run the command with the pretended network; records and what it printed."""
    contenders = {"network": Contender(PaperProtocol(pretend, scale=1.0), kept=True)}
    fields = TrueFields(pretend.frames, pretend.vertices, load_catalogue(data / "models"))
    monkeypatch.setattr("hoisdf_model.network.optimised", lambda network: fields)  # whose fields are looked at
    monkeypatch.setattr("hoisdf_model.commands.evaluate.labelled_evaluation.contenders_of", lambda *_: contenders)
    command = ["evaluate", "-w", str(weights), "--data", str(data), "--workers", "0", "-o", str(out), *options]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return read_records(out), ran.output


def check_with_meshes(records, shift):
    """Everything that is taken of a network beside its errors, too."""
    for record in records:
        errors, truth = dict(record.results["network"].errors), record.results["truth"].errors
        assert set(truth) == TOUCH
        for metric in TOUCH - {"intersection"}:  # together they overlap as they truly do
            assert errors.pop(metric) == pytest.approx(truth[metric], abs=2e-2), metric
        assert errors.pop("intersection") == pytest.approx(truth["intersection"], abs=0.5)  # a few voxels more or less
        points = {metric: errors.pop(metric) for metric in POINTS}
        moved = float(np.linalg.norm(shift)) * 1e3
        assert points["points to surface"] <= moved + 2e-2
        assert points["tip to points"] <= moved + 2e-2
        assert not moved or points["points to surface"] > 0.2 * moved
        fields = {metric: errors.pop(metric) for metric in FIELDS | {"object field F@10"} if metric in errors}
        assert set(fields) == (FIELDS | {"object field F@10"} if record.frame == 0 and not moved else set())
        if fields:
            assert max(fields["hand field"], fields["object field"]) < 0.63  # a quarter of the grid's cells
            assert min(value for metric, value in fields.items() if "F@" in metric) > 98
        check(errors, shift)


def check(errors, shift, mesh=True):
    assert set(errors) == HAND | THING | (MESH if mesh else set())
    moved = {"OCE", "OCE box", "MCE", "MCE box", "ADD"} | ({"MME"} if mesh else set())
    expected = float(np.linalg.norm(shift)) * 1e3
    for metric in ("MJE", "MJE voted", "camera MJE"):
        assert errors[metric] == pytest.approx(expected * 20 / 21, abs=2e-2), metric
    for metric in moved:
        assert errors[metric] == pytest.approx(expected, abs=2e-2), metric
    for metric in ("rotation", "wrist", *([] if expected else ["PA-MJE"]), *(["PA-MME"] if mesh else [])):
        assert errors[metric] < 2e-2, metric
    assert errors["ADD-S"] <= expected + 2e-2
    if mesh:
        assert errors["PA-F@5"] == pytest.approx(100)
        assert errors["F@5"] == pytest.approx(100) or expected > 5


def test_look_alikes_in_place_of_object_models_are_said():
    tree = {"folder": "x", "kind": "ho3d", "models": LOOK_ALIKES}
    (warning,) = warnings_of(tree)
    assert "look-alikes of the catalogue stand in" in warning
    assert warning in notes_of({"data": tree})
    assert not warnings_of(tree | {"models": "/data/models"})
    assert not warnings_of(tree | {"synthetic": True})  # its objects are the look-alikes themselves


@requires_egl
@pytest.mark.parametrize(
    ("official", "shift"), [(False, np.zeros(3)), (True, SHIFT)], ids=["ours, truth", "official, shifted"]
)
def test_errors_on_dexycb_are_what_the_network_is_off(monkeypatch, weights, tmp_path, dexycb, official, shift):
    frames = DexYcbFrames(dexycb, "all", "full", load_hand_model(), partial=True, progress=False)
    records, _ = evaluated(
        monkeypatch, weights, tmp_path / "out", dexycb, Pretend(frames, posed(frames), shift),
        "--split", "all", "--subset", "full", "--models", str(dexycb / "models"),
        *(["--official"] if official else ["--fields", "1"]),
    )  # fmt: skip
    assert [record.object for record in records] == ["061_foam_brick"] * 4
    assert [record.tags[0] for record in records] == ["right hand"] * 2 + ["left hand"] * 2
    check_with_meshes(records, shift)
    assert (tmp_path / "out" / "fields.jpg").exists() == (not official)
    about = json.loads((tmp_path / "out" / "evaluation.json").read_text())["data"]
    assert (about["preparation"], about["synthetic"]) == ("official" if official else "ours", True)
    assert "These figures are synthetic" in (tmp_path / "out" / "report.html").read_text()


@requires_egl
@pytest.mark.parametrize(
    ("official", "shift"), [(False, np.zeros(3)), (True, SHIFT)], ids=["ours, truth", "official, shifted"]
)
def test_errors_on_ho3d_are_what_the_network_is_off(monkeypatch, weights, tmp_path, ho3d, official, shift):
    frames = Ho3dFrames(ho3d, "evaluation", "v2", ho3d / "models")
    out, packed = tmp_path / "out", tmp_path / "mine.zip"
    records, printed = evaluated(
        monkeypatch, weights, out, ho3d, Pretend(frames, frames.true_vertices, shift),
        "--version", "v2", "--submission", str(packed), *(["--official"] if official else ["--fields", "1"]),
    )  # fmt: skip
    assert [record.object for record in records] == ["003_cracker_box"] * 2
    check_with_meshes(records, shift)
    assert "the challenge takes 11,524 frames, these are 2" in printed
    with zipfile.ZipFile(packed) as file:
        joints, vertices = (np.array(part) for part in json.loads(file.read("pred.json")))
    flipped = shift * [1, -1, -1]  # as HO-3D's camera has it
    for own, name, moved in ((joints, "evaluation_xyz.json", MOVED), (vertices, "evaluation_verts.json", 1)):
        truth = np.array(json.loads((ho3d / name).read_text()))
        np.testing.assert_allclose(own, truth + moved * flipped, atol=5e-6)


class Run:
    """An evaluation of a folder without the command's pictures."""

    def __init__(self, folder, out, **options):
        self.data = open_data_folder(folder, kind_of(folder), FolderOptions(**options), load_hand_model())
        self.models = Models(lambda name: load_catalogue(self.data.models).get(name))
        self.out, self.hands = out, HandFile(out, len(self.data.source))

    def __call__(self, method, numbers=range(2)):
        """Records, and the kept joints and vertices."""
        contenders = {
            "network": Contender(self.hands.keeping(method)),
            "mean": Contender(MeanHandAndObject(read_mean_pose(), self.models)),
        }
        preparation = preparation_for(tiny_network().config, self.data.preparation)
        file, layer = RecordFile(self.out, {}), HandLayer(load_hand_model())
        for _ in evaluate(self.data.source, numbers, contenders, file, preparation, self.models, layer, batch_size=1):
            pass
        return read_records(self.out), *self.hands.read()


@requires_egl
def test_what_ho3d_keeps_to_itself_is_left_out(tmp_path, ho3d):
    whole, bare = Ho3dFrames(ho3d, "evaluation", "v2", ho3d / "models"), tmp_path / "bare"
    shutil.copytree(ho3d, bare)
    for name in ("evaluation_xyz.json", "evaluation_verts.json"):
        (bare / name).unlink()
    records, joints, _ = Run(bare, tmp_path / "out")(PaperProtocol(Pretend(whole, whole.true_vertices, SHIFT)))
    for number, record in enumerate(records):
        errors = record.results["network"].errors
        assert set(errors) == THING
        assert errors["OCE"] == pytest.approx(13, abs=2e-2)
        assert set(record.results["mean"].errors) == THING  # which is told the wrist
        np.testing.assert_allclose(joints[number], whole.frame(number).hand.joints + MOVED * SHIFT, atol=1e-6)


@requires_egl
def test_an_interrupted_evaluation_keeps_every_hand(tmp_path, ho3d):
    whole = Ho3dFrames(ho3d, "evaluation", "v2", ho3d / "models")
    method = PaperProtocol(Pretend(whole, whole.true_vertices, SHIFT))
    _, joints, _ = Run(ho3d, tmp_path)(method, range(1))
    assert np.isfinite(joints[0]).all()
    assert np.isnan(joints[1]).all()
    records, joints, vertices = Run(ho3d, tmp_path)(method)
    assert len(records) == 2
    for number in range(2):
        np.testing.assert_allclose(joints[number], whole.frame(number).hand.joints + MOVED * SHIFT, atol=1e-6)
        np.testing.assert_allclose(vertices[number], whole.true_vertices(number) + SHIFT, atol=1e-6)
    with pytest.raises(EvaluationError, match="give another folder"):
        HandFile(tmp_path, 3)


@requires_egl
def test_hands_of_frames_to_train_on_are_posed(tmp_path, ho3d):
    frames = Ho3dFrames(ho3d, "train", "v2", ho3d / "models", load_hand_model())
    records, *_ = Run(ho3d, tmp_path, split="train")(PaperProtocol(Pretend(frames, posed(frames), SHIFT)))
    for record in records:
        check(record.results["network"].errors, SHIFT)


def test_folders_are_known_by_their_layout(tmp_path):
    assert kind_of(ho3d_toy.unpack(tmp_path / "ho3d")) == "ho3d"
    (tmp_path / "dex-ycb" / "20200709-subject-01").mkdir(parents=True)
    assert kind_of(tmp_path / "dex-ycb") == "dexycb"
    with pytest.raises(DatasetError, match="is no data set that is known"):
        kind_of(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--subset", "close"], "--subset is DexYCB's"),
        (["--split", "s0_test"], "--split of HO-3D must be one of train, evaluation, got 's0_test'"),
        (["--version", "v4"], "--version of HO-3D must be one of v2, v3"),
        (["--split", "train", "--submission", "x.zip"], "--submission is for the evaluation frames of HO-3D"),
        (["--submission", "x.zip", "--frames", "1"], "takes all evaluation frames"),
        (["--data", "benchmark", "--official"], "--official is for the folder of a download"),
        (["--data", "x.yaml", "--split", "train"], "say it in that file"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(weights, tmp_path, arguments, message):
    tree = ho3d_toy.unpack(tmp_path / "ho3d")
    ran = CliRunner().invoke(app, ["evaluate", "-w", str(weights), "--data", str(tree), *arguments])
    assert isinstance(ran.exception, ConfigError)
    assert message in str(ran.exception)
