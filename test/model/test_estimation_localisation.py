"""Where to look: regions from detectors, from the frame before, from the whole image."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hoisdf_model.estimation.localisation import grid_windows
from hoisdf_model.estimation.tracking import Tracker
from hypothesis import given, settings
from hypothesis import strategies as st

from hoisdf_model.estimates import Frame, HandEstimate, HandModelInfo, HandRegion, ObjectRegion, Prior, Regions
from hoisdf_model.estimation import GridLocaliser, priors_from_regions
from hoisdf_model.estimation.placement import place
from hoisdf_model.estimation.priors import completed_priors
from hoisdf_model.geometry import Pinhole, boxes

CAMERA = Pinhole(600, 620, 322, 243, 640, 480)
SPAN = 0.187
HAND, MUG, BOX = (
    np.array([100.0, 100, 200, 220]),
    np.array([180.0, 120, 260, 200]),
    np.array([500.0, 300, 600, 400]),
)


def frame(depth: np.ndarray | None = None) -> Frame:
    return Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, depth)


# --- regions


def test_a_hand_gets_the_object_that_overlaps_it_and_what_is_known_about_both():
    regions = Regions(
        (HandRegion(HAND, "left", 0.7, np.array([0, 0, 0.5])),),
        (ObjectRegion(BOX, "box"), ObjectRegion(MUG, "mug", 0.9, np.array([0, 0, 0.6]))),
    )
    (prior,) = priors_from_regions(regions)
    np.testing.assert_array_equal(prior.hand_box, HAND)
    np.testing.assert_array_equal(prior.object_box, MUG)
    np.testing.assert_array_equal(prior.root, [0, 0, 0.5])
    np.testing.assert_array_equal(prior.object_center, [0, 0, 0.6])
    assert (prior.side, prior.object_name, prior.score) == ("left", "mug", 0.7)


def test_the_nearest_object_is_held_where_none_overlaps_and_none_that_is_far():
    near, far = np.array([210.0, 120, 260, 200]), np.array([400.0, 120, 450, 200])
    (prior,) = priors_from_regions(Regions((HandRegion(HAND),), (ObjectRegion(far, "far"), ObjectRegion(near, "near"))))
    assert prior.object_name == "near"
    (prior,) = priors_from_regions(Regions((HandRegion(HAND),), (ObjectRegion(far, "far"),)))
    assert prior.object_box is None
    assert prior.object_name is None


def test_of_two_objects_in_the_same_place_the_surer_one_is_held():
    regions = Regions((HandRegion(HAND),), (ObjectRegion(MUG, "guess", 0.2), ObjectRegion(MUG, "mug", 0.9)))
    assert priors_from_regions(regions)[0].object_name == "mug"


boxes_in_the_image = st.builds(
    lambda x, y, w, h: np.array([x, y, x + w, y + h], float),
    st.integers(0, 500), st.integers(0, 300), st.integers(10, 150), st.integers(10, 150),
)  # fmt: skip


@given(hands=st.lists(boxes_in_the_image, max_size=4), things=st.lists(boxes_in_the_image, max_size=4))
@settings(max_examples=50, deadline=None)
def test_every_hand_is_kept_in_order_and_no_object_is_held_twice(hands: list, things: list):
    regions = Regions(
        tuple(HandRegion(box) for box in hands), tuple(ObjectRegion(box, str(i)) for i, box in enumerate(things))
    )
    priors = priors_from_regions(regions)
    assert len(priors) == len(hands)
    for prior, box in zip(priors, hands, strict=True):
        np.testing.assert_array_equal(prior.hand_box, box)
    names = [prior.object_name for prior in priors if prior.object_name is not None]
    assert len(names) == len(set(names))


# --- completing priors


def located(*priors: Prior):
    calls = []

    def locate(_: Frame) -> tuple[Prior, ...]:
        calls.append(1)
        return priors

    return locate, calls


def complete(priors, locate, camera: Pinhole = CAMERA):
    return completed_priors(priors, frame(), camera, SPAN, locate)


def test_nothing_is_searched_where_boxes_are_given_or_no_hand_is_there():
    locate, calls = located(Prior(hand_box=BOX))
    assert complete([Prior(hand_box=HAND)], locate)[0].hand_box is HAND
    assert complete([], locate) == ()
    assert not calls


def test_without_priors_the_search_decides():
    locate, calls = located(Prior(hand_box=BOX), Prior(hand_box=HAND))
    assert [prior.hand_box is HAND for prior in complete(None, locate)] == [False, True]
    assert len(calls) == 1


def test_side_and_object_from_the_caller_go_with_the_boxes_that_were_found():
    locate, _ = located(Prior(hand_box=BOX, root=[0, 0, 0.4], root_source="tracked", side="right", score=0.5))
    (prior,) = complete([Prior(side="left", object_name="mug", score=0.5)], locate)
    np.testing.assert_array_equal(prior.hand_box, BOX)
    assert (prior.side, prior.object_name, prior.root_source, prior.score) == ("left", "mug", "tracked", 0.25)


def test_priors_for_which_nothing_is_found_are_left_out():
    locate, calls = located(Prior(hand_box=BOX))
    completed = complete([Prior(side="left"), Prior(side="right"), Prior(hand_box=HAND, object_name="mug")], locate)
    assert [prior.side for prior in completed] == [None, "left"]  # those with an object first
    assert len(calls) == 1


def test_a_root_without_a_box_is_looked_for_around_the_root():
    locate, calls = located()
    root = np.array([0.1, -0.05, 0.5])
    (prior,) = complete([Prior(root=root)], locate)
    fingertips = root + SPAN * np.array([[1, 0, 0], [0, 1, 0], [-0.7, 0.7, 0]])
    inside = boxes.scaled(prior.hand_box, 1 / 0.8)
    np.testing.assert_allclose(boxes.center(prior.hand_box), CAMERA.project(root))
    np.testing.assert_allclose(boxes.union(inside, boxes.around(CAMERA.project(fingertips))), inside, atol=1e-6)
    assert not calls


def test_boxes_of_a_distorted_image_are_moved_to_the_rectified_one():
    camera = replace(CAMERA, distortion=(-0.3, 0.1, 0.001, -0.0005, 0.0))
    (prior,) = complete([Prior(hand_box=HAND)], located()[0], camera)
    middle = cv2.undistortPoints(
        boxes.center(HAND).reshape(1, 1, 2), camera.matrix, np.array(camera.distortion), P=camera.matrix
    )
    np.testing.assert_allclose(boxes.center(prior.hand_box), middle.ravel(), atol=2)
    assert np.abs(prior.hand_box - HAND).max() > 5


# --- tracking


def hand_at(root: np.ndarray, size: float = 1.0, score: float = 0.9) -> HandEstimate:
    """A hand whose vertices fill a box of 13 x 15 cm above the wrist."""
    rng = np.random.default_rng(0)
    vertices = root + size * rng.uniform([-0.065, -0.15, -0.02], [0.065, 0.0, 0.02], (778, 3))
    zeros = np.zeros
    return HandEstimate(
        "right", score, vertices[:21].astype(np.float32), zeros(21, np.float32), vertices.astype(np.float32),
        zeros((16, 3), np.float32), zeros(10, np.float32), np.eye(3), "given", HandModelInfo("test", ""),
    )  # fmt: skip


def look_and_update(tracker: Tracker, hand: HandEstimate, given: Prior | None = None) -> tuple[Prior, ...]:
    """One frame: place what the tracker (or the caller) says, see the hand, and ask where it will be."""
    priors = (given,) if given is not None else tracker.locate(frame())
    targets = [place(prior, frame(), SPAN, None) for prior in priors]
    tracker.update(frame(), [(target, hand) for target in targets])
    return tracker.locate(frame())


ROOT = np.array([0.02, 0.05, 0.6])


def first_prior(root: np.ndarray = ROOT) -> Prior:
    return Prior(
        hand_box=boxes.around(CAMERA.project(hand_at(root).vertices)), object_box=MUG, root=root, side="left",
        object_name="mug", score=0.8,
    )  # fmt: skip


def test_nothing_is_followed_before_something_was_seen_and_after_a_reset():
    tracker = Tracker(SPAN)
    assert tracker.locate(frame()) == ()
    assert len(look_and_update(tracker, hand_at(ROOT), first_prior())) == 1
    tracker.reset()
    assert tracker.locate(frame()) == ()


def test_the_next_frame_is_looked_at_around_the_mesh_with_the_same_side_and_object():
    hand = hand_at(ROOT)
    (prior,) = look_and_update(Tracker(SPAN), hand, first_prior())
    mesh = boxes.around(CAMERA.project(hand.vertices))
    np.testing.assert_allclose(boxes.union(prior.hand_box, mesh), prior.hand_box)
    assert boxes.overlap(prior.hand_box, mesh) > 0.8
    np.testing.assert_array_equal(prior.root, ROOT)
    assert (prior.side, prior.object_name, prior.score, prior.root_source) == ("left", "mug", 0.8, "tracked")


def test_a_hand_that_moves_sideways_is_followed_with_its_wrist_and_object():
    tracker, step = Tracker(SPAN), np.array([0.01, -0.004, 0.0])
    look_and_update(tracker, hand_at(ROOT), first_prior())
    (start,) = tracker.locate(frame())
    for i in range(1, 11):
        (prior,) = look_and_update(tracker, hand_at(ROOT + i * step))
    np.testing.assert_allclose(prior.root, ROOT + 10 * step, atol=3e-3)
    moved = CAMERA.project(ROOT + 10 * step) - CAMERA.project(ROOT)
    np.testing.assert_allclose(prior.object_box - start.object_box, np.tile(moved, 2), atol=2.5)


def test_a_hand_that_comes_nearer_is_placed_anew_instead_of_being_held_at_its_old_depth():
    tracker = Tracker(SPAN)
    look_and_update(tracker, hand_at(ROOT), first_prior())
    for z in np.linspace(0.6, 0.3, 16):
        priors = look_and_update(tracker, hand_at(np.array([0.02, 0.05, z])))
        target = place(priors[0], frame(), SPAN, None)
        assert abs(target.root[2] - z) < 0.5 * z


def test_with_a_depth_image_the_wrist_is_measured_in_every_frame():
    tracker = Tracker(SPAN)
    look_and_update(tracker, hand_at(ROOT), first_prior())
    (prior,) = tracker.locate(frame(np.full((480, 640), 0.5, np.float32)))
    assert prior.root is None
    assert prior.hand_box is not None


@pytest.mark.parametrize(
    "lost",
    [hand_at(ROOT, score=0.1), hand_at(ROOT + np.array([0.6, 0, 0])), hand_at(ROOT, size=3.0), hand_at(ROOT, size=0.3)],
    ids=["not sure", "beside the image", "grown at once", "shrunk at once"],
)
def test_a_hand_is_followed_no_longer(lost: HandEstimate):
    tracker = Tracker(SPAN)
    look_and_update(tracker, hand_at(ROOT), first_prior())
    assert look_and_update(tracker, hand_at(ROOT + np.array([0.001, 0, 0])))
    assert look_and_update(tracker, lost) == ()


# --- the grid


def test_grid_windows_cover_the_image_whole_and_in_parts():
    for width, height in ((640, 480), (480, 640), (1280, 720), (300, 300)):
        windows = grid_windows(width, height)
        assert len(windows) == 7
        seen = np.zeros((height, width), int)
        for window in windows:
            (x, y), half = window.center, window.size / 2
            seen[max(0, int(y - half)) : int(y + half) + 1, max(0, int(x - half)) : int(x + half) + 1] += 1
        assert seen.min() >= 1
        assert (seen >= 2).mean() > 0.5


def segment_by_colour(images: np.ndarray) -> np.ndarray:
    """Red is a hand, green is an object, half the crop's resolution."""
    small = images[:, ::2, ::2].astype(np.float32) / 255
    red, green, blue = np.moveaxis(small, -1, 0)
    return np.clip(np.stack([red - green - blue, green - red - blue], 1), 0, 1)


def picture(*parts: tuple[np.ndarray, tuple], size: tuple[int, int] = (480, 640)) -> Frame:
    image = np.full((*size, 3), 60, np.uint8)
    for box, colour in parts:
        x0, y0, x1, y1 = box.astype(int)
        image[y0:y1, x0:x1] = colour
    return Frame(image, Pinhole(600, 600, 320, 240))


RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (1080, 1920)])
def test_the_grid_finds_a_hand_and_the_object_that_touches_it(size: tuple[int, int]):
    scale = min(size) / 480
    hand, thing = scale * np.array([300.0, 200, 380, 290]), scale * np.array([380.0, 220, 430, 270])
    away = scale * np.array([20.0, 20, 160, 160])
    (prior,) = GridLocaliser(segment_by_colour).locate(picture((hand, RED), (thing, GREEN), (away, GREEN), size=size))
    tolerance = 2.5 * max(size) / 256
    np.testing.assert_allclose(prior.hand_box, hand, atol=tolerance)
    np.testing.assert_allclose(prior.object_box, thing, atol=tolerance)
    assert 0.5 < prior.score <= 1
    assert prior.root is None


def test_the_grid_takes_the_larger_of_two_hands_and_no_object_where_none_touches():
    small, large = np.array([50.0, 50, 110, 110]), np.array([400.0, 250, 520, 360])
    (prior,) = GridLocaliser(segment_by_colour).locate(picture((small, RED), (large, RED)))
    np.testing.assert_allclose(prior.hand_box, large, atol=7)
    assert prior.object_box is None


def test_the_grid_finds_nothing_in_an_empty_picture_and_believes_no_specks():
    localiser = GridLocaliser(segment_by_colour)
    assert localiser.locate(picture()) == ()
    assert localiser.locate(picture((np.array([300.0, 300, 308, 308]), RED))) == ()


def test_a_second_look_boxes_a_hand_more_closely_than_the_grid_can():
    """In a picture of 1920 pixels the grid's are 7.5 of them; the crop around a hand of 170 shows each."""
    hand = np.array([803.0, 411, 973, 566])
    (prior,) = GridLocaliser(segment_by_colour).locate(picture((hand, RED), size=(1080, 1920)))
    np.testing.assert_allclose(prior.hand_box, hand, atol=2.5)


def test_a_second_look_that_shows_no_hand_leaves_what_the_grid_found():
    def forgetful(images: np.ndarray) -> np.ndarray:
        return segment_by_colour(images) * (len(images) > 1)

    hand = np.array([300.0, 200, 380, 290])
    (prior,) = GridLocaliser(forgetful).locate(picture((hand, RED)))
    np.testing.assert_allclose(prior.hand_box, hand, atol=7)


def test_the_grid_looks_seven_times_whatever_the_size_and_once_more_at_what_it_finds():
    looks = []

    def counting(images: np.ndarray) -> np.ndarray:
        looks.append(images.shape)
        return np.zeros((len(images), 2, 128, 128), np.float32)

    GridLocaliser(counting).locate(picture(size=(1080, 1920)))
    assert looks == [(7, 256, 256, 3)]

    def seeing(images: np.ndarray) -> np.ndarray:
        looks.append(images.shape)
        return segment_by_colour(images)

    GridLocaliser(seeing).locate(picture((np.array([300.0, 200, 380, 290]), RED)))
    assert looks[1:] == [(7, 256, 256, 3), (1, 256, 256, 3)]
