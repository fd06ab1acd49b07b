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

"""Several cameras through one estimator: what each gets, and how many passes of the network that takes."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from hoisdf_model.data import BagReader, sample_recording
from hoisdf_model.errors import HoisdfError, InvalidInputError
from hoisdf_model.estimates import Estimate, Frame, Prior
from hoisdf_model.estimation import Estimator, SharedEstimator
from hoisdf_model.geometry import Pinhole

BESIDE = Prior(hand_box=np.array([900.0, 900, 990, 990]))


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    with BagReader(sample_recording()) as bag:
        return [item.frame for _, item in zip(range(4), bag.frames(), strict=False)]


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load(device="cpu", precision="float32")


@pytest.fixture
def passes(estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many hands each look at images showed."""
    found, sizes = estimator.network.find_root, []
    monkeypatch.setattr(estimator.network, "find_root", lambda batch: (sizes.append(len(batch.image)), found(batch))[1])
    return sizes


def box(x: float) -> Prior:
    return Prior(hand_box=np.array([x, 120.0, x + 220, 340]), side="right")


def assert_same(found: Estimate | HoisdfError, expected: Estimate) -> None:
    assert isinstance(found, Estimate)
    assert [hand.side for hand in found.hands] == [hand.side for hand in expected.hands]
    for one, other in zip(found.hands, expected.hands, strict=True):
        np.testing.assert_allclose(one.joints, other.joints, atol=1e-4)  # metres; sums are taken in another order
        np.testing.assert_allclose(one.vertices, other.vertices, atol=1e-4)
    for thing, same in zip(found.objects, expected.objects, strict=True):
        np.testing.assert_allclose(thing.translation, same.translation, atol=1e-4)


def test_frames_taken_together_give_what_each_gives_alone_in_one_pass(
    estimator: Estimator, frames: list[Frame], passes: list[int]
):
    asked = [(frames[0], [box(150), box(300)]), (frames[1], [box(200)]), (frames[2], [])]
    alone = []
    for frame, priors in asked:
        estimator.reset()
        alone.append(estimator(frame, priors))
    assert passes == [2, 1]
    passes.clear()
    together = estimator.estimate_batch([(estimator.new_follower(), frame, priors) for frame, priors in asked])
    assert passes == [3]
    for found, expected in zip(together, alone, strict=True):
        assert_same(found, expected)
    assert together[2].hands == ()


def test_one_camera_s_error_leaves_the_others_alone(estimator: Estimator, frames: list[Frame]):
    expected = estimator(frames[0], [box(150)])
    wrong, found = estimator.estimate_batch(
        [(estimator.new_follower(), frames[1], BESIDE), (estimator.new_follower(), frames[0], [box(150)])]
    )
    assert isinstance(wrong, InvalidInputError)
    assert_same(found, expected)


@pytest.mark.parametrize("step", ["_with_landmarks", "_with_objects", "_decoded", "_refined"])
def test_whatever_fails_for_one_frame_fails_for_that_one_only(
    step: str, estimator: Estimator, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
):
    """Before the network and behind it, and errors that nobody has thought of, too."""
    monkeypatch.setattr(estimator, "refines_objects", True)
    expected, right = estimator(frames[0], [box(150)]), getattr(estimator, step)

    def fails_once(*arguments: object) -> None:
        monkeypatch.setattr(estimator, step, right)
        raise ZeroDivisionError(step)

    monkeypatch.setattr(estimator, step, fails_once)
    asked = [(estimator.new_follower(), frames[1], [box(200)]), (estimator.new_follower(), frames[0], [box(150)])]
    wrong, found = estimator.estimate_batch(asked)
    assert (type(wrong), wrong.args) == (ZeroDivisionError, (step,))
    assert_same(found, expected)
    monkeypatch.setattr(estimator, step, fails_once)
    with pytest.raises(ZeroDivisionError, match=step):
        estimator(frames[1], [box(200)])


def test_an_error_keeps_no_picture(estimator: Estimator, frames: list[Frame], monkeypatch: pytest.MonkeyPatch):
    """Pictures of refused frames would otherwise pile up until the garbage collector comes by."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(estimator, "_decoded", fails)
    frame = Frame(frames[0].image.copy(), frames[0].intrinsics)
    picture = weakref.ref(frame)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ZeroDivisionError):  # pytest.raises would hold the error itself
            estimator(frame, [box(150)])
        estimator.estimate_batch([(estimator.new_follower(), frame, known) for known in ([box(150)], BESIDE)])
        del frame
        assert picture() is None
    finally:
        gc.enable()


def test_each_camera_follows_its_own_hands(estimator: Estimator, frames: list[Frame]):
    """A camera that sees a hand doesn't lend it to one that sees a grey wall."""
    shared = SharedEstimator(estimator)
    one, other = shared.stream(), shared.stream()
    one(frames[0], [box(150)])
    grey = Frame(np.full((480, 640, 3), 128, np.uint8), Pinhole(600.0, 600, 320, 240, 640, 480))
    assert other(grey).hands == ()
    with pytest.raises(InvalidInputError, match="touches the image"):
        other(grey, BESIDE)


class Slow:
    """Stands for an estimator: keeps the first batch until it is let go, and says who was in each."""

    def __init__(self) -> None:
        self.begun, self.go, self.batches = threading.Event(), threading.Event(), []

    def new_follower(self) -> object:
        return object()

    def estimate_batch(self, asked: list) -> list:
        self.batches.append([frame for _, frame, _ in asked])
        self.begun.set()
        assert self.go.wait(20)
        if "bad" in self.batches[-1]:
            raise RuntimeError("out of memory")
        return [estimate_of(frame) for _, frame, _ in asked]


def estimate_of(name: str) -> Estimate:
    return Estimate(timing={name: 1.0})


def test_frames_that_wait_while_others_are_computed_are_taken_together():
    slow, results = Slow(), {}
    shared = SharedEstimator(slow)

    def ask(name: str) -> None:
        results[name] = shared.stream()(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "b", "c")]
    threads[0].start()
    assert slow.begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    until = time.monotonic() + 20
    while len(shared._waiting) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    slow.go.set()
    for thread in threads:
        thread.join(20)
    assert slow.batches[0] == ["a"]
    assert sorted(slow.batches[1]) == ["b", "c"]
    assert results == {name: estimate_of(name) for name in "abc"}


def test_an_error_of_the_whole_batch_reaches_its_cameras_and_no_later_one():
    slow = Slow()
    slow.go.set()
    shared = SharedEstimator(slow)
    camera = shared.stream()
    with pytest.raises(RuntimeError, match="out of memory"):
        camera("bad")
    assert camera("good") == estimate_of("good")


class Quick:
    """Stands for an estimator: each batch takes its time, and who was in it is kept."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.batches = seconds, []

    def new_follower(self) -> object:
        return object()

    def estimate_batch(self, asked: list) -> list:
        self.batches.append(sorted(frame for _, frame, _ in asked))
        time.sleep(self.seconds)
        return [estimate_of(frame) for _, frame, _ in asked]


def film(shared: SharedEstimator, name: str, frames: int, has_next: list[bool]) -> threading.Thread:
    """A camera whose frames come one upon the other, each estimate being published for a moment."""
    camera = shared.stream(lambda: has_next[0])

    def run() -> None:
        for _ in range(frames):
            camera(name)
            time.sleep(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_cameras_that_are_faster_than_the_estimator_are_taken_together():
    """And don't take turns, each alone, while the other's estimate is published."""
    quick = Quick(0.2)
    shared = SharedEstimator(quick)
    for thread in [film(shared, name, 6, [True]) for name in "ab"]:
        thread.join(30)
    assert quick.batches.count(["a", "b"]) >= 4  # the first and the last may be alone
    assert sum(map(len, quick.batches)) == 12


def test_a_camera_without_a_next_frame_is_not_waited_for():
    quick, threads = Quick(0.2), []
    shared = SharedEstimator(quick)
    silent = shared.stream(lambda: False)
    threads = [threading.Thread(target=silent, args=("silent",)), film(shared, "b", 3, [False])]
    threads[0].start()
    for thread in threads:
        thread.join(30)
    assert not shared._returning
    assert quick.batches[-1] == ["b"]


def test_a_camera_that_fails_to_come_with_its_next_frame_is_waited_for_once():
    """Its picture can't be decoded, for instance."""
    quick = Quick(0.01)
    shared, has_next = SharedEstimator(quick), [True]
    broken, camera = shared.stream(lambda: has_next[0]), shared.stream(lambda: True)
    broken("broken")
    assert shared._returning == {broken}
    for _ in range(3):
        assert camera("fine") == estimate_of("fine")
    assert quick.batches == [["broken"], *[["fine"]] * 3]
    assert shared._returning == {camera}
