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

"""The grasp library: what it says of its grasps is true, it follows from its settings, and damage doesn't go unseen."""

import errno
import resource
from dataclasses import replace

import numpy as np
import pytest

from hoisdf_model.errors import DatasetError, InvalidInputError, MeshError
from hoisdf_model.geometry import distances
from hoisdf_model.hand import load_hand_model
from hoisdf_model.objects import find_object
from hoisdf_model.synthesis import GraspLibrary, LibrarySettings, PosableHand, build_library, load_library
from hoisdf_model.synthesis.grasps import library
from hoisdf_model.synthesis.grasps.articulation import THUMB
from hoisdf_model.synthesis.grasps.library import library_objects

SETTINGS = LibrarySettings(objects=("006_mustard_bottle",), shapes=2, per_object=8, hands=2)
SMALL = LibrarySettings(objects=("061_foam_brick",), shapes=1, per_object=2, hands=1)
MODEL = load_hand_model()
TOUCH = 0.0035  # the sampler's grid is trilinear


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "train.npz"
    report = build_library(path, SETTINGS, MODEL)
    return path, report, load_library(path)


def placed(grasps: GraspLibrary, number: int):
    """The closed hand of a grasp and the object, in the object's frame."""
    rotation, wrist, _ = grasps.placement(number)
    hand = PosableHand(MODEL, grasps.shape[number])
    vertices = hand.pose(grasps.postures(number)[1], rotation[None], wrist[None]).vertices[0]
    return hand, vertices, find_object(grasps.objects[grasps.object[number]]).mesh


def test_every_object_has_its_grasps_of_both_kinds(built):
    _, report, grasps = built
    assert report.grasps == len(grasps) == report.found
    assert not report.without
    assert np.bincount(grasps.object).tolist() == [8, 8, 8]
    assert 0 < grasps.fingertip.sum() < len(grasps)
    assert len(np.unique(grasps.shape, axis=0)) == 6


def test_penetration_of_both_kinds_stays_below_three_millimetres_in_95_percent(built):
    grasps = built[2]
    into_object, into_hand = [], []
    for number in range(len(grasps)):
        hand, vertices, mesh = placed(grasps, number)
        shell = np.asarray(mesh.vertices), np.asarray(mesh.faces)
        into_object.append(-distances.signed_distance(vertices, *shell).min())
        points = np.asarray(mesh.sample(3000, seed=11))
        into_hand.append(-distances.signed_distance(points, hand.closed(vertices), hand.closed_faces).min())
    assert np.percentile(into_object, 95) < 0.003
    assert np.percentile(into_hand, 95) < 0.003
    np.testing.assert_allclose(into_object, grasps.into_object, atol=0.001)


def test_thumb_and_two_fingers_touch_where_the_library_says(built):
    grasps = built[2]
    for number in range(0, len(grasps), 3):
        hand, vertices, mesh = placed(grasps, number)
        distance = np.abs(distances.signed_distance(vertices, np.asarray(mesh.vertices), np.asarray(mesh.faces)))
        touching = grasps.touching_of(number)
        np.testing.assert_array_equal(touching, grasps.touching[number])
        assert distance[touching].max() < TOUCH
        fingers = set((hand.link[touching] - 1) // 3)
        assert THUMB in fingers
        assert len(fingers - {-1}) >= 3


def test_fingertip_grasps_keep_the_palm_away_and_palm_grasps_dont(built):
    grasps = built[2]
    link = PosableHand(MODEL, np.zeros(10)).link
    share = np.array([grasps.touching_of(k)[link == 0].mean() for k in range(len(grasps))])
    assert share[grasps.fingertip].mean() < share[~grasps.fingertip].mean()


def test_splits_share_neither_shapes_nor_hands(built, tmp_path):
    grasps = built[2]
    build_library(tmp_path / "b.npz", replace(SMALL, split="benchmark"), MODEL)
    other = load_library(tmp_path / "b.npz")
    assert not set(other.objects[1:]) & set(grasps.objects)
    assert not {tuple(row) for row in other.shape} & {tuple(row) for row in grasps.shape}


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "small.npz"
    build_library(path, SMALL, MODEL)
    return path


def test_an_interrupted_run_goes_on_and_ends_with_the_same_file(small_file, tmp_path):
    path = tmp_path / "again.npz"

    def stop(done, total, found):
        assert (done, total, found) == (1, 2, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_library(path, SMALL, MODEL, progress=stop)
    assert not path.exists()
    report = build_library(path, SMALL, MODEL)
    assert (report.found, report.grasps) == (2, 4)
    assert path.read_bytes() == small_file.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["again.npz"]


def test_a_finished_library_is_left_alone_and_another_one_isnt_overwritten(small_file):
    before = small_file.read_bytes()
    report = build_library(small_file, SMALL, MODEL)
    assert (report.found, report.grasps, report.without) == (0, 4, ())
    with pytest.raises(DatasetError, match="other settings"):
        build_library(small_file, replace(SMALL, seed=1), MODEL)
    assert small_file.read_bytes() == before
    assert list(small_file.parent.iterdir()) == [small_file]


def test_worker_processes_find_the_same(small_file, tmp_path):
    build_library(tmp_path / "two.npz", SMALL, MODEL, workers=2)
    assert (tmp_path / "two.npz").read_bytes() == small_file.read_bytes()


def test_damage_is_seen(built, tmp_path):
    content = bytearray(built[0].read_bytes())
    cut, changed = tmp_path / "cut.npz", tmp_path / "changed.npz"
    cut.write_bytes(content[: len(content) // 2])
    arrays = dict(np.load(built[0]))
    arrays["wrist"] = arrays["wrist"] + 1e-4
    np.savez_compressed(changed, **arrays)
    for path in (cut, changed, tmp_path / "missing.npz"):
        with pytest.raises(DatasetError, match=path.name):
            load_library(path)


def test_a_full_disk_says_what_is_done_and_keeps_it(tmp_path, monkeypatch):
    def full(path, arrays, write=library._write):
        if path.name != "00000.npz":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, arrays)

    monkeypatch.setattr(library, "_write", full)
    with pytest.raises(DatasetError, match=r"No space left.*1 of 2 objects"):
        build_library(tmp_path / "full.npz", SMALL, MODEL)
    monkeypatch.undo()
    report = build_library(tmp_path / "full.npz", SMALL, MODEL)
    assert (report.found, report.grasps) == (2, 4)


def test_a_file_that_cant_be_finished_leaves_nothing_half_written(tmp_path):
    """The kernel refuses to write beyond a file's largest size, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            library._write(tmp_path / "x.npz", {"noise": np.random.default_rng(0).random(2_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_impossible_settings_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="at least one"):
        build_library(tmp_path / "x.npz", replace(SETTINGS, per_object=0), MODEL)
    with pytest.raises(MeshError, match="007_nothing"):
        build_library(tmp_path / "x.npz", replace(SETTINGS, objects=("007_nothing",)), MODEL)
    with pytest.raises(InvalidInputError, match="unknown split"):
        library_objects(replace(SETTINGS, split="holdout"))
