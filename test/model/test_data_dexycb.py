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

"""DexYCB: the released loaders' tensors from the published layout, the official splits, and bad downloads.

``dexycb_toy.zip`` holds a synthetic tree in DexYCB's layout (made-up hand model and objects, painted images) and what
the released loaders return for four of its frames, with what they drew. Images and distance files are there for those
four only, labels for all.
"""

import itertools
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from egl import requires_egl
from PIL import Image
from scipy.spatial.transform import Rotation

from hoisdf_model.data.dexycb import pose as dexycb_pose
from hoisdf_model.data.dexycb import subsets as dexycb_subsets
from hoisdf_model.data.dexycb.frames import DexYcbFrames
from hoisdf_model.data.dexycb.layout import SERIALS, SUBJECTS, DexYcbFolder, Take
from hoisdf_model.data.samples.assembly import FieldRows
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.official_pictures import ColourDraws
from hoisdf_model.data.samples.official_protocol import OfficialDraws, drawn, prepare_official
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import ConfigError, DatasetError, InvalidInputError
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, preparation_for
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import load_preset
from hoisdf_model.synthesis.trees import dexycb as dexycb_tree
from hoisdf_model.synthesis.trees.dexycb import DexYcbTreeSettings, write_dexycb
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.data_sources import build_source
from hoisdf_model.training.source_file import read_source
from hoisdf_model.training.stream import SampleStream

DATA = Path(__file__).parents[1] / "data"
NORMALISED = 3.1  # the released code's unit of points and distances
# as the reference's own notes say: pixels, metres, normalised points, rotations as matrices
PIXELS, METRES, POINTS, MATRICES = 3e-4, 1e-6, 1e-6, 1e-6
TRAINING = AugmentationConfig(
    turned=0.6, turn=30, turn_limit=60, scale=0.2, center=0.1, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.15,
    blur=0.5,
)  # fmt: skip
SETTINGS = [*itertools.product(("dexycb", "dexycb_full"), ("train", "evaluation"))]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dexycb")
    with zipfile.ZipFile(DATA / "dexycb_toy.zip") as stored:
        stored.extractall(folder)
    return folder


@pytest.fixture
def own_tree(toy, tmp_path):
    return shutil.copytree(toy / "dexycb", tmp_path / "dexycb")


@pytest.fixture(scope="module")
def mano():
    return load_hand_model(DATA / "fake_mano_right.npz")


def released(toy, mano, setting, mode, distances=True):
    """The frames of the released code's lists."""
    root, part = toy / "dexycb", {"train": "train", "evaluation": "test"}[mode]
    full = setting == "dexycb_full"
    return DexYcbFrames(
        root,
        subset="full" if full else "close",
        hand_model=mano,
        annotations=root / "hoisdf_annotations" / f"dex_ycb_s0_{part}_data{'' if full else '_cut'}.json",
        distances=root / "hoisdf_sdf" / f"{'full_' if full else ''}{part}" if distances else None,
        progress=False,
    )


def everything(tree, mano, subset="all", **options):
    return DexYcbFrames(tree, "all", subset, mano, partial=True, progress=False, **options)


def recorded_draws(known, hand_rows, training):
    hand, thing = known["rnd_idx_hand"].astype(int), known["rnd_idx_obj"].astype(int) - hand_rows
    if not training:  # without points to start from
        return OfficialDraws(FieldRows(hand, hand), FieldRows(thing, thing), np.zeros(2))
    b, c, s, h = known["rnd_colour_b_c_s_h"]
    turned = known["rnd_rot_gate"] <= 0.6
    return OfficialDraws(
        FieldRows(hand, known["rnd_idx_hand_pre"].astype(int)),
        FieldRows(thing, known["rnd_idx_obj_pre"].astype(int) - hand_rows),
        known["rnd_center_uniform"],
        float(known["rnd_scale_randn"]),
        float(np.radians(30 * np.clip(known["rnd_rot_randn"], -2, 2))) if turned else 0.0,
        ColourDraws(0.5 * float(known["rnd_blur_random"]), b, c, s, h, tuple(known["rnd_colour_order"])),
    )


@pytest.mark.parametrize(("setting", "mode"), SETTINGS)
def test_samples_equal_the_released_loaders(toy, mano, setting, mode):
    training = mode == "train"
    with np.load(toy / "expected.npz") as stored:
        start = f"{setting}_{mode}_"
        known = {key.removeprefix(start): stored[key] for key in stored.files if key.startswith(start)}
    frames = released(toy, mano, setting, mode)
    ids = [f"s0_{number}" for number in frames.rows.numbers]
    assert ids == known["ids"].tolist()
    frame = frames.frame(ids.index(str(known["key"])))
    config = PreparationConfig(protocol="official", augmentation=TRAINING if training else AugmentationConfig())
    draws = recorded_draws(known, len(frame.hand.samples.distances), training)
    sample = prepare_official(frame, config, draws=draws)
    picture = (sample.image.numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
    assert (picture[1::8, 2::8] != known["img_every4"]).mean() <= 0.001
    starts = [
        (sample.hand_start_points[:50] * NORMALISED, "in_hand_pre_points", POINTS),
        (sample.object_start_points[:50] * NORMALISED, "in_obj_pre_points", POINTS),
    ]
    for ours, key, tolerance in (
        (sample.joint_pixels / 2, "tg_joint_coord", PIXELS),  # the maps have half the crop's pixels
        (sample.joints * 1000, "tg_joint_cam_no_trans", 1e-4),  # millimetres
        (sample.object_rotation, "tg_obj_rot", MATRICES),
        (sample.object_translation, "tg_rel_obj_trans", METRES),
        (sample.hand_field_points[:50] * NORMALISED, "in_hand_sdf_points", POINTS),
        (sample.object_field_points[:50] * NORMALISED, "in_obj_sdf_points", POINTS),
        (sample.hand_field_distances[:50] * NORMALISED, "tg_hand_sdf", POINTS),
        (sample.object_field_distances[:50] * NORMALISED, "tg_obj_sdf", POINTS),
        *(starts if training else []),
        (sample.mano_shape, "tg_mano_param", METRES),
        (sample.mano_rotations, "tg_mano_param", MATRICES),
        (sample.intrinsics, "me_cam_intr", PIXELS),
        (sample.hand_root, "me_mano_root", METRES),
        (sample.object_center, "me_obj_center_cam", METRES),
        (sample.hand_box, "me_bbox_hand", PIXELS),
        (sample.object_box, "me_bbox_obj", PIXELS),
    ):
        wanted = known[key]
        if key == "tg_obj_rot":
            wanted = Rotation.from_rotvec(wanted).as_matrix()
        if key == "tg_mano_param":
            turns = Rotation.from_rotvec(wanted[:48].reshape(16, 3)).as_matrix()
            wanted = turns if ours.ndim == 3 else wanted[48:]
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=tolerance, err_msg=key)
    for ours, key in ((sample.hand_mask, "tg_hand_seg"), (sample.object_mask, "tg_obj_seg")):
        np.testing.assert_array_equal(np.packbits(ours.numpy().astype(bool)), known[key])
    assert bool(sample.hand_known & sample.pose_known & sample.object_known & sample.masks_known)


def test_the_protocol_is_an_option_of_preparation(toy, mano):
    frame = released(toy, mano, "dexycb", "train").frame(0)
    official = PreparationConfig(protocol="official", augmentation=TRAINING)
    one, again = (prepare(frame, official, seed=3, index=5) for _ in range(2))
    by_hand = prepare_official(frame, official, draws=drawn(frame, official, np.random.default_rng([3, 5])))
    for other in (again, by_hand):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.hand_field_points, other.hand_field_points)
    still = prepare(frame, PreparationConfig(protocol="official"), seed=3, index=5)
    assert (still.image != one.image).any()
    ours = prepare(frame, PreparationConfig(), seed=3, index=5)
    assert not torch.equal(ours.object_center, still.object_center)
    with pytest.raises(InvalidInputError, match="a hand and an object"):
        prepare(replace(frame, object=None), official, 0)


def test_splits_equal_the_toolkits(toy, tmp_path, monkeypatch):
    """On a tree of 10 x 100 sequences of 5 + (7 s + 3 q) % 11 frames."""
    (tmp_path / "calibration").mkdir()
    for subject in SUBJECTS:
        for number in range(100):
            (tmp_path / subject / f"2020_{number:06d}").mkdir(parents=True)
        for odd in ("@eaDir", ".ipynb_checkpoints", "__MACOSX", "0 new folder", "2020_000007 (copy)", "lost+found"):
            (tmp_path / subject / odd).mkdir()  # left there by a network drive, an editor, an archive, a person

    def take(self, subject, name):
        frames = 5 + (7 * SUBJECTS.index(subject) + 3 * int(name[5:])) % 11
        return Take(self.root, subject, name, frames, SERIALS, (1,), 0, "right", "", "")

    monkeypatch.setattr(DexYcbFolder, "take", take)
    folder = DexYcbFolder(tmp_path)
    for split, known in json.loads((toy / "splits.json").read_text()).items():
        takes = [(take, tuple(SERIALS.index(s) for s in serials)) for take, serials in folder.takes(split)]
        rows = dexycb_subsets.all_rows(takes)
        assert len(rows) == known["size"]
        for index, image in known["samples"]:
            path = takes[rows.takes[index]][0].image(SERIALS[rows.cameras[index]], int(rows.frames[index]))
            assert path.relative_to(tmp_path).as_posix() == image
    shutil.rmtree(tmp_path / SUBJECTS[3] / "2020_000050")
    with pytest.raises(DatasetError, match=f"{SUBJECTS[3]} has 99 of 100 sequences"):
        DexYcbFolder(tmp_path)


@pytest.mark.parametrize("subset", dexycb_subsets.SUBSETS)
def test_subsets(toy, mano, tmp_path, subset):
    wanted = {
        "close": lambda m: m["in_cut"],
        "full": lambda m: m["has_hand"] and m["hand_in_view"],
        "right": lambda m: m["has_hand"] and m["side"] == "right",
        "all": lambda _: True,
    }[subset]
    listed = [
        m["file"].replace("color_", "")[:-4] for m in json.loads((toy / "manifest.json").read_text()) if wanted(m)
    ]
    for _ in range(2):  # the second time from what was kept
        frames = everything(toy / "dexycb", mano, subset, cache=tmp_path)
        assert sorted(frames.name(index) for index in range(len(frames))) == sorted(listed)
    some = everything(toy / "dexycb", mano, subset, every=2)
    assert some.rows.numbers.tolist() == [n for n in frames.rows.numbers.tolist() if n % 2 == 0]


def test_kept_lists_are_of_the_objects_that_they_were_made_with(own_tree, mano, tmp_path):
    """A hand is close to an object of another shape in other frames."""

    def close():
        frames = everything(own_tree, mano, "close", cache=tmp_path / "kept")
        return [frames.name(index) for index in range(len(frames))]

    before = close()
    assert close() == before
    for path in own_tree.glob("models/*/textured_simple.obj"):
        lines = [line.split() for line in path.read_text().splitlines()]
        moved = [
            ["v", *(f"{float(x) + 1:.6f}" for x in line[1:4])] if line[:1] == ["v"] else line for line in lines
        ]  # a metre from its origin along each axis, and so from any hand
        path.write_text("\n".join(" ".join(line) for line in moved))
    assert before
    with pytest.raises(DatasetError, match="has no frames of all in the subset close"):
        close()


def test_lists_of_the_released_code_are_thinned_but_not_of_a_split(toy, mano):
    path = toy / "dexycb" / "hoisdf_annotations" / "dex_ycb_s0_train_data.json"
    whole = DexYcbFrames(toy / "dexycb", None, "full", mano, annotations=path, progress=False)
    some = DexYcbFrames(toy / "dexycb", None, "full", mano, annotations=path, every=2, progress=False)
    wanted = [number for number in whole.rows.numbers.tolist() if number % 2 == 0]
    assert 0 < len(wanted) < len(whole)
    assert some.rows.numbers.tolist() == wanted
    with pytest.raises(DatasetError, match="annotations and split each say which frames to take: give one"):
        DexYcbFrames(toy / "dexycb", "s0_train", "full", mano, annotations=path)
    film = "20200813-subject-02/20200813_145341/836212060125"
    with pytest.raises(DatasetError, match="annotations and film each say"):
        DexYcbFrames(toy / "dexycb", None, "full", mano, annotations=path, film=film)


def test_hands_in_view_are_those_of_the_released_code(toy):
    with np.load(toy / "expected.npz") as known:
        seen = [dexycb_subsets.in_view(joints) for joints in known["box_joint_2d"]]
        assert seen == known["box_keep"].tolist()


def test_poses_lead_to_the_labelled_joints(toy, mano):
    sides = set()
    for path in sorted((toy / "dexycb").glob("2*/2*/*/labels_*.npz")):
        take = DexYcbFolder(toy / "dexycb", True).take(path.parts[-4], path.parts[-3])
        with np.load(path) as labels:
            joints, pose = labels["joint_3d"][0], labels["pose_m"][0].astype(np.float64)
        if (joints == -1).all():
            continue
        model = mano if take.side == "right" else mano.mirrored()
        turns = dexycb_pose.decoded(pose, model)
        with torch.no_grad():
            posed = HandLayer(model)(torch.tensor(turns[None]).float(), torch.tensor(take.betas[None]).float()).joints[
                0
            ]
        wrist = dexycb_pose.shaped_wrist(model, take.betas) + pose[48:]
        found = posed.numpy() + wrist
        fingers = [j for j in range(21) if j != 12]  # a left hand's middle finger has its tip at another vertex
        np.testing.assert_allclose(found[fingers], joints[fingers], atol=1e-6)
        again = dexycb_pose.encoded(turns, wrist, take.betas, model)
        np.testing.assert_allclose(dexycb_pose.decoded(again, model), turns, atol=1e-6)
        np.testing.assert_allclose(again[48:], pose[48:], atol=1e-7)
        sides.add(take.side)
    assert sides == {"right", "left"}


def test_labels_are_as_they_are_in_the_files(toy, mano):
    frames = released(toy, mano, "dexycb_full", "train")
    frame = frames.frame(frames.rows.numbers.tolist().index(198))
    assert frame.hand.side == "left"
    assert frame.object.name == "003_cracker_box"
    projected = frame.camera.project(frame.hand.joints)
    np.testing.assert_allclose(projected, frame.hand.pixels, atol=1e-3)
    rows, columns = np.nonzero(frame.hand_mask)
    low, high = projected.min(0), projected.max(0)
    assert low[0] - 40 < columns.min() <= columns.max() < high[0] + 40
    assert low[1] - 40 < rows.min() <= rows.max() < high[1] + 40
    assert not (frame.hand_mask & frame.object_mask).any()


def damaged(tree, change):
    """The tree with the labels of its first frame changed."""
    path = min(tree.glob("2*/2*/*/labels_*.npz"))
    with np.load(path) as stored:
        labels = {name: stored[name].copy() for name in stored.files}
    change(labels)
    np.savez(path, **labels)


def test_bad_labels_are_named(own_tree, mano):
    def first():
        return everything(own_tree, None).frame(0)

    path = min(own_tree.glob("2*/2*/*/labels_*.npz"))
    damaged(own_tree, lambda labels: labels["pose_m"].fill(np.nan))
    with pytest.raises(DatasetError, match=rf"{path}: pose_m holds values that aren't finite"):
        first()
    damaged(own_tree, lambda labels: labels.update(pose_m=np.zeros((1, 48), np.float32)))
    with pytest.raises(DatasetError, match=rf"{path}: pose_m must hold \(1, 51\) numbers, got \(1, 48\)"):
        first()
    damaged(own_tree, lambda labels: labels.pop("joint_2d"))
    with pytest.raises(DatasetError, match=f"{path} lacks .*joint_2d"):
        first()
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match=f"{path} can't be read"):
        first()
    path.unlink()
    with pytest.raises(DatasetError, match=f"{path} is missing"):
        first()
    with pytest.raises(DatasetError, match=f"{path} is missing"):
        everything(own_tree, mano, "full")


def test_bad_images_are_named(own_tree):
    image = min(own_tree.glob("2*/2*/*/color_*.jpg"))
    frames = everything(own_tree, None)
    names = [frames.name(index) for index in range(len(frames))]
    index = names.index(image.relative_to(own_tree).as_posix().replace("color_", "")[:-4])
    assert frames.frame(index).image.shape == (480, 640, 3)
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=str(image)):
        frames.frame(index)
    Image.new("RGB", (320, 240)).save(image)
    with pytest.raises(DatasetError, match=f"{image} is 320x240 pixels"):
        frames.frame(index)
    image.unlink()
    with pytest.raises(DatasetError, match=f"{image} is missing"):
        frames.frame(index)


def test_half_a_download_is_named(own_tree, mano, tmp_path):
    with pytest.raises(DatasetError, match=r"without 20200820-subject-03.*20200709-subject-01 has 2 of 100"):
        DexYcbFrames(own_tree)
    with pytest.raises(DatasetError, match="there is no folder"):
        DexYcbFrames(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="isn't DexYCB"):
        DexYcbFrames(tmp_path)
    with pytest.raises(DatasetError, match="no split 'train'; there are s0_train"):
        DexYcbFrames(own_tree, "train", partial=True)
    with pytest.raises(DatasetError, match="no subset 'cut'; there are close"):
        everything(own_tree, mano, "cut")
    with pytest.raises(DatasetError, match="without a hand model: give MANO's"):
        everything(own_tree, None, "close")
    with pytest.raises(DatasetError, match="annotations: give those too"):
        everything(own_tree, None, distances=own_tree / "hoisdf_sdf" / "train")
    shutil.rmtree(own_tree / "models")
    with pytest.raises(DatasetError, match=r"lacks the folder models: unpack models\.tar\.gz"):
        everything(own_tree, mano)
    next((own_tree / "20200709-subject-01").glob("*/meta.yml")).write_text("num_frames: [")
    with pytest.raises(DatasetError, match=r"meta\.yml can't be read"):
        everything(own_tree, mano, models=tmp_path)
    shutil.rmtree(own_tree / "calibration")
    with pytest.raises(DatasetError, match="lacks the folder calibration"):
        everything(own_tree, mano)


def test_a_split_without_sequences_is_named(toy):
    words = "dexycb has no sequence of the split s0_test: none of the 4 that are there .* the split all has everything"
    with pytest.raises(DatasetError, match=words):
        DexYcbFrames(toy / "dexycb", "s0_test", "all", partial=True)


def test_another_hand_model_than_the_labels_is_refused(toy):
    frames = released(toy, load_hand_model(), "dexycb", "train", distances=False)
    with pytest.raises(DatasetError, match="labels were made with another hand model"):
        frames.frame(0)


def test_lists_of_frames_that_are_not_there_are_refused(own_tree):
    path = own_tree / "list.json"
    path.write_text(json.dumps({"s0_3": {"color_file": "20200709-subject-01/20990101_000000/1/color_000001.jpg"}}))
    with pytest.raises(DatasetError, match=r"s0_3 is .*20990101_000000"):
        DexYcbFrames(own_tree, annotations=path)
    path.write_text("[]")
    with pytest.raises(DatasetError, match="expected a dictionary"):
        DexYcbFrames(own_tree, annotations=path)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A synthetic tree of a right and a left hand, and the plays that were filmed."""
    plays, planned = [], dexycb_tree.planned

    def noted(*arguments):
        plays.append(planned(*arguments))
        return plays[-1]

    folder = tmp_path_factory.mktemp("synthetic") / "dexycb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dexycb_tree, "planned", noted)
        settings = DexYcbTreeSettings(sequences=2, frames=3, cameras=2, objects=("061_foam_brick",))
        report = write_dexycb(folder, settings)
    assert report.pictures == 12
    return folder, plays


@requires_egl
def test_synthetic_trees_are_read_as_they_were_made(synthetic):
    folder, plays = synthetic
    frames = everything(folder, load_hand_model())
    assert len(frames) == 12
    for index in range(12):
        sequence, camera, time = index // 6, index // 3 % 2, index % 3
        play, frame = plays[sequence], frames.frame(index)
        view = play.views[time] if camera == 0 else None
        assert frame.hand.side == ("right", "left")[sequence]
        assert frame.camera.width == 640
        if view is not None:  # the world of the plays, as the first camera sees it
            seen = play.joints[time] @ view[:3, :3].T + view[:3, 3]
            np.testing.assert_allclose(frame.hand.joints, seen, atol=1e-6)
            np.testing.assert_allclose(frame.object.pose, view @ play.object_poses[time, 0], atol=1e-6)
            turned = np.concatenate([(view[:3, :3] @ play.rotations[time, 0])[None], play.rotations[time, 1:]])
            np.testing.assert_allclose(frame.hand.rotations, turned, atol=1e-5)
            np.testing.assert_allclose(frame.hand.shape, play.hand.shape, atol=1e-6)
        pixels = np.round(frame.camera.project(frame.hand.joints)).astype(int)
        inside = ((pixels >= 0) & (pixels < [640, 480])).all(1)
        inside[0] = False  # the wrist may be under the sleeve
        covered = cv2.dilate((frame.hand_mask | frame.object_mask).astype(np.uint8), np.ones((9, 9)))
        # the second camera sees some joints behind the sleeve
        assert covered[tuple(pixels[inside].T[::-1])].mean() >= (1.0, 0.8)[camera]
        # what is seen of the object lies within its outline
        points = frame.object.samples.points[np.abs(frame.object.samples.distances) < 0.001]
        outline = np.zeros((480, 640), np.uint8)
        pixels = np.round(frame.camera.project(points)).astype(np.int32)
        cv2.fillConvexPoly(outline, cv2.convexHull(pixels), 1)
        outline = cv2.dilate(outline, np.ones((9, 9))) > 0
        assert frame.object_mask.any()
        assert not (frame.object_mask & ~outline).any()


@requires_egl
def test_synthetic_worlds_are_the_same_for_all_cameras(synthetic):
    folder, _ = synthetic
    frames = everything(folder, load_hand_model())
    found = yaml.safe_load(min(folder.glob("calibration/extrinsics_*/extrinsics.yml")).read_text())["extrinsics"]
    first, second = (np.array(found[serial]).reshape(3, 4) for serial in SERIALS[:2])
    one, other = frames.frame(0), frames.frame(3)
    np.testing.assert_allclose(first, np.eye(4)[:3], atol=1e-9)
    np.testing.assert_allclose(other.hand.joints @ second[:, :3].T + second[:, 3], one.hand.joints, atol=1e-5)
    with np.load(min(folder.glob("2*/2*/pose.npz"))) as stored:
        turn = Rotation.from_quat(stored["pose_y"][0, 0, :4]).as_matrix()
        np.testing.assert_allclose(turn, one.object.pose[:3, :3], atol=1e-6)
        np.testing.assert_allclose(stored["pose_m"][0, 0, 48:], dexycb_pose.encoded(
            one.hand.rotations, one.hand.joints[0], one.hand.shape, load_hand_model())[48:], atol=1e-6)  # fmt: skip


@requires_egl
def test_training_takes_it(synthetic):
    folder, _ = synthetic
    options = {"folder": str(folder), "split": "all", "subset": "full", "partial": True}
    source = build_source(SourceConfig("dexycb", options=options), load_hand_model())
    for protocol in ("ours", "official"):
        sample = SampleStream([source], [1.0], PreparationConfig(protocol=protocol), 0)[0]
        assert torch.isfinite(sample.hand_field_points).all()
        assert bool(sample.hand_known & sample.object_known & sample.masks_known)


@requires_egl
def test_evaluation_takes_it(synthetic, tmp_path):
    folder, _ = synthetic
    path = tmp_path / "dexycb.yaml"
    options = {"folder": str(folder), "split": "all", "subset": "full", "partial": True}
    path.write_text(yaml.safe_dump({"kind": "dexycb", "options": options, "preparation": {"protocol": "official"}}))
    source, described = read_source(path, load_hand_model())
    config = preparation_for(load_preset("dexycb"), described.preparation)
    batch = EvaluatedFrames(source, [len(source) - 1], config)[0]
    assert bool(batch.sample.mirrored[0] & batch.sample.hand_known[0] & batch.sample.object_known[0])
    np.testing.assert_array_equal(batch.sample.hand_box[0], prepare(source.frame(len(source) - 1), config, 0).hand_box)
    assert json.loads((folder / "synthetic.json").read_text())["hand_model"]["name"] == "open_hand"
    path.write_text(yaml.safe_dump({"kind": "dexycb", "preparation": {"protocol": "theirs"}}))
    with pytest.raises(ConfigError, match=r"preparation\.protocol must be one of ours, official, got 'theirs'"):
        read_source(path, load_hand_model())
    path.write_text(yaml.safe_dump({"kind": "dexycb", "option": {}}))
    with pytest.raises(ConfigError, match="option"):
        read_source(path, load_hand_model())
    with pytest.raises(ConfigError, match="no description of a data source"):
        read_source(tmp_path / "nowhere.yaml", load_hand_model())


@requires_egl
def test_frames_that_no_sample_can_be_made_of_are_named(synthetic):
    folder, _ = synthetic
    source = everything(folder, None)  # without a hand model there are no distances to the hand
    with pytest.raises(DatasetError, match=f"no sample can be made of frame {SUBJECTS[2]}/"):
        SampleStream([source], [1.0], PreparationConfig(), 0)[0]


def test_trees_are_not_written_over_others(tmp_path):
    (tmp_path / "something").touch()
    for place in (tmp_path, tmp_path / "something"):
        with pytest.raises(DatasetError, match="isn't an empty folder"):
            write_dexycb(place, DexYcbTreeSettings())
    with pytest.raises(InvalidInputError, match="cameras must be from 1 to 8"):
        write_dexycb(tmp_path / "new", DexYcbTreeSettings(cameras=9))
    with pytest.raises(InvalidInputError, match="doesn't have the object '099_teapot'"):
        write_dexycb(tmp_path / "new", DexYcbTreeSettings(objects=("099_teapot",)))
