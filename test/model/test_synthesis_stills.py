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

"""Stills: labels agree with what is drawn, each follows from its number alone, all that is promised comes up."""

import multiprocessing
import pickle
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from egl import requires_egl
from PIL import Image

from hoisdf_model.data.labelled_frames import FrameSource
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis import (
    HAND,
    LibrarySettings,
    PosableHand,
    SceneSettings,
    Stills,
    StillSettings,
    build_library,
)
from hoisdf_model.synthesis.render import backdrops
from hoisdf_model.synthesis.render.backdrops import backdrop, find_pictures
from hoisdf_model.synthesis.render.hand_palette import ring, skin_tone
from hoisdf_model.synthesis.render.photograph import natural_noise, photographed
from hoisdf_model.synthesis.render.skin import SKIN_TONES
from hoisdf_model.synthesis.stills.scenes import MODES
from hoisdf_model.synthesis.stills.still import OBJECT

MODEL = load_hand_model()
COUNT = 16


@pytest.fixture(scope="module")
def library_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("stills") / "train.npz"
    build_library(path, LibrarySettings(objects=("006_mustard_bottle",), shapes=1, per_object=6, hands=2), MODEL)
    return path


@pytest.fixture(scope="module")
def source(library_file):
    """Of right hands; left ones have a file of their own."""
    return Stills(StillSettings(str(library_file), seed=3, stage=SceneSettings(left_hands=0.0)), MODEL)


@pytest.fixture(scope="module")
def stills(source):
    return [source.still(index) for index in range(COUNT)]


def surface_points(still, identity):
    """Camera-frame points of the pixels that show it."""
    rows, columns = np.nonzero((still.identities == identity) & (still.depth > 0))
    return still.camera.back_project(np.stack([columns, rows], 1).astype(float), still.depth[rows, columns])


@requires_egl
def test_what_is_drawn_as_hand_lies_on_the_labelled_hand(source, stills):
    shown = [still for still in stills if still.vertices is not None]
    assert len(shown) > COUNT / 2
    for still in shown:
        points = surface_points(still, HAND)
        if still.scene.ring or len(points) < 20:
            continue
        gap, _, _ = distances.closest_points(points, still.vertices, MODEL.faces)
        assert np.percentile(gap, 95) < 0.003


@requires_egl
def test_what_is_drawn_as_object_lies_on_the_labelled_object(stills):
    for still in stills:
        points = surface_points(still, OBJECT)
        if still.object_pose is None or len(points) < 20:
            continue
        local = (points - still.object_pose[:3, 3]) @ still.object_pose[:3, :3]
        mesh = find_object(still.scene.name).mesh
        gap, _, _ = distances.closest_points(local, np.asarray(mesh.vertices), np.asarray(mesh.faces))
        assert np.percentile(gap, 95) < 0.003


@requires_egl
def test_mano_parameters_give_the_labelled_joints_and_boxes_lie_around_them(stills):
    layer = HandLayer(MODEL)
    for still in (s for s in stills if s.joints is not None):
        with torch.no_grad():
            mesh = layer(
                torch.tensor(still.rotations[None], dtype=torch.float32),
                torch.tensor(still.shape[None], dtype=torch.float32),
            )
        np.testing.assert_allclose(mesh.joints[0].numpy() + still.joints[0], still.joints, atol=1e-5)
        np.testing.assert_allclose(mesh.vertices[0].numpy() + still.joints[0], still.vertices, atol=1e-5)
        pixels = still.camera.project(still.joints)
        np.testing.assert_allclose([*pixels.min(0), *pixels.max(0)], still.hand_box)
        assert 0.25 < still.joints[0, 2] < 1.6


@requires_egl
def test_contacts_lie_on_the_object_and_only_grasps_have_them(stills):
    for still in (s for s in stills if s.joints is not None):
        assert still.touching.any() == (still.scene.mode == "grasp")
        if not still.touching.any():
            continue
        mesh = find_object(still.scene.name).mesh
        local = (still.vertices[still.touching] - still.object_pose[:3, 3]) @ still.object_pose[:3, :3]
        gap = distances.signed_distance(local, np.asarray(mesh.vertices), np.asarray(mesh.faces))
        assert np.abs(gap).max() < 0.0035


@requires_egl
def test_a_still_follows_from_its_number_alone_in_any_process(source, stills, library_file):
    other = pickle.loads(pickle.dumps(source))
    again = other.still(7)  # first here, eighth there
    np.testing.assert_array_equal(again.image, stills[7].image)
    np.testing.assert_array_equal(again.joints, stills[7].joints)
    seeded = Stills(StillSettings(str(library_file), seed=4), MODEL).stage.scene(7)
    assert not np.array_equal(seeded.view, stills[7].scene.view)


@requires_egl
def test_frames_become_samples(source):
    assert isinstance(source, FrameSource)
    for index in range(6):
        sample = prepare(source.frame(index), PreparationConfig(), seed=0, index=index)
        for name, value in vars(sample).items():
            assert bool(np.isfinite(value.double().numpy()).all()), name
        if sample.hand_known:
            assert 0 < (sample.hand_field_distances < 0).float().mean() < 1


def _drawn_in_a_fork(source, answers):
    try:
        source.still(0)
    except InvalidInputError as error:
        answers.put(str(error))


@requires_egl
def test_a_process_forked_after_drawing_says_so_instead_of_hanging(source, stills):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_drawn_in_a_fork, args=(source, answers))
    child.start()
    try:
        assert "spawn" in answers.get(timeout=30)
    finally:
        child.kill()
        child.join()


@requires_egl
def test_training_loads_stills_in_workers_although_the_parent_has_drawn(source, stills):
    from hoisdf_model.training.config import DataConfig
    from hoisdf_model.training.datamodule import TrainingData
    from hoisdf_model.training.stream import SampleStream

    stream = SampleStream([source], [1.0], PreparationConfig(), seed=0)
    data = TrainingData(DataConfig(workers=1, batch_size=2, validation_samples=2), 1, stream, stream)
    cpu = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(world_size=1, global_rank=0, strategy=cpu)
    batch = next(iter(data.val_dataloader()))
    np.testing.assert_array_equal(batch.image[0].numpy(), stream[0].image.numpy())


def test_scenes_have_all_modes_occluders_cameras_and_lights(source):
    scenes = [source.stage.scene(index) for index in range(400)]
    assert {scene.mode for scene in scenes} == set(MODES)
    shares = {mode: np.mean([scene.mode == mode for scene in scenes]) for mode in MODES}
    assert shares["grasp"] > 0.5
    assert 0.15 < np.mean([scene.occluder is not None for scene in scenes]) < 0.35
    distance = np.array([np.linalg.norm(np.linalg.inv(scene.view)[:3, 3]) for scene in scenes])
    assert distance.min() < 0.5
    assert distance.max() > 0.9
    assert distance.max() < 1.25
    assert {len(scene.lighting.positions) for scene in scenes} == {1, 2, 3}
    assert len({scene.skin for scene in scenes}) == 40
    forced = [source.stage.scene(index, occluded=True, random_shape=True) for index in range(20)]
    assert all(scene.occluder is not None and scene.name.startswith("shape_") for scene in forced)


def test_hands_before_and_after_a_grasp_dont_reach_into_the_object(source):
    """Somewhat more than a grasp may: fingers on their way aren't stopped by anything."""
    depths = []
    for index in range(300):
        scene = source.stage.scene(index)
        if scene.mode != "approach":
            continue
        hand = PosableHand(MODEL, scene.shape)
        vertices = hand.pose(scene.posture, scene.hand_rotation[None], scene.wrist[None]).vertices[0]
        local = (vertices - scene.object_pose[:3, 3]) @ scene.object_pose[:3, :3]
        mesh = find_object(scene.name).mesh
        depths.append(-distances.signed_distance(local, np.asarray(mesh.vertices), np.asarray(mesh.faces)).min())
    assert len(depths) > 25
    assert np.percentile(depths, 90) < 0.003


def test_stills_beyond_the_last_are_refused(source):
    with pytest.raises(InvalidInputError, match="numbered"):
        source.still(-1)


def test_a_library_for_another_hand_is_refused(library_file):
    thicker = replace(MODEL, v_template=MODEL.v_template * 1.05)
    with pytest.raises(InvalidInputError, match="made for hand model"):
        Stills(StillSettings(str(library_file)), thicker)


def test_an_own_picture_stands_upright_and_half_of_one_is_refused(tmp_path):
    picture = np.zeros((200, 100, 3), np.uint8)
    picture[:100] = (200, 0, 0)  # as it is to be shown: red above black
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise: stored turned the other way
    Image.fromarray(np.rot90(picture)).save(tmp_path / "a.png", exif=turned)
    read = backdrops._read(tmp_path / "a.png")
    assert read.shape == (200, 100, 3)
    assert read[10, 50].tolist() == [200, 0, 0]
    assert read[190, 50].tolist() == [0, 0, 0]
    Image.fromarray(picture).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:600])
    with pytest.raises(InvalidInputError, match=r"b\.jpg.*truncated"):
        backdrops._read(tmp_path / "b.jpg")


def test_own_pictures_are_used_as_backdrops(tmp_path):
    cv2.imwrite(str(tmp_path / "green.png"), np.full((400, 500, 3), (0, 200, 0), np.uint8))
    for odd in ("@eaDir/green.png/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/green.png", "._green.png", ".trash/old.png"):
        (tmp_path / odd).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / odd).write_bytes(b"x")
    pictures = find_pictures(tmp_path)
    assert [path.name for path in pictures] == ["green.png"]
    green = [(backdrop(np.random.default_rng(k), pictures) == (0, 200, 0)).all() for k in range(40)]
    assert 0.5 < np.mean(green) < 0.95
    (tmp_path / "green.png").unlink()
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InvalidInputError, match=str(folder)):
            find_pictures(folder)


def test_a_photograph_keeps_size_and_shapes():
    image = np.zeros((160, 200, 3), np.uint8)
    cv2.circle(image, (100, 80), 40, (200, 180, 160), -1)
    for seed in range(30):
        taken = photographed(image, np.random.default_rng(seed))
        assert taken.shape == image.shape
        assert taken.dtype == np.uint8
        assert np.corrcoef(taken[..., 1].ravel(), image[..., 1].ravel())[0, 1] > 0.8


def test_natural_noise_falls_with_frequency():
    noise = natural_noise((256, 256), np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft2(noise[..., 0]))
    low, high = spectrum[2:8, 2:8].mean(), spectrum[60:100, 60:100].mean()
    assert low > 5 * high
    assert abs(noise.mean()) < 1e-5


def test_skin_tones_span_the_scale():
    assert skin_tone(0.0) == SKIN_TONES[0]
    assert skin_tone(1.0) == SKIN_TONES[-1]
    brightness = [sum(skin_tone(share)) for share in np.linspace(0, 1, 30)]
    assert brightness == sorted(brightness, reverse=True)


def test_a_ring_goes_around_its_finger():
    hand = PosableHand(MODEL, np.zeros(10))
    hoop = ring(hand.rest_joints, hand.rest_vertices, 2, 0).vertices
    base, end = hand.rest_joints[9], hand.rest_joints[10]
    axis = (end - base) / np.linalg.norm(end - base)
    assert 0.3 < ((hoop - base) @ axis).mean() / np.linalg.norm(end - base) < 0.8
    depth = distances.signed_distance(
        hoop.mean(0, keepdims=True).astype(float), hand.closed(hand.rest_vertices), hand.closed_faces
    )
    assert depth[0] < -0.004  # its middle is inside of the finger
