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

"""The hand tracker: networks against LiteRT's outputs, geometry, weights, and following on drawn hands."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from hoisdf_model.errors import CheckpointError
from hoisdf_model.hand_tracking import (
    HandTracker,
    Landmarks,
    SeenHand,
    TrackerNetworks,
    Window,
    load_hand_encoder,
    load_tracker_networks,
    look,
    look_in_box,
    mirrored,
    placed_relative,
)
from hoisdf_model.hand_tracking.palms import closer_windows, find_palms, whole_image
from hoisdf_model.hand_tracking.weights import shipped_tracker
from hoisdf_model.network import load_network

REFERENCE = Path(__file__).parents[1] / "data" / "hand_networks_reference.npz"  # outputs of LiteRT 2.3, see its test


@pytest.fixture(scope="module")
def networks() -> TrackerNetworks:
    return load_tracker_networks()


def smooth_picture(size: int) -> torch.Tensor:
    """The picture that LiteRT was given: (1, 3, size, size) in [0, 1]."""
    noise = np.random.default_rng(7).random((size, size, 3), np.float32)
    picture = np.clip(cv2.GaussianBlur(noise, (0, 0), size / 16) * 6 - 2.5, 0, 1)
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]


def test_the_palm_detector_gives_what_litert_gives(networks: TrackerNetworks):
    with np.load(REFERENCE) as expected, torch.inference_mode():
        codes, scores = networks.palm(smooth_picture(192))
        np.testing.assert_allclose(codes[0, ::8], expected["palm.Identity"], atol=2e-3)
        np.testing.assert_allclose(scores[0, ::8], expected["palm.Identity_1"][:, 0], atol=2e-4)


def test_the_landmark_network_gives_what_litert_gives(networks: TrackerNetworks):
    with np.load(REFERENCE) as expected, torch.inference_mode():
        found = networks.landmarks(smooth_picture(224))
        np.testing.assert_allclose(found.pixels.flatten(), expected["landmarks.Identity"], atol=2e-3)
        np.testing.assert_allclose(found.presence, expected["landmarks.Identity_1"], atol=2e-4)  # as the palms' scores
        np.testing.assert_allclose(found.right, expected["landmarks.Identity_2"], atol=2e-4)
        np.testing.assert_allclose(found.world.flatten(), expected["landmarks.Identity_3"], atol=1e-5)


def test_a_batch_of_crops_gives_what_each_gives_alone(networks: TrackerNetworks):
    crops = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = networks.landmarks(crops)
        for k in range(3):
            alone = networks.landmarks(crops[k : k + 1])
            torch.testing.assert_close(together.pixels[k : k + 1], alone.pixels, atol=1e-3, rtol=0)


def test_our_own_network_can_have_the_landmark_networks_encoder(networks: TrackerNetworks):
    network, config = load_network("untrained:compact_hand")
    network.encoder.load_state_dict(load_hand_encoder())
    network.encoder.to(memory_format=torch.channels_last)  # as the tracker lies in memory, so that sums have one order
    image = torch.rand(1, 3, config.image_size, config.image_size)
    with torch.inference_mode():
        for ours, theirs in zip(network.encoder(image), networks.landmarks.encoder(image), strict=True):
            torch.testing.assert_close(ours, theirs)
        shapes = [tuple(x.shape[1:]) for x in network.encoder(image)]
    assert shapes == [(16, 80, 80), (24, 40, 40), (40, 20, 20), (112, 10, 10), (1152, 5, 5)]


# --- weights


def test_weights_say_where_they_come_from():
    from safetensors import safe_open

    with safe_open(shipped_tracker(), framework="pt") as file:
        about = file.metadata()
    assert "mediapipe 0.10.21" in about["source"]
    assert "Apache-2.0" in about["licence"]
    assert len(about["wheel_sha256"]) == 64
    assert shipped_tracker().stat().st_size < 8e6


def changed_weights(path: Path, change) -> Path:
    tensors = load_file(shipped_tracker())
    metadata = {"format": "hand-tracker/1"}
    change(tensors, metadata)
    save_file(tensors, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, m: t.pop("palm.stem.weight"), "palm.stem.weight|stem.weight"),
        (lambda t, m: t.update({"landmarks.right.bias": torch.zeros(2)}), "right.bias"),
        (lambda t, m: t.update({"landmarks.right.bias": torch.full((1,), float("nan"))}), "not finite"),
        (lambda t, m: m.update(format="something"), "something"),
    ],
    ids=["missing", "another shape", "not finite", "another format"],
)
def test_wrong_weights_are_named(tmp_path: Path, change, said: str):
    with pytest.raises(CheckpointError, match=said):
        load_tracker_networks(changed_weights(tmp_path / "w.safetensors", change))


def test_missing_and_damaged_weights_are_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="convert-hand-tracker"):
        load_tracker_networks(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(shipped_tracker().read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="cut"):
        load_tracker_networks(tmp_path / "cut.safetensors")


def test_a_wheel_that_is_none_or_another_is_named(tmp_path: Path):
    from hoisdf_model.hand_tracking.conversion import LANDMARK_FILE, PALM_FILE, networks_in_wheel

    with pytest.raises(CheckpointError, match="pip download"):
        networks_in_wheel(tmp_path / "none.whl")
    (tmp_path / "text.whl").write_text("no zip")
    with pytest.raises(CheckpointError, match="zip file"):
        networks_in_wheel(tmp_path / "text.whl")
    with zipfile.ZipFile(tmp_path / "later.whl", "w") as archive:
        archive.writestr("mediapipe/__init__.py", "")
    with pytest.raises(CheckpointError, match=r"0\.10\.21"):
        networks_in_wheel(tmp_path / "later.whl")
    pytest.importorskip("tflite")
    with zipfile.ZipFile(tmp_path / "damaged.whl", "w") as archive:
        archive.writestr(PALM_FILE, b"\x10\x00\x00\x00TFL3" + bytes(64))
        archive.writestr(LANDMARK_FILE, b"")
    with pytest.raises(CheckpointError, match="TensorFlow Lite"):
        networks_in_wheel(tmp_path / "damaged.whl")


# --- geometry


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5, np.pi])
def test_a_window_shows_what_it_is_turned_to_upwards(angle: float):
    window = Window(np.array([200.0, 150.0]), 80.0, angle)
    affine = window.affine(224)
    up = np.array([np.sin(angle), -np.cos(angle)])
    middle, top = (affine[:, :2] @ p + affine[:, 2] for p in (window.center, window.center + 40 * up))
    np.testing.assert_allclose(middle, [111.5, 111.5])
    np.testing.assert_allclose(top, [111.5, 111.5 - 112], atol=1e-9)


def test_a_hand_off_the_axis_is_turned_to_its_ray():
    """A camera turned towards the hand sees it as the network does: turning the camera back must give the same."""
    from scipy.spatial.transform import Rotation

    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    relative = np.random.default_rng(0).normal(0, 0.05, (21, 3))
    ray = np.array([0.4, -0.3, 1.0])
    pixel = (matrix @ ray)[:2]
    hand = SeenHand(np.tile(pixel, (21, 1)), relative, 1.0, 1.0)
    ray /= np.linalg.norm(ray)
    axis = np.cross([0, 0, 1], ray)
    expected = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.arccos(ray[2])).apply(relative)
    np.testing.assert_allclose(placed_relative(hand, matrix), expected, atol=1e-9)


def test_a_mirrored_hand_is_mirrored_once_more_to_itself():
    rng = np.random.default_rng(1)
    hand = SeenHand(rng.uniform(0, 640, (21, 2)), rng.normal(0, 0.05, (21, 3)), 0.9, 0.8)
    again = mirrored(mirrored(hand, 640), 640)
    np.testing.assert_allclose(again.pixels, hand.pixels)
    np.testing.assert_allclose(again.relative, hand.relative)
    assert again.right == pytest.approx(hand.right)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1920, 1080), (300, 300)])
def test_windows_for_palms_cover_the_image(size: tuple[int, int]):
    width, height = size
    for windows in ([whole_image(width, height)], closer_windows(width, height)[1:]):
        seen = np.zeros((height, width), bool)
        for window in windows:
            (x, y), half = window.center, window.size / 2
            seen[max(0, round(y - half)) : round(y + half) + 1, max(0, round(x - half)) : round(x + half) + 1] = True
        assert seen.all()


# --- finding and following, with networks that see a red hand of known form


# Landmarks of the drawn hand in its box's edges: wrist below, fingers upwards, one joint at either side.
SHAPE = np.stack([np.zeros(21), np.linspace(0.5, -0.5, 21)], 1)
SHAPE[4, 0], SHAPE[20, 0] = 0.5, -0.5


class RedPalms(nn.Module):
    """Sees a palm where there is red: the box of the red pixels, through the detector's real anchors and codes."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def forward(self, image):
        from hoisdf_model.hand_tracking.palms import _ANCHORS

        codes, scores = torch.zeros(len(image), 2016, 18), torch.full((len(image), 2016), -20.0)
        for k, red in enumerate((image[:, 0] > 0.6) & (image[:, 1] < 0.3)):
            number, _, statistics, _ = cv2.connectedComponentsWithStats(red.numpy().astype(np.uint8))
            for x, y, w, h, area in statistics[1:number]:
                if area < 12:
                    continue
                middle = np.array([x + w / 2, y + h / 2])
                anchor = int(np.linalg.norm(_ANCHORS - middle, axis=1).argmin())
                keypoints = middle + np.array([[0, h / 2 - h * (j == 2)] for j in range(7)])
                near = _ANCHORS[anchor]
                code = np.concatenate([middle - near, [w / 2.6, h / 2.6], (keypoints - near).ravel()])
                codes[k, anchor], scores[k, anchor] = torch.from_numpy(code.astype(np.float32)), 5.0
        return codes, scores


class RedHands(nn.Module):
    """Sees the landmarks of a hand of known form where there is red; a right one unless there is blue in it."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))
        self.blind = 0  # calls in which nothing is seen

    def forward(self, image):
        if self.blind:
            self.blind -= 1
            image = torch.zeros_like(image)
        pixels, presence, right = torch.zeros(len(image), 21, 3), torch.zeros(len(image)), torch.ones(len(image))
        for k, red in enumerate((image[:, 0] > 0.6) & (image[:, 1] < 0.3)):
            number, labels, statistics, centroids = cv2.connectedComponentsWithStats(red.numpy().astype(np.uint8))
            if number < 2 or statistics[1:, 4].max() < 100:
                continue
            nearest = 1 + int(np.linalg.norm(centroids[1:] - 112, axis=1).argmin())
            x, y, w, h, _ = statistics[nearest]
            points = np.array([x + (w - 1) / 2, y + (h - 1) / 2]) + SHAPE * [w - 1, h - 1]
            pixels[k, :, :2] = torch.from_numpy(points.astype(np.float32))
            presence[k] = 0.95
            right[k] = 0.05 if float(image[k, 2][torch.from_numpy(labels == nearest)].mean()) > 0.5 else 0.95
        return Landmarks(pixels, presence, right, pixels / 1000)


def scene(*hands: tuple[float, float], size: float = 60, blue: tuple[int, ...] = ()) -> np.ndarray:
    image = np.full((480, 640, 3), 80, np.uint8)
    for k, (x, y) in enumerate(hands):
        corner = (round(x - 0.4 * size), round(y - 0.5 * size)), (round(x + 0.4 * size), round(y + 0.5 * size))
        cv2.rectangle(image, *corner, (255, 0, 255 if k in blue else 0), -1)
    return image


@pytest.fixture
def tracker() -> HandTracker:
    return HandTracker(TrackerNetworks(RedPalms(), RedHands()))


def middles(hands) -> np.ndarray:
    return np.array([hand.seen.box.reshape(2, 2).mean(0) for hand in hands])


def test_palms_come_back_to_the_image_through_anchors_and_windows():
    image = scene((400, 200))
    palms = find_palms(RedPalms(), image, [whole_image(640, 480)])
    np.testing.assert_allclose(palms[0].box.reshape(2, 2).mean(0), [400, 200], atol=3)
    np.testing.assert_allclose(palms[0].window().angle, 0, atol=0.05)
    assert find_palms(RedPalms(), scene(), [whole_image(640, 480)]) == []


def test_what_several_windows_show_is_one_palm():
    image = scene((320, 240))
    assert len(find_palms(RedPalms(), image, [whole_image(640, 480), *closer_windows(640, 480)])) == 1


class NoPalms(RedPalms):
    """Never sees a palm."""

    def forward(self, image):
        codes, scores = super().forward(image)
        return codes, torch.full_like(scores, -20.0)


@pytest.mark.parametrize("palms", [RedPalms(), NoPalms()], ids=["by its palm", "by turns"])
def test_of_two_hands_the_one_in_the_box_is_seen(palms):
    """The other hand is the larger one, and lies in the window about the box too."""
    image = scene((320, 240), (395, 240), blue=(1,))
    cv2.rectangle(image, (370, 200), (420, 280), (255, 0, 255), -1)
    seen = look_in_box(TrackerNetworks(palms, RedHands()), image, np.array([290.0, 205, 350, 275]))
    np.testing.assert_allclose(seen.box, [296, 210, 344, 270], atol=2)
    assert seen.right > 0.5


def test_a_box_without_a_hand_has_none():
    seen = look_in_box(TrackerNetworks(RedPalms(), RedHands()), scene((100, 100)), np.array([400.0, 300, 460, 380]))
    assert seen.presence == 0


def test_an_empty_image_has_no_hand(tracker: HandTracker):
    assert tracker(scene()) == ()


def test_a_hand_is_found_and_keeps_its_number_while_it_moves(tracker: HandTracker):
    numbers = set()
    for step in range(20):
        place = np.array([150.0 + 15 * step, 200 + 3 * step])
        (hand,) = tracker(scene(tuple(place)))
        np.testing.assert_allclose(middles([hand])[0], place, atol=2)
        numbers.add(hand.number)
    assert len(numbers) == 1


def test_two_hands_are_told_apart_by_their_sides(tracker: HandTracker):
    hands = tracker(scene((200, 240), (450, 240), blue=(1,)))
    sides = {hand.side: middles([hand])[0] for hand in hands}
    np.testing.assert_allclose(sides["right"], [200, 240], atol=2)
    np.testing.assert_allclose(sides["left"], [450, 240], atol=2)


def test_the_side_does_not_change_for_one_frame(tracker: HandTracker):
    for frame in range(6):
        (hand,) = tracker(scene((300, 240), blue=(0,) if frame == 4 else ()))
        assert hand.side == "right"


def test_the_side_does_not_change_while_a_hand_looks_like_the_other_one_for_a_while(tracker: HandTracker):
    for frame in range(30):
        (hand,) = tracker(scene((300, 240), blue=(0,) if 20 <= frame < 28 else ()))
        assert hand.side == "right"


def test_a_side_that_was_wrong_at_first_is_put_right_in_the_third_frame(tracker: HandTracker):
    sides = [tracker(scene((300, 240), blue=(0,) if frame == 0 else ()))[0].side for frame in range(4)]
    assert (sides[0], *sides[2:]) == ("left", "right", "right")


def test_a_hand_that_is_found_again_in_the_image_in_which_it_was_lost_is_the_same_one(tracker: HandTracker):
    """It looks like the other one there: its last place says who it is."""
    for _ in range(3):
        (first,) = tracker(scene((300, 240)))
    tracker.networks.landmarks.blind = 1
    (again,) = tracker(scene((310, 240), blue=(0,)))
    assert (again.number, again.frames) == (first.number, 4)
    assert again.side == "right"


def test_a_second_hand_is_found_within_a_second_at_15_frames(tracker: HandTracker):
    for _ in range(3):
        assert len(tracker(scene((200, 240)))) == 1
    counts = [len(tracker(scene((200, 240), (450, 240)))) for _ in range(15)]
    assert counts[-1] == 2


def test_a_hand_that_leaves_is_gone_at_once_and_found_again_with_another_number(tracker: HandTracker):
    (first,) = tracker(scene((300, 240)))
    assert tracker(scene()) == ()
    (again,) = tracker(scene((500, 100)))
    assert again.number != first.number


def test_hands_that_meet_are_never_counted_twice(tracker: HandTracker):
    for gap in [*range(200, 0, -20), *range(0, 200, 20)]:
        hands = tracker(scene((320 - gap / 2, 240), (320 + gap / 2, 240)))
        assert 1 <= len(hands) <= 2
        if len(hands) == 2:
            assert np.linalg.norm(np.diff(middles(hands), axis=0)) > 20


def test_a_small_hand_is_found_from_nearer_by(tracker: HandTracker):
    (hand,) = tracker(scene((560, 60), size=14))
    np.testing.assert_allclose(middles([hand])[0], [560, 60], atol=2)


def test_after_a_reset_nothing_is_known(tracker: HandTracker):
    tracker(scene((300, 240)))
    tracker.reset()
    assert tracker(scene()) == ()


def test_landmarks_of_a_turned_window_are_those_of_the_image():
    image = scene((300, 240), size=80)
    (upright,) = look(RedHands(), image, [Window(np.array([300.0, 240]), 200.0)])
    np.testing.assert_allclose(upright.pixels[[0, -1]], [[300, 240 + 40], [300 - 32, 240 - 40]], atol=1.5)
