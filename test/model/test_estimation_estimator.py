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

"""The estimator around networks that are known to be right: what comes out is the truth, in the camera frame."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from pretend_networks import MIRROR, KnowingNetwork, ReadingNetwork, Truth, draw_dots
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import CameraError, ConfigError, ImageError, InvalidInputError
from hoisdf_model.estimates import Frame, Landmarks, Prior
from hoisdf_model.estimation import Estimator, resolve_device
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import HandLayer, HandModel, load_hand_model
from hoisdf_model.network import Calibration, ImageFeatures, NetworkConfig

CAMERAS = {
    "plain": Pinhole(600, 610, 322, 243, 640, 480),
    "off-centre": Pinhole(750, 720, 150, 400, 640, 480),
    "distorted": Pinhole(600, 610, 322, 243, 640, 480, (-0.3, 0.1, 0.001, -0.0005, 0.01)),
    "fisheye": Pinhole(420, 415, 322, 243, 640, 480, (0.05, -0.01, 0.002, 0.0), "equidistant"),
}


@pytest.fixture(scope="module")
def model() -> HandModel:
    return load_hand_model("test/data/fake_mano_right.npz")


@pytest.fixture(scope="module")
def layer(model: HandModel) -> HandLayer:
    return HandLayer(model)


def random_truth(layer: HandLayer, seed: int, root: tuple) -> Truth:
    rng = np.random.default_rng(seed)
    rotations = Rotation.from_rotvec(rng.normal(0, 0.3, (16, 3))).as_matrix()
    shape = rng.normal(0, 0.5, 10)
    mesh = layer(torch.tensor(rotations[None], dtype=torch.float32), torch.tensor(shape[None], dtype=torch.float32))
    root = np.array(root)
    return Truth(
        joints=mesh.joints[0].numpy().astype(float) + root,
        vertices=mesh.vertices[0].numpy().astype(float) + root,
        rotations=rotations,
        shape=shape,
        object_rotation=Rotation.random(rng=rng).as_rotvec(),
        object_translation=root + rng.uniform(-0.05, 0.05, 3),
    )


def prior_for(truth: Truth, camera: Pinhole, side: str, **more) -> Prior:
    """Boxes as a detector gives them, in the raw image."""
    box = boxes.around(raw_pixels(camera, truth.joints), 1.2)
    thing = boxes.around(raw_pixels(camera, truth.object_translation[None] + np.array([[-0.04] * 3, [0.04] * 3])))
    return Prior(hand_box=box, object_box=thing, root=truth.joints[0], side=side, object_name="mug", **more)


def raw_pixels(camera: Pinhole, points: np.ndarray) -> np.ndarray:
    project = cv2.fisheye.projectPoints if camera.is_fisheye else cv2.projectPoints
    distortion = np.array(camera.distortion) if camera.distortion else None
    pixels, _ = project(points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), camera.matrix, distortion)
    return pixels.reshape(-1, 2)


def grey(camera: Pinhole) -> Frame:
    return Frame(np.full((480, 640, 3), 128, np.uint8), camera)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_what_the_network_knows_comes_out_in_the_camera_frame(
    camera: Pinhole, side: str, model: HandModel, layer: HandLayer
):
    truth = random_truth(layer, 1, (0.02, 0.03, 0.6))
    network = KnowingNetwork([truth if side == "right" else truth.mirrored()])
    estimate = Estimator(network, NetworkConfig(), model)(grey(camera), prior_for(truth, camera, side))
    (hand,), (thing,) = estimate.hands, estimate.objects
    np.testing.assert_allclose(hand.joints, truth.joints, atol=1e-6)
    np.testing.assert_allclose(hand.vertices, truth.vertices, atol=1e-6)
    np.testing.assert_allclose(Rotation.from_rotvec(hand.pose).as_matrix(), truth.rotations, atol=1e-6)
    np.testing.assert_allclose(hand.shape, truth.shape, atol=1e-6)
    np.testing.assert_allclose(thing.translation, truth.object_translation, atol=1e-6)
    np.testing.assert_allclose(thing.rotation, Rotation.from_rotvec(truth.object_rotation).as_matrix(), atol=1e-6)
    assert (hand.side, thing.name, hand.root_source) == (side, "mug", "given")
    assert hand.model == model.info


def test_a_left_hands_pose_poses_the_left_model_into_its_mesh(model: HandModel, layer: HandLayer):
    """The left model, posed as the estimate says, has the estimate's vertices."""
    seen_in_the_mirror = random_truth(layer, 2, (0.0, 0.0, 0.5))
    camera = CAMERAS["plain"]
    truth = seen_in_the_mirror.mirrored()
    network = KnowingNetwork([seen_in_the_mirror])
    estimate = Estimator(network, NetworkConfig(), model)(grey(camera), prior_for(truth, camera, "left"))
    (hand,) = estimate.hands
    left = HandLayer(load_hand_model("test/data/fake_mano_right.npz", side="left"))
    rotations = torch.tensor(Rotation.from_rotvec(hand.pose).as_matrix()[None], dtype=torch.float32)
    mesh = left(rotations, torch.tensor(hand.shape[None]))
    np.testing.assert_allclose(mesh.vertices[0].numpy() + hand.joints[0], hand.vertices, atol=1e-5)
    np.testing.assert_allclose(mesh.joints[0].numpy() + hand.joints[0], hand.joints, atol=1e-5)


def test_a_mirrored_world_gives_the_mirrored_object_pose(model: HandModel, layer: HandLayer):
    """A point of the mirrored mesh lies where the mirror shows the point of the mesh."""
    seen_in_the_mirror = random_truth(layer, 3, (0.0, 0.0, 0.5))
    camera, truth = CAMERAS["plain"], seen_in_the_mirror.mirrored()
    network = KnowingNetwork([seen_in_the_mirror])
    estimate = Estimator(network, NetworkConfig(), model)(grey(camera), prior_for(truth, camera, "left"))
    point = np.array([0.03, -0.02, 0.05])
    rotation = Rotation.from_rotvec(seen_in_the_mirror.object_rotation).as_matrix()
    in_the_mirror = rotation @ point + seen_in_the_mirror.object_translation
    (thing,) = estimate.objects
    np.testing.assert_allclose(thing.rotation @ (point * MIRROR) + thing.translation, in_the_mirror * MIRROR, atol=1e-6)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_joints_read_off_the_crop_are_where_they_were_drawn(
    camera: Pinhole, side: str, model: HandModel, layer: HandLayer
):
    """Image, crop, mirror, intrinsics and distortion agree to a fraction of a pixel (1 mm is 1 pixel and more here)."""
    rng = np.random.default_rng(4)
    grid = np.stack(np.meshgrid(np.linspace(-0.09, 0.09, 7), np.linspace(-0.06, 0.06, 3)), -1).reshape(-1, 2)
    points = np.column_stack([grid + np.array([0.03, -0.02]), rng.uniform(0.55, 0.65, 21)])
    truth = replace(random_truth(layer, 4, (0.03, -0.02, 0.6)), joints=points)
    image = np.full((480, 640, 3), 128, np.uint8)
    draw_dots(image, raw_pixels(camera, points))
    network = ReadingNetwork([points[:, 2]])
    estimate = Estimator(network, NetworkConfig(), model)(Frame(image, camera), prior_for(truth, camera, side))
    np.testing.assert_allclose(estimate.hands[0].joints, points, atol=6e-4)


def test_several_hands_in_one_batch_don_t_mix(model: HandModel, layer: HandLayer):
    camera = CAMERAS["distorted"]
    right = random_truth(layer, 5, (0.15, 0.0, 0.7))
    left = random_truth(layer, 6, (-0.15, 0.02, 0.5))
    network = KnowingNetwork([right, left.mirrored()])
    priors = [prior_for(right, camera, "right", score=0.5), prior_for(left, camera, "left", score=0.9)]
    estimate = Estimator(network, NetworkConfig(), model)(grey(camera), priors)
    assert len(network.seen) == 1
    for hand, thing, truth, prior in zip(estimate.hands, estimate.objects, (right, left), priors, strict=True):
        np.testing.assert_allclose(hand.joints, truth.joints, atol=1e-6)
        np.testing.assert_allclose(thing.translation, truth.object_translation, atol=1e-6)
        assert (hand.side, hand.score) == (prior.side, pytest.approx(prior.score))
        assert thing.side == prior.side


@pytest.mark.parametrize("camera", [CAMERAS["plain"], CAMERAS["distorted"]], ids=["plain", "distorted"])
def test_regions_are_the_boxes_given_in_pixels_of_the_raw_image(camera: Pinhole, model: HandModel, layer: HandLayer):
    truth = random_truth(layer, 7, (0.1, 0.1, 0.6))
    prior = prior_for(truth, camera, "right")
    estimate = Estimator(KnowingNetwork([truth]), NetworkConfig(), model)(grey(camera), prior)
    (hand,), (thing,) = estimate.regions.hands, estimate.regions.objects
    tolerance = 0.5 if camera.distortion else 1e-9
    np.testing.assert_allclose(hand.box, prior.hand_box, atol=tolerance)
    np.testing.assert_allclose(thing.box, prior.object_box, atol=tolerance)
    np.testing.assert_array_equal(hand.root, truth.joints[0])
    assert (hand.side, thing.name) == ("right", "mug")


def test_network_is_told_boxes_in_crop_pixels_around_the_projected_hand(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["off-centre"], random_truth(layer, 8, (-0.05, -0.1, 0.6))
    network = KnowingNetwork([truth])
    Estimator(network, NetworkConfig(), model)(grey(camera), prior_for(truth, camera, "right"))
    (batch,) = network.seen
    homogeneous = truth.joints @ batch.intrinsics[0].numpy().astype(float).T
    in_crop = boxes.around(homogeneous[:, :2] / homogeneous[:, 2:], 1.2)
    np.testing.assert_allclose(batch.hand_box[0].numpy(), in_crop, atol=0.01)
    assert batch.image.shape == (1, 3, 256, 256)
    assert float(batch.image.max()) <= 1


def test_object_centre_lies_at_the_wrists_depth_or_the_configured_one(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 9, (0.0, 0.0, 0.6))
    prior = prior_for(truth, camera, "right")
    for config, depth in ((NetworkConfig(), 0.6), (NetworkConfig(object_center_depth=0.5244322), 0.5244322)):
        network = KnowingNetwork([truth])
        estimate = Estimator(network, config, model)(grey(camera), prior)
        center = network.seen[0].object_center[0].numpy()
        assert center[2] == pytest.approx(depth)
        np.testing.assert_allclose(camera.project(center), boxes.center(prior.object_box), atol=1e-3)
        np.testing.assert_allclose(estimate.objects[0].translation, truth.object_translation, atol=1e-6)


def test_hands_that_the_network_did_not_find_are_left_out_with_their_objects(model: HandModel, layer: HandLayer):
    camera = CAMERAS["plain"]
    truths = [random_truth(layer, 10 + i, (0.1 * i - 0.1, 0, 0.6)) for i in range(3)]
    known = {"hand_valid": np.array([0, 1, 1]), "object_valid": np.array([1, 0, 1])}
    priors = [prior_for(t, camera, "right") for t in truths]
    estimate = Estimator(KnowingNetwork(truths, known), NetworkConfig(), model)(grey(camera), priors)
    # the third hand has an object and so comes first: objects[i] is what hands[i] holds
    np.testing.assert_allclose(estimate.hands[0].joints, truths[2].joints, atol=1e-6)
    np.testing.assert_allclose(estimate.hands[1].joints, truths[1].joints, atol=1e-6)
    assert len(estimate.hands) == 2
    assert len(estimate.objects) == 1
    np.testing.assert_allclose(estimate.objects[0].translation, truths[2].object_translation, atol=1e-6)


def test_an_object_that_nobody_mentioned_needs_a_sure_mask(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 13, (0, 0, 0.6))
    prior = Prior(hand_box=prior_for(truth, camera, "right").hand_box, root=truth.joints[0])
    for certainty, objects in ((0.9, 1), (0.1, 0)):
        network = KnowingNetwork([truth], {"maps": np.full((1, 3, 128, 128), certainty)})
        estimate = Estimator(network, NetworkConfig(), model)(grey(camera), prior)
        assert len(estimate.objects) == objects
        assert estimate.regions.objects == ()
        assert estimate.hands[0].score == pytest.approx(certainty)


def test_scores_fall_with_the_masks_and_with_the_spread_of_the_votes(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 14, (0, 0, 0.6))
    spread = np.linspace(0, 0.1, 21)[None]
    known = {"maps": np.full((1, 3, 128, 128), 0.5), "vote_spread": spread}
    estimate = Estimator(KnowingNetwork([truth], known), NetworkConfig(), model)(
        grey(camera), prior_for(truth, camera, "right", score=0.8)
    )
    (hand,) = estimate.hands
    assert hand.score == pytest.approx(0.4)
    assert hand.joint_scores[0] == pytest.approx(0.4)
    assert (np.diff(hand.joint_scores) < 0).all()
    assert (hand.joint_scores >= 0).all()


def test_covariances_are_unknown_where_the_root_was_given(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 15, (0, 0, 0.6))
    estimator = Estimator(KnowingNetwork([truth]), NetworkConfig(), model)
    estimate = estimator(grey(camera), prior_for(truth, camera, "right"))
    assert estimate.hands[0].root_covariance[0, 0] == -1
    assert estimate.objects[0].covariance[0, 0] == -1


def test_object_covariance_adds_the_spread_to_the_wrists_uncertainty(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 16, (0, 0, 0.6))
    known = {"object_translation_spread": np.array([0.03]), "object_rotation_spread": np.array([0.6])}
    prior = prior_for(truth, camera, "right")
    prior = Prior(hand_box=prior.hand_box, object_box=prior.object_box)
    estimate = Estimator(KnowingNetwork([truth], known), NetworkConfig(), model)(grey(camera), prior)
    covariance = estimate.objects[0].covariance
    np.testing.assert_allclose(
        covariance[:3, :3] - estimate.hands[0].root_covariance, np.eye(3) * 0.03**2 / 3, atol=1e-9
    )
    assert np.trace(covariance[3:, 3:]) == pytest.approx(0.6**2)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


CALIBRATION = Calibration(object_rotation=0.5, object_position=0.03, joints=0.02, frames=100, data="x")


@pytest.mark.parametrize(("spread", "variances"), [(0.02, (0.03**2, 0.5**2)), (1.8, (1.8**2 / 3, 1.8**2 / 3))])
def test_an_objects_covariance_is_at_least_the_calibrations(
    model: HandModel, layer: HandLayer, spread: float, variances: tuple
):
    camera, truth = CAMERAS["plain"], random_truth(layer, 16, (0, 0, 0.6))
    known = {"object_translation_spread": np.array([spread]), "object_rotation_spread": np.array([spread])}
    prior = replace(prior_for(truth, camera, "right"), root=None)
    estimator = Estimator(KnowingNetwork([truth], known), NetworkConfig(), model, calibration=CALIBRATION)
    estimate = estimator(grey(camera), prior)
    expected = np.diag(np.repeat(variances, 3))
    expected[:3, :3] += estimate.hands[0].root_covariance
    np.testing.assert_allclose(estimate.objects[0].covariance, expected, atol=1e-9)


def test_an_objects_rotation_is_calibrated_where_the_root_was_given(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 15, (0, 0, 0.6))
    estimator = Estimator(KnowingNetwork([truth]), NetworkConfig(), model, calibration=CALIBRATION)
    covariance = estimator(grey(camera), prior_for(truth, camera, "right")).objects[0].covariance
    np.testing.assert_allclose(covariance, np.diag([-1, 0, 0, 0.25, 0.25, 0.25]))


def test_no_priors_at_all_means_that_there_is_no_hand(model: HandModel):
    estimate = Estimator(KnowingNetwork([]), NetworkConfig(), model)(grey(CAMERAS["plain"]), [])
    assert (estimate.hands, estimate.objects, estimate.regions.hands) == ((), (), ())
    assert set(estimate.timing) == {"undistort", "localise"}


def test_every_stage_is_timed_in_the_order_it_ran(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 17, (0, 0, 0.6))
    estimator = Estimator(KnowingNetwork([truth]), NetworkConfig(), model)
    estimate = estimator(grey(camera), prior_for(truth, camera, "right"))
    assert list(estimate.timing) == ["undistort", "localise", "crop", "network", "decode"]
    assert all(seconds >= 0 for seconds in estimate.timing.values())


def test_a_box_beside_the_image_is_refused(model: HandModel):
    estimator = Estimator(KnowingNetwork([]), NetworkConfig(), model)
    with pytest.raises(InvalidInputError, match="touches"):
        estimator(grey(CAMERAS["plain"]), Prior(hand_box=[700, 10, 800, 90]))


@pytest.mark.parametrize(
    ("image", "camera", "error"),
    [
        (np.zeros((0, 640, 3), np.uint8), Pinhole(600, 600, 320, 240), ImageError),
        (np.zeros((480, 640), np.uint8), Pinhole(600, 600, 320, 240), ImageError),
        (np.zeros((480, 640, 3), np.float32), Pinhole(600, 600, 320, 240), ImageError),
        (np.zeros((240, 320, 3), np.uint8), Pinhole(600, 600, 320, 240, 640, 480), CameraError),
    ],
    ids=["empty", "grey", "floats", "camera of another size"],
)
def test_frames_that_are_none_are_refused(image: np.ndarray, camera: Pinhole, error: type[Exception]):
    with pytest.raises(error, match=r"640x480|uint8"):
        Frame(image, camera)


@pytest.mark.parametrize("depth", [np.zeros((480, 640), np.uint16), np.zeros((240, 320), np.float32)])
def test_depth_in_millimetres_or_of_another_size_is_refused(depth: np.ndarray):
    with pytest.raises(ImageError, match=r"millimetres|aligned"):
        Frame(np.zeros((480, 640, 3), np.uint8), Pinhole(600, 600, 320, 240), depth)


def test_unknown_devices_are_refused():
    for name in ("abacus", "cuda:99"):
        with pytest.raises(ConfigError, match=name):
            resolve_device(name)
    assert resolve_device("cpu").type == "cpu"


class SegmentingNetwork(KnowingNetwork):
    """Sees green as an object and red as a hand."""

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        red, green = ((image[:, c : c + 1] - image[:, 1 - c : 2 - c]).clamp(0, 1)[:, :, ::2, ::2] for c in (0, 1))
        return ImageFeatures(torch.cat([torch.zeros_like(red), red, green], 1), ())


class Finding:
    """A localiser that says that there is a hand in a box."""

    def __init__(self, *priors: Prior) -> None:
        self.priors = priors

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        return self.priors


def test_side_and_object_that_the_caller_knows_hold_for_a_hand_that_is_searched(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 19, (0.0, 0.05, 0.55))
    found = Prior(hand_box=[250, 200, 350, 300], side="right")
    estimator = Estimator(KnowingNetwork([truth.mirrored()]), NetworkConfig(), model, localiser=Finding(found))
    estimate = estimator(grey(camera), Prior(side="left", object_name="mug"))
    np.testing.assert_allclose(estimate.hands[0].joints, truth.joints, atol=1e-6)
    assert (estimate.hands[0].side, estimate.objects[0].name) == ("left", "mug")
    np.testing.assert_array_equal(estimate.regions.hands[0].box, [250, 200, 350, 300])


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_objects_box_follows_the_mask_in_every_frame(model: HandModel, layer: HandLayer, side: str):
    """An object that nobody boxes moves beside the hand: its box is where its mask is, from the first frame on."""
    camera, truth = CAMERAS["plain"], random_truth(layer, 20, (0.0, 0.0, 0.6))
    hand = np.array([250.0, 200, 330, 300])
    estimator = Estimator(SegmentingNetwork([truth]), NetworkConfig(), model, localiser=Finding(Prior(hand, side=side)))
    for step in range(5):
        thing = np.array([322.0, 210, 372, 260]) + 8 * step * np.array([0, 1, 0, 1])
        image = np.full((480, 640, 3), 60, np.uint8)
        for (x0, y0, x1, y1), colour in ((hand.astype(int), (255, 0, 0)), (thing.astype(int), (0, 255, 0))):
            image[y0:y1, x0:x1] = colour
        (region,) = estimator(Frame(image, camera)).regions.objects
        assert boxes.overlap(region.box, thing) > 0.75


def test_a_hand_without_anything_beside_it_holds_no_object(model: HandModel, layer: HandLayer):
    camera, truth = CAMERAS["plain"], random_truth(layer, 21, (0.0, 0.0, 0.6))
    image = np.full((480, 640, 3), 60, np.uint8)
    image[200:300, 250:330] = (255, 0, 0)
    image[200:260, 480:560] = (0, 255, 0)  # out of reach
    known = {"maps": np.zeros((3, 128, 128))}
    estimator = Estimator(
        SegmentingNetwork([truth], known), NetworkConfig(), model, localiser=Finding(Prior([250, 200, 330, 300]))
    )
    estimate = estimator(Frame(image, camera))
    assert len(estimate.hands) == 1
    assert (estimate.objects, estimate.regions.objects) == ((), ())


def test_the_device_is_waited_for_twice_a_frame(monkeypatch: pytest.MonkeyPatch, layer: HandLayer):
    """Once for wrists and masks and once for the output: every further wait would cost a GPU."""
    estimator, camera = Estimator.load(device="cpu"), Pinhole(600.0, 600.0, 319.5, 239.5, 640, 480)
    relative = layer.rest_joints(torch.zeros(1, 10))[0].double().numpy()
    pixels = camera.project(relative + np.array([0.0, 0.0, 0.6]))
    known = Prior(boxes.around(pixels, 1.2), side="right", landmarks=Landmarks(pixels, relative))
    waits = []
    for name in ("cpu", "item", "tolist"):
        read = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, *a, _r=read, _n=name: (waits.append(_n), _r(self, *a))[1])
    estimate = estimator(Frame(np.full((480, 640, 3), 128, np.uint8), camera), [known, known])
    assert len(estimate.hands) == 2
    assert waits == ["cpu"] * 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_estimates_what_the_cpu_does():
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    frame, prior = Frame(image, CAMERAS["plain"]), Prior(hand_box=[250, 180, 390, 300], root=[0, 0, 0.6])
    cpu, gpu, mixed = (
        Estimator.load("untrained:compact", device=device, precision=precision)(frame, prior).hands[0]
        for device, precision in (("cpu", "float32"), ("cuda", "float32"), ("cuda", "bfloat16"))
    )
    np.testing.assert_allclose(gpu.joints, cpu.joints, atol=1e-3)
    np.testing.assert_allclose(mixed.joints, cpu.joints, atol=2e-2)
