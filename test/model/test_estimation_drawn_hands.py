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

"""The default estimator on films of drawn hands: crossing, leaving, coming back, two on one object, none that hold one.

The hands are the open hand in plain skin, drawn once and moved over the picture; tracker and network are the
shipped ones.
"""

import numpy as np
import pytest

from hoisdf_model.estimates import Frame
from hoisdf_model.estimation import Estimator
from hoisdf_model.geometry import Pinhole, boxes
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects.unwrapping import textured
from hoisdf_model.synthesis import Drawable, Lighting, PosableHand, Renderer
from hoisdf_model.synthesis.grasps.gestures import gesture

SIZE = 240  # pixels, edge of the drawn hand's picture
CAMERA = Pinhole(600.0, 600.0, 320.0, 240.0, 640, 480)
WALL = (90, 100, 115)
BOX_COLOUR = (40, 70, 160)


@pytest.fixture(scope="module")
def right():
    """A right hand, fingers up: picture (SIZE, SIZE, 3) and mask (SIZE, SIZE)."""
    hand = PosableHand(load_hand_model(), np.zeros(10))
    vertices = hand.pose(gesture(np.random.default_rng(3), "open"), np.eye(3)[None], np.zeros((1, 3))).vertices[0]
    vertices = vertices - vertices.mean(0)
    along, _, across = np.linalg.svd(vertices, full_matrices=False)[2]
    turn = np.stack([np.cross(-along, across), -along, across])
    skin = np.full((4, 4, 3), (222, 172, 148), np.uint8)
    faces = hand.faces.astype(np.int64)
    surface = textured(vertices @ turn.T + [0, 0, 0.45], faces, np.full((*faces.shape, 2), 0.5), skin)
    lighting = Lighting(
        np.array([[0.4, -0.6, -0.3], [-0.6, -0.4, 0.0]]),
        np.array([[0.8, 0.8, 0.8], [0.35, 0.35, 0.37]]),
        focus=(0.0, 0.0, 0.45),
        reach=0.25,
    )
    renderer = Renderer(SIZE, SIZE)
    picture = renderer.render(
        [Drawable(surface, identity=1)], Pinhole(400.0, 400.0, 119.5, 119.5, SIZE, SIZE), np.eye(4), lighting, (0, 0, 0)
    )
    renderer.close()
    return picture.image, picture.identities == 1


@pytest.fixture(scope="module")
def estimator():
    return Estimator.load(device="cpu")


@pytest.fixture(autouse=True)
def fresh(estimator):
    estimator.reset()


def mirrored(hand):
    return tuple(part[:, ::-1] for part in hand)


def film_frame(*hands, thing=None):
    """A frame with hands at their middles, the first one in front, and a box (x0, y0, x1, y1) behind them."""
    image = np.full((480, 640, 3), WALL, np.uint8)
    if thing is not None:
        x0, y0, x1, y1 = thing
        image[y0:y1, x0:x1] = BOX_COLOUR
    for (picture, mask), (x, y) in reversed(hands):
        rows, columns = np.nonzero(mask)
        at = rows + round(y) - SIZE // 2, columns + round(x) - SIZE // 2
        inside = (at[0] >= 0) & (at[0] < 480) & (at[1] >= 0) & (at[1] < 640)
        image[at[0][inside], at[1][inside]] = picture[rows[inside], columns[inside]]
    return Frame(image, CAMERA)


def seen_at(estimate):
    """Sides and middles in the picture, from left to right."""
    found = [(hand.side, boxes.center(boxes.around(CAMERA.project(hand.joints)))) for hand in estimate.hands]
    return sorted(found, key=lambda one: one[1][0])


def test_a_hand_that_holds_nothing_has_no_object(estimator, right):
    for _ in range(3):
        estimate = estimator(film_frame((right, (320, 240))))
    (hand,) = estimate.hands
    assert hand.side == "right"
    assert estimate.objects == ()


def test_a_hand_that_leaves_is_gone_and_comes_back(estimator, right):
    counts = []
    for x in [320, 440, 560, 720, 900, 900, 720, 560, 440, 320]:
        estimate = estimator(film_frame((right, (x, 240))))
        counts.append(len(estimate.hands))
        for side, middle in seen_at(estimate):
            assert side == "right"
            np.testing.assert_allclose(middle, [x, 240], atol=60)
    assert counts[0] == counts[1] == 1  # it is there
    assert counts[4] == counts[5] == 0  # nothing of it is in the picture
    assert counts[-1] == counts[-2] == 1  # and found again


def test_two_hands_that_cross_keep_their_sides_and_are_never_three(estimator, right):
    left = mirrored(right)
    for gap in [*range(260, -320, -80)]:
        estimate = estimator(film_frame((right, (320 - gap / 2, 240)), (left, (320 + gap / 2, 240))))
        assert 1 <= len(estimate.hands) <= 2
        if abs(gap) >= 180 and len(estimate.hands) == 2:
            sides = [side for side, _ in seen_at(estimate)]
            assert sides == (["right", "left"] if gap > 0 else ["left", "right"])
    for _ in range(16):  # a second hand is looked for once in fifteen frames
        estimate = estimator(film_frame((right, (450, 240)), (left, (190, 240))))
    assert [side for side, _ in seen_at(estimate)] == ["left", "right"]


def test_two_hands_on_one_object_have_one_object_each_at_most_and_each_with_its_side(estimator, right):
    left = mirrored(right)
    for _ in range(17):
        estimate = estimator(film_frame((right, (430, 240)), (left, (210, 240)), thing=(240, 200, 400, 330)))
    assert {hand.side for hand in estimate.hands} == {"right", "left"}
    sides = [thing.side for thing in estimate.objects]
    assert len(sides) == len(set(sides)) <= 2
    for hand, thing in zip(estimate.hands, estimate.objects, strict=False):
        assert hand.side == thing.side
        assert np.isfinite(thing.translation).all()
        assert thing.translation[2] > 0


def test_an_empty_picture_after_a_film_has_nothing(estimator, right):
    for _ in range(3):
        estimator(film_frame((right, (320, 240))))
    estimate = estimator(film_frame())
    assert estimate.hands == ()
    assert estimate.objects == ()
