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

"""Stills on disk: they are those that training would have drawn, and several processes write the same."""

import errno

import cv2
import numpy as np
import pytest
import trimesh
from egl import requires_egl
from typer.testing import CliRunner

from hoisdf_model.cli import app
from hoisdf_model.data.shards import ShardedFrames
from hoisdf_model.errors import ConfigError, DatasetError
from hoisdf_model.hand import load_hand_model
from hoisdf_model.synthesis import LibrarySettings, Stills, StillSettings, build_library, write_dataset
from hoisdf_model.synthesis.stills.dataset import TILE, sheet_tile

MODEL = load_hand_model()
pytestmark = requires_egl


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset") / "train.npz"
    build_library(path, LibrarySettings(objects=("061_foam_brick",), shapes=0, per_object=3, hands=1), MODEL)
    return Stills(StillSettings(str(path)), MODEL)


@pytest.fixture(scope="module")
def written(stills, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    seen = []
    report = write_dataset(folder, stills, 6, 4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(4, 6), (6, 6)]
    assert report.written == 6
    assert report.size == sum(path.stat().st_size for path in folder.glob("*.tar"))
    return folder


def test_the_data_set_holds_the_stills(stills, written):
    source = ShardedFrames(written)
    for index in (0, 5):
        drawn, stored = stills.frame(index), source.frame(index)
        assert np.abs(stored.image.astype(int) - drawn.image).mean() < 6  # JPEG
        if drawn.hand is not None:
            np.testing.assert_array_equal(stored.hand.joints, drawn.hand.joints)
            arrays = source.arrays(index)
            assert arrays["vertices"].shape == (778, 3)
            assert arrays["touching"].dtype == bool
        np.testing.assert_array_equal(stored.object_mask, drawn.object_mask)


def test_without_details_only_what_training_reads_is_written(stills, written, tmp_path):
    write_dataset(tmp_path, stills, 6, 4, details=False)
    lean, whole = ShardedFrames(tmp_path), ShardedFrames(written)
    for index in range(6):
        assert {"depth_mm", "vertices", "touching"}.isdisjoint(lean.arrays(index))
        for key, value in lean.arrays(index).items():
            np.testing.assert_array_equal(value, whole.arrays(index)[key])
    assert max(path.stat().st_size for path in tmp_path.glob("*.tar")) < 4 * 45_000


def test_worker_processes_write_the_same(stills, written, tmp_path):
    write_dataset(tmp_path, stills, 6, 4, workers=2)
    for path in written.glob("*.tar"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_full_disk_names_what_is_done(stills, tmp_path, monkeypatch):
    from hoisdf_model.data import shards

    def full(folder, number, *rest, write=shards.write_shard):
        if number == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(folder, number, *rest)

    monkeypatch.setattr(shards, "write_shard", full)
    with pytest.raises(DatasetError, match=r"No space left.*1 of 2 shards"):
        write_dataset(tmp_path, stills, 2, 1)
    monkeypatch.undo()
    assert write_dataset(tmp_path, stills, 2, 1).written == 1


def test_tiles_of_a_contact_sheet_have_one_size(stills):
    assert sheet_tile(stills.still(1)).shape == (TILE, TILE, 3)


def test_the_commands_make_a_library_and_a_data_set_and_go_on(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, ["synthesize", *map(str, arguments)])

    small = ["--object", "061_foam_brick", "--shapes", 0, "--per-object", 2]
    made = run("--dataset", tmp_path / "d", "--frames", 3, *small, "--preview", tmp_path / "sheet.png")
    assert made.exit_code == 0, made.output
    said = " ".join(made.output.split())  # lines break where the folder's name makes them
    assert "3 frames" in said
    assert "grasps/s" in said
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert len(ShardedFrames(tmp_path / "d")) == 3
    again = run("--dataset", tmp_path / "d", "--frames", 3)
    assert "0 of them written now" in " ".join(again.output.split())
    assert isinstance(run("--dataset", tmp_path / "d", "--frames", 4).exception, DatasetError)


def test_one_thing_at_a_time(tmp_path):
    for arguments in (
        [],
        ["--bag", "a", "--dataset", "b"],
        ["--grasps", "x.npz", "--split", "holdout"],
        ["--library", "x.npz"],
    ):
        result = CliRunner().invoke(app, ["synthesize", *arguments])
        assert isinstance(result.exception, ConfigError), result.output


def test_objects_of_ones_own_are_grasped_and_drawn(tmp_path):
    (tmp_path / "meshes").mkdir()
    trimesh.creation.cylinder(0.02, 0.12).export(tmp_path / "meshes" / "gear.stl")
    path = tmp_path / "own.npz"
    settings = LibrarySettings(objects=("gear",), shapes=0, per_object=2, hands=1, catalogue=str(tmp_path / "meshes"))
    build_library(path, settings, MODEL)
    frames = [Stills(StillSettings(str(path)), MODEL).frame(index) for index in range(4)]
    named = [frame.object.name for frame in frames if frame.object is not None]
    assert named
    assert set(named) == {"gear"}
