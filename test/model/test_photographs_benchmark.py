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

"""The photographs benchmark's arithmetic, with estimators made up to be wrong by a known amount, on drawn pictures."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoisdf_model.errors import DatasetError, DependencyError
from hoisdf_model.estimates import Estimate, HandEstimate, HandModelInfo, HandRegion, Regions

sys.path.append(str(Path(__file__).parents[2] / "benchmark"))  # where its files find each other

import photograph_landmarks
import photographs as benchmark
from photograph_files import pictures_without_hands, read_photographs
from photograph_landmarks import Landmarker
from photograph_sheet import SIZE, STRIP, write_sheet

INTRINSICS = (400.0, 410.0, 150.0, 110.0)
JOINTS = np.random.default_rng(0).uniform((-0.05, -0.05, 0.45), (0.05, 0.05, 0.55), (21, 3))
PIXELS = JOINTS[:, :2] / JOINTS[:, 2:] * INTRINSICS[:2] + INTRINSICS[2:]
BOX = np.array([*PIXELS.min(0), *PIXELS.max(0)])
EDGE = (BOX[2:] - BOX[:2]).max()


@pytest.fixture
def folder(tmp_path):
    cv2.imwrite(str(tmp_path / "hand.png"), np.full((240, 320, 3), 90, np.uint8))
    (tmp_path / "no_hands").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / "no_hands" / name), np.zeros((60, 80, 3), np.uint8))
    label(tmp_path)
    return tmp_path


def label(folder, *changes):
    """An entry for each change of the true one."""
    entry = {
        "file": "hand.png", "source": "drawn", "side": "left", "box": BOX.tolist(), "joints_2d": PIXELS.tolist(),
        "joints_3d": JOINTS.tolist(), "intrinsics": INTRINSICS, "holds": None,
    }  # fmt: skip
    (folder / "annotated.json").write_text(json.dumps([entry | change for change in changes or ({},)]))


def hand(joints=JOINTS, side="left", score=0.5):
    zeros = np.zeros((778, 3), np.float32)
    return HandEstimate(
        side, score, np.asarray(joints), np.ones(21, np.float32), zeros, zeros[:16], zeros[0], np.eye(3), "given",
        HandModelInfo("none", ""),
    )  # fmt: skip


def sees(*hands, found=None):
    """An estimator that sees these hands, in the boxes around them or in those given."""
    regions = found or [around(one.joints) for one in hands]
    return lambda frame, prior: Estimate(tuple(hands), regions=Regions(tuple(map(HandRegion, regions))))


def around(joints):
    pixels = joints[:, :2] / joints[:, 2:] * INTRINSICS[:2] + INTRINSICS[2:]
    return np.array([*pixels.min(0), *pixels.max(0)])


def measured(folder, estimator, look=benchmark.look_given):
    photographs = read_photographs(folder)
    return [benchmark.record("m", *pair) for pair in zip(photographs, look(estimator, photographs), strict=True)]


def test_an_estimate_equal_to_the_labels_has_no_error(folder):
    (one,) = measured(folder, sees(hand()))
    assert [one.error_2d, one.aligned_mm, one.depth_percent] == pytest.approx([0, 0, 0], abs=1e-9)
    assert (one.seen, one.side_right, one.overlap) == (True, True, pytest.approx(1))


def test_an_estimate_shifted_by_an_edge_of_the_box_is_off_by_one(folder):
    shifted = JOINTS.copy()
    shifted[:, 0] += EDGE / INTRINSICS[0] * JOINTS[:, 2]
    (one,) = measured(folder, sees(hand(shifted), found=[BOX]))
    assert one.error_2d == pytest.approx(1)


def test_a_turned_scaled_and_moved_hand_is_right_once_aligned_but_too_far(folder):
    moved = 1.3 * Rotation.from_euler("xyz", (0.3, -1, 2)).apply(JOINTS - JOINTS[0]) + 1.1 * JOINTS[0]
    (one,) = measured(folder, sees(hand(moved), found=[BOX]))
    assert one.aligned_mm == pytest.approx(0, abs=1e-9)
    assert one.depth_percent == pytest.approx(10)
    assert one.error_2d > 0.05


def test_a_mirrored_hand_is_wrong_also_once_aligned(folder):
    (one,) = measured(folder, sees(hand(JOINTS * (-1, 1, 1), side="right"), found=[BOX]))
    assert one.aligned_mm > 5
    assert one.side_right is False


def test_box_and_side_are_given_and_the_camera_where_it_is_known(folder):
    label(folder, {}, {"intrinsics": None})
    asked = []

    def look(frame, prior):
        asked.append((frame.intrinsics, prior))
        return Estimate()

    known, assumed = measured(folder, look)
    for _, prior in asked:
        np.testing.assert_array_equal(prior.hand_box, BOX)
        assert prior.side == "left"
    np.testing.assert_allclose(asked[0][0].project(JOINTS), PIXELS)
    left, right = asked[1][0].back_project([[-0.5, 119.5], [319.5, 119.5]], [1.0, 1.0])  # the image's outer edges
    assert np.degrees(np.arccos(left @ right / np.linalg.norm(left) / np.linalg.norm(right))) == pytest.approx(60)
    assert not known.seen
    assert not assumed.seen


def test_without_intrinsics_or_points_in_space_no_depth_is_compared(folder):
    label(folder, {"intrinsics": None}, {"joints_3d": None})
    no_camera, no_points = measured(folder, sees(hand(), found=[BOX]))
    assert no_camera.aligned_mm == pytest.approx(0, abs=1e-9)
    assert (no_camera.depth_percent, no_points.depth_percent, no_points.aligned_mm) == (None, None, None)


@pytest.mark.parametrize(("part", "found"), [(0.45, False), (0.55, True)])
def test_a_hand_is_found_where_more_than_half_of_the_boxes_overlaps(folder, part, found):
    """A box of the same size, shifted by s of its width, has an overlap of (1 - s) / (1 + s)."""
    shift = (1 - part) / (1 + part) * (BOX[2] - BOX[0])
    (one,) = measured(folder, sees(hand(), found=[BOX + np.array([shift, 0, shift, 0])]), benchmark.look_alone)
    assert one.seen is found
    assert one.overlap == (pytest.approx(part) if found else None)


def test_each_hand_is_compared_with_its_own_region_whatever_their_order(folder):
    away = JOINTS + np.array([0.3, 0, 0])
    hands = (hand(away, "right", 0.9), hand(JOINTS, "left", 0.2))
    regions = [around(JOINTS), around(away)]  # in another order than the hands
    (one,) = measured(folder, sees(*hands, found=regions), benchmark.look_alone)
    assert (one.side_right, one.score) == (True, 0.2)
    assert one.error_2d == pytest.approx(0, abs=1e-9)


def test_summary_counts_averages_and_ranks(folder):
    label(folder, {"source": "a"}, {"source": "a"}, {"source": "b"}, {"source": "b"})
    shifts, answers = (0.0, 0.3, 0.1), []
    for score, shift in zip((0.9, 0.1, 0.5), shifts, strict=True):
        moved = JOINTS.copy()
        moved[:, 0] += shift * EDGE / INTRINSICS[0] * JOINTS[:, 2]
        answers.append(sees(hand(moved, score=score), found=[BOX])(None, None))
    answers.append(Estimate())
    records = measured(folder, lambda frame, prior: answers.pop(0))
    every, a, b = benchmark.summaries(records)
    assert (every["source"], a["source"], b["source"]) == ("all", "a", "b")
    assert (every["hands"], every["seen"], b["seen"]) == (4, 0.75, 0.5)
    assert every["error_2d"] == {"count": 3, "mean": pytest.approx(0.4 / 3), "median": pytest.approx(0.1)}
    assert every["rank"] == pytest.approx(-1)  # the surer, the better
    assert b["rank"] is None  # of a single hand


def test_false_alarms_are_counted_in_pictures_without_hands(folder):
    empty = pictures_without_hands(folder)
    assert [path.name for path in empty] == ["a.png", "b.png", "c.png"]
    assert benchmark.count_hands(sees(hand(), hand()), empty[0]) == 2
    assert benchmark.count_hands(sees(), empty[0]) == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"file": "other.png"}, "other.png"), ({"side": "both"}, "side"), ({"box": [0, 0, 0, 9]}, "box"),
        ({"joints_2d": PIXELS[:20].tolist()}, "joints_2d"), ({"joints_3d": (-JOINTS).tolist()}, "joints_3d"),
        ({"joints_3d": "none"}, "joints_3d"), ({"intrinsics": [400, 400, 0]}, "intrinsics"),
        ({"intrinsics": [0, 400, 9, 9]}, "focal"), ({"holds": "yes"}, "holds"), ({"source": None}, "source"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named(folder, change, word):
    label(folder, {}, change)
    with pytest.raises(DatasetError, match=f"entry 1.*{word}"):
        read_photographs(folder)


def test_labels_that_are_missing_or_no_list_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"annotated\.json"):
        read_photographs(tmp_path)
    (tmp_path / "annotated.json").write_text("{}")
    with pytest.raises(DatasetError, match="list"):
        read_photographs(tmp_path)


def test_the_sheet_shows_each_hand_beside_its_labels_and_greys_what_was_not_seen(folder):
    photographs = read_photographs(folder)
    write_sheet(folder / "sheet.png", photographs, {"one": [PIXELS], "two": [None]})
    sheet = cv2.imread(str(folder / "sheet.png"))
    labels, one, two = np.split(sheet[STRIP : STRIP + SIZE, : 3 * SIZE], 3, axis=1)
    np.testing.assert_array_equal(labels, one)
    assert (labels != 90).any()
    assert len(np.unique(two)) == 1


class BrightestPixel:
    """In place of the landmark model: points at the brightest pixel of the crop, surest where that is at the top."""

    def __init__(self, path, num_threads):
        outputs = {"Identity": 1, "Identity_1": 2, "Identity_3": 3}
        self.get_output_details = lambda: [{"name": name, "index": index} for name, index in outputs.items()]

    def allocate_tensors(self):
        pass

    def get_input_details(self):
        return [{"index": 0}]

    def set_tensor(self, index, crop):
        brightness = cv2.GaussianBlur(crop[0].sum(-1), (0, 0), 3)
        self.row, self.column = np.unravel_index(brightness.argmax(), brightness.shape)

    def invoke(self):
        pass

    def get_tensor(self, index):
        points = np.zeros((21, 3), np.float32)
        if index == 1:
            points[:, :2] = self.column, self.row
            points[9, 1] -= 20  # the middle finger's base above the wrist
        if index == 2:
            return np.array([[1 - self.row / 224]], np.float32)
        if index == 3:
            points[9] = 0, -1, 0  # up in the crop
        return points.reshape(1, 63)


@pytest.mark.parametrize("direction", [0, 45, 180, 270])
def test_landmarks_come_back_to_the_image_however_the_crop_is_turned(tmp_path, monkeypatch, direction):
    """What the model sees upright, away from the box's middle in some direction, lies there in the image."""
    library = SimpleNamespace(Interpreter=BrightestPixel)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", SimpleNamespace(interpreter=library))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", library)
    image, along = np.zeros((400, 400, 3), np.uint8), np.radians(direction)
    away = np.array([np.sin(along), -np.cos(along)])  # degrees clockwise from up
    spot = np.array([210.0, 190.0]) + 40 * away
    cv2.circle(image, tuple(np.round(spot).astype(int).tolist()), 4, (255, 255, 255), -1)
    landmarker = Landmarker(tmp_path / "any.tflite")
    monkeypatch.setattr(photograph_landmarks, "AGAIN", 0)
    found = landmarker(image, np.array([160.0, 140.0, 260.0, 240.0]))
    np.testing.assert_allclose(found.pixels[0], spot, atol=1.5)
    np.testing.assert_allclose(found.world[9], [*away, 0], atol=1e-6)


def test_the_landmark_model_is_not_needed_but_named_where_its_library_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(DependencyError, match="ai-edge-litert"):
        Landmarker(tmp_path / "hand_landmark_full.tflite")
