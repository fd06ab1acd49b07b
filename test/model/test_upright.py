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

"""Crops turned until the hand points up: the network sees all hands alike, and what it says is turned back."""

from dataclasses import replace

import numpy as np
import pytest
from labelled_frames import CAMERA, frame, hand_layer
from pretend_networks import KnowingNetwork, Truth
from scipy.spatial.transform import Rotation
from test_evaluation_run import MODELS, Only
from tiny_network import tiny_network

from hoisdf_model.data.labelled_frames import LandmarkLabel
from hoisdf_model.data.samples import label_boxes
from hoisdf_model.data.samples.augmentation import AugmentationConfig, draw_turn
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.errors import ConfigError, InvalidInputError
from hoisdf_model.estimates import Frame, Landmarks, Prior
from hoisdf_model.estimation import Estimator
from hoisdf_model.estimation.hand_targets import Target
from hoisdf_model.estimation.views import box_in_image, look, onto_masks
from hoisdf_model.evaluation.runs.crop_pictures import crop_of
from hoisdf_model.evaluation.runs.frame_run import Contender, evaluate
from hoisdf_model.evaluation.runs.loading import EvaluatedFrames, preparation_for
from hoisdf_model.evaluation.runs.methods import PaperProtocol
from hoisdf_model.evaluation.runs.records import RecordFile, read_records
from hoisdf_model.geometry import boxes, crops
from hoisdf_model.hand import load_hand_model
from hoisdf_model.hand.upright import LEAST_PRESENCE, finger_direction, upright_turn
from hoisdf_model.network import NetworkConfig
from hoisdf_model.network.config_sections import ContextConfig

UPRIGHT = PreparationConfig(upright=True)
CONFIG = NetworkConfig(context=ContextConfig(upright=True))
SEEDS = range(6)  # hands that point anywhere
M3 = np.diag([-1.0, 1.0, 1.0])


def tracked(seed, side="right"):
    """A labelled frame whose hand a tracker sees, a little beside itself."""
    seen = frame(seed)
    rng = np.random.default_rng(seed)
    joints = seen.hand.joints
    landmarks = LandmarkLabel(CAMERA.project(joints) + rng.normal(0, 1.5, (21, 2)), joints - joints[0], 0.9)
    seen = replace(seen, landmarks=landmarks)
    return seen if side == "right" else in_mirror(seen)


def in_mirror(seen):
    hand, thing, landmarks = seen.hand, seen.object, seen.landmarks
    m4 = np.diag([-1.0, 1.0, 1.0, 1.0])
    width = seen.image.shape[1]
    return replace(
        seen, image=seen.image[:, ::-1], camera=seen.camera.mirrored(),
        hand=replace(hand, side="left", joints=hand.joints @ M3, samples=hand.samples.moved(m4),
                     rotations=M3 @ hand.rotations @ M3),
        object=replace(thing, pose=m4 @ thing.pose @ m4, samples=thing.samples.moved(m4), reflection=m4),
        hand_mask=seen.hand_mask[:, ::-1], object_mask=seen.object_mask[:, ::-1],
        landmarks=replace(landmarks, pixels=landmarks.pixels * [-1, 1] + [width - 1, 0],
                          relative=landmarks.relative @ M3),
    )  # fmt: skip


def upside_down(seen):
    """The frame of a camera that is held upside down."""
    turn, whole = np.diag([-1.0, -1.0, 1.0]), np.diag([-1.0, -1.0, 1.0, 1.0])
    height, width = seen.image.shape[:2]
    camera = replace(seen.camera, cx=width - 1 - seen.camera.cx, cy=height - 1 - seen.camera.cy)
    hand, thing = seen.hand, seen.object
    return replace(
        seen, image=np.ascontiguousarray(seen.image[::-1, ::-1]), camera=camera,
        hand=replace(hand, joints=hand.joints @ turn, samples=hand.samples.moved(whole),
                     rotations=np.concatenate([turn @ hand.rotations[:1], hand.rotations[1:]])),
        object=replace(thing, pose=whole @ thing.pose, samples=thing.samples.moved(whole)),
        hand_mask=seen.hand_mask[::-1, ::-1], object_mask=seen.object_mask[::-1, ::-1],
        landmarks=replace(seen.landmarks, pixels=[width - 1, height - 1] - seen.landmarks.pixels,
                          relative=seen.landmarks.relative @ turn),
    )  # fmt: skip


def target_of(seen, factor=1.1):
    hand, thing = (
        label_boxes.hand_box(seen.hand, seen.camera, factor),
        label_boxes.object_box(seen.object, seen.camera),
    )
    root = seen.hand.joints[0]
    marks = Landmarks(seen.landmarks.pixels, seen.landmarks.relative, seen.landmarks.presence)
    return Target(
        seen.hand.side, hand, thing, root, np.zeros((3, 3)), "given", root, "box", True, 1.0, landmarks=marks
    )  # fmt: skip


@pytest.mark.parametrize("degrees", [0, 35, 90, 179, -120])
def test_direction_is_measured_clockwise_and_turned_back_up(degrees):
    angle = np.radians(degrees)
    pixels = np.random.default_rng(1).normal(100, 5, (21, 2))
    pixels[0] = 100, 100
    for finger in (6, 10, 14):
        pixels[finger] = 100 + 50 * np.sin(angle), 100 - 50 * np.cos(angle)
    assert np.degrees(finger_direction(pixels)) == pytest.approx(degrees)
    turn = upright_turn(pixels, 1.0, np.eye(3))
    assert finger_direction(pixels @ turn[:2, :2].T) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(upright_turn(pixels, LEAST_PRESENCE / 2, np.eye(3)), np.eye(3))


def test_box_in_a_turned_image_is_around_the_ellipse_that_fills_it():
    box = np.array([10.0, 20.0, 70.0, 40.0])
    round_ = np.linspace(0, 2 * np.pi, 100_000)
    ellipse = boxes.center(box) + np.stack([30 * np.cos(round_), 10 * np.sin(round_)], 1)
    for degrees in (0, 30, 90, 200):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        affine = np.array([[2 * c, -2 * s, 5], [2 * s, 2 * c, -3], [0, 0, 1]])
        wanted = boxes.around(crops.apply_affine(affine, ellipse))
        np.testing.assert_allclose(crops.map_box(affine, box), wanted, atol=1e-6)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed", SEEDS)
def test_view_shows_the_fingers_upwards_and_its_camera_agrees(seed, side):
    seen = tracked(seed, side)
    view = look(Frame(seen.image, seen.camera), target_of(seen), 128, upright=True)
    assert abs(finger_direction(view.landmarks[:, :2] / np.diag(view.intrinsics)[:2])) < 1e-9
    assert np.linalg.det(view.axes) == pytest.approx(1 if side == "right" else -1)
    homogeneous = seen.hand.joints @ view.axes.T @ view.intrinsics.T
    shown = crops.apply_affine(view.affine, seen.camera.project(seen.hand.joints))
    np.testing.assert_allclose(homogeneous[:, :2] / homogeneous[:, 2:], shown, atol=1e-6)
    assert (view.hand_box[:2] < shown.mean(0)).all()
    assert (shown.mean(0) < view.hand_box[2:]).all()
    middle = boxes.center(box_in_image(view, view.object_box))
    np.testing.assert_allclose(middle, boxes.center(target_of(seen).object_box), atol=1e-6)


def test_masks_lie_in_the_frame_where_its_pixels_are():
    seen = tracked(0)
    white = np.full_like(seen.image, 255)
    view = look(Frame(white, seen.camera), target_of(seen), 128, upright=True)
    affine, inside = onto_masks(view, 1.0, Frame(white, seen.camera))
    np.testing.assert_allclose(affine, view.affine)
    assert 0.1 < inside.mean() < 1
    # a pixel is white where it lies in the image, black outside, and in between at the border
    assert ((view.image[..., 0] > 127) == inside).mean() > 0.995


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed", SEEDS)
def test_training_and_estimation_show_networks_the_same(seed, side):
    seen = tracked(seed, side)
    sample = prepare(seen, replace(UPRIGHT, hand_box=1.0), 0)
    target = target_of(seen, 1.0)
    view = look(Frame(np.ascontiguousarray(seen.image), seen.camera), target, upright=True)
    assert np.abs((sample.image.permute(1, 2, 0).numpy() * 255) - view.image).mean() < 0.02
    for name in ("intrinsics", "hand_root", "hand_box", "object_box", "landmarks", "axes"):
        np.testing.assert_allclose(getattr(sample, name), getattr(view, name), rtol=1e-5, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("side", ["right", "left"])
def test_sample_is_labelled_in_its_own_camera(side):
    seen = tracked(1, side)
    sample = prepare(seen, UPRIGHT, 0)
    axes = sample.axes.double().numpy()
    assert np.abs(axes - np.diag(np.diag(axes))).max() > 0.1  # a turn that is neither none nor half
    np.testing.assert_allclose(sample.joints.numpy() @ axes, seen.hand.joints - seen.hand.joints[0], atol=1e-6)
    place = (sample.object_translation + sample.object_center).double().numpy()
    np.testing.assert_allclose(place @ axes, seen.object.pose[:3, 3], atol=1e-6)
    turned = axes @ seen.object.pose[:3, :3] @ (np.eye(3) if side == "right" else M3)
    np.testing.assert_allclose(sample.object_rotation, turned, atol=1e-6)
    mesh = hand_layer()(sample.mano_rotations[None], sample.mano_shape[None])
    np.testing.assert_allclose(mesh.joints[0].detach(), sample.joints, atol=1e-5)
    mask = sample.hand_mask.numpy() > 0
    inside = (sample.joint_pixels / 2).round().long().clip(0, len(mask) - 1).numpy()
    assert mask[inside[:, 1], inside[:, 0]].mean() > 0.6  # joints lie in the hand that is seen


def test_hidden_landmarks_turn_nothing():
    seen = replace(tracked(1), landmarks=None)
    np.testing.assert_array_equal(prepare(seen, UPRIGHT, 0).axes, np.eye(3))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_network_says_of_an_upright_hand_is_turned_back(seed, side):
    """The network knows the truth in the crop's camera; the estimate is the truth in the frame's."""
    model = load_hand_model()
    seen = tracked(seed, side)
    target = target_of(seen)
    axes = look(Frame(np.ascontiguousarray(seen.image), seen.camera), target, upright=True).axes
    hand, thing, flip = seen.hand, seen.object, np.eye(3) if side == "right" else M3
    turn = axes @ flip
    vertices = np.random.default_rng(0).normal(hand.joints[9], 0.03, (778, 3))
    shown = np.concatenate([turn @ flip @ hand.rotations[:1] @ flip, flip @ hand.rotations[1:] @ flip])
    truth = Truth(
        hand.joints @ axes.T, vertices @ axes.T, shown, np.zeros(10),
        Rotation.from_matrix(axes @ thing.pose[:3, :3] @ flip).as_rotvec(), axes @ thing.pose[:3, 3],
    )  # fmt: skip
    estimator = Estimator(KnowingNetwork([truth]), CONFIG, model)
    estimator.refines = False
    prior = Prior(
        hand_box=target.hand_box, object_box=target.object_box, side=side, root=hand.joints[0],
        landmarks=target.landmarks,
    )  # fmt: skip
    found = estimator(Frame(np.ascontiguousarray(seen.image), seen.camera), prior)
    np.testing.assert_allclose(found.hands[0].joints, hand.joints, atol=1e-5)
    np.testing.assert_allclose(found.hands[0].vertices, vertices, atol=1e-5)
    pose = Rotation.from_rotvec(found.hands[0].pose).as_matrix()
    np.testing.assert_allclose(pose, hand.rotations, atol=1e-5)
    np.testing.assert_allclose(found.objects[0].rotation, thing.pose[:3, :3], atol=1e-5)
    np.testing.assert_allclose(found.objects[0].translation, thing.pose[:3, 3], atol=1e-5)


@pytest.mark.parametrize("fitted", [False, True], ids=["network", "fitted"])
def test_a_camera_upside_down_sees_the_same_hand(fitted):
    """With a real network, a wrist that its head sees, and hands that are fitted to landmarks."""
    network = tiny_network(context={"upright": True}, root={"landmarks": True})
    estimator = Estimator(network, network.config, network.hand_layer.model)
    estimator.refines = fitted
    turn = np.diag([-1.0, -1.0, 1.0])
    for side in ("right", "left"):
        seen = tracked(2, side)
        results = []
        for shown in (seen, upside_down(seen)):
            target = target_of(shown)
            prior = Prior(
                hand_box=target.hand_box, object_box=target.object_box, side=side, landmarks=target.landmarks
            )  # fmt: skip
            estimator.reset()
            results.append(estimator(Frame(np.ascontiguousarray(shown.image), shown.camera), prior))
        plain, turned = results
        np.testing.assert_allclose(turned.hands[0].joints, plain.hands[0].joints @ turn, atol=1e-3)
        np.testing.assert_allclose(turned.hands[0].vertices, plain.hands[0].vertices @ turn, atol=1e-3)
        cross = turn @ plain.hands[0].root_covariance @ turn
        np.testing.assert_allclose(turned.hands[0].root_covariance, cross, atol=1e-5)
        np.testing.assert_allclose(turned.objects[0].translation, turn @ plain.objects[0].translation, atol=1e-3)
        np.testing.assert_allclose(turned.objects[0].rotation, turn @ plain.objects[0].rotation, atol=2e-2)


def test_errors_are_measured_where_the_hand_is(tmp_path):
    """Under the paper's protocol a frame and itself upside down have the same errors."""
    network = tiny_network(context={"upright": True})
    figures = []
    for name, change in (("plain", lambda seen: seen), ("turned", upside_down)):
        frames = Only(*(change(tracked(seed, side)) for seed in (1, 2) for side in ("right", "left")))
        contenders = {"network": Contender(PaperProtocol(network))}
        steps = evaluate(
            frames, range(4), contenders, RecordFile(tmp_path / name, {}), preparation_for(network.config), MODELS,
            hand_layer(),
        )  # fmt: skip
        assert sum(steps) == 4
        figures.append([record.results["network"].errors for record in read_records(tmp_path / name)])
    for plain, turned in zip(*figures, strict=True):
        for metric in ("MJE", "camera MJE", "PA-MJE", "OCE"):
            assert turned[metric] == pytest.approx(plain[metric], abs=0.5), metric  # mm; pixels are rounded


@pytest.mark.parametrize("side", ["right", "left"])
def test_pictures_of_crops_show_the_scene_as_it_was(side):
    """What lies in the camera frame can be drawn into them."""
    seen = tracked(3, side)
    marked = seen.image.copy()
    place = seen.hand.joints[9]
    x, y = seen.camera.project(place).round().astype(int)
    marked[y - 3 : y + 4, x - 3 : x + 4] = 0, 255, 0
    batch = EvaluatedFrames(Only(replace(seen, image=marked)), [0], preparation_for(CONFIG))[0]
    image, camera = crop_of(batch)
    green = np.argwhere((image[..., 1] > 230) & (image[..., 0] < 60))[:, ::-1].mean(0)
    np.testing.assert_allclose(green, camera.project(place), atol=2.5)
    up = camera.project(place - np.array([0, 0.02, 0])) - camera.project(place)
    assert abs(up[0]) < 1e-6  # up is where it was
    assert up[1] < 0


@pytest.mark.parametrize("stretch", [1.0, 1.6])
def test_fingers_point_up_whatever_the_shape_of_pixels(stretch):
    """In the camera, not in its pixels: the turn is one of the camera."""
    direction = np.array([0.3, 0.5, 0.0])
    points = np.array([0.02, -0.03, 0.6]) + np.zeros((21, 3))
    points[[6, 10, 14]] += 0.1 * direction
    matrix = np.array([[500.0 * stretch, 0, 320], [0, 500, 240], [0, 0, 1]])
    pixels = points @ matrix.T
    turn = upright_turn(pixels[:, :2] / pixels[:, 2:], 1.0, matrix)
    up = turn @ direction
    assert abs(up[0]) < 1e-9
    assert up[1] < 0


@pytest.mark.parametrize("settings", [{"visible": 1.0}, {"box_followed": 1.0}, {"turned": 1.0, "turn": 40.0}], ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_in_training_are_those_of_an_unturned_picture(seed, settings):
    """As in use: a box of the picture as it was taken (or rolled), mapped as the estimator maps it."""
    config = replace(UPRIGHT, augmentation=AugmentationConfig(**settings))
    seen = tracked(seed)
    sample = prepare(seen, config, 3)
    turn = sample.axes.double().numpy()
    rolled = np.eye(3)
    if "turned" in settings:
        rolled = draw_turn(config.augmentation, np.random.default_rng([3, 0]))
    upwards = turn @ rolled.T
    joints = seen.hand.joints @ rolled.T
    homogeneous = joints @ seen.camera.matrix.T
    outline = homogeneous[:, :2] / homogeneous[:, 2:]
    if "visible" in settings:
        rows, columns = np.nonzero(seen.hand_mask)
        box = boxes.around(np.stack([columns, rows], 1)) + np.array([-0.5, -0.5, 0.5, 0.5])
    elif "box_followed" in settings:
        box = boxes.around(seen.landmarks.pixels, 1.1)
    else:
        box = boxes.around(outline, 1.1)
    cut = sample.intrinsics.double().numpy() @ np.linalg.inv(seen.camera.matrix)
    wanted = crops.map_box(cut @ crops.turned_image(seen.camera.matrix, upwards), box)
    np.testing.assert_allclose(sample.hand_box, wanted, atol=1e-2)


def test_a_follower_elsewhere_leaves_the_box_as_it_was():
    """With its jitter, which the label's own box doesn't have."""
    seen = tracked(2)
    lost = replace(seen, landmarks=replace(seen.landmarks, pixels=seen.landmarks.pixels + 200))
    changes = AugmentationConfig(box=0.1)
    boxed = [
        prepare(lost, PreparationConfig(augmentation=replace(changes, box_followed=share)), 3).hand_box
        for share in (0.0, 1.0)
    ]
    np.testing.assert_array_equal(*boxed)


def test_the_official_protocol_turns_nothing_and_says_so():
    with pytest.raises(ConfigError, match="turns no crops until the hand points up"):
        PreparationConfig(protocol="official", upright=True)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"pixels": np.full((21, 2), np.nan)}, "pixels"), ({"relative": np.zeros((20, 3))}, "relative"),
     ({"presence": np.nan}, "presence"), ({"presence": 1.5}, "presence")],
)  # fmt: skip
def test_landmarks_that_make_no_sense_are_refused(change, word):
    with pytest.raises(InvalidInputError, match=word):
        Landmarks(**{"pixels": np.zeros((21, 2)), "relative": np.zeros((21, 3)), **change})


def test_upright_without_landmarks_is_refused():
    with pytest.raises(ConfigError, match=r"context\.upright turns crops as landmarks say"):
        ContextConfig(landmarks=False, upright=True)
