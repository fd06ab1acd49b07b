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

"""``hoisdf export-bag``: what stands in a data set's files stands in the bag, read back with ``rosbags`` alone."""

import shutil
import zipfile
from pathlib import Path

import cv2
import ho3d_toy
import numpy as np
import pytest
import yaml
from egl import requires_egl
from PIL import Image
from rosbags.rosbag2 import Reader
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data import BagReader, interface_types, sample_recording
from hoisdf_model.data.bags.export import SOURCE, BagFormat, LabelReader, export_film, true_regions
from hoisdf_model.data.bags.labelled_source import BagFrames, BagTopics, Moment
from hoisdf_model.data.bags.reader import SYNTHETIC
from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.data.ho3d.film import Ho3dFilm
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.labelled_frames import FieldSamples, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import BagError, ConfigError, DatasetError, InvalidInputError
from hoisdf_model.geometry import Pinhole
from hoisdf_model.hand import TIP_VERTICES, load_hand_model
from hoisdf_model.objects import load_catalogue
from hoisdf_model.synthesis import Renderer, benchmark_sequences, benchmark_studio
from hoisdf_model.synthesis.benchmark_bags import benchmark_bag_name, record_benchmark_bag
from hoisdf_model.synthesis.trees.dexycb import DexYcbTreeSettings, sequence_place, write_dexycb
from hoisdf_model.synthesis.trees.ho3d import Ho3dTreeSettings, write_ho3d_tree

DATA = Path(__file__).parents[1] / "data"
SEQUENCE, SERIAL = "20200813-subject-02/20200813_145341", "836212060125"  # no hand in its first frame
FIRST = 1_700_000_000_000_000_000
PIXELS, METRES = 1e-3, 1e-6
MANO = str(DATA / "fake_mano_right.npz")


def contents(path):
    """Topic -> its messages in order, deserialised by ``rosbags``; nothing of ours but the message definitions."""
    found = {}
    with Reader(path) as reader:
        for connection, _, data in reader.messages():
            message = interface_types().deserialize_cdr(data, connection.msgtype)
            found.setdefault(connection.topic, []).append(message)
    return found


def stamps(messages):
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


def points(message):
    return np.array([(p.x, p.y, p.z) for p in message])


def pose_of(message):
    p, q = message.pose.pose.position, message.pose.pose.orientation
    return Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), np.array([p.x, p.y, p.z])


def corners_of(region):
    return np.array([region.x0, region.y0, region.x1, region.y1])


def picture(message):
    return cv2.imdecode(np.asarray(message.data), cv2.IMREAD_COLOR)[..., ::-1]


def depth_of(message):
    assert message.encoding == "16UC1"
    return np.frombuffer(bytes(message.data), "<u2").reshape(message.height, message.width)


def run(*arguments):
    return CliRunner().invoke(app, ["export-bag", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole_toy(tmp_path_factory):
    """The toy tree with an image and a depth image for each frame of one sequence."""
    folder = tmp_path_factory.mktemp("toy")
    with zipfile.ZipFile(DATA / "dexycb_toy.zip") as stored:
        stored.extractall(folder)
    place, rng = folder / "dexycb" / SEQUENCE / SERIAL, np.random.default_rng(0)
    for number in range(3):
        image = place / f"color_{number:06d}.jpg"
        if not image.exists():
            Image.fromarray(rng.integers(0, 256, (480, 640, 3), np.uint8)).save(image)
        depth = rng.integers(0, 3000, (480, 640)).astype(np.uint16)
        cv2.imwrite(str(place / f"aligned_depth_to_color_{number:06d}.png"), depth)
    return folder / "dexycb"


@pytest.fixture
def toy(whole_toy, tmp_path):
    return shutil.copytree(whole_toy, tmp_path / "dexycb")


def toy_film(tree, hand_model=MANO):
    return DexYcbFrames(
        tree, None, "all", load_hand_model(hand_model), film=f"{SEQUENCE}/{SERIAL}", progress=False, fields=False
    )


def test_a_bag_holds_what_the_files_of_dexycb_say(whole_toy, tmp_path):
    out, place = tmp_path / "bag", whole_toy / SEQUENCE / SERIAL
    done = run(
        "dexycb", whole_toy, out, "--sequence", SEQUENCE, "--camera", SERIAL, "--hand-model", MANO, "--image", "png"
    )
    assert done.exit_code == 0, done.output
    found = contents(out)
    topics = ["/camera_info", "/depth", "/ground_truth", "/image/compressed", "/regions", "/tf"]
    assert sorted(found) == topics
    assert {len(messages) for messages in found.values()} == {3}
    for topic in topics[:-1]:
        assert stamps(found[topic]) == [FIRST + round(k * 1e9 / 30) for k in range(3)]
        assert {m.header.frame_id for m in found[topic]} == {"camera_color_optical_frame"}
    colour = yaml.safe_load((whole_toy / "calibration" / "intrinsics" / f"{SERIAL}_640x480.yml").read_text())["color"]
    kept = [[colour["fx"], 0, colour["ppx"]], [0, colour["fy"], colour["ppy"]], [0, 0, 1]]
    meta = yaml.safe_load((whole_toy / SEQUENCE / "meta.yml").read_text())
    for k in range(3):
        np.testing.assert_allclose(found["/camera_info"][k].k.reshape(3, 3), kept)
        assert not np.any(found["/camera_info"][k].d)
        with Image.open(place / f"color_{k:06d}.jpg") as stored:
            np.testing.assert_array_equal(picture(found["/image/compressed"][k]), np.asarray(stored))
        stored = cv2.imread(str(place / f"aligned_depth_to_color_{k:06d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(depth_of(found["/depth"][k]), stored)
        with np.load(place / f"labels_{k:06d}.npz") as labels:
            joints, pixels, upper = (
                labels["joint_3d"][0],
                labels["joint_2d"][0],
                labels["pose_y"][meta["ycb_grasp_ind"]],
            )
        truth, regions, transforms = (found[topic][k] for topic in ("/ground_truth", "/regions", "/tf"))
        (thing,) = truth.objects
        turn, shift = pose_of(thing)
        np.testing.assert_allclose(turn, upper[:, :3], atol=METRES)
        np.testing.assert_allclose(shift, upper[:, 3], atol=METRES)
        assert regions.objects[0].name == thing.name
        assert (k == 0) == (not truth.hands) == (not regions.hands)
        frames = [t.child_frame_id for t in transforms.transforms]
        assert frames == ["hand_right_truth", f"{thing.name}_truth"][k == 0 :]
        if k == 0:
            assert (joints == -1).all()
            continue
        (hand,) = truth.hands
        assert hand.side == regions.hands[0].side == 1
        np.testing.assert_array_equal(points(hand.joints), joints)
        vertices = np.asarray(hand.vertices).reshape(778, 3)
        np.testing.assert_allclose(vertices[list(TIP_VERTICES.values())], joints[[4, 8, 12, 16, 20]], atol=METRES)
        low, high = pixels.min(0), pixels.max(0)
        box = np.concatenate([(low + high) / 2 - 0.55 * (high - low), (low + high) / 2 + 0.55 * (high - low)])
        np.testing.assert_allclose(corners_of(regions.hands[0]), np.clip(box, 0, [640, 480] * 2), atol=PIXELS)
        wrist = transforms.transforms[0].transform.translation
        np.testing.assert_array_equal([wrist.x, wrist.y, wrist.z], joints[0])


def test_the_bag_is_read_like_the_sample_recording(whole_toy, tmp_path):
    export_film(tmp_path / "bag", toy_film(whole_toy), toy_film(whole_toy).hand_models)
    with BagReader(tmp_path / "bag") as bag, BagReader(sample_recording()) as sample:
        assert {t.name: t.type for t in bag.topics.values()} == {t.name: t.type for t in sample.topics.values()}
        assert bag.roles() == sample.roles()
        problems = []
        items = list(bag.frames(on_problem=problems.append))
    assert not problems
    assert [len(item.truth.hands) for item in items] == [0, 1, 1]
    assert all(item.frame.depth is not None and item.regions is not None for item in items)


@pytest.mark.parametrize(("storage", "file"), [("mcap", "bag.mcap"), ("sqlite3", "bag.db3")])
def test_storage_thinning_and_leaving_out_depth(whole_toy, tmp_path, storage, file):
    done = run(
        "dexycb", whole_toy, tmp_path / "bag", "--sequence", SEQUENCE, "--camera", SERIAL, "--hand-model", MANO,
        "--storage", storage, "--every", 2, "--no-depth", "--image", "raw",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (tmp_path / "bag" / file).is_file()
    found = contents(tmp_path / "bag")
    assert "/depth" not in found
    assert stamps(found["/image"]) == [FIRST, FIRST + round(2e9 / 30)]
    report = export_film(tmp_path / "one", toy_film(whole_toy), {}, every=2, frames=1)
    assert report.frames == 1


def test_a_frame_that_cannot_be_read_is_named_and_left_out(toy, tmp_path):
    image = toy / SEQUENCE / SERIAL / "color_000001.jpg"
    image.write_bytes(image.read_bytes()[:2000])
    (toy / SEQUENCE / SERIAL / "aligned_depth_to_color_000002.png").unlink()
    done = run("dexycb", toy, tmp_path / "bag", "--sequence", SEQUENCE, "--camera", SERIAL, "--hand-model", MANO)
    assert done.exit_code == 1
    assert f"left out {SEQUENCE}/{SERIAL}/000001: the image {image} can't be read" in done.output
    assert f"{SEQUENCE}/{SERIAL}/000002 has no depth: the depth image" in done.output
    assert "2 frames, 1 with a labelled hand" in done.output
    found = contents(tmp_path / "bag")
    assert stamps(found["/image/compressed"]) == [FIRST, FIRST + round(2e9 / 30)]
    assert stamps(found["/depth"]) == [FIRST]
    for path in (toy / SEQUENCE / SERIAL).glob("color_*.jpg"):
        path.unlink()
    with pytest.raises(DatasetError, match="none of 3 frames could be read"):
        export_film(tmp_path / "none", toy_film(toy), {})
    assert not (tmp_path / "none").exists()


def test_a_depth_image_of_eight_bits_is_refused(toy):
    path = toy / SEQUENCE / SERIAL / "aligned_depth_to_color_000001.png"
    Image.new("L", (640, 480)).save(path)
    with pytest.raises(DatasetError, match=f"{path} must have one channel of 16 bits"):
        toy_film(toy).depth(1)
    Image.fromarray(np.zeros((240, 320), np.uint16)).save(path)
    with pytest.raises(DatasetError, match=f"{path} is 320x240 pixels, expected 640x480"):
        toy_film(toy).depth(1)


def test_another_hand_model_than_the_labels_ends_without_a_bag(whole_toy, tmp_path):
    film = toy_film(whole_toy, None)
    with pytest.raises(DatasetError, match=rf"{SEQUENCE}/{SERIAL}/000001: .* labels were made with another hand model"):
        export_film(tmp_path / "bag", film, film.hand_models)
    assert not (tmp_path / "bag").exists()


def test_what_there_is_is_said_where_it_is_missing_or_wrong(whole_toy, tmp_path):
    listed = run("dexycb", whole_toy)
    assert listed.exit_code == 0
    assert isinstance(run("dexycb", whole_toy, tmp_path / "bag").exception, ConfigError)
    assert all(part in listed.output for part in (SEQUENCE, SERIAL, "left", "003_cracker_box"))
    for arguments, words in (
        (("--sequence", SEQUENCE), f"say which camera with --camera; {SEQUENCE} has {SERIAL}, 839512060362"),
        (("--sequence", SEQUENCE, "--camera", "7"), f"has no camera '7'; it has {SERIAL}, 839512060362"),
        (("--sequence", SEQUENCE[:-1], "--camera", SERIAL), f"it has 4, such as {SEQUENCE}"),
        (("--sequence", SEQUENCE, "--camera", SERIAL, "--storage", "bag"), "--storage must be one of mcap, sqlite3"),
    ):
        assert words in str(run("dexycb", whole_toy, tmp_path / "bag", *arguments).exception)
    assert "folder of the new bag" in str(
        run("dexycb", whole_toy, "--sequence", SEQUENCE, "--camera", SERIAL).exception
    )
    there = run("dexycb", whole_toy, tmp_path, "--sequence", SEQUENCE, "--camera", SERIAL).exception
    assert isinstance(there, BagError)
    assert "exists already" in str(there)


def test_ho3d_is_listed_and_wrong_names_are_refused(tmp_path):
    tree = ho3d_toy.unpack(tmp_path / "ho3d")
    listed = run("ho3d", tree)
    assert listed.exit_code == 0
    assert isinstance(run("ho3d", tree, tmp_path / "bag").exception, ConfigError)
    assert all(name in listed.output for name in ("MC1", "SM2", "SM1", "AP10"))
    for arguments, words in (
        (("--sequence", "XY1"), "no sequence 'XY1' in train or evaluation; there are MC1, SM2, AP10, SM1"),
        (("--sequence", "MC1", "--split", "evaluation"), "no sequence 'MC1' in evaluation; there are AP10, SM1"),
        (("--sequence", "MC1", "--split", "test"), "--split must be one of train, evaluation"),
        (("--sequence", "MC1", "--version", "v3"), "is HO-3D v2, v3 is wanted"),
    ):
        assert words in str(run("ho3d", tree, tmp_path / "bag", *arguments).exception)
    with pytest.raises(DatasetError, match="no frames of a sequence 'SM1'; its sequences are MC1, SM2"):
        Ho3dFilm(Ho3dFrames(tree, "train"), "SM1")


def test_frames_of_ho3ds_toy_tree(tmp_path):
    """Made-up labels; of the evaluation frame's hand the wrist alone is known."""
    tree = ho3d_toy.unpack(tmp_path / "ho3d")
    done = run("ho3d", tree, tmp_path / "train", "--sequence", "MC1", "--hand-model", MANO, "--image", "png")
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "train")
    with Image.open(tree / "train" / "MC1" / "rgb" / "0000.png") as stored:
        np.testing.assert_array_equal(picture(found["/image/compressed"][0]), np.asarray(stored))
    coded = cv2.imread(str(tree / "train" / "MC1" / "depth" / "0000.png"))  # blue, green, red
    metres = (coded[..., 2] + coded[..., 1].astype(float) * 256) * 0.00012498664727900177
    np.testing.assert_allclose(depth_of(found["/depth"][0]), metres * 1000, atol=0.5)
    with BagReader(tmp_path / "train") as bag:
        assert bag.about == {SOURCE: "HO-3D v2 train/MC1"}
    meta = np.load(tree / "train" / "MC1" / "meta" / "0000.pkl", allow_pickle=True)
    order = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    (hand,), (thing,) = found["/ground_truth"][0].hands, found["/ground_truth"][0].objects
    np.testing.assert_allclose(points(hand.joints), (meta["handJoints3D"] * [1, -1, -1])[order], atol=METRES)
    turn, shift = pose_of(thing)
    np.testing.assert_allclose(shift, meta["objTrans"] * [1, -1, -1], atol=METRES)
    flip = np.diag([1.0, -1.0, -1.0])
    np.testing.assert_allclose(turn, flip @ Rotation.from_rotvec(meta["objRot"].ravel()).as_matrix(), atol=METRES)
    np.testing.assert_allclose(found["/camera_info"][0].k.reshape(3, 3), meta["camMat"])
    assert "look-alikes" not in done.output
    shutil.rmtree(tree / "models")
    done = run("ho3d", tree, tmp_path / "evaluation", "--sequence", "SM1", "--no-depth")
    assert done.exit_code == 0
    assert "objects' boxes are those of look-alikes" in done.output
    found = contents(tmp_path / "evaluation")
    meta = np.load(tree / "evaluation" / "SM1" / "meta" / "0003.pkl", allow_pickle=True)
    assert stamps(found["/ground_truth"]) == [FIRST + 10**8]  # image 3 at 30 Hz
    (hand,) = found["/ground_truth"][0].hands
    np.testing.assert_allclose(points(hand.joints)[0], meta["handJoints3D"] * [1, -1, -1], atol=METRES)
    assert np.isnan(points(hand.joints)[1:]).all()
    assert not len(hand.vertices)
    assert [t.child_frame_id for t in found["/tf"][0].transforms] == [f"{meta['objName']}_truth"]
    assert found["/ground_truth"][0].objects[0].name == meta["objName"]
    assert len(found["/regions"][0].hands) == 1


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Synthetic trees in both layouts and what was filmed: by sequence and by split."""
    folder, shots = tmp_path_factory.mktemp("trees"), {}
    settings = DexYcbTreeSettings(sequences=2, frames=2, cameras=1, objects=("061_foam_brick",))
    write_dexycb(folder / "dexycb", settings, witness=lambda k, shot: shots.setdefault(k // 2, []).append(shot))
    write_ho3d_tree(
        folder / "ho3d", Ho3dTreeSettings(sequences=1, frames=2, objects=("061_foam_brick",)),
        witness=lambda split, name, shot: shots.setdefault(split, []).append(shot),
    )  # fmt: skip
    return folder, shots


def assert_truth_is_the_shots(message, shot, vertices=1e-4):
    (hand,), (thing,), known = message.hands, message.objects, shot.truth.hands[0]
    assert hand.side == {"right": 1, "left": 2}[known.side]
    np.testing.assert_allclose(points(hand.joints), known.joints, atol=3e-6)
    np.testing.assert_allclose(np.reshape(hand.vertices, (778, 3)), known.vertices, atol=vertices)
    turn, shift = pose_of(thing)
    np.testing.assert_allclose(turn, shot.truth.objects[0].rotation, atol=METRES)
    np.testing.assert_allclose(shift, shot.truth.objects[0].translation, atol=METRES)


@requires_egl
@pytest.mark.parametrize("number", [0, 1])
def test_right_and_left_hands_of_a_synthetic_dexycb(trees, tmp_path, number):
    folder, shots = trees
    place = "/".join(sequence_place(number))
    arguments = ("--sequence", place, "--camera", SERIAL, "--image", "png")
    done = run("dexycb", folder / "dexycb", tmp_path / "bag", *arguments)
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "bag")
    with BagReader(tmp_path / "bag") as bag:
        assert bag.about == {SOURCE: f"DexYCB {place}/{SERIAL}", SYNTHETIC: "hoisdf synthesize"}
    for k, shot in enumerate(shots[number]):
        assert_truth_is_the_shots(found["/ground_truth"][k], shot)
        np.testing.assert_array_equal(depth_of(found["/depth"][k]), np.round(shot.frame.depth * 1000))
        turn = found["/tf"][k].transforms[0].transform.rotation
        turned = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w])
        assert (turned.inv() * Rotation.from_rotvec(shot.truth.hands[0].pose[0])).magnitude() < 1e-4
        assert picture(found["/image/compressed"][k]).shape == shot.frame.image.shape

    # so an evaluation of the bag is one of the folder
    film = DexYcbFrames(folder / "dexycb", None, "all", load_hand_model(), film=f"{place}/{SERIAL}", fields=False)
    with BagReader(tmp_path / "bag") as bag:
        moments = [Moment(0, item.stamp, item.stamp) for item in bag.frames()]
    find = load_catalogue(folder / "dexycb" / "models").get
    again = BagFrames({"bag": tmp_path / "bag"}, BagTopics(), moments, find)
    for k in range(2):
        ours, theirs = (prepare(source.frame(k), PreparationConfig(), 0) for source in (film, again))
        np.testing.assert_array_equal(ours.image, theirs.image)
        for name in ("intrinsics", "hand_root", "object_center", "hand_box", "object_box", "joints"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-4, err_msg=name)


@requires_egl
@pytest.mark.parametrize(("split", "sequence"), [("train", "Syn1"), ("evaluation", "SynE1")])
def test_a_synthetic_ho3d_with_an_image_that_is_not_annotated(trees, tmp_path, split, sequence):
    folder, shots = trees
    tree = shutil.copytree(folder / "ho3d", tmp_path / "ho3d")
    if split == "train":
        (tree / "train.txt").write_text("Syn1/0001\n")
    assert run("ho3d", tree, tmp_path / "bag", "--sequence", sequence, "--image", "png").exit_code == 0
    found = contents(tmp_path / "bag")
    for k, shot in enumerate(shots[split]):
        np.testing.assert_array_equal(picture(found["/image/compressed"][k]), shot.frame.image)
        np.testing.assert_allclose(found["/camera_info"][k].k.reshape(3, 3), shot.frame.intrinsics.matrix)
        assert np.abs(depth_of(found["/depth"][k]) - shot.frame.depth * 1000).max() < 0.6
        truth = found["/ground_truth"][k]
        if split == "train" and k == 0:
            assert not truth.hands
            assert not truth.objects
            continue
        assert_truth_is_the_shots(truth, shot)
        # the pose isn't published for evaluation frames: unknown, and no transform of the hand
        assert np.isnan(truth.hands[0].pose).all() == (split == "evaluation")
        frames = [t.child_frame_id for t in found["/tf"][k].transforms]
        assert ("hand_right_truth" in frames) == (split == "train")


def test_boxes_stay_in_the_image_and_what_is_outside_has_none():
    camera = Pinhole(100.0, 100.0, 50.0, 40.0, 100, 80)
    nothing = FieldSamples(np.zeros((0, 3)), np.zeros(0))
    joints = np.tile([0.0, 0.0, 1.0], (21, 1))
    joints[1], joints[2] = (-2.0, 0.1, 1.0), (0.2, -0.1, 1.0)  # pixels -150, 50 and 70, 30
    pose = np.eye(4)
    pose[:3, 3] = (3.0, 0.0, 1.0)
    thing = ObjectLabel("025_mug", pose, np.stack(np.meshgrid(*[[-0.1, 0.1]] * 3), -1).reshape(-1, 3), nothing)
    frame = LabelledFrame(np.zeros((80, 100, 3), np.uint8), camera, HandLabel("left", joints, nothing), thing)
    found = true_regions(frame)
    (hand,) = found.hands
    np.testing.assert_allclose(hand.box, [0, 29, 70 + 0.05 * 220, 51])
    assert hand.side == "left"
    assert hand.root is None
    assert not found.objects
    bare = LabelledFrame(frame.image, camera, HandLabel("left", joints * [np.nan, 1, 1], nothing), thing)
    assert not LabelReader({}).truth("a", bare).hands


@requires_egl
def test_a_sequence_of_the_benchmark(tmp_path):
    number = 4
    assert benchmark_bag_name(number) == f"04_{benchmark_sequences()[number].name}"
    done = run("synthetic", tmp_path / "bag", "--sequence", number, "--frames", 2, "--every", 2, "--image", "png")
    assert done.exit_code == 0, done.output
    found = contents(tmp_path / "bag")
    studio, renderer = benchmark_studio(benchmark_sequences()[number]), Renderer(640, 480)
    film = studio.film(renderer)
    shots = [next(film) for _ in range(3)]
    renderer.close()
    assert stamps(found["/ground_truth"]) == [FIRST + round(k * 1e9 / 15) for k in (0, 2)]
    for k, shot in enumerate((shots[0], shots[2])):
        np.testing.assert_array_equal(picture(found["/image/compressed"][k]), shot.frame.image)
        assert_truth_is_the_shots(found["/ground_truth"][k], shot, METRES)
        np.testing.assert_allclose(
            [corners_of(region) for region in found["/regions"][k].hands],
            [region.box for region in shot.regions.hands],
            atol=PIXELS,
        )
    with pytest.raises(InvalidInputError, match="sequences 0 to 39, not 40"):
        record_benchmark_bag(tmp_path / "none", 40)


def test_all_sequences_go_into_a_folder_of_bags(tmp_path, monkeypatch):
    """What is recorded is another test's; here: which sequences, and where to."""
    written = []

    def record(path, number, form, every, frames, progress):
        written.append((path, number, form, every, frames))
        return type("Report", (), {"frames": 45, "size": 0})

    monkeypatch.setattr("hoisdf_model.synthesis.benchmark_bags.record_benchmark_bag", record)
    done = run("synthetic", tmp_path / "bags", "--all", "--quality", 80)
    assert done.exit_code == 0, done.output
    assert [number for _, number, *_ in written] == list(range(40))
    assert written[4][0] == tmp_path / "bags" / f"04_{benchmark_sequences()[4].name}"
    assert {form for _, _, form, *_ in written} == {BagFormat(quality=80)}
    assert "40 bags, 1,800 frames" in done.output
    assert run("synthetic").exit_code == 0
    assert isinstance(run("synthetic", tmp_path / "x").exception, ConfigError)
    assert isinstance(run("synthetic", tmp_path / "x", "--all", "--sequence", "3").exception, ConfigError)
    written.clear()
    for number in (0, 39):  # as if interrupted: what is there stays
        (tmp_path / "bags" / benchmark_bag_name(number)).mkdir()
        (tmp_path / "bags" / benchmark_bag_name(number) / "metadata.yaml").touch()
    done = run("synthetic", tmp_path / "bags", "--all")
    assert [number for _, number, *_ in written] == list(range(1, 39))
    assert "2 of 40 bags are there already" in done.output
    (tmp_path / "file").touch()
    assert isinstance(run("synthetic", tmp_path / "file", "--all").exception, BagError)
