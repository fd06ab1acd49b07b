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

"""The estimator with a network that sees wrists: where they come out, and what is done with depth images and tracks."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
import trimesh
from pretend_networks import MIRROR, KnowingNetwork, Truth
from test_estimation_placement import CAMERA, SPAN, frame, many_hands  # noqa: F401 (a fixture)

from hoisdf_model.estimates import Frame, Prior
from hoisdf_model.estimation import Estimator, placement
from hoisdf_model.estimation.placement import place
from hoisdf_model.estimation.wrists import SeenWrist
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import HandLayer, load_hand_model
from hoisdf_model.network import ImageFeatures, NetworkConfig, NetworkInput, RootConfig, RootPrediction, log_extent

CONFIG = NetworkConfig(root=RootConfig())
BOX = np.array([250.0, 180.0, 350.0, 330.0])
WRIST = np.array([0.02, 0.03, 0.6])


@dataclass
class SeeingNetwork(KnowingNetwork):
    """Also sees the wrists in crops of which it is told the intrinsics, at their true place."""

    looks: int = 0
    handed: list = field(default_factory=list)
    spreads: tuple[float, float] = (2.0, 0.04)
    intrinsics: torch.Tensor | None = None

    def __call__(self, batch: NetworkInput, features: ImageFeatures | None = None):
        self.handed.append(features)
        return super().__call__(batch)

    def find_root(self, batch: NetworkInput):
        self.looks += 1
        image = batch.image
        size, count = image.shape[-1], len(image)
        k = self.intrinsics
        wrists = torch.tensor(np.stack([t.joints[0] for t in self.truths]), dtype=torch.float32)
        pixels = (k @ wrists[..., None])[..., 0]
        found = RootPrediction(
            pixels[:, :2] / pixels[:, 2:], log_extent(wrists[:, 2], k, size),
            torch.full((count,), self.spreads[0]), torch.full((count,), self.spreads[1]),
        )  # fmt: skip
        return self.encode(image), found


@pytest.fixture
def knows_its_crops(monkeypatch):
    """The network is shown the crop's intrinsics, which a real one doesn't need: it sees in the picture."""
    from hoisdf_model.estimation import estimator

    original = estimator.to_batch

    def shown(views, device):
        batch = original(views, device)
        SHOWN.append(batch.intrinsics)
        return batch

    SHOWN: list[torch.Tensor] = []
    monkeypatch.setattr(estimator, "to_batch", shown)
    return SHOWN


def truth_at(wrist: np.ndarray) -> Truth:
    rng = np.random.default_rng(0)
    joints = np.concatenate([np.zeros((1, 3)), rng.uniform(-0.08, 0.08, (20, 3))]) + wrist
    vertices = rng.uniform(-0.08, 0.08, (778, 3)) + wrist
    return Truth(joints, vertices, np.tile(np.eye(3), (16, 1, 1)), np.zeros(10), np.zeros(3), wrist + 0.02)


def estimated(side: str, shown: list, prior: Prior, depth=None, **network):
    truth = truth_at(WRIST if side == "right" else WRIST * MIRROR)  # as the mirror shows it
    seeing = SeeingNetwork([truth], **network)
    original = seeing.find_root

    def find_root(batch):
        seeing.intrinsics = shown[-1]
        return original(batch)

    seeing.find_root = find_root
    estimator = Estimator(seeing, CONFIG, load_hand_model())
    return estimator(frame(depth), prior), seeing


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_wrist_that_is_seen_comes_out_where_it_is(side, knows_its_crops):
    estimate, network = estimated(side, knows_its_crops, Prior(hand_box=BOX, side=side))
    (hand,) = estimate.hands
    np.testing.assert_allclose(hand.joints[0], WRIST, atol=1e-6)
    np.testing.assert_allclose(hand.joints, truth_at(WRIST).joints * 1.0 if side == "right" else
                               truth_at(WRIST * MIRROR).joints * MIRROR, atol=1e-6)  # fmt: skip
    assert hand.root_source == "monocular"
    assert network.looks == 1
    assert network.handed[0] is not None
    np.testing.assert_allclose(estimate.regions.hands[0].root, WRIST, atol=1e-6)


def test_the_covariance_is_what_the_head_says(knows_its_crops):
    estimate, _ = estimated("right", knows_its_crops, Prior(hand_box=BOX), spreads=(3.0, 0.05))
    values, vectors = np.linalg.eigh(estimate.hands[0].root_covariance)
    ray = WRIST / np.linalg.norm(WRIST)
    assert abs(vectors[:, 2] @ ray) == pytest.approx(1, abs=1e-6)
    focal = float(knows_its_crops[0][0, :2, :2].diagonal().log().mean().exp())  # of the crop
    across = 3.0 * WRIST[2] / focal
    expected = [across, across, 0.05 * np.linalg.norm(WRIST)]
    np.testing.assert_allclose(np.sqrt(values), expected, rtol=1e-4)


def test_a_given_root_is_used_as_it_is_and_nothing_is_looked_for(knows_its_crops):
    prior = Prior(hand_box=BOX, object_box=BOX, side="right", root=WRIST + 0.05)
    estimate, network = estimated("right", knows_its_crops, prior)
    np.testing.assert_array_equal(network.seen[0].hand_root[0].numpy(), np.float32(WRIST + 0.05))
    assert (network.looks, network.handed) == (0, [None])
    assert estimate.hands[0].root_source == "given"
    assert estimate.hands[0].root_covariance[0, 0] == -1


def test_given_and_seen_roots_in_one_frame(knows_its_crops):
    truth = truth_at(WRIST)
    network = SeeingNetwork([truth, truth])
    original = network.find_root
    network.find_root = lambda batch: setattr(network, "intrinsics", knows_its_crops[-1]) or original(batch)
    priors = [Prior(hand_box=BOX, root=WRIST + 0.01), Prior(hand_box=boxes.scaled(BOX, 1.2))]
    hands = Estimator(network, CONFIG, load_hand_model())(frame(), priors).hands
    assert [hand.root_source for hand in hands] == ["given", "monocular"]
    np.testing.assert_allclose(network.seen[0].hand_root.numpy(), [WRIST + 0.01, WRIST], atol=1e-6)


def test_an_objects_centre_follows_the_wrist_that_is_seen_unless_it_is_given(knows_its_crops):
    _, network = estimated("left", knows_its_crops, Prior(hand_box=BOX, side="left"))
    center = CAMERA.back_project(boxes.center(BOX), WRIST[2]) * MIRROR
    np.testing.assert_allclose(network.seen[0].object_center[0], center, atol=1e-6)
    _, network = estimated("right", knows_its_crops, Prior(hand_box=BOX, object_center=[0.1, 0, 0.7]))
    np.testing.assert_allclose(network.seen[0].object_center[0], [0.1, 0, 0.7], atol=1e-6)


class Always:
    """A localiser that says the same about every frame."""

    def __init__(self, *priors: Prior) -> None:
        self.priors = priors

    def locate(self, frame: Frame) -> tuple[Prior, ...]:
        return self.priors


def test_wrists_are_looked_for_anew_in_every_frame_of_a_track(knows_its_crops):
    truth = truth_at(WRIST)
    network = SeeingNetwork([truth])
    original = network.find_root
    network.find_root = lambda batch: setattr(network, "intrinsics", knows_its_crops[-1]) or original(batch)
    estimator = Estimator(network, CONFIG, load_hand_model(), localiser=Always(Prior(hand_box=BOX)))
    estimator(frame())
    followed = estimator(frame())
    assert network.looks == 2
    np.testing.assert_allclose(followed.hands[0].joints[0], WRIST, atol=1e-6)


SEEN = SeenWrist(WRIST, along=0.05, across=0.01)
PRIOR = Prior(hand_box=BOX)


def depth_image(at_wrist: float, elsewhere: float = 2.0) -> Frame:
    depth = np.full((480, 640), elsewhere, np.float32)
    x, y = CAMERA.project(WRIST).round().astype(int)
    depth[y - 12 : y + 13, x - 12 : x + 13] = at_wrist
    return frame(depth)


def test_a_depth_image_and_the_head_agree_on_their_weighted_mean():
    skin = 0.56
    target = place(PRIOR, depth_image(skin), SPAN, None, SEEN)
    distance = np.linalg.norm(WRIST)
    measured = (skin + placement.WRIST_BEHIND_SKIN * SPAN) / WRIST[2] * distance
    spread = placement.WRIST_OFF_SKIN * SPAN
    expected = (distance / 0.05**2 + measured / spread**2) / (1 / 0.05**2 + 1 / spread**2)
    assert np.linalg.norm(target.root) == pytest.approx(expected)
    np.testing.assert_allclose(CAMERA.project(target.root), CAMERA.project(WRIST))
    assert target.root_source == "depth"
    along = target.root @ target.root_covariance @ target.root / (target.root @ target.root)
    assert along == pytest.approx(1 / (1 / 0.05**2 + 1 / spread**2))


@pytest.mark.parametrize("at_wrist", [0.3, 1.4, 0.0, np.nan])
def test_something_before_or_behind_the_wrist_is_not_taken_for_it(at_wrist):
    target = place(PRIOR, depth_image(at_wrist), SPAN, None, SEEN)
    np.testing.assert_array_equal(target.root, WRIST)
    assert target.root_source == "monocular"


def test_a_surface_as_far_away_as_the_wrists_patch_overrules_what_is_seen():
    """Everything in the hand's box is 0.35 m away, the wrist is seen at 0.6 m."""
    target = place(PRIOR, depth_image(0.35, elsewhere=0.35), SPAN, None, SEEN)
    assert target.root[2] == pytest.approx(0.35 + placement.WRIST_BEHIND_SKIN * SPAN)
    np.testing.assert_allclose(CAMERA.project(target.root), CAMERA.project(WRIST))
    assert target.root_source == "depth"


def test_the_skin_before_the_wrist_is_as_near_as_is_stated(many_hands):  # noqa: F811
    """Rays to within 1 cm of the wrist, at hands in every direction; most of them meet the wrist's own skin first."""
    model = load_hand_model()
    span = placement.hand_span(model)
    beside = np.array([[0, 0], [0.007, 0.007], [-0.007, -0.007], [0.007, -0.007], [-0.007, 0.007]])
    origins = np.concatenate([beside, np.full((5, 1), -1.0)], 1)
    behind = []
    for vertices in many_hands[:150]:
        mesh = trimesh.Trimesh(vertices, model.faces, process=False)
        places, rays, _ = mesh.ray.intersects_location(origins, np.tile([0.0, 0, 1], (5, 1)))
        nearest = np.full(5, np.inf)
        np.minimum.at(nearest, rays, places[:, 2])
        if np.isfinite(nearest).sum() >= 3:
            behind.append(-np.median(nearest[np.isfinite(nearest)]) / span)
    own = np.array([b for b in behind if abs(b - placement.WRIST_BEHIND_SKIN) < placement.SKIN_REACH])
    assert len(own) > 0.7 * len(behind)
    assert own.mean() == pytest.approx(placement.WRIST_BEHIND_SKIN, abs=0.015)
    assert own.std() == pytest.approx(placement.WRIST_OFF_SKIN, abs=0.015)


def test_weights_without_the_head_say_that_wrists_are_guessed(caplog):
    estimator = Estimator.load("untrained:compact", device="cpu")
    assert not estimator.finds_wrists
    assert "no hand-root head" in caplog.text


def test_a_real_network_with_a_fresh_head_guesses_as_without_one():
    """It starts at the box's middle and size, so both place the wrist alike (the spans differ by 0.1 %)."""
    from tiny_network import HAND_LAYER, tiny_network

    camera = Pinhole(300, 300, 160, 120, 320, 240)
    image = Frame(np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8), camera)
    box = np.array([120.0, 80, 190, 160])
    assert isinstance(HAND_LAYER, HandLayer)
    roots = []
    for head in (None, {"width": 8, "hidden": 16}):
        network = tiny_network(root=head)
        estimator = Estimator(network, network.config, load_hand_model())
        (region,) = estimator(image, replace(PRIOR, hand_box=box)).regions.hands
        roots.append(region.root)
    np.testing.assert_allclose(roots[0], roots[1], rtol=0.01, atol=1e-6)
