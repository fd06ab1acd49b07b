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

"""Mutated messages and damaged files: a right result or an error that says what is wrong, and what was found by it."""

import binascii
import hashlib
import io
import os
import re
import struct
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "benchmark"))  # where its files find each other

import fuzz
import fuzz_files
import fuzz_messages

from hoisdf_model.data import BagReader, ShardedFrames
from hoisdf_model.data.dataset_images import read_depth
from hoisdf_model.data.shards import begin
from hoisdf_model.errors import (
    LONGEST,
    BagError,
    CameraError,
    CheckpointError,
    ConfigError,
    DatasetError,
    GraspError,
    ImageError,
    InvalidInputError,
    TrainingError,
    as_raised,
)
from hoisdf_model.estimates import Regions
from hoisdf_model.grasping import load_gripper, read_grasp
from hoisdf_model.messages import (
    camera_info_to_pinhole,
    decode_depth,
    decode_image,
    hand_object_to_estimate,
    message_to_regions,
    regions_to_message,
)
from hoisdf_model.network.tensor_files import load_tensors
from hoisdf_model.training.config import read_config
from hoisdf_model.training.record import changed_keys
from hoisdf_ros.grasp.moveit import task_poses
from hoisdf_ros.perception.detections import detections_to_regions

SLOW = ("weights", "hand tracker", "training recipe", "mesh, stl as text")
QUICK_FILES = [kind for kind in fuzz_files.KINDS if not kind.startswith(SLOW)]
ALLOWED = {"right", "refused"}


@pytest.mark.parametrize("kind", list(fuzz_messages.KINDS))
def test_mutated_messages_are_read_right_or_refused(kind):
    case = fuzz_messages.KINDS[kind]
    said = [fuzz.outcome(case, fuzz.rng_of(7, kind, number)) for number in range(25)]
    assert [one for one in said if one[0] not in ALLOWED] == []


@pytest.mark.parametrize("kind", QUICK_FILES)
def test_damaged_files_are_read_right_or_refused(kind, tmp_path):
    case = fuzz_files.kinds(tmp_path, kind)[kind]
    said = [fuzz.outcome(case, fuzz.rng_of(7, kind, number)) for number in range(6)]
    assert [one for one in said if one[0] not in ALLOWED] == []


@pytest.mark.parametrize("kind", [kind for kind in QUICK_FILES if fuzz_files.KINDS[kind][2] is fuzz_files.damaged_text])
def test_a_whole_number_beyond_all_floats_is_refused_or_unused(kind, tmp_path, monkeypatch):
    def enlarged(content, number):
        found = list(re.finditer(rb"(?<![\w.])\d+(\.\d+)?(?![\w.])", content))
        place = found[number * len(found) // 10]
        return content[: place.start()] + b"1" + b"0" * 400 + content[place.end() :]

    monkeypatch.setitem(fuzz_files.KINDS, kind, (*fuzz_files.KINDS[kind][:2], enlarged))
    case = fuzz_files.kinds(tmp_path, kind)[kind]
    assert [one for number in range(10) if (one := fuzz.outcome(case, number))[0] not in ALLOWED] == []


def test_a_crash_and_a_hang_are_told_and_the_cases_after_them_go_on():
    crash = list(fuzz.outcomes(lambda rng: os._exit(3), "x", 0, range(2), 5.0))
    assert [what for _, what, _ in crash] == ["crash", "crash"]
    hang = list(fuzz.outcomes(lambda rng: time.sleep(60), "x", 0, range(1), 0.2))
    assert [what for _, what, _ in hang] == ["hang"]
    assert fuzz.outcome(lambda rng: 1 / 0, None)[0] == "other error"


def test_an_errors_text_is_one_printable_line_of_sensible_length():
    text = str(ConfigError("it is\n  no YAML:\t'\x1b[31m\u202e' " + "x" * 10_000 + " mend it"))
    assert text.isprintable()
    assert text.startswith("it is no YAML: '\\x1b[31m\\u202e' x")
    assert text.endswith("mend it")
    assert len(text) < LONGEST + 10
    raised = as_raised(DatasetError("Caught DatasetError in a worker.\n" + "line\n" * 2000 + "DatasetError: the end\n"))
    assert (type(raised), str(raised)) == (DatasetError, "the end")


@pytest.mark.parametrize(
    ("read", "error"),
    [(load_gripper, ConfigError), (read_grasp, GraspError), (fuzz_files.read_mean_pose, DatasetError),
     (fuzz_files.read_camera, CameraError), (lambda path: changed_keys(path.parent, None), TrainingError)],
)  # fmt: skip
@pytest.mark.parametrize("content", ["[" * 700, "a: 2024-99-99", "a: [1\n  b: {"], ids=["nested", "date", "lines"])
def test_yaml_that_cannot_be_parsed_is_refused_in_one_line(tmp_path, read, error, content):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(error) as told:
        read(path)
    assert "\n" not in str(told.value)
    assert "config.yaml" in str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data.sources.0.options.folder=runs/stills", ["'data.sources'", "is a list", "data.sources=[...]"]),
        ("curriculum.jitter.1=0.5", ["'curriculum.jitter'", "is a list"]),
        ("network=[1,2]", ["'network'", "table of names and values"]),
        ("epochs=[1,", ["'epochs=[1,'", "can't be read"]),
        ("epochs", ["key=value"]),
    ],
)
def test_a_change_that_does_not_fit_names_its_key_and_what_would_be_right(change, words):
    recipe = Path(__file__).parents[2] / "hoisdf_model/assets/training/shipped.yaml"
    with pytest.raises(ConfigError) as told:
        read_config(recipe, [change])
    assert all(word in str(told.value) for word in words), str(told.value)


def test_a_list_given_whole_is_taken():
    recipe = Path(__file__).parents[2] / "hoisdf_model/assets/training/shipped.yaml"
    config = read_config(recipe, ["data.sources=[{kind: shards, options: {folder: elsewhere}}]"])
    assert [source.options for source in config.data.sources] == [{"folder": "elsewhere"}]


def test_a_bit_that_flipped_in_a_file_of_torch_is_noticed(tmp_path):
    path = tmp_path / "w.ckpt"
    torch.save({"a": torch.arange(1000.0)}, path)
    assert torch.equal(load_tensors(path)["a"], torch.arange(1000.0))
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(500).tobytes())] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path, weights_only=True)["a"], torch.arange(1000.0))  # torch doesn't look
    with pytest.raises(CheckpointError, match="checksum"):
        load_tensors(path)


def flipped_png(pixels):
    """A PNG with a bit flipped in its pixels, and the place."""
    data = bytearray(cv2.imencode(".png", pixels)[1].tobytes())
    data[data.index(b"IDAT") + 40] ^= 4
    return bytes(data)


def test_a_png_whose_checksum_does_not_fit_is_refused_by_every_reader(tmp_path):
    depth = np.random.default_rng(0).integers(300, 3000, (48, 64)).astype(np.uint16)
    (tmp_path / "d.png").write_bytes(flipped_png(depth))
    with pytest.raises(DatasetError, match=r"d\.png"):
        read_depth(tmp_path / "d.png")
    for data, read in ((flipped_png(depth), decode_depth), (flipped_png((depth >> 4).astype(np.uint8)), decode_image)):
        with pytest.raises(ImageError, match="checksum"):
            read(SimpleNamespace(format="png", data=np.frombuffer(data, np.uint8)))
    Image.fromarray(depth).save(tmp_path / "d.png")
    np.testing.assert_allclose(read_depth(tmp_path / "d.png"), depth / 1000, rtol=1e-6)


@pytest.mark.parametrize("parameters", [(np.nan, 0), (np.inf, 0), (-100, 0), (0, 0), (100, np.inf)])
def test_depth_parameters_that_make_no_sense_are_refused(parameters):
    data = struct.pack("<iff", 0, *parameters) + cv2.imencode(".png", np.full((4, 4), 9, np.uint16))[1].tobytes()
    with pytest.raises(ImageError, match="depth parameters"):
        decode_depth(SimpleNamespace(format="32FC1; compressedDepth", data=np.frombuffer(data, np.uint8)))


def test_a_compressed_depth_behind_the_camera_is_unknown():
    """Depth = a / (stored - b): negative below b."""
    stored = np.array([[0, 5, 10, 30]], np.uint16)
    data = struct.pack("<iff", 0, 40.0, 10.0) + cv2.imencode(".png", stored)[1].tobytes()
    got = decode_depth(SimpleNamespace(format="32FC1; compressedDepth", data=np.frombuffer(data, np.uint8)))
    np.testing.assert_array_equal(got, np.array([[np.nan, np.nan, np.nan, 2.0]], np.float32))


def info(**changes):
    message = fuzz_messages.pinhole_to_camera_info(fuzz_messages.CAMERA, fuzz_messages.HEADER, fuzz_messages.TYPES)
    roi = changes.pop("roi", {})
    for name, value in changes.items():
        setattr(message, name, value)
    for name, value in roi.items():
        setattr(message.roi, name, value)
    return message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": np.array([60.0, 0, 31, 0, 61, 23, 0, 0, 0])}, "rows"),
        ({"k": np.array([60.0, 0, 31, 2, 61, 23, 0, 0, 1])}, "rows"),
        ({"roi": {"x_offset": 50, "width": 32, "height": 24}}, "doesn't lie on the sensor of 64x48"),
        ({"roi": {"x_offset": 8}}, "must have a width and a height"),
        ({"roi": {"width": 32}}, "must have a width and a height"),
        ({"binning_x": 100}, "nothing is left"),
    ],
)
def test_a_camera_info_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(CameraError, match=words):
        camera_info_to_pinhole(info(**changes))


def test_positions_of_a_right_stereo_camera_are_in_its_own_optical_frame():
    """A point of the first camera's frame, projected by CameraInfo's P, is that of the own frame B beside it."""
    baseline, fx = 0.12, 60.0
    p = np.array([[fx, 0, 31, -fx * baseline], [0, 61.0, 23, 0], [0, 0, 1, 0]])
    camera = camera_info_to_pinhole(info(p=p.reshape(-1)), rectified=True)
    in_first = np.array([0.3, 0.1, 0.8])
    u, v, w = p @ [*in_first, 1]
    np.testing.assert_allclose(camera.project(in_first - [baseline, 0, 0]), [u / w, v / w])
    np.testing.assert_allclose(camera.back_project([u / w, v / w], 0.8), in_first - [baseline, 0, 0])


def message():
    return fuzz_messages.estimate_to_hand_object(fuzz_messages._estimate(), fuzz_messages.HEADER, fuzz_messages.TYPES)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["pose", "shape", "joint_scores", "root_covariance", "score", "joints"])
def test_a_hand_with_a_number_that_is_none_is_refused_and_the_other_goes_on(name, value):
    wrong, told = message(), []
    if name == "score":
        wrong.hands[0].score = value
    elif name == "joints":
        wrong.hands[0].joints[3].y = value
    else:
        getattr(wrong.hands[0], name)[2] = value
    got = hand_object_to_estimate(wrong, told.append)
    assert [hand.side for hand in got.hands] == ["left"]
    assert any(f"{name} of hands[0]" in str(one) for one in told)


@pytest.mark.parametrize("where", ["position", "covariance", "score"])
def test_an_object_with_a_number_that_is_none_is_refused_and_the_other_goes_on(where):
    wrong, told = message(), []
    if where == "position":
        wrong.objects[0].pose.pose.position.z = np.inf
    elif where == "score":
        wrong.objects[0].score = np.nan
    else:
        wrong.objects[0].pose.covariance[7] = np.nan
    got = hand_object_to_estimate(wrong, told.append)
    assert [thing.name for thing in got.objects] == ["024_bowl"]
    assert any(f"{where} of objects[0]" in str(one) for one in told)


def test_joints_and_pose_that_nobody_knows_are_taken_as_a_whole():
    """As labels without them are written."""
    known = message()
    known.hands[0].pose[:], known.hands[0].shape[:] = np.nan, np.nan
    for axis in "xyz":
        setattr(known.hands[0].joints[5], axis, np.nan)
    hand = hand_object_to_estimate(known).hands[0]
    assert np.isnan(hand.pose).all()
    assert np.isnan(hand.joints[5]).all()
    assert np.isfinite(hand.joints[[0, 4, 6]]).all()


@pytest.mark.parametrize("root", [(0.1, 0.0, -0.6), (0.1, 0.0, 0.0), (0.1, np.nan, 0.6), (np.inf, 0.0, 0.6)])
def test_a_region_whose_root_is_no_place_in_front_of_the_camera_leaves_the_other(root):
    regions = Regions(fuzz_messages.HANDS, ())
    wrong, told = regions_to_message(regions, fuzz_messages.HEADER, fuzz_messages.TYPES), []
    wrong.hands[1].root.x, wrong.hands[1].root.y, wrong.hands[1].root.z = root
    got = message_to_regions(wrong, told.append)
    assert [hand.side for hand in got.hands] == ["right"]
    assert "root of hands[1]" in str(told[0])


def test_a_detection_smaller_than_its_numbers_can_say_is_refused():
    center = SimpleNamespace(position=SimpleNamespace(x=1e30, y=5.0), theta=0.0)
    hypothesis = SimpleNamespace(hypothesis=SimpleNamespace(score=0.9, class_id="hand"))
    wrong = SimpleNamespace(bbox=SimpleNamespace(center=center, size_x=4.0, size_y=4.0), results=[hypothesis])
    with pytest.raises(InvalidInputError, match=r"detections\[0\]"):
        detections_to_regions(SimpleNamespace(detections=[wrong]))


@pytest.mark.parametrize("width", [-0.01, np.nan, np.inf, 0.2])
def test_a_grasp_wider_than_the_gripper_is_refused(width):
    pose = message().objects[0].pose.pose
    grasp = SimpleNamespace(gripper="generic", pose=pose, width=width, header=fuzz_messages.HEADER)
    with pytest.raises(InvalidInputError, match="width"):
        task_poses(grasp, fuzz_messages.GRIPPER, 0.1, fuzz_messages.TYPES)


def test_chunks_of_our_recordings_have_checksums_that_readers_check(tmp_path):
    path = fuzz_files._bag(".mcap")(tmp_path)
    content = bytearray(path.read_bytes())
    at = content.index(fuzz_messages.PICTURE.tobytes()[:64])
    content[at] ^= 1
    path.write_bytes(content)
    with BagReader(path) as bag, pytest.raises(BagError, match=r"(?i)checksum.*mcap recover"):
        list(bag.raw())


def test_an_index_whose_checksum_does_not_fit_is_told(tmp_path):
    """As recorders write it: CRC-32 from the start of the summary to the footer's last field (mcap.dev/spec)."""
    path = fuzz_files._bag(".mcap")(tmp_path)
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<Q", content, len(content) - 28)
    struct.pack_into("<I", content, len(content) - 12, binascii.crc32(content[start:-12]))
    path.write_bytes(content)
    with BagReader(path) as bag:
        assert len(list(bag.raw())) == 40
    content[content.rindex(b"/camera_info", 0, len(content) - 12) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(BagError, match="checksum of its index"):
        BagReader(path)


@pytest.mark.parametrize("wrong", [{"frames": None}, {"per_shard": 0}, {"frames": "3"}, {"about": []}])
def test_a_manifest_that_makes_no_sense_names_the_key(tmp_path, wrong):
    begin(tmp_path, 3, 3, {})
    manifest = tmp_path / "dataset.json"
    content = yaml.safe_load(manifest.read_text()) | wrong
    manifest.write_text(fuzz_files.json.dumps(content))
    with pytest.raises(DatasetError, match=next(iter(wrong))):
        ShardedFrames(tmp_path)


def test_a_shard_that_was_written_wrong_names_the_frame(tmp_path):
    fuzz_files._shard(tmp_path)
    source = ShardedFrames(tmp_path)
    assert source.frame(2).image.shape == (48, 64, 3)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as packed:
        packed.writestr("x.npy", b"no array")
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for suffix, content in ((".jpg", b"no picture"), (".png", b""), (".npz", stored.getvalue())):
            entry = tarfile.TarInfo(f"00000000{suffix}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    (tmp_path / "00000.sha256").write_text(hashlib.sha256((tmp_path / "00000.tar").read_bytes()).hexdigest())
    fuzz_files._contents.cache_clear()
    for number, words in ((0, "frame 0"), (1, "lacks the frame 1")):
        with pytest.raises(DatasetError, match=words):
            ShardedFrames(tmp_path).frame(number)
