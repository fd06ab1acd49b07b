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

"""HO-3D: the released loaders' tensors from the published layout, and what is wrong with a bad download."""

import json
import pickle
import re
import zipfile

import cv2
import ho3d_toy
import numpy as np
import pytest
import torch
import trimesh
from labelled_frames import posed
from PIL import Image
from scipy.spatial.transform import Rotation

from hoisdf_model.data.ho3d import layout as ho3d_layout
from hoisdf_model.data.ho3d.frames import Ho3dFrames
from hoisdf_model.data.ho3d.meta import read_meta
from hoisdf_model.data.ho3d.rendered import Ho3dRendered, JoinedFrames
from hoisdf_model.data.ho3d.submission import true_joints, true_vertices, write_submission
from hoisdf_model.data.samples.assembly import FieldRows
from hoisdf_model.data.samples.augmentation import AugmentationConfig
from hoisdf_model.data.samples.official_pictures import ColourDraws
from hoisdf_model.data.samples.official_protocol import OfficialDraws, prepare_official
from hoisdf_model.data.samples.preparation import prepare
from hoisdf_model.data.samples.preparation_config import PreparationConfig
from hoisdf_model.errors import DatasetError, InvalidInputError, UnsafeFileError
from hoisdf_model.geometry import meshes, rotations
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.training.config import SourceConfig
from hoisdf_model.training.data_sources import build_source
from hoisdf_model.training.stream import SampleStream

OFFICIAL = PreparationConfig(protocol="official", object_center_depth=0.5244322, hand_box=1.2)
OFFICIAL_TRAINING = PreparationConfig(
    protocol="official", object_center_depth=0.5244322, hand_box=1.2,
    augmentation=AugmentationConfig(
        turned=1.0, turn_limit=180.0, turn_uniform=True, scale=0.2, center=0.1, brightness=0.5, contrast=0.5,
        saturation=0.5, hue=0.15, blur=0.5,
    ),
)  # fmt: skip
NORMALISED = 3.1  # the released code's unit of points and distances
# as the reference's own notes say: pixels, metres, normalised points, rotations as matrices
PIXELS, METRES, POINTS, MATRICES = 3e-4, 1e-6, 1e-6, 1e-6


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return ho3d_toy.unpack(tmp_path_factory.mktemp("ho3d"))


@pytest.fixture
def own_tree(tmp_path):
    return ho3d_toy.unpack(tmp_path / "ho3d")


@pytest.fixture(scope="module")
def mano():
    return load_hand_model(ho3d_toy.DATA / "fake_mano_right.npz")


def training(tree, **options):
    return Ho3dFrames(tree, "train", models=tree / "models", **options)


def joined(tree):
    frames = training(
        tree, distances=tree / "hoisdf_sdf", annotations=tree / "hoisdf_annotations" / "ho3d_train_data.json"
    )  # fmt: skip
    return JoinedFrames([frames, Ho3dRendered(tree / "hoisdf_sdf" / "render", frames.models)])


def recorded_draws(known, hand_rows):
    b, c, s, h = known["rnd_colour_b_c_s_h"]
    rows = {key: known[f"rnd_idx_{key}"].astype(int) for key in ("hand", "obj", "hand_pre", "obj_pre")}
    return OfficialDraws(
        FieldRows(rows["hand"], rows["hand_pre"]),
        FieldRows(rows["obj"] - hand_rows, rows["obj_pre"] - hand_rows),  # recorded as rows of the whole file
        known["rnd_center_uniform"],
        float(known["rnd_scale_randn"]),
        float(known["rnd_rot_uniform"][0]),
        ColourDraws(0.5 * float(known["rnd_blur_random"]), b, c, s, h, tuple(known["rnd_colour_order"])),
    )


def assert_equals_what_is_given(sample, known):
    """What the network is told and shown, and the object, as in every mode of the released loaders."""
    picture = (sample.image.numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
    assert (picture[1::8, 2::8] != known["image"]).mean() <= 0.001
    for ours, key, tolerance in (
        (sample.intrinsics, "me_cam_intr", PIXELS),
        (sample.hand_box, "me_bbox_hand", PIXELS),
        (sample.object_box, "me_bbox_obj", PIXELS),
        (sample.hand_root, "me_mano_root", METRES),
        (sample.object_center, "me_obj_center_cam", METRES),
        (sample.object_translation, "tg_rel_obj_trans", METRES),
    ):
        np.testing.assert_allclose(ours, known[key], rtol=0, atol=tolerance, err_msg=key)
    turned = Rotation.from_rotvec(known["tg_obj_rot"]).as_matrix()
    np.testing.assert_allclose(sample.object_rotation, turned, rtol=0, atol=MATRICES)


@pytest.mark.parametrize(("index", "name"), [*enumerate([*ho3d_toy.TRAIN, ho3d_toy.RENDERED])])
def test_training_samples_equal_the_released_loaders(tree, index, name):
    known, frame = ho3d_toy.reference(name), joined(tree).frame(index)
    draws = recorded_draws(known, len(frame.hand.samples.distances))
    sample = prepare_official(frame, OFFICIAL_TRAINING, draws=draws)
    assert_equals_what_is_given(sample, known)
    for ours, key, tolerance in (
        (sample.joint_pixels / 2, "tg_joint_coord", PIXELS),  # the maps have half the crop's pixels
        (sample.joints * 1000, "tg_joint_cam_no_trans", 1e-4),  # millimetres
        (sample.hand_field_points[::8] * NORMALISED, "in_hand_sdf_points", POINTS),
        (sample.hand_start_points[::8] * NORMALISED, "in_hand_pre_points", POINTS),
        (sample.object_field_points[::8] * NORMALISED, "in_obj_sdf_points", POINTS),
        (sample.object_start_points[::8] * NORMALISED, "in_obj_pre_points", POINTS),
        (sample.hand_field_distances[::8] * NORMALISED, "tg_hand_sdf", POINTS),
        (sample.object_field_distances[::8] * NORMALISED, "tg_obj_sdf", POINTS),
    ):
        np.testing.assert_allclose(ours, known[key], rtol=0, atol=tolerance, err_msg=key)
    for ours, key in ((sample.hand_mask, "tg_hand_seg"), (sample.object_mask, "tg_obj_seg")):
        np.testing.assert_array_equal(np.packbits(ours.numpy().astype(bool)), known[key])
    assert bool(sample.hand_known & sample.object_known & sample.masks_known)
    assert bool(sample.pose_known) == (name != ho3d_toy.RENDERED)
    if sample.pose_known:
        turns = Rotation.from_rotvec(known["tg_mano_param"][:48].reshape(16, 3)).as_matrix()
        np.testing.assert_allclose(sample.mano_rotations, turns, rtol=0, atol=MATRICES)
        np.testing.assert_allclose(sample.mano_shape, known["tg_mano_param"][48:], rtol=0, atol=METRES)


@pytest.mark.parametrize(("index", "name"), [*enumerate(ho3d_toy.EVALUATION)])
def test_evaluation_samples_equal_the_released_loaders(tree, index, name):
    frame = Ho3dFrames(tree, "evaluation", models=tree / "models").frame(index)
    sample = prepare_official(frame, OFFICIAL)
    assert_equals_what_is_given(sample, ho3d_toy.reference(name))
    assert not (sample.hand_known | sample.pose_known | sample.masks_known)
    assert bool(sample.object_known)


def test_frames_come_in_the_order_of_the_list_that_is_given(tree):
    assert training(tree).names == ("MC1/0000", "SM2/0007", "SM2/0014")
    released = joined(tree).sources[0]
    assert released.names == ("SM2/0014", "MC1/0000")
    assert released.left_out == ("SM2/0007",)
    assert Ho3dFrames(tree, "evaluation").names == ("SM1/0003", "AP10/0000")


def test_annotations_are_moved_from_opengl_to_opencv(tree):
    frames = training(tree)
    with (tree / "train" / "MC1" / "meta" / "0000.pkl").open("rb") as file:
        stored = pickle.load(file)  # the toy's own file
    x, y, z = np.asarray(stored["handJoints3D"]).T
    fx, fy, cx, cy = (stored["camMat"][place] for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
    assert (z < 0).all()  # OpenGL's cameras look along -z, with y up
    pixels = np.stack([cx - fx * x / z, cy + fy * y / z], -1)
    frame = frames.frame(0)
    order = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    np.testing.assert_allclose(frame.camera.project(frame.hand.joints), pixels[order], atol=1e-9)
    corners = np.asarray(stored["objCorners3D"]) * [1, -1, -1]
    rest = np.asarray(stored["objCorners3DRest"])
    pose = frame.object.pose
    np.testing.assert_allclose(rest @ pose[:3, :3].T + pose[:3, 3], corners, atol=1e-6)


def test_the_pose_leads_to_the_joints(tree, mano):
    frame = training(tree).frame(0)
    with torch.no_grad():
        posed = HandLayer(mano)(
            torch.tensor(frame.hand.rotations[None]).float(), torch.tensor(frame.hand.shape[None]).float()
        )
    np.testing.assert_allclose(posed.joints[0], frame.hand.joints - frame.hand.joints[0], atol=1e-6)


def test_evaluation_frames_have_the_wrist_and_the_object_only(tree):
    frame = Ho3dFrames(tree, "evaluation", models=tree / "models").frame(0)
    np.testing.assert_allclose(frame.hand.joints[0], ho3d_toy.reference("SM1/0003")["me_mano_root"], atol=1e-6)
    assert np.isnan(frame.hand.joints[1:]).all()
    assert frame.hand.box.shape == (4,)
    assert frame.hand.rotations is None
    assert frame.hand.shape is None
    assert frame.hand_mask is None
    assert frame.object_mask is None
    assert len(frame.hand.samples.distances) == len(frame.object.samples.distances) == 0
    assert frame.object.name == "006_mustard_bottle"


def test_distances_are_computed_and_kept(own_tree, tmp_path):
    ho3d_toy.with_open_hand(own_tree)
    open_hand, vertices = load_hand_model(), posed(3)[1]
    fresh = Ho3dFrames(own_tree, hand_model=open_hand).frame(0)
    first = Ho3dFrames(own_tree, hand_model=open_hand, cache=tmp_path / "kept").frame(0)
    (path,) = (tmp_path / "kept").rglob("*.npz")
    again = Ho3dFrames(own_tree, hand_model=open_hand, cache=tmp_path / "kept").frame(0)
    for other in (first, again):
        np.testing.assert_array_equal(fresh.hand.samples.points, other.hand.samples.points)
        np.testing.assert_array_equal(fresh.hand.samples.distances, other.hand.samples.distances)
    assert len(fresh.hand.samples.distances) == len(fresh.object.samples.distances) == 3000
    hand = trimesh.Trimesh(*meshes.capped(vertices, open_hand.faces), process=False)
    points = fresh.hand.samples.points[:100]
    np.testing.assert_allclose(  # trimesh's are positive inside
        fresh.hand.samples.distances[:100], -trimesh.proximity.signed_distance(hand, points), atol=3e-4
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"MC1_0000_[0-9a-f]{8}\.npz can't be read"):
        Ho3dFrames(own_tree, hand_model=open_hand, cache=tmp_path / "kept").frame(0)


def test_kept_distances_belong_to_the_label_and_not_to_its_name(own_tree, tmp_path):
    ho3d_toy.with_open_hand(own_tree)
    open_hand, kept = load_hand_model(), tmp_path / "kept"
    before = Ho3dFrames(own_tree, hand_model=open_hand, cache=kept).frame(0).hand
    path = own_tree / "train" / "MC1" / "meta" / "0000.pkl"
    stored = pickle.loads(path.read_bytes())
    stored["handJoints3D"] = stored["handJoints3D"] + [0.1, 0, 0]  # as another version of the data set may have it
    path.write_bytes(pickle.dumps(stored))
    after = Ho3dFrames(own_tree, hand_model=open_hand, cache=kept).frame(0).hand
    shift = after.samples.points.mean(0) - before.samples.points.mean(0)
    np.testing.assert_allclose(shift, [0.1, 0, 0], atol=0.001)


@pytest.mark.parametrize("kind", ["EPS", "BMP"])
def test_pictures_of_other_kinds_are_not_decoded(own_tree, kind, monkeypatch):
    started = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: started.append("gs"))
    path = own_tree / "train" / "MC1" / "rgb" / "0000.png"
    Image.open(path).convert("RGB").save(path, format=kind)
    with pytest.raises(DatasetError, match=r"0000\.png can't be read"):
        Ho3dFrames(own_tree).frame(0)
    assert not started


def test_another_hand_model_than_the_labels_is_refused(tree):
    with pytest.raises(DatasetError, match=r"MC1/0000: the joints of the hand model 'open_hand' are up to \d+ mm"):
        training(tree, hand_model=load_hand_model()).frame(0)


def test_depth_has_its_low_byte_in_red(tree):
    depth = training(tree).depth(0)
    stored = cv2.imread(str(tree / "train" / "MC1" / "depth" / "0000.png"))  # blue, green, red
    assert stored[..., 1].any()
    np.testing.assert_allclose(
        depth, (stored[..., 2] + 256.0 * stored[..., 1]) * 0.00012498664727900177, rtol=1e-6
    )  # fmt: skip
    np.testing.assert_array_equal(ho3d_layout.encode_depth(depth)[..., :2], stored[..., :0:-1])


def test_masks_are_optional(own_tree):
    (own_tree / "train" / "MC1" / "seg" / "0000.jpg").unlink()
    frame = training(own_tree).frame(0)
    assert frame.hand_mask is None
    assert frame.object_mask is None


def test_version_3_has_jpeg_images(own_tree):
    assert training(own_tree).folder.version == "v2"
    with pytest.raises(DatasetError, match=r"is HO-3D v2, v3 is wanted: its colour images end in \.png"):
        training(own_tree, version="v3")
    for path in own_tree.glob("*/*/rgb/*.png"):
        Image.open(path).save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    frames = training(own_tree, version="v3")
    assert frames.frame(0).image.shape == (480, 640, 3)
    with pytest.raises(DatasetError, match="is HO-3D v3, v2 is wanted"):
        training(own_tree, version="v2")


@pytest.mark.parametrize("odd", ["@eaDir", ".ipynb_checkpoints", "__MACOSX", "._MC1"])
def test_a_folder_that_is_no_sequence_says_nothing_of_the_version(own_tree, odd):
    """A network drive keeps small JPEG pictures beside the files; v3's images are JPEG."""
    names = training(own_tree).names
    for split in ("train", "evaluation"):
        litter = own_tree / split / odd / "rgb"
        litter.mkdir(parents=True)
        (litter / "0000.jpg").write_bytes(b"x")
    for images in own_tree.glob("*/*/rgb"):
        (images / "._0000.jpg").write_bytes(b"x")
    frames = training(own_tree, version="v2")
    assert frames.names == names
    assert frames.frame(0).image.shape == (480, 640, 3)


class Shell:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.marker}",)


def test_exploits_in_the_annotations_are_refused(own_tree, tmp_path):
    path, marker = own_tree / "train" / "MC1" / "meta" / "0000.pkl", tmp_path / "ran"
    stored = pickle.loads(path.read_bytes())
    path.write_bytes(pickle.dumps(stored | {"objName": Shell(marker)}))
    with pytest.raises(UnsafeFileError, match=r"MC1/meta/0000\.pkl was refused: .*posix\.system"):
        training(own_tree).frame(0)
    index = own_tree / "hoisdf_sdf" / "full" / "sdf_index.npy"
    np.save(index, np.array({"MC1_0000": Shell(marker)}, object), allow_pickle=True)
    with pytest.raises(UnsafeFileError, match=r"full/sdf_index\.npy was refused"):
        training(own_tree, distances=own_tree / "hoisdf_sdf")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camMat": None}, "lacks camMat; there are camMat, handBeta"),
        ({"camMat": np.diag([0.0, 0.0, 1.0])}, "focal lengths must be positive"),
        ({"objTrans": np.array([0.0, np.nan, 1.0])}, "objTrans has values that aren't finite"),
        ({"handJoints3D": np.zeros((20, 3))}, r"handJoints3D has the shape \(20, 3\), expected \(21, 3\)"),
        ({"handPose": "none"}, "handPose isn't numeric"),
        ({"objName": None}, "lacks the object's name: objName is None"),
        ({"objName": "999_spoon"}, "lacks 999_spoon: the YCB-Video models hold"),
        (dict.fromkeys(("camMat", "objTrans", "handJoints3D")), "isn't annotated"),
    ],
)
def test_bad_annotations_are_named(own_tree, change, message):
    path = own_tree / "train" / "MC1" / "meta" / "0000.pkl"
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()) | change))
    with pytest.raises(DatasetError, match=message) as caught:
        training(own_tree).frame(0)
    assert str(path if "spoon" not in message else own_tree / "models") in str(caught.value)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("rgb/0000.png", r"the image .*rgb/0000\.png"),
        ("meta/0000.pkl", r"annotation: .*meta/0000\.pkl"),
        ("seg/0000.jpg", r"the image .*seg/0000\.jpg can't be read"),
    ],
)
def test_truncated_and_missing_files_are_named_and_the_others_are_read(own_tree, file, message):
    path = own_tree / "train" / "MC1" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = training(own_tree)
    with pytest.raises(DatasetError, match=message):
        frames.frame(0)
    assert frames.frame(2).object.name == "006_mustard_bottle"
    path.unlink()
    if "seg" not in file:
        with pytest.raises(DatasetError, match=message):
            frames.frame(0)


@pytest.mark.parametrize("line", ["../../etc/passwd", "MC1", "MC1/../0000", "/0000", "MC1/00/00"])
def test_lists_name_frames_and_nothing_else(own_tree, line):
    (own_tree / "train.txt").write_text(f"MC1/0000\n{line}\n")
    with pytest.raises(DatasetError, match=rf"entry 2: '{re.escape(line)}' isn't <sequence>/<frame>"):
        training(own_tree)


def test_what_is_missing_altogether_is_said(own_tree, tmp_path):
    with pytest.raises(DatasetError, match="isn't HO-3D: there is neither"):
        Ho3dFrames(tmp_path)
    with pytest.raises(DatasetError, match="has no split 'test'; there are train and evaluation"):
        Ho3dFrames(own_tree, "test")
    with pytest.raises(DatasetError, match=r"object models .* doesn't exist"):
        Ho3dFrames(own_tree, models=tmp_path / "none")
    with pytest.raises(DatasetError, match="has frames 0 to 2, not 3"):
        training(own_tree).frame(3)
    (own_tree / "train.txt").unlink()
    with pytest.raises(DatasetError, match=r"list of frames .*train\.txt"):
        training(own_tree)


def test_distance_files_must_fit_their_index(own_tree):
    path = own_tree / "hoisdf_sdf" / "train" / "sdf_processed" / "MC1_0000.npy"
    np.save(path, np.load(path)[:-3])
    with pytest.raises(DatasetError, match=r"MC1_0000\.npy has the shape \(\d+, 6\), its sdf_index\.npy says"):
        training(own_tree, distances=own_tree / "hoisdf_sdf").frame(0)
    render = own_tree / "hoisdf_sdf" / "render"
    np.save(render / "sdf_index.npy", np.zeros((2, 2), int))
    with pytest.raises(DatasetError, match="for each of the 1 files"):
        Ho3dRendered(render)


def test_look_alikes_stand_in_for_models(tree):
    measured, alike = training(tree).frame(0).object, Ho3dFrames(tree).frame(0).object
    size = np.ptp(alike.corners, axis=0)
    np.testing.assert_allclose(size, [0.0717, 0.1637, 0.2134], atol=0.003)  # the cracker box's published extents
    assert len(measured.symmetries) == len(alike.symmetries) == 4  # a box's half turns


def test_submission_is_opengl_metres_in_manos_order(tree, tmp_path):
    with (tree / "train" / "MC1" / "meta" / "0000.pkl").open("rb") as file:
        stored = np.asarray(pickle.load(file)["handJoints3D"])  # as the challenge's ground truth is
    joints = training(tree).frame(0).hand.joints
    vertices = np.random.default_rng(0).normal(size=(2, 778, 3)) * 0.05 + [0, 0, 0.6]
    path = tmp_path / "out" / "mine.zip"
    write_submission(path, np.stack([joints, joints + np.array([0, 0, 0.1])]), vertices, frames=2)
    with zipfile.ZipFile(path) as packed:
        assert packed.namelist() == ["pred.json"]
        xyz, verts = json.loads(packed.read("pred.json"))
    np.testing.assert_allclose(xyz[0], stored, atol=1e-6)
    np.testing.assert_allclose(xyz[1], stored - [0, 0, 0.1], atol=1e-6)
    np.testing.assert_allclose(verts, vertices * [1, -1, -1], atol=1e-6)
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (np.ones((2, 20, 3)), r"must be \(frames, 21, 3\), got \(2, 20, 3\)"),
        (np.ones((3, 21, 3)), "wants all 2 evaluation frames, got 3"),
        (np.stack([np.ones((21, 3)), np.full((21, 3), np.nan)]), "joints of frame 1 .* aren't finite"),
        (np.stack([np.ones((21, 3)), -np.ones((21, 3))]), "frame 1 .* behind the camera"),
    ],
)
def test_submissions_that_would_fail_are_refused(tmp_path, joints, message):
    with pytest.raises(InvalidInputError, match=message):
        write_submission(tmp_path / "mine.zip", joints, frames=2)
    assert not (tmp_path / "mine.zip").exists()


def test_published_ground_truth_completes_the_evaluation_frames(own_tree):
    frames = Ho3dFrames(own_tree, "evaluation")
    wrists = np.stack([frames.meta(i).wrist for i in range(2)])
    rng = np.random.default_rng(1)
    xyz = (wrists * [1, -1, -1])[:, None] + np.append(np.zeros((1, 3)), rng.normal(size=(20, 3)) * 0.05, 0)
    verts = rng.normal(size=(2, 778, 3))
    (own_tree / "evaluation_xyz.json").write_text(json.dumps(xyz.tolist()))
    (own_tree / "evaluation_verts.json").write_text(json.dumps(verts.tolist()))
    frames = Ho3dFrames(own_tree, "evaluation", models=own_tree / "models")
    hand = frames.frame(1).hand
    np.testing.assert_allclose(hand.joints[[0, 1, 4, 20]], xyz[1, [0, 13, 16, 20]] * [1, -1, -1])
    np.testing.assert_allclose(frames.true_vertices(1), verts[1] * [1, -1, -1])
    assert_equals_what_is_given(prepare_official(frames.frame(0), OFFICIAL), ho3d_toy.reference("SM1/0003"))
    (own_tree / "evaluation_xyz.json").write_text(json.dumps(xyz[::-1].tolist()))
    with pytest.raises(DatasetError, match=r"wrist of SM1/0003 is \d+ mm from that of its annotation"):
        Ho3dFrames(own_tree, "evaluation").frame(0)
    (own_tree / "evaluation_xyz.json").write_text(json.dumps(xyz[:1].tolist()))
    with pytest.raises(DatasetError, match="holds 63 numbers, expected 126 finite ones"):
        Ho3dFrames(own_tree, "evaluation")


def test_no_ground_truth_is_no_ground_truth(tree):
    assert true_joints(tree, 2) is None
    assert true_vertices(tree, 2) is None
    assert Ho3dFrames(tree, "evaluation").true_vertices(0) is None


def test_training_configurations_name_it(tree, own_tree, mano):
    options = {
        "folder": str(tree), "version": "v2", "models": str(tree / "models"), "distances": str(tree / "hoisdf_sdf"),
        "rendered": str(tree / "hoisdf_sdf" / "render"),
    }  # fmt: skip
    source = build_source(SourceConfig("ho3d", options=options), mano)
    assert len(source) == 3
    assert [source.frame(i).object.name for i in range(3)] == [
        "003_cracker_box", "006_mustard_bottle", "021_bleach_cleanser",
    ]  # fmt: skip
    ho3d_toy.with_open_hand(own_tree)
    computed = build_source(SourceConfig("ho3d", options={"folder": str(own_tree)}), load_hand_model())
    assert len(computed.frame(0).hand.samples.distances) == 3000
    evaluated = build_source(SourceConfig("ho3d", options={"folder": str(tree), "split": "evaluation"}), mano)
    assert len(evaluated) == 2


def test_rotations_of_the_wrist_turn_with_the_camera(tree):
    # S R, not S R S: MANO's own axes stay as they are
    meta = read_meta(tree / "train" / "MC1" / "meta" / "0000.pkl")
    stored = pickle.loads((tree / "train" / "MC1" / "meta" / "0000.pkl").read_bytes())
    expected = np.diag([1.0, -1, -1]) @ rotations.rotation_matrices(stored["handPose"][:3])
    np.testing.assert_allclose(meta.rotations[0], expected, atol=1e-12)


def test_evaluation_frames_can_be_evaluated_on_and_not_trained_on(tree):
    frames = Ho3dFrames(tree, "evaluation", models=tree / "models")
    frame = frames.frame(0)
    sample = prepare(frame, PreparationConfig(), seed=0)
    assert not sample.hand_known
    assert bool(sample.object_known)
    for name, value in vars(sample).items():
        assert torch.isfinite(value.float()).all(), name
    np.testing.assert_allclose(sample.hand_root, frame.hand.joints[0], atol=1e-6)
    # the box given, a tenth larger, where the crop shows it
    back = np.linalg.inv(sample.intrinsics.double().numpy() @ np.linalg.inv(frame.camera.matrix))
    corners = np.c_[sample.hand_box.reshape(2, 2), np.ones(2)] @ back.T
    middle, half = frame.hand.box.reshape(2, 2).mean(0), np.ptp(frame.hand.box.reshape(2, 2), axis=0) / 2 * 1.1
    np.testing.assert_allclose(corners[:, :2], [middle - half, middle + half], atol=1e-3)
    stream = SampleStream([frames], [1.0], PreparationConfig(), 0)
    with pytest.raises(DatasetError, match=r"frame (SM1/0003|AP10/0000) of data source 0: there are no distances"):
        stream[0]


def test_a_given_box_turns_with_the_image(tree):
    frame = Ho3dFrames(tree, "evaluation", models=tree / "models").frame(0)
    turned = PreparationConfig(augmentation=AugmentationConfig(turned=1.0, turn=40.0))
    sample = prepare(frame, turned, seed=3)
    straight = prepare(frame, PreparationConfig(), seed=3)
    size = [float((s.hand_box[2:] - s.hand_box[:2]).prod()) for s in (sample, straight)]
    scale = float(sample.intrinsics[0, 0] / straight.intrinsics[0, 0])
    assert size[0] / scale**2 > 1.05 * size[1]  # around the turned corners, and so larger
    # the wrist lies in the box as told and in the box as turned
    for s in (sample, straight):
        u, v, w = s.intrinsics @ s.hand_root
        assert s.hand_box[0] < u / w < s.hand_box[2]
        assert s.hand_box[1] < v / w < s.hand_box[3]


def test_frames_are_named_for_messages(tree):
    source = joined(tree)
    assert [source.name(i) for i in range(3)] == ["SM2/0014", "MC1/0000", "10"]
    with pytest.raises(DatasetError, match="joined sources have frames 0 to 2, not 3"):
        source.frame(3)
