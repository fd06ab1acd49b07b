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

"""Shards: what is written is read back, damage and full disks are named, interrupted writing goes on."""

import errno

import numpy as np
import pytest

from hoisdf_model.data import shards
from hoisdf_model.data.labelled_frames import FieldSamples, FrameSource, HandLabel, LabelledFrame, ObjectLabel
from hoisdf_model.data.shards import ShardedFrames, begin, write_shard
from hoisdf_model.errors import DatasetError
from hoisdf_model.geometry import Pinhole

FRAMES, PER_SHARD = 7, 3


def draw(index):
    """A frame of its own for every number; number 1 has no hand, number 2 no object, number 3 no masks."""
    rng = np.random.default_rng(index)
    image = np.full((40, 56, 3), 30 * index, np.uint8)
    mask = np.zeros((40, 56), bool)
    mask[5:20, 10:30] = True

    def samples():
        return FieldSamples(rng.uniform(-0.2, 0.2, (100, 3)) + np.array([0, 0, 0.8]), rng.uniform(-0.02, 0.2, 100))

    pose = np.eye(4)
    pose[:3, 3] = rng.normal(size=3)
    hand = HandLabel("left", rng.normal(size=(21, 3)), samples(), rng.normal(size=(16, 3, 3)), rng.normal(size=10))
    thing = ObjectLabel("024_bowl", pose, rng.normal(size=(8, 3)), samples(), np.stack([np.eye(4), -np.eye(4)]))
    frame = LabelledFrame(
        image,
        Pinhole(400.0, 401.0, 28.5, 19.0, 56, 40),
        None if index == 1 else hand,
        None if index == 2 else thing,
        None if index == 3 else mask,
        None if index == 3 else ~mask,
    )
    return frame, {"depth_mm": np.full((40, 56), index, np.uint16)}


@pytest.fixture
def written(tmp_path):
    for number in begin(tmp_path, FRAMES, PER_SHARD, {"seed": 1}):
        write_shard(tmp_path, number, FRAMES, PER_SHARD, draw)
    return tmp_path


def test_what_is_written_is_read_back(written):
    source = ShardedFrames(written)
    assert isinstance(source, FrameSource)
    assert len(source) == FRAMES
    assert source.about == {"seed": 1}
    for index in (6, 0, 4, 5):
        expected, got = draw(index)[0], source.frame(index)
        np.testing.assert_allclose(got.image.astype(int), expected.image.astype(int), atol=2)
        assert got.camera == expected.camera
        np.testing.assert_array_equal(got.hand_mask, expected.hand_mask)
        np.testing.assert_array_equal(got.object_mask, expected.object_mask)
        assert (got.hand.side, got.object.name) == ("left", "024_bowl")
        np.testing.assert_array_equal(got.hand.joints, expected.hand.joints)
        np.testing.assert_allclose(got.hand.rotations, expected.hand.rotations, atol=1e-6)
        np.testing.assert_array_equal(got.hand.shape, expected.hand.shape)
        np.testing.assert_array_equal(got.object.pose, expected.object.pose)
        np.testing.assert_array_equal(got.object.symmetries, expected.object.symmetries)
        for a, b in ((got.hand.samples, expected.hand.samples), (got.object.samples, expected.object.samples)):
            np.testing.assert_allclose(a.points, b.points, atol=2e-4)
            np.testing.assert_allclose(a.distances, b.distances, atol=2e-4)
        assert (source.arrays(index)["depth_mm"] == index).all()


def test_what_is_missing_in_a_frame_stays_missing(written):
    source = ShardedFrames(written)
    assert source.frame(1).hand is None
    assert source.frame(2).object is None
    assert source.frame(3).hand_mask is None
    with pytest.raises(DatasetError, match="frames 0 to 6, not 7"):
        source.frame(7)


def test_equal_frames_give_equal_bytes(written, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    begin(other, FRAMES, PER_SHARD, {"seed": 1})
    write_shard(other, 1, FRAMES, PER_SHARD, draw)
    assert (other / "00001.tar").read_bytes() == (written / "00001.tar").read_bytes()


@pytest.mark.parametrize("damage", ["flip", "cut", "sum"])
def test_a_damaged_shard_is_named_and_the_others_stay_readable(written, damage):
    path = written / "00001.tar"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:700])
    else:
        (written / "00001.sha256").unlink()
    shards._contents.cache_clear()
    source = ShardedFrames(written)
    with pytest.raises(DatasetError, match=r"00001\.tar.*delete"):
        source.frame(4)
    assert source.frame(0).hand is not None


def test_only_missing_shards_are_written_again(written):
    assert begin(written, FRAMES, PER_SHARD, {"seed": 1}) == []
    (written / "00002.tar").unlink()
    assert begin(written, FRAMES, PER_SHARD, {"seed": 1}) == [2]
    with pytest.raises(DatasetError, match="isn't finished, 1 shards"):
        ShardedFrames(written)
    with pytest.raises(DatasetError, match="other settings"):
        begin(written, FRAMES, PER_SHARD, {"seed": 2})


def test_an_interrupted_shard_leaves_nothing_behind(tmp_path):
    begin(tmp_path, FRAMES, PER_SHARD, {})

    def full(index):
        if index == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return draw(index)

    with pytest.raises(OSError, match="No space"):
        write_shard(tmp_path, 0, FRAMES, PER_SHARD, full)
    assert {path.name for path in tmp_path.iterdir()} == {"dataset.json"}


def test_a_folder_without_a_data_set_says_so(tmp_path):
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        ShardedFrames(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DatasetError, match="can't be read"):
        ShardedFrames(tmp_path)
    (tmp_path / "dataset.json").write_text('{"version": 99}')
    with pytest.raises(DatasetError, match="version 1"):
        ShardedFrames(tmp_path)


def test_a_growing_data_set_is_read_as_far_as_it_is_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LOOK_EVERY", 0.0)
    begin(tmp_path, FRAMES, PER_SHARD, {})
    with pytest.raises(DatasetError, match="no finished shard yet"):
        ShardedFrames(tmp_path, growing=True)
    write_shard(tmp_path, 2, FRAMES, PER_SHARD, draw)  # workers finish in any order; the last shard is a short one
    source = ShardedFrames(tmp_path, growing=True)
    with pytest.raises(DatasetError, match="2 shards are missing"):
        ShardedFrames(tmp_path)
    assert len(source) == 1
    np.testing.assert_array_equal(source.frame(0).hand.joints, draw(6)[0].hand.joints)
    write_shard(tmp_path, 0, FRAMES, PER_SHARD, draw)
    (tmp_path / "00001.tar.partial").write_bytes(b"half a sh")  # what a killed writer leaves
    assert len(source) == 4
    np.testing.assert_array_equal(source.frame(0).hand.joints, draw(0)[0].hand.joints)
    with pytest.raises(DatasetError, match="frames 0 to 3"):
        source.frame(4)
    assert begin(tmp_path, FRAMES, PER_SHARD, {}) == [1]
    write_shard(tmp_path, 1, FRAMES, PER_SHARD, draw)
    assert len(source) == len(ShardedFrames(tmp_path)) == FRAMES
