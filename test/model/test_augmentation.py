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

"""Whatever is done to a view at random, its labels stay right."""

from dataclasses import fields, replace

import cv2
import labelled_frames
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoisdf_model.data.samples.augmentation import AugmentationConfig, changed_colours, jittered_box
from hoisdf_model.data.samples.preparation import PreparationConfig, prepare
from hoisdf_model.data.samples.sample import Sample, collate, single
from hoisdf_model.data.sdf_samples import sample_field
from hoisdf_model.errors import InvalidInputError
from hoisdf_model.geometry import distances, meshes, rotations

GEOMETRY = AugmentationConfig(turned=1.0, turn=40.0, turn_limit=170.0, scale=0.2, center=0.1)
PLAIN = PreparationConfig()
AUGMENTED = PreparationConfig(augmentation=GEOMETRY)
frame = labelled_frames.frame


def left(seed):
    """The mirror image of a frame, with a left hand; labels made without the code under test."""
    right = frame(seed)
    mirror = np.array([-1.0, 1.0, 1.0])
    turned = right.object.pose.copy()
    turned[:3, :3], turned[:3, 3] = mirror[:, None] * turned[:3, :3] * mirror, turned[:3, 3] * mirror
    camera = replace(right.camera, cx=right.camera.width - 1 - right.camera.cx)
    hand = replace(
        right.hand,
        side="left",
        joints=right.hand.joints * mirror,
        samples=replace(right.hand.samples, points=right.hand.samples.points * mirror),
        rotations=Rotation.from_rotvec(
            Rotation.from_matrix(right.hand.rotations).as_rotvec() * [1, -1, -1]
        ).as_matrix(),
    )
    samples = replace(right.object.samples, points=right.object.samples.points * mirror)
    thing = replace(right.object, pose=turned, corners=right.object.corners * mirror, samples=samples)
    image, masks = right.image[:, ::-1], (right.hand_mask[:, ::-1], right.object_mask[:, ::-1])
    return replace(right, image=image, camera=camera, hand=hand, object=thing, hand_mask=masks[0], object_mask=masks[1])


def numbers(sample):
    return {f.name: getattr(sample, f.name).double().numpy() for f in fields(Sample)}


def project(points, matrix):
    pixels = points @ matrix.T
    return pixels[..., :2] / pixels[..., 2:]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3), st.integers(0, 10_000))
def test_projected_joints_are_the_joint_pixels_and_lie_on_the_hand(number, seed):
    s = numbers(prepare(frame(number), AUGMENTED, seed))
    np.testing.assert_allclose(project(s["joints"] + s["hand_root"], s["intrinsics"]), s["joint_pixels"], atol=1e-3)
    # fingertips poke out by a pixel, the window may cut the hand
    seen = np.round((s["joint_pixels"] - 1) / 2).astype(int)
    inside = ((seen > 1) & (seen < 126)).all(1)
    grown = cv2.dilate(s["hand_mask"], np.ones((5, 5)))
    assert grown[seen[inside, 1], seen[inside, 0]].all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_image_and_masks_move_together(seed):
    s = numbers(prepare(frame(1), AUGMENTED, seed))
    small = s["image"][:, 1::2, 1::2].transpose(1, 2, 0) * 255
    hand = np.abs(small - (220, 150, 120)).max(-1) < 3
    mask, square = (s["hand_mask"] > 0).astype(np.uint8), np.ones((5, 5))
    assert hand[cv2.erode(mask, square, borderValue=0) > 0].all()  # edges are blended in the image
    assert not hand[cv2.dilate(mask, square) == 0].any()
    assert s["hand_mask"].sum() > 500


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_hand_model_with_the_sample_pose_has_the_sample_joints(seed):
    sample = prepare(frame(2), AUGMENTED, seed)
    mesh = labelled_frames.hand_layer()(sample.mano_rotations[None], sample.mano_shape[None])
    torch.testing.assert_close(mesh.joints[0], sample.joints, atol=1e-5, rtol=0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_field_points_keep_their_distance_to_the_moved_surfaces(seed):
    sample = prepare(frame(2), AUGMENTED, seed)
    s = numbers(sample)
    mesh = labelled_frames.hand_layer()(sample.mano_rotations[None], sample.mano_shape[None])
    closed = meshes.capped(mesh.vertices[0].double().numpy(), labelled_frames.hand_layer().model.faces)
    few = slice(0, 50)
    found = distances.signed_distance(s["hand_field_points"][few], *closed)
    np.testing.assert_allclose(found, s["hand_field_distances"][few], atol=2e-5)
    start = distances.signed_distance(s["hand_start_points"][few], *closed)
    assert np.abs(start).max() < PLAIN.start_distance + 1e-5
    box = labelled_frames.BOX.vertices @ s["object_rotation"].T + s["object_translation"]
    found = distances.signed_distance(s["object_field_points"][few], box, labelled_frames.BOX.faces)
    np.testing.assert_allclose(found, s["object_field_distances"][few], atol=2e-5)


def test_turn_is_about_the_optical_axis_and_turns_everything_alike():
    plain, turned = numbers(prepare(frame(0), PLAIN, 0)), numbers(prepare(frame(0), AUGMENTED, 5))
    turn = turned["object_rotation"] @ plain["object_rotation"].T
    assert np.abs(Rotation.from_matrix(turn).as_rotvec()[:2]).max() < 1e-5
    assert abs(Rotation.from_matrix(turn).as_rotvec()[2]) > 0.1
    np.testing.assert_allclose(turned["mano_rotations"][0], turn @ plain["mano_rotations"][0], atol=1e-6)
    np.testing.assert_allclose(turned["mano_rotations"][1:], plain["mano_rotations"][1:], atol=1e-6)
    np.testing.assert_allclose(turned["joints"], plain["joints"] @ turn.T, atol=1e-6)
    np.testing.assert_allclose(turned["hand_root"], turn @ plain["hand_root"], atol=1e-6)


@pytest.mark.parametrize("config", [PLAIN, AUGMENTED], ids=["plain", "augmented"])
def test_mirrored_left_hand_is_the_right_hand_of_the_mirrored_image(config):
    mirrored, right = prepare(left(3), config, 11), prepare(frame(3), config, 11)
    assert mirrored.mirrored
    assert not right.mirrored
    np.testing.assert_allclose(mirrored.axes, right.axes @ torch.diag(torch.tensor([-1.0, 1, 1])), atol=1e-7)
    for name in {f.name for f in fields(Sample)} - {"mirrored", "axes"}:
        torch.testing.assert_close(getattr(mirrored, name), getattr(right, name), atol=2e-5, rtol=1e-5, msg=name)


def test_sample_is_a_function_of_seed_and_index():
    config = PreparationConfig(augmentation=replace(GEOMETRY, brightness=0.4, noise=3, root_depth=0.05, box=0.05))
    one, same = prepare(frame(0), config, 3, index=8), prepare(frame(0), config, 3, index=8)
    for f in fields(Sample):
        assert torch.equal(getattr(one, f.name), getattr(same, f.name)), f.name
    other = prepare(frame(0), config, 3, index=9)
    assert not torch.equal(one.image, other.image)
    assert not torch.equal(one.hand_field_points, other.hand_field_points)


def test_live_jitter_moves_what_the_network_is_told_and_no_truth():
    config = PreparationConfig(augmentation=AugmentationConfig(root_depth=0.05, root_sideways=0.01, box=0.1))
    plain, told = numbers(prepare(frame(0), PLAIN, 0)), numbers(prepare(frame(0), config, 0))
    assert np.linalg.norm(told["hand_root"] - plain["hand_root"]) > 1e-3
    assert np.abs(told["hand_box"] - plain["hand_box"]).max() > 1
    np.testing.assert_allclose(told["joints"], plain["joints"], atol=1e-6)
    np.testing.assert_allclose(told["joint_pixels"], plain["joint_pixels"], atol=1e-3)
    truth = [s["object_translation"] + s["object_center"] for s in (plain, told)]
    np.testing.assert_allclose(*truth, atol=1e-6)
    # field points stay where they are in space
    mesh = meshes.capped(labelled_frames.posed(0)[1], labelled_frames.hand_layer().model.faces)
    space = told["hand_field_points"] + told["hand_root"]
    np.testing.assert_allclose(
        distances.signed_distance(space[:20], *mesh), told["hand_field_distances"][:20], atol=2e-5
    )


@pytest.mark.parametrize(("hand", "thing"), [(True, False), (False, True)])
def test_missing_hand_or_object_is_marked_and_finite(hand, thing):
    sample = prepare(frame(0, hand=hand, thing=thing), AUGMENTED, 0)
    assert (bool(sample.hand_known), bool(sample.object_known)) == (hand, thing)
    assert bool(sample.pose_known) == hand
    assert all(torch.isfinite(getattr(sample, f.name)).all() for f in fields(Sample))


def test_frame_with_nothing_in_it_is_refused():
    with pytest.raises(InvalidInputError, match="without hand and object"):
        prepare(frame(0, hand=False, thing=False), PLAIN, 0)


def test_too_few_field_samples_are_counted_in_the_message():
    with pytest.raises(InvalidInputError, match=r"600 hand field samples .* has 100"):
        prepare(frame(0, field_samples=100), PLAIN, 0)


def test_colours_without_change_are_the_same_pixels():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert changed_colours(image, AugmentationConfig(), np.random.default_rng(0)) is image


def test_brightness_scales_and_saturation_keeps_grey():
    rng, grey = np.random.default_rng(1), np.full((8, 8, 3), 90, np.uint8)
    np.testing.assert_array_equal(changed_colours(grey, AugmentationConfig(saturation=0.5, contrast=0.5), rng), grey)
    brighter = changed_colours(grey, AugmentationConfig(brightness=0.5), np.random.default_rng(1))
    factor = 1 + np.random.default_rng(1).uniform(-0.5, 0.5)
    np.testing.assert_array_equal(brighter, np.full((8, 8, 3), np.round(90 * factor)))


def test_hue_turns_the_colour_circle():
    red = np.zeros((4, 4, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
    shifted = changed_colours(red, AugmentationConfig(hue=0.5), np.random.default_rng(2))
    assert shifted.max() == 200
    assert shifted.min() == 0
    assert not np.array_equal(shifted, red)


def test_jittered_boxes_stay_boxes():
    box, rng = np.array([10.0, 20.0, 30.0, 60.0]), np.random.default_rng(0)
    found = np.stack([jittered_box(box, AugmentationConfig(box=1.0), rng) for _ in range(300)])
    assert (found[:, 2:] > found[:, :2]).all()
    assert found.std() > 5


def test_most_field_samples_are_near_the_surface_with_both_signs():
    box = labelled_frames.BOX
    samples = sample_field(box.vertices, box.faces, 2000, np.random.default_rng(0))
    near = np.abs(samples.distances) < 0.03
    assert 0.85 < near.mean() < 0.97
    assert 0.2 < (samples.distances[near] < 0).mean() < 0.6
    # a box's distance has a formula
    q = np.abs(samples.points) - np.array([0.03, 0.045, 0.075])
    exact = np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)
    np.testing.assert_allclose(samples.distances, exact, atol=1e-9)


def test_batches_take_samples_with_other_symmetries():
    asymmetric = replace(frame(1), object=replace(frame(1).object, symmetries=np.eye(4)[None]))
    samples = [prepare(frame(0), PLAIN, 0), prepare(asymmetric, PLAIN, 0)]
    batch = collate(samples)
    assert batch.object_symmetries.shape == (2, 4, 4, 4)
    torch.testing.assert_close(batch.object_symmetries[1], torch.eye(4).expand(4, 4, 4))
    assert len(batch) == 2
    torch.testing.assert_close(single(batch, 0).joints, samples[0].joints)


def test_batch_names_the_field_whose_shapes_differ():
    small = PreparationConfig(image_size=128)
    with pytest.raises(InvalidInputError, match=r"differ in image: .*128"):
        collate([prepare(frame(0), PLAIN, 0), prepare(frame(0), small, 0)])


def test_mirror_of_matrices_used_for_left_hands_is_the_axis_angle_rule():
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    expected = Rotation.from_rotvec(vectors * [1, -1, -1]).as_matrix()
    np.testing.assert_allclose(rotations.mirror_matrix(Rotation.from_rotvec(vectors).as_matrix()), expected)
